"""Topics and subscriptions as resources: their defaults, their checks, their updates, and what the machine needs of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf import field_mask_pb2
from google.pubsub_v1 import types

from exporter.sandbox.pubsub.errors import Refused, invalid, invalid_argument, not_found, unimplemented
from exporter.sandbox.pubsub.filters import Predicate, compile_filter
from exporter.sandbox.pubsub.validation import (
    check_ack_deadline,
    check_labels,
    check_name,
    check_span,
    span,
)

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
RETENTION_US = (600 * SECOND_US, 31 * DAY_US)
MAX_BACKOFF_US = 600 * SECOND_US
DELIVERY_ATTEMPTS = (5, 100)

Proto = Any
"""A raw protobuf message of ``google.pubsub.v1``."""

_STATE = types.Subscription.State
_TARGET_STATE = types.BigQueryConfig.State

_TOPIC_FIELDS = {"labels", "message_retention_duration", "message_storage_policy", "schema_settings"}
_FIXED_TOPIC_FIELDS = {"name", "kms_key_name"}
_SUBSCRIPTION_FIELDS = {
    *("ack_deadline_seconds", "bigquery_config", "dead_letter_policy", "enable_exactly_once_delivery"),
    *(
        "expiration_policy",
        "labels",
        "message_retention_duration",
        "push_config",
        "retain_acked_messages",
        "retry_policy",
    ),
}
_FIXED_SUBSCRIPTION_FIELDS = {"name", "topic", "filter", "enable_message_ordering", "detached"}


@dataclass(frozen=True, slots=True)
class Target:
    """The table that a BigQuery subscription writes to, and what it writes."""

    table: str
    write_metadata: bool
    use_table_schema: bool
    drop_unknown_fields: bool


@dataclass(frozen=True, slots=True)
class Settings:
    """What the machine needs of a subscription; durations in microseconds, ``minimum_backoff_us`` None without retry policy."""

    ack_deadline_us: int
    retention_us: int
    retain_acked: bool
    ordered: bool
    matches: Predicate | None
    dead_letter_topic: str | None
    max_delivery_attempts: int
    minimum_backoff_us: int | None
    maximum_backoff_us: int
    target: Target | None


def to_us(duration: Proto) -> int:
    """Microseconds of a protobuf duration."""
    return int(duration.seconds) * SECOND_US + int(duration.nanos) // 1000


def complete_topic(topic: types.Topic) -> Proto:
    """A checked copy of a topic, as a raw protobuf message."""
    raw = types.Topic.pb(types.Topic(topic))
    check_name(raw.name, "topics")
    check_labels(raw.labels)
    if raw.HasField("message_retention_duration"):
        check_span("message retention duration", to_us(raw.message_retention_duration), *RETENTION_US)
    if raw.HasField("schema_settings"):
        raise not_found(raw.schema_settings.schema)
    if raw.HasField("ingestion_data_source_settings") or raw.message_transforms:
        raise unimplemented("ingestion or message transforms")
    return raw


def complete_subscription(subscription: types.Subscription) -> Proto:
    """A checked copy of a subscription with the service's defaults filled in, as a raw protobuf message."""
    raw = types.Subscription.pb(types.Subscription(subscription))
    check_name(raw.name, "subscriptions")
    check_labels(raw.labels)
    _refuse_missing_features(raw)
    raw.push_config.SetInParent()
    raw.ack_deadline_seconds = raw.ack_deadline_seconds or 10
    check_ack_deadline(raw.ack_deadline_seconds, minimum=10)
    if not raw.HasField("message_retention_duration"):
        raw.message_retention_duration.seconds = 7 * 86_400
    check_span("message retention duration", to_us(raw.message_retention_duration), *RETENTION_US)
    _complete_expiration(raw)
    if raw.HasField("retry_policy"):
        _complete_retry_policy(raw.retry_policy)
    if raw.HasField("dead_letter_policy"):
        _complete_dead_letter_policy(raw.dead_letter_policy)
    if raw.HasField("bigquery_config"):
        _complete_bigquery_config(raw.bigquery_config)
    return raw


def _refuse_missing_features(raw: Proto) -> None:
    if raw.push_config.push_endpoint:
        raise unimplemented("push subscriptions")
    if raw.HasField("cloud_storage_config") or raw.HasField("bigtable_config"):
        raise unimplemented("Cloud Storage and Bigtable subscriptions")
    if raw.message_transforms:
        raise unimplemented("message transforms")
    if raw.enable_exactly_once_delivery:
        raise unimplemented("exactly-once delivery")


def _complete_expiration(raw: Proto) -> None:
    if not raw.HasField("expiration_policy"):
        raw.expiration_policy.ttl.seconds = 31 * 86_400
    elif raw.expiration_policy.HasField("ttl") and to_us(raw.expiration_policy.ttl) < DAY_US:
        raise invalid(
            f"The value for expiration duration is too small. You passed {span(to_us(raw.expiration_policy.ttl))} "
            "in the request, but the minimum value is 24h."
        )


