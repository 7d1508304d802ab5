"""Watches subscriptions whose tables refuse everything, then mends the tables and watches what comes."""

# ruff: noqa: S608 - the SQL is made of names of the run; values go in as parameters

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from google.pubsub_v1 import types

from exporter.sources.bigquery import library as bigquery
from exporter.verify import messages, pipeline
from exporter.verify.areas import delivery_letters as letters
from exporter.verify.areas import jobs_queries as queries
from exporter.verify.lab import Lab
from exporter.verify.messages import Draft
from exporter.verify.pipeline import BY_NAME, TIMEOUT_S
from exporter.verify.questions import Step

PROVOKED: Mapping[str, str] = {"deleted": "deleted", "denied": "denied", "mismatch": "mismatched"}
"""Pipelines whose tables refuse everything, and the steps that see to it."""

_UNSEEN: Mapping[str, Any] = {
    "state": "ACTIVE",
    "bigquery_state": "ACTIVE",
    "after_s": None,
    "is_stable": False,
    "again": 0,
    "sequence": [],
    "dead_letters": 0,
    "refused_letters": 0,
}
_LONGEST_S = 1_500.0
"""A right that was taken away may still be used for more than seven minutes, and an open write stream for longer."""

_AGAIN_EVERY_S = 60.0
_MESSAGES_AGAIN, _MESSAGES_REFUSED = 2, 8
_MENDED_S = 2_400.0
_QUIET_S = 240.0
"""So long after the state is seen it is watched whether messages go to the dead-letter topic after all."""


def said(lab: Lab, name: str) -> dict[str, Any]:
    """What was seen of a pipeline: its states, ``after_s`` (None where it stayed ACTIVE), ``first_look_s``, ``dead_letters``.

    ``refused_letters`` are those of the messages that were published when it had stopped, ``again`` is how often more was published until
    it stopped, ``sequence`` each change: seconds, state, bigquery_config.state. The times are those since the first message for the table.
    """
    found: dict[str, Any] = lab.book.get(f"stopped {name}", {})
    return found


def _stopped(name: str) -> Callable[[Lab], bool]:
    """Watch one pipeline until its subscription says that it stopped, and for some minutes more what it does with its messages."""

    def watch(lab: Lab) -> bool:
        seen = {**_UNSEEN, "first_look_s": _since_published_s(lab, name), **said(lab, name)}
        waited_s = lab.waited_s(f"{name} stopped")
        if not seen["is_stable"]:
            seen = _looked(lab, name, seen)
        if seen["after_s"] is None and waited_s < _LONGEST_S and _published_again(lab, name, seen["again"] + 1):
            seen["again"] += 1
        pulled = letters.pulled(lab, BY_NAME[name].dead_letter_subscription(lab.place))
        seen["dead_letters"] += len(pulled)
        seen["refused_letters"] += sum(1 for each in pulled if f'"{name}-refused"'.encode() in each.data)
        lab.book.note(f"stopped {name}", seen)
        told = seen["is_stable"] or waited_s > _LONGEST_S
        return told and _publish_refused(lab, name) and lab.waited_s(f"{name} quiet") > _QUIET_S

    return watch


def _looked(lab: Lab, name: str, before: Mapping[str, Any]) -> dict[str, Any]:
    """What is known after one more look: a state other than ACTIVE counts when two looks in a row saw it."""
    now, after_s = _states(lab, name), _since_published_s(lab, name)
    seen = {**before, **now}
    was_same = all(before[key] == now[key] for key in now)
    if not was_same or not before["sequence"]:
        seen["sequence"] = [*before["sequence"], [round(after_s, 1), now["state"], now["bigquery_state"]]]
    if now["state"] == now["bigquery_state"] == "ACTIVE":
        return {**seen, "after_s": None}
    return {**seen, "after_s": before["after_s"] if was_same else after_s, "is_stable": was_same}


def _published_again(lab: Lab, name: str, batch: int) -> bool:
    """Publish a few messages more: what was published before the change was known everywhere was written, and shows nothing."""
    if lab.waited_s(f"{name} again {batch}") < _AGAIN_EVERY_S:
        return False
    bodies = [Draft(messages.good(lab.place.run, f"{name}-{batch}", place)) for place in range(_MESSAGES_AGAIN)]
    return messages.publish(lab, BY_NAME[name], f"messages {name}", batch, bodies)


