"""Pub/Sub's admin API: the state of every subscription, one listing per project."""

from __future__ import annotations

from google.api_core import exceptions
from google.pubsub_v1 import SubscriberClient
from google.pubsub_v1.types import BigQueryConfig
from google.pubsub_v1.types import Subscription as PubSubSubscription

from exporter.calls import FAILURES, OnCall, call_error, canonical_code
from exporter.errors import Permanent, SourceError, Transient
from exporter.snapshots import Subscription


def subscriptions(client: SubscriberClient, project: str, on_call: OnCall, timeout_s: float) -> dict[str, Subscription]:
    """All subscriptions of a project by full name; raises ``SourceError``."""
    found: dict[str, Subscription] = {}
    try:
        listing = client.list_subscriptions(
            request={"project": f"projects/{project}", "page_size": 1000}, timeout=timeout_s, retry=None
        )
        for page in listing.pages:
            on_call("pubsub", "ListSubscriptions", "OK")
            found |= {item.name: _snapshot(item) for item in page.subscriptions}
    except FAILURES as failure:
        error = call_error(failure)
        code = canonical_code(error)
        on_call("pubsub", "ListSubscriptions", code)
        raise as_source_error(error, code) from error
    return found


def as_source_error(error: exceptions.GoogleAPICallError, code: str) -> SourceError:
    """Say whether asking again can help, and what to do where it cannot."""
    if code in ("PERMISSION_DENIED", "UNAUTHENTICATED", "NOT_FOUND", "INVALID_ARGUMENT"):
        return Permanent(code, error.message, remedy="grant pubsub.subscriptions.list on the project")
    return Transient(code, error.message)


def _snapshot(item: PubSubSubscription) -> Subscription:
    own = PubSubSubscription.State(item.state).name
    destination = BigQueryConfig.State(item.bigquery_config.state).name
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
        retention_s=float(PubSubSubscription.pb(item).message_retention_duration.seconds),
    )
