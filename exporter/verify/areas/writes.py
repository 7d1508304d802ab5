"""W: what WRITE_API_TIMELINE tells of the writes of BigQuery subscriptions."""

# ruff: noqa: S608 - the SQL is made of names of the run; values go in as parameters

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from exporter.verify.areas import jobs_queries as queries
from exporter.verify.lab import Lab
from exporter.verify.questions import Check, CouldNotAsk, Seen

_SOURCE = "https://docs.cloud.google.com/bigquery/docs/information-schema-write-api"
_SCHEMA = _SOURCE + "#schema"
_WRITE_API = "https://docs.cloud.google.com/bigquery/docs/write-api"

_LATEST_S = 60.0
"""So long after an hour's end the exporter waits before it asks for the hour's writes (settle)."""

_PATIENCE_S = 600.0
_MINUTE = timedelta(minutes=1)
_WAY = timedelta(minutes=2)
"""A row is written at most so long after its message was published."""


def timeline(lab: Lab, table: str) -> list[dict[str, Any]]:
    """The rows of the timeline for a table of the run."""
    text = (
        "SELECT start_timestamp, stream_type, error_code, total_requests, total_rows, total_input_bytes "
        f"FROM {queries.schema_view(lab, 'WRITE_API_TIMELINE')} WHERE start_timestamp >= @since "
        "AND dataset_id = @dataset AND table_id = @name"
    )
    since = lab.done_at("created") - timedelta(minutes=5)
    return queries.rows(lab, text, since=since, dataset=lab.place.dataset, name=table)


def _written(lab: Lab) -> list[dict[str, Any]] | None:
    """The timeline of ``main`` when all that was published is in it, or what there is when it does not come.

    None while it may still come; raises ``CouldNotAsk`` where the timeline has nothing of the table.
    """
    found = timeline(lab, "main")
    complete = sum(each["total_rows"] for each in found) >= len(lab.book.get("messages main"))
    if not complete and lab.waited_s("timeline of main") < _PATIENCE_S:
        return None
    if not found:
        raise CouldNotAsk("the timeline has no row of the table")
    return found


def _on_written(judge: Callable[[Lab, list[dict[str, Any]]], Seen]) -> Callable[[Lab], Seen | None]:
    def ask(lab: Lab) -> Seen | None:
        found = _written(lab)
        return None if found is None else judge(lab, found)

    return ask


def ok_code(found: list[dict[str, Any]]) -> str:
    """The code under which most rows were written: those of good messages."""
    counts: Counter[str] = Counter()
    for each in found:
        counts[str(each["error_code"])] += each["total_rows"]
    return counts.most_common(1)[0][0]


def _good(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in found if each["error_code"] == ok_code(found)]


def _there(lab: Lab) -> Seen | None:
    found = timeline(lab, "main")
    if not found and lab.waited_s("timeline") < _PATIENCE_S:
        return None
    text = f"{len(found)} rows" if found else f"none after {_PATIENCE_S / 60:g} minutes"
    return Seen(text, bool(found), {"timeline_has_subscription_writes": bool(found)})


def _late(lab: Lab) -> Seen | None:
    """How long after the last row of ``main`` the timeline has them all."""
    late_s = queries.late_s(lab, "rows in the timeline", lab.done_at("landed"), _LATEST_S)
    if _written(lab) is None:
        return None
    text = (
        f"all rows are there {late_s:.0f} s after they were in the table"
        if late_s
        else "all rows are there at the first look"
    )
    return Seen(text, late_s <= _LATEST_S, {"timeline_delay_s": late_s})


def _code(_: Lab, found: list[dict[str, Any]]) -> Seen:
    code = ok_code(found)
    return Seen(f"error_code {code!r}", code == "OK", {"timeline_error_code_ok": code})


def _stream(_: Lab, found: list[dict[str, Any]]) -> Seen:
    kinds = sorted({str(each["stream_type"]) for each in _good(found)})
    text = f"stream_type {', '.join(kinds)}"
    return Seen(text, kinds == ["DEFAULT"], {"timeline_stream_type": kinds[0]} if len(kinds) == 1 else {})


def _rows(lab: Lab, found: list[dict[str, Any]]) -> Seen:
    rows = queries.row(lab, f"SELECT COUNT(*) AS n FROM {queries.table(lab, 'main')}")["n"]
    total = sum(each["total_rows"] for each in _good(found))
    requests = sum(each["total_requests"] for each in _good(found))
    return Seen(f"total_rows {total} in {requests} requests, {rows} rows in the table", total == rows)


