"""What Pub/Sub's gauges say of messages that wait."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from exporter.verify.areas.pubsub_metrics_series import Point, settled
from exporter.verify.lab import Lab
from exporter.verify.questions import Check, CouldNotAsk, Seen
from exporter.verify.steps import BAD_MESSAGES

_SOURCE = "https://docs.cloud.google.com/monitoring/api/metrics_gcp_p_z#gcp-pubsub"
_SUBSCRIPTION = "https://docs.cloud.google.com/pubsub/docs/monitor-subscription"
_PATIENCE = timedelta(minutes=30)
_OVERHEAD_BYTES = 200
"""At most so many bytes beside body and attributes count for a message."""


def _backlog(lab: Lab, found: list[Point]) -> Seen:
    waiting = [point.number for point in found if point.end > lab.done_at("poisoned") + timedelta(minutes=1)]
    most = max(waiting, default=0)
    text = f"{most} at most, {BAD_MESSAGES} messages were refused and wait"
    return Seen(text, most == BAD_MESSAGES)


def _backlog_bytes(lab: Lab, found: list[Point]) -> Seen:
    """The highest value must be the bytes of the messages that wait, and a little for each."""
    most = max((point.number for point in found), default=0)
    if not most:
        raise CouldNotAsk("no point is above zero")
    least = sum(each["size_bytes"] for each in lab.book.get("poison plain"))
    expected = least <= most <= least + BAD_MESSAGES * _OVERHEAD_BYTES
    return Seen(f"{most} for {BAD_MESSAGES} messages of {least} bytes", expected)


def _empty(_: Lab, found: list[Point]) -> Seen:
    last = found[-1].number if found else None
    return Seen(f"{'no point' if last is None else last} when all messages had landed or been forwarded", last == 0)


def _age(_: Lab, found: list[Point]) -> Seen:
    """Between two points the age of messages that wait must grow by the time between them, give or take half of it."""
    waiting = [point for point in found if point.number > 0]
    if len(waiting) < 2:
        raise CouldNotAsk("fewer than two points are above zero")
    first, last = waiting[-2:]
    passed_s = (last.end - first.end).total_seconds()
    grown = last.number - first.number
    return Seen(f"grown by {grown} within {passed_s:g} s", abs(grown - passed_s) <= passed_s / 2)


def _period(_: Lab, found: list[Point]) -> Seen:
    gaps = [(late.end - early.end).total_seconds() for early, late in pairwise(found)]
    if not gaps:
        raise CouldNotAsk("there are fewer than two points")
    usual = sorted(gaps)[len(gaps) // 2]
    return Seen(f"{len(gaps) + 1} points, {usual:g} s apart", usual == 60)


def _several(_: Lab, found: list[Point]) -> bool:
    return len(found) >= 4


def _old(lab: Lab, found: list[Point]) -> bool:
    """Whether the time since the refused messages were published has several points."""
    return sum(point.end > lab.done_at("poisoned") + timedelta(minutes=1) for point in found) >= 3


def _after_all(lab: Lab, found: list[Point]) -> bool:
    """Whether there is a point of a minute that began when all had landed or been forwarded."""
    return bool(found) and found[-1].end > lab.done_at("dead letters") + timedelta(minutes=1)


CHECKS = (
    Check(
        "P17",
        "Is num_undelivered_messages 0 when everything was delivered?",
        "yes",
        _SUBSCRIPTION,
        settled("subscription/num_undelivered_messages", "main", _after_all, _empty),
        ("dead letters",),
        _PATIENCE,
    ),
    Check(
        "P18",
        "Does num_undelivered_messages count messages that the table refuses, where there is no dead-letter policy?",
        "yes: they wait and are tried again",
        _SUBSCRIPTION,
        settled("subscription/num_undelivered_messages", "plain", _old, _backlog),
        ("poisoned",),
        _PATIENCE,
    ),
    Check(
        "P19",
        "Are backlog_bytes the bytes of the messages that wait?",
        f"bodies and attributes, and at most {_OVERHEAD_BYTES} bytes for each message",
        _SUBSCRIPTION,
        settled("subscription/backlog_bytes", "plain", _old, _backlog_bytes),
        ("poisoned",),
        _PATIENCE,
    ),
    Check(
        "P20",
        "Does oldest_unacked_message_age grow while messages wait?",
        "a second in every second, give or take half",
        _SUBSCRIPTION,
        settled("subscription/oldest_unacked_message_age", "plain", _old, _age),
        ("poisoned",),
        _PATIENCE,
    ),
    Check(
        "P21",
        "How often is a gauge sampled?",
        "every 60 s",
        _SOURCE,
        settled("subscription/num_undelivered_messages", "main", _several, _period),
        ("created",),
        _PATIENCE,
    ),
)
