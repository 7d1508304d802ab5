"""A: what APPENDS tells of rows, when, and what for."""

# ruff: noqa: S608 - the SQL is made of names of the run; values go in as parameters

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from exporter.verify.areas import appends_probes, appends_windows, storage_tables
from exporter.verify.areas import jobs_queries as queries
from exporter.verify.lab import Lab
from exporter.verify.questions import Check, CouldNotAsk, Seen

_SOURCE = "https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/table-functions-built-in#appends"
_HISTORY = "https://docs.cloud.google.com/bigquery/docs/change-history"
_WRITE_API = "https://docs.cloud.google.com/bigquery/docs/write-api"

_TOLERANCE = timedelta(seconds=1)
"""Between the time that a query gives as its own and the state of the table that it reads."""

_LATEST_S = 15.0
"""So long after the end of a window the exporter waits before it asks for it (settle)."""

_SHOWN_S = 120.0
"""Rows that APPENDS does not show after so long, it does not show at all."""


def _commit_time(lab: Lab) -> Seen:
    """Whether the commit times of the probes lie between the last SELECT that missed the row and the first that saw it."""
    probes = [probe for probe in lab.book.get(appends_probes.NOTED) if probe["commit"] is not None]
    watched = [probe for probe in probes if probe["missed_at"] is not None]
    if not watched:
        raise CouldNotAsk("every row was there before it could be missed")
    inside = sum(_within(probe) for probe in watched)
    published = sum(abs(_moment(probe["commit"]) - _moment(probe["published_at"])) < _MILLISECOND for probe in watched)
    kind = "commit" if inside == len(watched) else "publish" if published == len(watched) else None
    text = (
        f"{inside} of {len(watched)} times between the last miss and the first sight, {published} equal to publish_time"
    )
    return Seen(text, kind == "commit", {} if kind is None else {"change_timestamp": kind}, {"probes": watched})


_MILLISECOND = timedelta(milliseconds=1)


def _within(probe: dict[str, str]) -> bool:
    commit = _moment(probe["commit"])
    return _moment(probe["missed_at"]) - _TOLERANCE <= commit <= _moment(probe["seen_at"]) + _TOLERANCE


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _at_once(lab: Lab) -> Seen:
    found = [probe["appends_late_s"] for probe in lab.book.get(appends_probes.NOTED)]
    if None in found:
        return Seen("rows that a SELECT saw were not in APPENDS two minutes later", as_expected=False)
    latest_s = max(found)
    text = f"at most {latest_s:g} s after a SELECT saw the row"
    return Seen(text, latest_s <= _LATEST_S, {"appends_delay_s": 0.0 if latest_s < 1 else latest_s})


def _columns_billed(lab: Lab) -> Seen:
    relation = f"APPENDS(TABLE {queries.table(lab, storage_tables.LOADED)}, NULL, NULL)"
    narrow, wide = (_processed(lab, f"SELECT COUNT({column}) AS n FROM {relation}") for column in ("small", "wide"))
    read = narrow * 10 < wide
    text = f"{narrow} bytes for a narrow column, {wide} for a wide one"
    return Seen(text, read, {"appends_columns_billed": "read" if read else "all"})


def _rows_billed(lab: Lab) -> Seen:
    text = f"SELECT COUNT(wide) AS n FROM APPENDS(TABLE {queries.table(lab, storage_tables.LOADED)}"
    part = _processed(lab, f"{text}, @start, NULL)", start=_moment(lab.book.get("loaded between")))
    whole = _processed(lab, f"{text}, NULL, NULL)")
    window = part * 1.5 < whole
    words = f"{part} bytes for half of the rows, {whole} for all"
    return Seen(words, window, {"appends_rows_billed": "window" if window else "table"})


def _processed(lab: Lab, text: str, **values: Any) -> int:
    """Bytes that a query processed; raises ``CouldNotAsk`` where it failed."""
    job = queries.job(lab, text, **values)
    if job.error_result is not None:
        raise CouldNotAsk(f"the query failed: {job.error_result.get('reason')}")
    return int(job.total_bytes_processed or 0)


def _shows(lab: Lab, table: str, expected: int, parameter: str) -> Seen | None:
    text = f"SELECT COUNT(*) AS n FROM APPENDS(TABLE {queries.table(lab, table)}, NULL, NULL)"
    found = int(queries.row(lab, text)["n"])
    if found < expected and lab.waited_s(f"{table} in APPENDS") < _SHOWN_S:
        return None
    return Seen(f"{found} of {expected} rows", found == expected, {parameter: found > 0})


def _loads(lab: Lab) -> Seen | None:
    return _shows(lab, storage_tables.LOADED, storage_tables.LOADED_ROWS, "appends_sees_loads")


def _inserts(lab: Lab) -> Seen | None:
    return _shows(lab, storage_tables.INSERTED, 2, "appends_sees_inserts")


def _copies(lab: Lab) -> Seen | None:
    return _shows(lab, storage_tables.COPIED, storage_tables.LOADED_ROWS, "appends_sees_copies")


STEPS = (appends_probes.STEP, *storage_tables.STEPS)

CHECKS = (
    Check(
        "A01",
        "Is _CHANGE_TIMESTAMP the moment from which queries see the row?",
        "yes: between the last SELECT that missed the row and the first that saw it, to a second",
        _HISTORY,
        _commit_time,
        ("probed",),
    ),
    Check(
        "A02",
        "Does APPENDS have a row as soon as a SELECT sees it?",
        f"yes, or within {_LATEST_S:g} s: so long the exporter waits after a window's end",
        _WRITE_API,
        _at_once,
        ("probed",),
    ),
    *appends_windows.CHECKS,
    Check(
        "A09",
        "Does APPENDS process only the columns that are read?",
        "yes: a narrow column takes less than a tenth of a wide one",
        _HISTORY + "#pricing_and_costs",
        _columns_billed,
        ("loaded",),
    ),
    Check(
        "A10",
        "Does APPENDS process only the rows of its window?",
        "yes: half of the rows take half of the bytes",
        _HISTORY + "#pricing_and_costs",
        _rows_billed,
        ("loaded",),
    ),
    Check("A11", "Does APPENDS give rows of load jobs?", "yes, all of them", _SOURCE, _loads, ("loaded",)),
    Check("A12", "Does APPENDS give rows of INSERT?", "yes, all of them", _SOURCE, _inserts, ("inserted",)),
    Check("A13", "Does APPENDS give rows of copy jobs that append?", "yes, all of them", _SOURCE, _copies, ("copied",)),
)