def refused(name: str) -> str:
    """The fact that lists the messages that were published when the subscription had stopped: no writer was left to take them."""
    return f"refused {name}"


def _publish_refused(lab: Lab, name: str) -> bool:
    bodies = [Draft(messages.good(lab.place.run, f"{name}-refused", place)) for place in range(_MESSAGES_REFUSED)]
    return messages.publish(lab, BY_NAME[name], refused(name), 0, bodies)


def _states(lab: Lab, name: str) -> dict[str, str]:
    found = lab.services.subscriber.get_subscription(
        subscription=BY_NAME[name].subscription(lab.place), timeout=TIMEOUT_S, retry=None
    )
    return {
        "state": types.Subscription.State(found.state).name,
        "bigquery_state": types.BigQueryConfig.State(found.bigquery_config.state).name,
    }


def _since_published_s(lab: Lab, name: str) -> float:
    """Time since the messages were published that the table cannot take."""
    published_at = min(datetime.fromisoformat(each["after"]) for each in lab.book.get(f"messages {name}"))
    return (lab.now() - published_at).total_seconds()


def _mended(lab: Lab) -> bool:
    """Give back what was taken, the table, the right, the columns, and publish one more message to each."""
    lab.once("table given back", lambda: _make_again(lab, "deleted"))
    lab.once("right given back", lambda: _allow(lab, "denied"))
    lab.once("columns given back", lambda: _columns(lab))
    return all(_publish_one(lab, name) for name in PROVOKED)


def _publish_one(lab: Lab, name: str) -> bool:
    draft = Draft(messages.good(lab.place.run, f"{name}-mended", 0))
    return messages.publish(lab, BY_NAME[name], f"message after mending {name}", 0, [draft])


def _make_again(lab: Lab, name: str) -> str:
    pipeline.make_table(lab, pipeline.table_resource(lab.place, BY_NAME[name]))
    return _allow(lab, name)


def _allow(lab: Lab, name: str) -> str:
    pipeline.allow_writing(lab, BY_NAME[name])
    return lab.now().isoformat()


def _columns(lab: Lab) -> str:
    """Columns that hold NULL may be added to a table at any time."""
    client = lab.services.bigquery
    table = client.get_table(queries.full_name(lab, "mismatch"), timeout=TIMEOUT_S, retry=queries.NO_RETRY)
    wanted = pipeline.table_resource(lab.place, BY_NAME["mismatch"])["schema"]["fields"]
    known = {field.name for field in table.schema}
    added = [each for each in wanted if each["name"] not in known]
    table.schema = [*table.schema, *(bigquery.SchemaField.from_api_repr(each) for each in added)]
    client.update_table(table, ["schema"], timeout=TIMEOUT_S, retry=queries.NO_RETRY)
    return lab.now().isoformat()


def _delivered(lab: Lab) -> bool:
    """Wait until the messages that were held back are in their tables, or long enough for that."""
    found = {name: _landed(lab, name) for name in PROVOKED}
    lab.book.note("mended rows", found)
    everything = all(found[name] == len(lab.book.get(refused(name))) for name in PROVOKED)
    return everything or lab.waited_s("mended messages") > _MENDED_S


def _landed(lab: Lab, name: str) -> int:
    ids = [each["id"] for each in lab.book.get(refused(name))]
    text = f"SELECT COUNT(DISTINCT message_id) AS n FROM {queries.table(lab, name)} WHERE message_id IN UNNEST(@ids)"
    return int(queries.row(lab, text, ids=ids)["n"])


STEPS = (
    *(
        Step(f"stopped {name}", f"watching what becomes of a pipeline that is {step}", _stopped(name), (step,), timedelta(minutes=40))
        for name, step in PROVOKED.items()
    ),
    Step("mended", "giving tables, rights and columns back", _mended, tuple(f"stopped {name}" for name in PROVOKED)),
    Step("delivered", "waiting for what was held back", _delivered, ("mended",), timedelta(minutes=45), queries=3),
)  # fmt: skip
