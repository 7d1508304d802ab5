"""The metrics that Pub/Sub itself writes: what each is, and how its points follow from the ledger.

Kinds, units and labels: https://cloud.google.com/monitoring/api/metrics_gcp_p_z#gcp-pubsub. A minute in which nothing was counted
has no point of a count; a gauge has one at the end of every minute of a subscription that exists.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from google.api.distribution_pb2 import Distribution

from exporter.sandbox.conduct import Conduct
from exporter.sandbox.ledger import SubscriptionMinute, TopicMinute
from exporter.sandbox.monitoring import kinds
from exporter.sandbox.monitoring.errors import Proto

SIZE_BUCKETS = 24
"""Finite buckets of message sizes, doubling from 1 byte on: a message has at most 10 MB."""

MIN_REQUEST_BYTES = 1000
"""What a publish request counts for at least (https://cloud.google.com/pubsub/quotas)."""

_LATENCY_BUCKETS = 66

Values = Iterator[tuple[Mapping[str, str], Any]]
"""Values of one minute by metric labels."""


@dataclass(frozen=True, slots=True)
class ServiceMetric:
    """One metric of a service; ``delay_s`` is its ingest delay, ``values`` gives what a minute of the ledger says."""

    name: str
    resource: str
    kind: int
    value_type: int
    unit: str
    labels: tuple[str, ...]
    delay_s: float
    description: str
    values: Callable[[Any, Conduct], Values]

    @property
    def metric_type(self) -> str:
        """The full metric type."""
        return f"pubsub.googleapis.com/{self.name}"


def _operations(minute: TopicMinute, _: Conduct) -> Values:
    if minute.messages:
        yield {"response_code": "success"}, minute.messages
    for code, count in minute.rejected.items():
        yield {"response_code": code.lower()}, count


def _requests(minute: TopicMinute, conduct: Conduct) -> Values:
    """Refused messages count as a request each: the ledger does not keep how they were batched."""
    if minute.requests:
        count = minute.requests if conduct.send_request_counts == "requests" else minute.messages
        yield {"response_class": "success", "response_code": "success"}, count
    for code, count in minute.rejected.items():
        yield {"response_class": _response_class(code), "response_code": code.lower()}, count


def _response_class(code: str) -> str:
    return "invalid" if code.upper() in ("INVALID_ARGUMENT", "NOT_FOUND", "PERMISSION_DENIED") else "internal"


def _sizes(minute: TopicMinute, conduct: Conduct) -> Values:
    if minute.messages and conduct.message_sizes_counts == "batches":
        # As if all batches of the minute were of one size: the ledger keeps no sizes of batches.
        alike = Counter({(minute.message_bytes // minute.requests).bit_length(): minute.requests})
        yield {}, size_distribution(alike, minute.message_bytes)
    elif minute.messages:
        yield {}, size_distribution(minute.sizes, minute.message_bytes)


def size_distribution(sizes: Counter[int], total: int) -> Proto:
    """Messages by the bit length of their size as a distribution whose count and sum are exact.

    The squared deviation is estimated from the middles of the buckets: the ledger keeps no squares.
    """
    count = sizes.total()
    value = Distribution(count=count, mean=total / count)
    options = value.bucket_options.exponential_buckets
    options.num_finite_buckets, options.growth_factor, options.scale = SIZE_BUCKETS, 2.0, 1.0
    # Bucket i of these, from 1 on, holds [2**(i-1), 2**i): the sizes of i bits.
    counts = [0] * (SIZE_BUCKETS + 2)
    for bits, number in sizes.items():
        counts[min(bits, SIZE_BUCKETS + 1)] += number
    value.bucket_counts.extend(counts)
    middles = ((0.75 * 2**bits if bits else 0.0, number) for bits, number in sizes.items())
    if len(sizes) > 1:
        value.sum_of_squared_deviation = sum(number * (middle - value.mean) ** 2 for middle, number in middles)
    return value


def _topic_bytes(minute: TopicMinute, _: Conduct) -> Values:
    if minute.requests:
        cost = max(minute.message_bytes, minute.requests * MIN_REQUEST_BYTES)
        yield {"operation_type": "publish", "response_code": "success"}, cost


def _pushes(minute: SubscriptionMinute, conduct: Conduct) -> Values:
    for (result, code), count in _attempts(minute, conduct).items():
        yield {"response_class": result, "response_code": code, "delivery_type": conduct.delivery_type}, count


def _attempts(minute: SubscriptionMinute, conduct: Conduct) -> Counter[tuple[str, str]]:
    """Attempts by class and code as the conduct in force words them; the ledger's words are the usual ones."""
    codes = {
        "invalid_argument": conduct.response_code_row,
        "not_found": conduct.response_code_missing_table,
        "permission_denied": conduct.response_code_denied,
        "failed_precondition": conduct.response_code_mismatch,
    }
    found: Counter[tuple[str, str]] = Counter()
    for (result, code), count in minute.attempts.items():
        shown = conduct.response_class_ok if result == "ack" else conduct.response_class_refused
        found[shown, codes.get(code, code)] += count
    return found


def _latencies(minute: SubscriptionMinute, conduct: Conduct) -> Values:
    """Every push takes the same modelled time: the ledger keeps none."""
    codes: Counter[str] = Counter()
    for (_, response_code), count in _attempts(minute, conduct).items():
        codes[response_code] += count
    latency_us = conduct.push_latency_ms * 1000
    for response_code, count in codes.items():
        value = Distribution(count=count, mean=float(latency_us))
        options = value.bucket_options.exponential_buckets
        options.num_finite_buckets, options.growth_factor, options.scale = _LATENCY_BUCKETS - 2, 2.0, 1.0
        counts = [0] * _LATENCY_BUCKETS
        counts[latency_us.bit_length()] = count
        value.bucket_counts.extend(counts)
        yield {"response_code": response_code, "delivery_type": conduct.delivery_type}, value


def _unsaid(minute: SubscriptionMinute, conduct: Conduct) -> bool:
    """Whether counts of messages leave out a subscription to BigQuery: only those have attempts."""
    return bool(minute.attempts) and not conduct.ack_count_has_bigquery


def _sent(minute: SubscriptionMinute, conduct: Conduct) -> Values:
    """What was acknowledged and one message for each failed attempt: the ledger does not keep how many each held."""
    failed = sum(count for (result, _), count in minute.attempts.items() if result != "ack")
    sent = minute.delivered + minute.lost + failed
    if sent and not _unsaid(minute, conduct):
        yield {"delivery_type": conduct.delivery_type}, sent


def _acked(minute: SubscriptionMinute, conduct: Conduct) -> Values:
    """What the service takes for delivered: messages that were lost on the way too."""
    acknowledged = minute.delivered + minute.lost
    if acknowledged and not _unsaid(minute, conduct):
        yield {"delivery_type": conduct.delivery_type}, acknowledged


def _dead_lettered(minute: SubscriptionMinute, conduct: Conduct) -> Values:
    if minute.dead_lettered and conduct.dead_letter_count_written:
        yield {"response_code": "success"}, minute.dead_lettered


def _backlog(minute: SubscriptionMinute, _: Conduct) -> Values:
    if minute.backlog is not None:
        yield {}, minute.backlog


def _backlog_bytes(minute: SubscriptionMinute, _: Conduct) -> Values:
    if minute.backlog_bytes is not None:
        yield {}, minute.backlog_bytes


def _oldest_age(minute: SubscriptionMinute, _: Conduct) -> Values:
    if minute.oldest_unacked_age_s is not None:
        yield {}, int(minute.oldest_unacked_age_s)


def _nothing(_: SubscriptionMinute, __: Conduct) -> Values:
    return iter(())


TOPIC, SUBSCRIPTION = "pubsub_topic", "pubsub_subscription"
_INT, _DIST = kinds.INT64, kinds.DISTRIBUTION
_BY_CODE = ("response_code",)
_BY_CLASS = ("response_class", "response_code")

_METRICS = (
    ServiceMetric(
        "topic/send_message_operation_count", TOPIC, kinds.DELTA, _INT, "1", _BY_CODE, 240,
        "Messages that were to be published, by result.", _operations,
    ),
    ServiceMetric(
        "topic/send_request_count", TOPIC, kinds.DELTA, _INT, "1", _BY_CLASS, 120,
        "Publish requests, by result.", _requests,
    ),
    ServiceMetric(
        "topic/message_sizes", TOPIC, kinds.DELTA, _DIST, "By", (), 240,
        "Sizes of published messages.", _sizes,
    ),
    ServiceMetric(
        "topic/byte_cost", TOPIC, kinds.DELTA, _INT, "By", ("operation_type", "response_code"), 240,
        "What operations count for in quotas.", _topic_bytes,
    ),
    ServiceMetric(
        "subscription/push_request_count", SUBSCRIPTION, kinds.DELTA, _INT, "1", (*_BY_CLASS, "delivery_type"), 120,
        "Attempts to deliver, by result.", _pushes,
    ),
    ServiceMetric(
        "subscription/push_request_latencies", SUBSCRIPTION, kinds.DELTA, _DIST, "us",
        (*_BY_CODE, "delivery_type"), 240, "How long attempts to deliver took.", _latencies,
    ),
    ServiceMetric(
        "subscription/sent_message_count", SUBSCRIPTION, kinds.DELTA, _INT, "1", ("delivery_type",), 240,
        "Messages sent to the subscriber.", _sent,
    ),
    ServiceMetric(
        "subscription/ack_message_count", SUBSCRIPTION, kinds.DELTA, _INT, "1", ("delivery_type",), 240,
        "Messages that the subscriber acknowledged.", _acked,
    ),
    ServiceMetric(
        "subscription/dead_letter_message_count", SUBSCRIPTION, kinds.DELTA, _INT, "1", _BY_CODE, 240,
        "Messages forwarded to the dead-letter topic, by result.", _dead_lettered,
    ),
    ServiceMetric(
        "subscription/num_undelivered_messages", SUBSCRIPTION, kinds.GAUGE, _INT, "1", (), 120,
        "Messages that are not acknowledged yet.", _backlog,
    ),
    ServiceMetric(
        "subscription/oldest_unacked_message_age", SUBSCRIPTION, kinds.GAUGE, _INT, "s", (), 120,
        "Age of the oldest message that is not acknowledged yet.", _oldest_age,
    ),
    ServiceMetric(
        "subscription/backlog_bytes", SUBSCRIPTION, kinds.GAUGE, _INT, "By", (), 120,
        "Bytes of the messages that are not acknowledged yet.", _backlog_bytes,
    ),
    ServiceMetric(
        "subscription/byte_cost", SUBSCRIPTION, kinds.DELTA, _INT, "By", ("operation_type", "response_code"), 240,
        "What operations count for in quotas; no points: the ledger keeps no bytes of deliveries.", _nothing,
    ),
)  # fmt: skip

PUBSUB_METRICS: Mapping[str, ServiceMetric] = {metric.metric_type: metric for metric in _METRICS}
