"""T: what TABLE_STORAGE and tables.get say of a table, and how late."""

# ruff: noqa: S608 - the SQL is made of names of the run; values go in as parameters

from __future__ import annotations

from datetime import timedelta
from typing import Any

from exporter.verify.areas import jobs_queries as queries
from exporter.verify.areas.storage_tables import LOADED, LOADED_BYTES, LOADED_ROWS
from exporter.verify.lab import Lab
from exporter.verify.questions import Check, Seen, Verdict

_SOURCE = "https://docs.cloud.google.com/bigquery/docs/information-schema-table-storage"
_TABLES = "https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/tables#Table"
_SIZES = "https://cloud.google.com/bigquery/pricing#data"
_INTRO = "https://docs.cloud.google.com/bigquery/docs/information-schema-intro#syntax"

_LATEST_S = 1800.0
_PATIENCE = timedelta(hours=1)
"""Nothing is promised, and rows may lie in a streaming buffer first."""


def _stored(lab: Lab, table: str) -> dict[str, Any] | None:
    text = (
        "SELECT total_rows, active_logical_bytes, long_term_logical_bytes "
        f"FROM {queries.schema_view(lab, 'TABLE_STORAGE')} "
        "WHERE table_schema = @dataset AND table_name = @name AND NOT deleted"
    )
    found = queries.rows(lab, text, dataset=lab.place.dataset, name=table)
    return found[0] if found else None


def _complete(lab: Lab) -> dict[str, Any] | None:
    """The row of the loaded table, as soon as it knows all its rows."""
    found = _stored(lab, LOADED)
    return found if found is not None and found["total_rows"] == LOADED_ROWS else None


def _late(lab: Lab) -> Seen | None:
    late_s = queries.late_s(lab, "rows in TABLE_STORAGE", lab.done_at("loaded"), _LATEST_S)
    if _complete(lab) is None:
        return None
    return Seen(_when("all rows are counted", late_s), late_s <= _LATEST_S, {"storage_delay_s": late_s})


def _when(what: str, late_s: float) -> str:
    return f"{what} {late_s:.0f} s after the load" if late_s else f"{what} at the first look"


def _bytes(lab: Lab) -> Seen | None:
    found = _complete(lab)
    if found is None:
        return None
    active, long_term = found["active_logical_bytes"], found["long_term_logical_bytes"]
    text = f"{active} active and {long_term} long-term logical bytes, {LOADED_BYTES} by the rules for sizes of values"
    return Seen(text, (active, long_term) == (LOADED_BYTES, 0))


def _get(lab: Lab) -> Seen | None:
    late_s = queries.late_s(lab, "rows in tables.get", lab.done_at("loaded"), _LATEST_S)
    table = lab.services.bigquery.get_table(queries.full_name(lab, LOADED), timeout=30.0, retry=queries.NO_RETRY)
    if table.num_rows != LOADED_ROWS:
        return None
    return Seen(_when("numRows is right", late_s), late_s <= _LATEST_S, {"tables_get_delay_s": late_s})


def _get_bytes(lab: Lab) -> Seen | None:
    table = lab.services.bigquery.get_table(queries.full_name(lab, LOADED), timeout=30.0, retry=queries.NO_RETRY)
    if table.num_rows != LOADED_ROWS:
        return None
    return Seen(f"numBytes {table.num_bytes}, {LOADED_BYTES} expected", table.num_bytes == LOADED_BYTES)


def _streamed(lab: Lab) -> Seen | None:
    """Rows that a subscription wrote are counted when at least as many are known as were published."""
    found, sent = _stored(lab, "main"), len(lab.book.get("messages main"))
    if found is None or found["total_rows"] < sent:
        return None
    late_s = (lab.now() - lab.done_at("landed")).total_seconds()
    return Seen(f"{found['total_rows']} rows of {sent} messages, {late_s:.0f} s after they landed", as_expected=True)


def _qualified(lab: Lab) -> Seen:
    view = f"`{lab.place.project}`.`{lab.place.dataset}`.INFORMATION_SCHEMA.TABLE_STORAGE"
    words = queries.refusal(lab, f"SELECT COUNT(*) AS n FROM {view}")
    return Seen(
        f"qualified by a dataset: {'refused' if words else 'answered'}", words is not None, {}, {"answer": words}
    )


STEPS = ()

CHECKS = (
    Check(
        "T01",
        "How late does TABLE_STORAGE know of rows?",
        f"seconds to minutes: at most {_LATEST_S / 60:g} minutes",
        _SOURCE,
        _late,
        ("loaded",),
        _PATIENCE,
        Verdict.DIFFERS,
    ),
    Check(
        "T02",
        "Are active_logical_bytes the sizes of the values?",
        f"exactly: {LOADED_BYTES} for the loaded table",
        _SIZES,
        _bytes,
        ("loaded",),
        _PATIENCE,
    ),
    Check(
        "T03",
        "How late does tables.get know of rows?",
        f"at most {_LATEST_S / 60:g} minutes; nothing is documented",
        _TABLES,
        _get,
        ("loaded",),
        _PATIENCE,
        Verdict.DIFFERS,
    ),
    Check(
        "T04",
        "Is numBytes of tables.get what TABLE_STORAGE calls logical bytes?",
        f"yes: {LOADED_BYTES} for the loaded table",
        _TABLES,
        _get_bytes,
        ("loaded",),
        _PATIENCE,
    ),
    Check(
        "T05",
        "Does TABLE_STORAGE count rows that a subscription wrote?",
        f"yes, within {_PATIENCE.total_seconds() / 60:g} minutes",
        _SOURCE,
        _streamed,
        ("landed",),
        _PATIENCE,
        Verdict.DIFFERS,
    ),
    Check(
        "T06",
        "Can a dataset qualify TABLE_STORAGE?",
        "no: only a region",
        _INTRO,
        _qualified,
        ("created",),
    ),
)
