"""Pub/Sub's admin API: the state of every subscription, one listing per project."""

from __future__ import annotations

from typing import Any

from google.api_core import exceptions
from google.pubsub_v1 import SubscriberClient
from google.pubsub_v1.types import BigQueryConfig, ListSubscriptionsRequest
from google.pubsub_v1.types import Subscription as PubSubSubscription

from exporter.calls import Caller, OnCall, source_error
from exporter.circuits import Circuits
from exporter.snapshots import Subscription

_PAGE_SIZE = 1000
_LONGEST_LIST_S = 30.0


def subscriptions(
    client: SubscriberClient, project: str, on_call: OnCall, timeout_s: float, *, circuits: Circuits | None = None
) -> dict[str, Subscription]:
    """All subscriptions of a project by full name; ``timeout_s`` bounds each attempt. Raises ``SourceError``."""
    call = Caller(on_call, timeout_s, circuits=circuits)
    request = ListSubscriptionsRequest(project=f"projects/{project}", page_size=_PAGE_SIZE)
    listing = call.pages(
        "pubsub",
        "ListSubscriptions",
        client.list_subscriptions,
        request,
        project=request.project,
        whole_s=_LONGEST_LIST_S,
    )
    try:
        return {item.name: _snapshot(item) for page in listing for item in page.subscriptions}
    except exceptions.GoogleAPICallError as error:
        raise source_error(error, "grant pubsub.subscriptions.list on the project") from error


def _snapshot(item: Any) -> Subscription:
    own = _name(PubSubSubscription.State, item.state)
    destination = _name(BigQueryConfig.State, item.bigquery_config.state)
    to_bigquery = bool(item.bigquery_config.table)
    state = destination if to_bigquery and destination not in ("ACTIVE", "STATE_UNSPECIFIED") else own
    return Subscription(
        active=state in ("ACTIVE", "STATE_UNSPECIFIED"),
        state=state,
        topic=item.topic,
        table=item.bigquery_config.table,
        dead_letter_topic=item.dead_letter_policy.dead_letter_topic,
        filter=item.filter,
        write_metadata=item.bigquery_config.write_metadata,
        retention_s=float(item.message_retention_duration.seconds),
    )


def _name(states: Any, number: int) -> str:
    """A state's name; one that is newer than the client library is called by its number."""
    return next((str(state.name) for state in states if state == number), f"STATE_{number}")
