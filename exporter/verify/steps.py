"""What is done to the throwaway pipelines, so that questions about them can be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta
from typing import Any

from exporter.errors import Transient
from exporter.sources.bigquery import library as bigquery
from exporter.verify import messages
from exporter.verify.lab import Lab
from exporter.verify.messages import Draft
from exporter.verify.pipeline import (
    BY_NAME,
    PIPELINES,
    TIMEOUT_S,
    Pipeline,
    allow_writing,
    delete_table,
    forbid_writing,
    make_table,
    ready,
    table_resource,
)
from exporter.verify.questions import Step
from exporter.verify.services import ONCE

BATCHES, MESSAGES_PER_BATCH = 12, 20
BATCH_EVERY = timedelta(seconds=20)
BAD_MESSAGES = 8
STATE_MESSAGES = 8

PROPAGATION = timedelta(minutes=2)
"""Changed rights, and a table that was made again, are known everywhere after so long (IAM docs, "Access change propagation")."""

_METADATA_KEPT = ("subscription_name", "message_id")


def drafts(run: str, batch: int) -> list[Draft]:
    """The messages of a batch of ``main``: of several sizes, every fifth with attributes, none ordered."""
    return [
        Draft(
            messages.good(run, f"main-{batch}", place, padding=(place * 97) % 1000),
            {"origin": "verify", "place": str(place)} if place % 5 == 0 else {},
        )
        for place in range(MESSAGES_PER_BATCH)
    ]


def _created(lab: Lab) -> bool:
    """All of them each time: what one waits for, the others may have got meanwhile."""
    states: list[bool] = []
    not_yet: Transient | None = None
    for pipeline in PIPELINES:
        try:
            states.append(ready(lab, pipeline))
        except Transient as error:
            not_yet = error
    if not_yet is not None:
        raise not_yet
    return all(states)


def _published(lab: Lab) -> bool:
    """A batch at a time, some seconds apart, so that they reach over several minutes of Pub/Sub's metrics."""
    main = BY_NAME["main"]
    sent = lab.book.get("messages main", [])
    batch = len({each["batch"] for each in sent})
    if batch and lab.waited_s(f"batch {batch - 1}") < BATCH_EVERY.total_seconds():
        return False
    if messages.publish(lab, main, "messages main", batch, drafts(lab.place.run, batch), _arrived):
        lab.waited_s(f"batch {batch}")
        batch += 1
    return batch == BATCHES


def _arrived(lab: Lab, batch: int) -> Sequence[Mapping[str, Any]]:
    """The messages of a batch that stand in the table of ``main``, in their order."""
    table = BY_NAME["main"].table(lab.place)
    text = (
        f"SELECT message_id, MIN(publish_time) AS publish_time FROM `{table}` "  # noqa: S608 - names of our own
        "WHERE JSON_VALUE(data, '$.batch') = @batch "
        "GROUP BY message_id, JSON_VALUE(data, '$.place') ORDER BY CAST(JSON_VALUE(data, '$.place') AS INT64)"
    )
    found = _rows(lab, text, batch=f"main-{batch}")
    return [{"id": row["message_id"], "published_at": row["publish_time"].astimezone(UTC).isoformat()} for row in found]


def _landed(lab: Lab) -> bool:
    sent = {each["id"] for each in lab.book.get("messages main", [])}
    table = BY_NAME["main"].table(lab.place)
    found = {row["message_id"] for row in _rows(lab, f"SELECT message_id FROM `{table}`")}  # noqa: S608 - names of our own
    return sent <= found


def _rows(lab: Lab, text: str, **values: str) -> list[Any]:
    config = bigquery.QueryJobConfig(
        query_parameters=[bigquery.ScalarQueryParameter(name, "STRING", value) for name, value in values.items()],
        labels=lab.place.labels,
        use_query_cache=False,
    )
    found = lab.services.bigquery.query_and_wait(
        text,
        job_config=config,
        project=lab.place.project,
        location=lab.place.location,
        api_timeout=TIMEOUT_S,
        wait_timeout=TIMEOUT_S,
        retry=ONCE,
        job_retry=ONCE,
    )
    return list(found)


def _poisoned(lab: Lab) -> bool:
    return all(_publish_bad(lab, BY_NAME[name]) for name in ("main", "plain"))


def _publish_bad(lab: Lab, pipeline: Pipeline) -> bool:
    run, batch = lab.place.run, f"{pipeline.name}-bad"
    bodies = [Draft(messages.bad(run, batch, place)) for place in range(BAD_MESSAGES)]
    return messages.publish(lab, pipeline, f"poison {pipeline.name}", 0, bodies)


def _deleted(lab: Lab) -> bool:
    lab.once("table deleted", lambda: _noted(lab, delete_table, "deleted"))
    return _publish_into(lab, "deleted")


def _denied(lab: Lab) -> bool:
    lab.once("right taken", lambda: _noted(lab, forbid_writing, "denied"))
    return lab.waited_s("right taken away") >= PROPAGATION.total_seconds() and _publish_into(lab, "denied")


def _mismatched(lab: Lab) -> bool:
    """The table is made again without two columns: BigQuery drops columns by SQL only, and adds none that is required."""
    pipeline = BY_NAME["mismatch"]
    lab.once("table taken", lambda: _noted(lab, delete_table, "mismatch"))
    resource = table_resource(lab.place, pipeline)
    resource["schema"]["fields"] = [
        each for each in resource["schema"]["fields"] if each["name"] in ("data", *_METADATA_KEPT)
    ]
    make_table(lab, resource)
    lab.once("table given", lambda: _noted(lab, allow_writing, "mismatch"))
    return lab.waited_s("table made again") >= PROPAGATION.total_seconds() and _publish_into(lab, "mismatch")


def _noted(lab: Lab, act: Any, name: str) -> str:
    """Do something to a pipeline; returns when."""
    act(lab, BY_NAME[name])
    return lab.now().isoformat()


def _publish_into(lab: Lab, name: str) -> bool:
    run, pipeline = lab.place.run, BY_NAME[name]
    bodies = [Draft(messages.good(run, name, place, padding=50)) for place in range(STATE_MESSAGES)]
    return messages.publish(lab, pipeline, f"messages {name}", 0, bodies)


STEPS: tuple[Step, ...] = (
    Step("created", "making the throwaway pipelines", _created, patience=timedelta(minutes=15)),
    Step("published", "publishing known messages", _published, ("created",), timedelta(minutes=15)),
    Step("landed", "waiting for the messages to land", _landed, ("published",)),
    Step("poisoned", "publishing messages that the tables refuse", _poisoned, ("landed",)),
    Step("deleted", "deleting a table under its subscription", _deleted, ("created",)),
    Step("denied", "taking the right to write a table away", _denied, ("created",)),
    Step("mismatched", "making a table again that does not fit", _mismatched, ("created",)),
)