def _bytes(lab: Lab, found: list[dict[str, Any]]) -> Seen:
    """Bytes per row must be about those of the body and the metadata: within the metadata's size, say."""
    sent = lab.book.get("messages main")
    bodies = sum(each["body_bytes"] for each in sent)
    total = sum(each["total_input_bytes"] for each in _good(found))
    rows = sum(each["total_rows"] for each in _good(found))
    most = bodies * rows / len(sent) + 500 * rows
    text = f"total_input_bytes {total} for {rows} rows, their bodies {bodies}"
    return Seen(text, bodies * 0.9 <= total <= most)


def _idle(lab: Lab, found: list[dict[str, Any]]) -> Seen:
    """Every minute of the timeline must have had something to write: within two minutes after a publish request."""
    sent = [each for name in ("messages main", "poison main") for each in lab.book.get(name, [])]
    published = {datetime.fromisoformat(each["before"]) for each in sent}
    minutes = {each["start_timestamp"] for each in found}
    idle = [minute for minute in minutes if not any(_about(moment, minute) for moment in published)]
    text = f"{len(minutes)} minutes have rows, {len(idle)} of them without anything to write"
    return Seen(text, not idle)


def _about(published: datetime, minute: datetime) -> bool:
    return minute - _WAY <= published < minute + _MINUTE


def _refused(table: str, parameter: str, expected: str) -> Callable[[Lab], Seen | None]:
    """Ask for the codes of writes that a table refused; the code of good ones is known from ``main``."""

    def ask(lab: Lab) -> Seen | None:
        good = _written(lab)
        if good is None:
            return None
        codes: Counter[str] = Counter()
        for each in timeline(lab, table):
            codes[str(each["error_code"])] += each["total_rows"]
        codes.pop(ok_code(good), None)
        if not codes and lab.waited_s(f"refused writes of {table}") < _PATIENCE_S:
            return None
        words = ", ".join(f"{code!r}" for code in sorted(codes)) or "no refused writes"
        return Seen(
            f"error_code {words}", list(codes) == [expected], {parameter: codes.most_common(1)[0][0]} if codes else {}
        )

    return ask


_TWENTY = timedelta(minutes=20)

STEPS = ()

CHECKS = (
    Check(
        "W01",
        "Are writes of BigQuery subscriptions in WRITE_API_TIMELINE?",
        "yes: they go through the Storage Write API",
        _WRITE_API,
        _there,
        ("landed",),
        _TWENTY,
    ),
    Check(
        "W02",
        "How long after the write does the timeline have it?",
        f"within {_LATEST_S:g} s: so long the exporter waits after an hour's end",
        _SOURCE,
        _late,
        ("landed",),
        _TWENTY,
    ),
    Check(
        "W03",
        "Which error_code do writes have that succeeded?",
        "OK",
        _SCHEMA,
        _on_written(_code),
        ("landed",),
        _TWENTY,
    ),
    Check(
        "W04",
        "Which stream_type do subscriptions write to?",
        "DEFAULT; nothing is documented, and nothing relies on it",
        _SCHEMA,
        _on_written(_stream),
        ("landed",),
        _TWENTY,
    ),
    Check(
        "W05", "Is total_rows the number of rows?", "yes, exactly", _SCHEMA, _on_written(_rows), ("landed",), _TWENTY
    ),
    Check(
        "W06",
        "What are total_input_bytes?",
        "the bytes of the rows: their bodies, and at most 500 more for each",
        _SCHEMA,
        _on_written(_bytes),
        ("landed",),
        _TWENTY,
    ),
    Check(
        "W07",
        "Does a minute without writes have a row?",
        "no",
        _SOURCE,
        _on_written(_idle),
        ("landed",),
        _TWENTY,
    ),
    Check(
        "W08",
        "Which error_code do rows have that the table refused?",
        "INVALID_ARGUMENT; nothing is documented, it only explains",
        _SCHEMA,
        _refused("plain", "timeline_error_code_row", "INVALID_ARGUMENT"),
        ("landed", "poisoned"),
        _TWENTY,
    ),
    Check(
        "W09",
        "Which error_code do writes have to a table that was deleted?",
        "NOT_FOUND; nothing is documented, it only explains",
        _SCHEMA,
        _refused("deleted", "timeline_error_code_missing_table", "NOT_FOUND"),
        ("landed", "stopped deleted"),
        _TWENTY,
    ),
    Check(
        "W10",
        "Which error_code do writes have without permission?",
        "PERMISSION_DENIED; nothing is documented, it only explains",
        _SCHEMA,
        _refused("denied", "timeline_error_code_denied", "PERMISSION_DENIED"),
        ("landed", "stopped denied"),
        _TWENTY,
    ),
    Check(
        "W11",
        "Which error_code do writes have that do not fit the table?",
        "INVALID_ARGUMENT; nothing is documented, it only explains",
        _SCHEMA,
        _refused("mismatch", "timeline_error_code_mismatch", "INVALID_ARGUMENT"),
        ("landed", "stopped mismatch"),
        _TWENTY,
    ),
)
