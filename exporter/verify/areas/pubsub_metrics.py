"""P: what Pub/Sub's metrics count, in which unit, and under which labels."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from google.api.metric_pb2 import MetricDescriptor
from google.api_core import exceptions
from google.pubsub_v1 import types

from exporter.verify.areas import pubsub_metrics_backlog as backlog
from exporter.verify.areas import pubsub_metrics_delays as delays
from exporter.verify.areas import pubsub_metrics_pushes as pushes
from exporter.verify.areas.pubsub_metrics_series import PREFIX, Point, points, settled, total
from exporter.verify.lab import Lab
from exporter.verify.pipeline import BY_NAME, TIMEOUT_S
from exporter.verify.questions import Check, CouldNotAsk, Seen, Step
from exporter.verify.steps import BAD_MESSAGES

_SOURCE = "https://docs.cloud.google.com/monitoring/api/metrics_gcp_p_z#gcp-pubsub"
_TOPIC = "https://docs.cloud.google.com/pubsub/docs/monitor-topic"
_PATIENCE = timedelta(minutes=30)
_REFUSED = 3
_OPERATIONS = "send_message_operation_count"
_OVERHEAD_BYTES = 200
"""At most so many bytes beside body and attributes count for a message."""

_KINDS = {
    "topic/message_sizes": ("DELTA", "DISTRIBUTION", ()),
    "topic/send_request_count": ("DELTA", "INT64", ("response_class", "response_code")),
    "topic/send_message_operation_count": ("DELTA", "INT64", ("response_code",)),
    "subscription/push_request_count": ("DELTA", "INT64", ("delivery_type", "response_class", "response_code")),
    "subscription/dead_letter_message_count": ("DELTA", "INT64", ()),
    "subscription/num_undelivered_messages": ("GAUGE", "INT64", ()),
    "subscription/backlog_bytes": ("GAUGE", "INT64", ()),
    "subscription/oldest_unacked_message_age": ("GAUGE", "INT64", ()),
}
"""Metrics that the exporter reads: kind, type of value, and the labels that it relies on."""

Ask = Callable[[Lab], Seen | None]


def _sent(lab: Lab) -> list[dict[str, Any]]:
    """All that was published to the topic of ``main``, bad messages too."""
    return [*lab.book.get("messages main"), *lab.book.get("poison main")]


def _requests(lab: Lab) -> int:
    return sum(len({each["batch"] for each in lab.book.get(name)}) for name in ("messages main", "poison main"))


def _messages(lab: Lab, found: list[Point]) -> bool:
    return total(found) == len(_sent(lab))


def _landed(lab: Lab, found: list[Point]) -> bool:
    return total(found) == len(lab.book.get("messages main"))


def _refuse(lab: Lab) -> bool:
    """Publish what no topic takes: messages without anything in them."""
    for place in range(_REFUSED):
        lab.once(f"empty message {place}", lambda: _publish_empty(lab))
    return True


def _publish_empty(lab: Lab) -> str:
    try:
        lab.services.publisher.publish(
            topic=BY_NAME["plain"].topic(lab.place), messages=[types.PubsubMessage()], timeout=TIMEOUT_S, retry=None
        )
    except exceptions.InvalidArgument as error:
        return lab.words(error)
    raise CouldNotAsk("Pub/Sub took a message without anything in it")


def _descriptors(lab: Lab) -> Seen:
    request = {"name": f"projects/{lab.place.project}", "filter": f'metric.type = starts_with("{PREFIX}")'}
    listed = lab.services.monitoring.list_metric_descriptors(request=request, timeout=TIMEOUT_S, retry=None)
    known = {each.type.removeprefix(PREFIX): each for each in listed}
    wrong = []
    for name, (kind, value, labels) in _KINDS.items():
        found = known.get(name)
        if found is None:
            wrong.append(f"{name}: missing")
            continue
        told = (
            MetricDescriptor.MetricKind.Name(found.metric_kind),
            MetricDescriptor.ValueType.Name(found.value_type),
        )
        missing = set(labels) - {label.key for label in found.labels}
        if told != (kind, value) or missing:
            wrong.append(f"{name}: {' '.join(told)}{', without ' + ', '.join(sorted(missing)) if missing else ''}")
    return Seen("; ".join(wrong) or f"all {len(_KINDS)} as expected", not wrong)


def _sizes(lab: Lab, found: list[Point]) -> Seen:
    count, sent = total(found), len(_sent(lab))
    requests = _requests(lab)
    text = f"count {count} for {sent} messages in {requests} requests"
    unit = {sent: "messages", requests: "batches"}.get(count)
    return Seen(text, count == sent, {} if unit is None else {"message_sizes_counts": unit})


def _bytes(lab: Lab, found: list[Point]) -> Seen:
    values = [point.value.distribution_value for point in found]
    measured = sum(round(value.mean * value.count) for value in values)
    count = len(_sent(lab))
    sent = sum(each["size_bytes"] for each in _sent(lab))
    beside = measured - sent
    text = f"sum {measured}, {sent} bytes of bodies and attributes were sent"
    text += f": {beside / count:.3g} bytes more for a message" if beside else ""
    known = total(found) in (count, _requests(lab))
    return Seen(text, known and 0 <= beside <= count * _OVERHEAD_BYTES)


def _publishes(lab: Lab, found: list[Point]) -> Seen:
    count, sent, requests = total(found, response_code="success"), len(_sent(lab)), _requests(lab)
    unit = {sent: "messages", requests: "requests"}.get(count)
    text = f"{count} for {sent} messages in {requests} requests"
    return Seen(text, count == requests, {} if unit is None else {"send_request_counts": unit})


def _operations(lab: Lab, found: list[Point]) -> Seen:
    count, sent = total(found, response_code="success"), len(_sent(lab))
    return Seen(f"{count} with response_code success for {sent} messages", count == sent)


def _rejected(lab: Lab, found: list[Point]) -> Seen:
    """What both metrics say of the refused messages; each was a request of its own."""
    told = {"send_request_count": found, _OPERATIONS: points(lab, f"topic/{_OPERATIONS}", "plain")}
    counts = {name: total(each, response_code="invalid_argument") for name, each in told.items()}
    codes = {point.labels["response_code"] for each in told.values() for point in each} - {"success"}
    words = ", ".join(f"{name} {count}" for name, count in counts.items())
    text = f"with invalid_argument, of {_REFUSED}: {words}; codes of errors: {', '.join(sorted(codes)) or 'none'}"
    return Seen(text, counts["send_request_count"] == _REFUSED)


def _acknowledged(lab: Lab, found: list[Point]) -> Seen:
    count, sent = total(found), len(lab.book.get("messages main"))
    return Seen(f"{count} for {sent} messages", count == sent, {"ack_count_has_bigquery": count > 0})


def _dead_letters(_: Lab, found: list[Point]) -> Seen:
    count = total(found)
    text = f"{count} for {BAD_MESSAGES} messages"
    return Seen(text, count == BAD_MESSAGES, {"dead_letter_count_written": count > 0})


def _all_requests(lab: Lab, found: list[Point]) -> bool:
    return total(found) == _requests(lab)


def _rejections(lab: Lab, found: list[Point]) -> bool:
    operations = points(lab, f"topic/{_OPERATIONS}", "plain")
    return all(total(each, response_code="invalid_argument") >= _REFUSED for each in (found, operations))


STEPS = (Step("empty", "publishing messages that no topic takes", _refuse, needs=("created",)),)


def _check(name: str, question: str, expected: str, source: str, ask: Ask, *needs: str) -> Check:
    return Check(name, question, expected, source, ask, needs, _PATIENCE)


CHECKS = (
    _check(
        "P01",
        "Are the metrics that the exporter reads there, with their kinds and labels?",
        f"all {len(_KINDS)}",
        _SOURCE,
        _descriptors,
        "created",
    ),
    _check(
        "P02",
        "What does one count of topic/message_sizes stand for?",
        "a message: the count is what was published, exactly",
        _SOURCE,
        settled("topic/message_sizes", "main", _messages, _sizes),
        "poisoned",
    ),
    _check(
        "P03",
        "What is the sum of topic/message_sizes?",
        f"the bytes of bodies and attributes, and at most {_OVERHEAD_BYTES} more for a message",
        _SOURCE,
        settled("topic/message_sizes", "main", _messages, _bytes),
        "poisoned",
    ),
    _check(
        "P04",
        "What does topic/send_request_count count?",
        "requests, however many messages each holds",
        _SOURCE,
        settled("topic/send_request_count", "main", _all_requests, _publishes),
        "poisoned",
    ),
    _check(
        "P05",
        "What does topic/send_message_operation_count count?",
        "messages; those that were taken under success",
        _SOURCE,
        settled("topic/send_message_operation_count", "main", _messages, _operations),
        "poisoned",
    ),
    _check(
        "P06",
        "Which metrics of a topic count messages that it refuses?",
        "send_request_count under invalid_argument, with or without send_message_operation_count",
        _TOPIC,
        settled("topic/send_request_count", "plain", _rejections, _rejected),
        "empty",
    ),
    *pushes.CHECKS,
    _check(
        "P15",
        "Does ack_message_count count deliveries to BigQuery?",
        "yes, messages; nothing is documented, and nothing relies on it",
        _SOURCE,
        settled("subscription/ack_message_count", "main", _landed, _acknowledged),
        "landed",
    ),
    _check(
        "P16",
        "Does dead_letter_message_count count messages that were forwarded?",
        "yes, exactly",
        _SOURCE,
        settled(
            "subscription/dead_letter_message_count",
            "main",
            lambda _, found: total(found) >= BAD_MESSAGES,
            _dead_letters,
        ),
        "dead letters",
    ),
    *backlog.CHECKS,
    *delays.CHECKS,
)
