"""M: what ``write_metadata`` writes beside the message, and whether columns get their DEFAULT."""

# ruff: noqa: S608 - the SQL is made of names of the run; values go in as parameters

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from exporter.verify.areas import delivery_extra
from exporter.verify.areas import jobs_queries as queries
from exporter.verify.areas.delivery_extra import DEFAULTED, EXTRA, GOOD
from exporter.verify.lab import Lab
from exporter.verify.pipeline import BY_NAME
from exporter.verify.questions import Check, CouldNotAsk, Seen

_SOURCE = "https://docs.cloud.google.com/pubsub/docs/bigquery#properties_subscription"
_DEFAULTS = "https://docs.cloud.google.com/bigquery/docs/default-values"

_COLUMNS = ("subscription_name", "message_id", "publish_time", "attributes")
_SKEW = timedelta(seconds=2)
"""How far our clock and Pub/Sub's may be apart."""


def _rows(lab: Lab) -> list[dict[str, Any]]:
    """A row of each message of ``main``."""
    text = (
        "SELECT message_id, ANY_VALUE(subscription_name) AS subscription_name, ANY_VALUE(publish_time) AS publish_time, "
        f"ANY_VALUE(TO_JSON_STRING(attributes)) AS attributes FROM {queries.table(lab, 'main')} GROUP BY message_id"
    )
    return queries.rows(lab, text)


def _sent(lab: Lab) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = lab.book.get("messages main")
    return found


def _filled(lab: Lab) -> Seen:
    counts = ", ".join(f"COUNT({name}) AS {name}" for name in _COLUMNS)
    found = queries.row(lab, f"SELECT COUNT(*) AS n, {counts} FROM {queries.table(lab, 'main')}")
    filled = tuple(name for name in _COLUMNS if found[name] == found["n"])
    text = f"filled in all of {found['n']} rows: {', '.join(filled) or 'none'}"
    return Seen(text, filled == _COLUMNS, {"write_metadata_columns": list(filled)})


def _ids(lab: Lab) -> Seen:
    sent = {each["id"] for each in _sent(lab)}
    found = {str(row["message_id"]) for row in _rows(lab)}
    text = f"{len(sent & found)} of {len(sent)} ids that publish returned, {len(found - sent)} others"
    return Seen(text, sent == found)


def _publish_times(lab: Lab) -> Seen:
    found = {row["message_id"]: row["publish_time"] for row in _rows(lab) if row["publish_time"] is not None}
    if not found:
        raise CouldNotAsk("no row has a publish_time")
    off_s = [_outside_s(each, found[each["id"]]) for each in _sent(lab) if each["id"] in found]
    worst_s = max(off_s)
    text = f"{sum(off == 0 for off in off_s)} of {len(off_s)} between before and after the request; {worst_s:g} s off at most"
    return Seen(text, worst_s <= _SKEW.total_seconds())


def _outside_s(sent: Mapping[str, Any], publish_time: datetime) -> float:
    """How far a publish time lies outside the time of its request, in seconds."""
    before, after = (datetime.fromisoformat(sent[name]) for name in ("before", "after"))
    return max((before - publish_time).total_seconds(), (publish_time - after).total_seconds(), 0.0)


def _attributes(lab: Lab) -> Seen:
    found = {row["message_id"]: row["attributes"] for row in _rows(lab) if row["attributes"] not in (None, "null")}
    if not found:
        raise CouldNotAsk("no row has attributes")
    sent = _sent(lab)
    equal = sum(json.loads(found.get(each["id"], "null")) == each["attributes"] for each in sent)
    text = f"{equal} of {len(sent)} rows hold the attributes that were sent, as one JSON object"
    return Seen(text, equal == len(sent))


def _subscription(lab: Lab) -> Seen:
    names = {str(row["subscription_name"]) for row in _rows(lab) if row["subscription_name"] is not None}
    if not names:
        raise CouldNotAsk("no row has a subscription_name")
    full = names == {BY_NAME["main"].subscription(lab.place)}
    short = names == {lab.place.name("main")}
    text = "its full name" if full else "its short name" if short else _other_name(lab, names)
    return Seen(text, full)


def _other_name(lab: Lab, names: set[str]) -> str:
    """What is known of names that are not those of the subscription; a report keeps neither project ids nor numbers."""
    end = f"/subscriptions/{lab.place.name('main')}"
    projects = {name.removeprefix("projects/").removesuffix(end) for name in names if name.endswith(end)}
    if len(projects) == len(names) == 1 and projects.pop().isdecimal():
        return "its full name, with the number of the project in place of its id"
    return f"{len(names)} names, none of them its own"


def _defaults(lab: Lab) -> Seen:
    ids = [each["id"] for each in lab.book.get(GOOD)]
    text = f"SELECT COUNT(*) AS n, COUNT({DEFAULTED}) AS filled FROM {queries.table(lab, EXTRA.name)} WHERE message_id IN UNNEST(@ids)"
    found = queries.row(lab, text, ids=ids)
    filled = found["filled"] == found["n"]
    return Seen(f"filled in {found['filled']} of {found['n']} rows", not found["filled"], {"defaults_filled": filled})


STEPS = delivery_extra.STEPS[:2]

CHECKS = (
    Check("M01", "Which columns does write_metadata fill?", ", ".join(_COLUMNS), _SOURCE, _filled, ("landed",)),
    Check("M02", "Is message_id the id that publish returned?", "yes, in every row", _SOURCE, _ids, ("landed",)),
    Check(
        "M03",
        "Is publish_time the time at which Pub/Sub took the message?",
        f"yes: between our clock before and after the request, to {_SKEW.total_seconds():g} s",
        _SOURCE,
        _publish_times,
        ("landed",),
    ),
    Check(
        "M04",
        "Are attributes one JSON object with the attributes of the message?",
        "yes; {} without any",
        _SOURCE,
        _attributes,
        ("landed",),
    ),
    Check(
        "M05",
        "What does subscription_name hold?",
        "the full name, projects/PROJECT/subscriptions/ID: by it the exporter tells the rows of a system",
        _SOURCE,
        _subscription,
        ("landed",),
    ),
    Check(
        "M06",
        "Are columns with DEFAULT CURRENT_TIMESTAMP() filled in rows that a subscription writes?",
        "no; nothing is documented, and nothing relies on it",
        _DEFAULTS,
        _defaults,
        ("extra landed",),
    ),
)