def _complete_retry_policy(policy: Proto) -> None:
    if not policy.HasField("minimum_backoff"):
        policy.minimum_backoff.seconds = 10
    if not policy.HasField("maximum_backoff"):
        policy.maximum_backoff.seconds = 600
    low, high = to_us(policy.minimum_backoff), to_us(policy.maximum_backoff)
    for name, value in (("minimum_backoff", low), ("maximum_backoff", high)):
        if not 0 <= value <= MAX_BACKOFF_US:
            raise invalid(
                f"The value for {name} is out of bounds. You passed {value // SECOND_US}s in the request, "
                "but the value must be between 0s and 600s."
            )
    if high < low:
        raise invalid(
            f"The value for maximum_backoff is too small. You passed {high // SECOND_US}s in the request, "
            f"but the minimum value is {low // SECOND_US}s."
        )


def _complete_dead_letter_policy(policy: Proto) -> None:
    policy.max_delivery_attempts = policy.max_delivery_attempts or DELIVERY_ATTEMPTS[0]
    given = policy.max_delivery_attempts
    low, high = DELIVERY_ATTEMPTS
    if not low <= given <= high:
        size, bound, limit = ("small", "minimum", low) if given < low else ("large", "maximum", high)
        raise Refused(
            "OUT_OF_RANGE",
            f"The value for max_delivery_attempts is too {size}. You passed {given} in the request, "
            f"but the {bound} value is {limit}.",
        )


def _complete_bigquery_config(config: Proto) -> None:
    parts = config.table.rsplit(".", 2)
    if len(parts) != 3 or not all(parts):
        raise invalid_argument("BigQueryConfig::table")
    if config.use_topic_schema:
        # Topics have no schemas here, and the service refuses to use the schema of a topic that has none.
        raise invalid_argument("BigQueryConfig::use_topic_schema")


def settings_of(raw: Proto) -> Settings:
    """What the machine needs of a completed subscription."""
    policy, retry, config = raw.dead_letter_policy, raw.retry_policy, raw.bigquery_config
    return Settings(
        ack_deadline_us=raw.ack_deadline_seconds * SECOND_US,
        retention_us=to_us(raw.message_retention_duration),
        retain_acked=raw.retain_acked_messages,
        ordered=raw.enable_message_ordering,
        matches=compile_filter(raw.filter),
        dead_letter_topic=policy.dead_letter_topic if raw.HasField("dead_letter_policy") else None,
        max_delivery_attempts=policy.max_delivery_attempts,
        minimum_backoff_us=to_us(retry.minimum_backoff) if raw.HasField("retry_policy") else None,
        maximum_backoff_us=to_us(retry.maximum_backoff),
        target=Target(config.table, config.write_metadata, config.use_table_schema, config.drop_unknown_fields)
        if raw.HasField("bigquery_config")
        else None,
    )


def set_state(raw: Proto, refusing: str | None) -> None:
    """Set a subscription's states: why its table refuses everything, by a name of ``BigQueryConfig.State``, or None."""
    raw.state = _STATE.ACTIVE if refusing is None else _STATE.RESOURCE_ERROR
    if raw.HasField("bigquery_config"):
        raw.bigquery_config.state = getattr(_TARGET_STATE, refusing or "ACTIVE")


def inherit_state(raw: Proto, before: Proto) -> None:
    """Carry the states over an update, which no caller can set."""
    raw.state = before.state
    if raw.HasField("bigquery_config"):
        raw.bigquery_config.state = before.bigquery_config.state


def updated_topic(current: Proto, given: types.Topic, paths: Sequence[str]) -> types.Topic:
    """A topic with some of its fields replaced by those given, still to be completed."""
    _check_mask("Topic", paths, _TOPIC_FIELDS, _FIXED_TOPIC_FIELDS, "schema_settings", "schemaSetings")
    return types.Topic(_merged(current, types.Topic.pb(given), paths))


def updated_subscription(current: Proto, given: types.Subscription, paths: Sequence[str]) -> types.Subscription:
    """A subscription with some of its fields replaced by those given, still to be completed."""
    _check_mask("Subscription", paths, _SUBSCRIPTION_FIELDS, _FIXED_SUBSCRIPTION_FIELDS, "push_config", "pushConfig")
    return types.Subscription(_merged(current, types.Subscription.pb(given), paths))


def _merged(current: Proto, given: Proto, paths: Sequence[str]) -> Proto:
    merged = type(current)()
    merged.CopyFrom(current)
    field_mask_pb2.FieldMask(paths=paths).MergeMessage(
        given, merged, replace_message_field=True, replace_repeated_field=True
    )
    return merged


def _check_mask(
    kind: str, paths: Sequence[str], known: Collection[str], fixed: Collection[str], example: str, wrong: str
) -> None:
    if not paths:
        raise invalid(
            f"The update_mask in the Update{kind}Request must be set, and must contain a non-empty paths list."
        )
    for path in paths:
        if path in fixed:
            raise invalid(
                f"Invalid update_mask provided in the Update{kind}Request: the '{path}' field in the {kind} is not mutable."
            )
        if path not in known:
            raise invalid(
                f"Invalid update_mask provided in the Update{kind}Request: {path} is not a known {kind} field. "
                f"Note that field paths must be of the form '{example}' rather than '{wrong}'."
            )
