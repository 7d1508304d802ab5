"""Single messages that are watched on their way: when a query first sees the row, and what APPENDS says of it."""

# ruff: noqa: S608 - the SQL is made of names of the run; values go in as parameters

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from exporter.verify import messages
from exporter.verify.areas import jobs_queries as queries
from exporter.verify.lab import Lab
from exporter.verify.messages import Draft
from exporter.verify.pipeline import BY_NAME
from exporter.verify.questions import CouldNotAsk, Step

PIPELINE = "plain"
"""Where the probes go: a pipeline whose messages nobody counts."""

_PROBES = 4
_POLL_S = 0.5
_LONGEST_S = 120.0
_PRECISION = 0.1
"""A delay is measured to this share of itself, or to the pause between two looks."""

NOTED = "probes"
"""Under this name the book has, for each probe: ``id``, ``published_at``, ``missed_at``, ``seen_at``, ``commit``, ``appends_late_s``."""


def _probe(lab: Lab) -> bool:
    """Publish one more message and watch it until its row is there."""
    place = len(lab.book.get(NOTED, []))
    fact = f"messages probe {place}"
    messages.publish(lab, BY_NAME[PIPELINE], fact, 0, [Draft(messages.good(lab.place.run, "probe", place))])
    lab.book.append(NOTED, _watched(lab, lab.book.get(fact)[0]["id"]))
    return len(lab.book.get(NOTED)) >= _PROBES


def _watched(lab: Lab, message_id: str) -> dict[str, Any]:
    """Ask for a row until it is there, by SELECT and then by APPENDS; all times are BigQuery's own."""
    began = lab.now()
    missed_at: datetime | None = None
    while (found := _seen(lab, message_id))["seen"] == 0:
        missed_at = found["asked_at"]
        if lab.now() - began > timedelta(seconds=_LONGEST_S):
            raise CouldNotAsk(f"a message was in no row {_LONGEST_S:g} s after it was published")
        lab.clock.wait(_POLL_S)
    listed = _listed(lab, message_id)
    return {
        "id": message_id,
        "published_at": found["published_at"].isoformat(),
        "missed_at": None if missed_at is None else missed_at.isoformat(),
        "seen_at": found["asked_at"].isoformat(),
        "commit": None if listed is None else listed["commit_time"].isoformat(),
        "appends_late_s": None if listed is None else (listed["asked_at"] - found["asked_at"]).total_seconds(),
    }


def _seen(lab: Lab, message_id: str) -> dict[str, Any]:
    text = (
        "SELECT CURRENT_TIMESTAMP() AS asked_at, COUNT(*) AS seen, MIN(publish_time) AS published_at "
        f"FROM {queries.table(lab, PIPELINE)} WHERE message_id = @id"
    )
    return queries.row(lab, text, id=message_id)


def _listed(lab: Lab, message_id: str) -> dict[str, Any] | None:
    """The row as APPENDS has it, or None where it does not show it in time."""
    text = (
        "SELECT CURRENT_TIMESTAMP() AS asked_at, MIN(_CHANGE_TIMESTAMP) AS commit_time "
        f"FROM APPENDS(TABLE {queries.table(lab, PIPELINE)}, NULL, NULL) WHERE message_id = @id"
    )
    began = lab.now()
    while (found := queries.row(lab, text, id=message_id))["commit_time"] is None:
        passed_s = (lab.now() - began).total_seconds()
        if passed_s > _LONGEST_S:
            return None
        lab.clock.wait(max(_POLL_S, passed_s * _PRECISION))
    return found


STEP = Step("probed", "watching single messages until their rows are there", _probe, needs=("created",))
