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

_UNSEEN: Mapping[str, Any] = {"state": "ACTIVE", "bigquery_state": "ACTIVE", "after_s": None, "dead_letters": 0}
_LONGEST_S = 900.0
_QUIET_S = 240.0
"""So long after the state is seen it is watched whether messages go to the dead-letter topic after all."""


def said(lab: Lab, name: str) -> dict[str, Any]:
    """What was seen of a pipeline: its states, ``after_s`` (None where it stayed ACTIVE), ``first_look_s``, ``dead_letters``.

    The times are those since the first message that the table could not take.
    """
    found: dict[str, Any] = lab.book.get(f"stopped {name}", {})
    return found


def _stopped(name: str) -> Callable[[Lab], bool]:
    """Watch one pipeline until its subscription says that it stopped, and for some minutes more what it does with its messages."""

    def watch(lab: Lab) -> bool:
        seen = {**_UNSEEN, "first_look_s": _since_published_s(lab, name), **said(lab, name)}
        waited_s = lab.waited_s(f"{name} stopped")
        if seen["after_s"] is None:
            seen |= _states(lab, name)
            active = seen["state"] == seen["bigquery_state"] == "ACTIVE"
            seen["after_s"] = None if active else _since_published_s(lab, name)
        seen["dead_letters"] += len(letters.pulled(lab, BY_NAME[name].dead_letter_subscription(lab.place)))
        lab.book.note(f"stopped {name}", seen)
        told = seen["after_s"] is not None or waited_s > _LONGEST_S
        return told and lab.waited_s(f"{name} quiet") > _QUIET_S

    return watch


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
    everything = all(found[name] == len(lab.book.get(f"messages {name}")) for name in PROVOKED)
    return everything or lab.waited_s("mended messages") > _LONGEST_S


def _landed(lab: Lab, name: str) -> int:
    ids = [each["id"] for each in lab.book.get(f"messages {name}")]
    text = f"SELECT COUNT(DISTINCT message_id) AS n FROM {queries.table(lab, name)} WHERE message_id IN UNNEST(@ids)"
    return int(queries.row(lab, text, ids=ids)["n"])


STEPS = (
    *(
        Step(f"stopped {name}", f"watching what becomes of a pipeline that is {step}", _stopped(name), (step,), timedelta(minutes=30))
        for name, step in PROVOKED.items()
    ),
    Step("mended", "giving tables, rights and columns back", _mended, tuple(f"stopped {name}" for name in PROVOKED)),
    Step("delivered", "waiting for what was held back", _delivered, ("mended",), timedelta(minutes=20)),
)  # fmt: skip
