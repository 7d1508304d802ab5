"""A pipeline of its own: its table has a column with a DEFAULT, and nobody subscribes to its dead-letter topic.

A message that the table refuses travels in the same request as good ones.
"""

# ruff: noqa: S608 - the SQL is made of names of the run; values go in as parameters

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from google.api_core import exceptions

from exporter.verify import messages, pipeline
from exporter.verify.areas import jobs_queries as queries
from exporter.verify.lab import Lab
from exporter.verify.messages import Draft
from exporter.verify.pipeline import TIMEOUT_S, Pipeline
from exporter.verify.questions import Step

EXTRA = Pipeline("extra", data_type="JSON")
DEFAULTED = "written_at"
"""A column of the table that a DEFAULT fills, where it is filled."""

GOOD, MIXED = "messages extra", "messages mixed"
"""Facts: the good messages, and those among which one is refused."""

GOOD_MESSAGES = 4
REFUSED_PLACE = 2
"""Which of the mixed messages is refused."""


def _made(lab: Lab) -> bool:
    resource = pipeline.table_resource(lab.place, EXTRA)
    resource["schema"]["fields"].append(
        {"name": DEFAULTED, "type": "TIMESTAMP", "mode": "NULLABLE", "defaultValueExpression": "CURRENT_TIMESTAMP()"}
    )
    pipeline.make_table(lab, resource)
    if not pipeline.ready(lab, EXTRA):
        return False
    lab.once("dead letters of extra cut off", lambda: _cut_off(lab))
    return True


def _cut_off(lab: Lab) -> str:
    """Leave the dead-letter topic without a subscription."""
    name = EXTRA.dead_letter_subscription(lab.place)
    with suppress(exceptions.NotFound):
        lab.services.subscriber.delete_subscription(subscription=name, timeout=TIMEOUT_S, retry=None)
    return lab.now().isoformat()


def _good(lab: Lab) -> bool:
    run = lab.place.run
    drafts = [Draft(messages.good(run, "extra", place)) for place in range(GOOD_MESSAGES)]
    return messages.publish(lab, EXTRA, GOOD, 0, drafts) and landed(lab, GOOD) == GOOD_MESSAGES


def _mixed(lab: Lab) -> bool:
    run = lab.place.run
    drafts = [
        Draft(messages.bad(run, "mixed", place) if place == REFUSED_PLACE else messages.good(run, "mixed", place))
        for place in range(GOOD_MESSAGES + 1)
    ]
    return messages.publish(lab, EXTRA, MIXED, 0, drafts)


def landed(lab: Lab, fact: str) -> int:
    """How many of the messages that were noted under a fact stand in the table of this pipeline."""
    ids = [each["id"] for each in lab.book.get(fact)]
    text = (
        f"SELECT COUNT(DISTINCT message_id) AS n FROM {queries.table(lab, EXTRA.name)} WHERE message_id IN UNNEST(@ids)"
    )
    return int(queries.row(lab, text, ids=ids)["n"])


STEPS = (
    Step("extra made", "making one more pipeline", _made, ("created",), timedelta(minutes=15)),
    Step("extra landed", "publishing to it", _good, ("extra made",)),
    Step("mixed", "publishing good and bad messages in one request", _mixed, ("extra landed",)),
)
