"""What windows of APPENDS hold, and which APPENDS refuses."""

# ruff: noqa: S608 - the SQL is made of names of the run; values go in as parameters

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from exporter.verify.areas import jobs_queries as queries
from exporter.verify.lab import Lab
from exporter.verify.questions import Check, CouldNotAsk, Seen

_SOURCE = "https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/table-functions-built-in#appends"
_HISTORY = "https://docs.cloud.google.com/bigquery/docs/change-history"
_AGAIN_AFTER_S = 720.0
_MICROSECOND = timedelta(microseconds=1)


def _main(lab: Lab) -> str:
    return queries.table(lab, "main")


def _count(lab: Lab, bounds: str, **values: Any) -> int:
    text = f"SELECT COUNT(*) AS n FROM APPENDS(TABLE {_main(lab)}, {bounds})"
    return int(queries.row(lab, text, **values)["n"])


def _repeatable(lab: Lab) -> Seen | None:
    """Ask for the same window twice, twelve minutes apart: rows leave the streaming buffer, and must stay as they were."""
    if lab.book.get("APPENDS asked first") is None and not _complete(lab):
        return None
    first = lab.once("APPENDS asked first", lambda: _window(lab, lab.now().isoformat()))
    if lab.waited_s("APPENDS asked again") < _AGAIN_AFTER_S:
        return None
    second = _window(lab, first["until"])
    same = first == second
    words = "the same rows with the same times" if same else f"{second['rows']} rows, not the same as before"
    text = f"{first['rows']} rows; {_AGAIN_AFTER_S / 60:g} minutes later {words}"
    return Seen(text, same, {"appends_repeatable": same}, {"first": first, "second": second})


def _complete(lab: Lab) -> bool:
    """Whether APPENDS has all that was published, or will not have it."""
    return _count(lab, "NULL, NULL") >= len(lab.book.get("messages main")) or lab.waited_s("APPENDS of main") > 300


def _window(lab: Lab, until: str) -> dict[str, Any]:
    """How many rows a window has, and a fingerprint of their ids and times."""
    text = (
        f"SELECT message_id, UNIX_MICROS(_CHANGE_TIMESTAMP) AS commit_us FROM APPENDS(TABLE {_main(lab)}, NULL, @until)"
    )
    found = queries.rows(lab, text, until=datetime.fromisoformat(until))
    listed = sorted((str(row["message_id"]), row["commit_us"]) for row in found)
    return {"until": until, "rows": len(listed), "fingerprint": hashlib.sha256(repr(listed).encode()).hexdigest()[:16]}


def _bounds(lab: Lab) -> tuple[datetime, int]:
    """A commit time, and how many rows have it."""
    text = (
        "SELECT _CHANGE_TIMESTAMP AS commit_time, COUNT(*) AS n "
        f"FROM APPENDS(TABLE {_main(lab)}, NULL, NULL) GROUP BY commit_time ORDER BY n DESC LIMIT 1"
    )
    found = queries.row(lab, text)
    return found["commit_time"], int(found["n"])


def _start_included(lab: Lab) -> Seen:
    commit, expected = _bounds(lab)
    if not _count(lab, "@start, @until", start=commit - _MICROSECOND, until=commit + _MICROSECOND):
        raise CouldNotAsk("windows of APPENDS do not go by _CHANGE_TIMESTAMP")
    found = _count(lab, "@start, @until", start=commit, until=commit + _MICROSECOND)
    included = found == expected
    text = f"{found} of {expected} rows in [commit, commit + 1 us)"
    return Seen(text, included, {"appends_start_included": included})


def _end_excluded(lab: Lab) -> Seen:
    commit, rows = _bounds(lab)
    found = _count(lab, "@start, @until", start=commit - _MICROSECOND, until=commit)
    text = f"{found} of {rows} rows in [commit - 1 us, commit)"
    return Seen(text, found == 0, {"appends_end_included": found > 0})


def _future(lab: Lab) -> Seen:
    text = f"SELECT COUNT(*) AS n FROM APPENDS(TABLE {_main(lab)}, NULL, @until)"
    words = queries.refusal(lab, text, until=lab.now() + timedelta(hours=1))
    return _refused(words, "an end in an hour", expected=True, parameter="appends_end_in_future_refused")


def _before_creation(lab: Lab) -> Seen:
    text = f"SELECT COUNT(*) AS n FROM APPENDS(TABLE {_main(lab)}, @start, NULL)"
    words = queries.refusal(lab, text, start=lab.now() - timedelta(days=1))
    return _refused(words, "a start a day ago", expected=False, parameter="appends_before_creation_refused")


def _refused(words: str | None, what: str, *, expected: bool, parameter: str) -> Seen:
    refused = words is not None
    text = f"{what}: {'refused' if refused else 'answered'}"
    return Seen(text, refused is expected, {parameter: refused}, {"answer": words or "rows"})


def _of_view(lab: Lab) -> Seen:
    text = f"SELECT COUNT(*) AS n FROM APPENDS(TABLE {queries.table(lab, 'main_view')}, NULL, NULL)"
    words = queries.refusal(lab, text)
    return Seen(f"APPENDS of a view: {'refused' if words else 'answered'}", words is not None, {}, {"answer": words})


CHECKS = (
    Check(
        "A03",
        "Does APPENDS give the same rows with the same times when it is asked again?",
        "yes, to the microsecond, twelve minutes later",
        _HISTORY,
        _repeatable,
        ("landed",),
        timedelta(minutes=20),
    ),
    Check("A04", "Is the start of APPENDS inclusive?", "yes", _SOURCE, _start_included, ("landed",)),
    Check("A05", "Is the end of APPENDS exclusive?", "yes", _SOURCE, _end_excluded, ("landed",)),
    Check("A06", "Does APPENDS refuse an end that lies in the future?", "yes", _SOURCE, _future, ("landed",)),
    Check(
        "A07",
        "Does APPENDS answer where the start lies before the table's creation?",
        "yes: the creation is used instead",
        _SOURCE,
        _before_creation,
        ("landed",),
    ),
    Check("A08", "Does APPENDS refuse views?", "yes: only regular tables", _SOURCE, _of_view, ("created",)),
)
