"""Pipelines for the engine's tests: a topic, a subscription that delivers to a table, and what happened to both."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from google.pubsub_v1 import types

from exporter.sandbox.clock import to_us
from exporter.sandbox.ledger import MINUTE_US, Ledger
from exporter.sandbox.pubsub.engine import PubSub
from exporter.sandbox.pubsub.messages import Draft

START = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
T0 = to_us(START)
SECOND = 1_000_000
MINUTE = MINUTE_US
HOUR = 60 * MINUTE
DAY = 24 * HOUR

PROJECT = "projects/acme"


def topic_name(name: str) -> str:
    return f"{PROJECT}/topics/{name}"


def subscription_name(name: str) -> str:
    return f"{PROJECT}/subscriptions/{name}"


def table_name(name: str) -> str:
    return f"acme.raw.{name}"


def add_topic(engine: PubSub, name: str, at_us: int = T0, **fields: Any) -> str:
    engine.topics.create(types.Topic(name=topic_name(name), **fields), at_us)
    return topic_name(name)


def add_pull(engine: PubSub, name: str, topic: str, at_us: int = T0, **fields: Any) -> str:
    subscription = types.Subscription(name=subscription_name(name), topic=topic_name(topic), **fields)
    engine.subscriptions.create(subscription, at_us)
    return subscription_name(name)


def add_pipeline(
    engine: PubSub, name: str = "flights", at_us: int = T0, *, metadata: bool = True, **fields: Any
) -> str:
    """A topic and its BigQuery subscription, both of this name; the subscription's full name."""
    if topic_name(name) not in {topic.name for topic in engine.topics.list(PROJECT)}:
        add_topic(engine, name, at_us)
    config = {"table": table_name(name), "write_metadata": metadata} | fields.pop("bigquery_config", {})
    return add_pull(engine, name, name, at_us, bigquery_config=config, **fields)


def dead_letters_to(name: str, attempts: int = 5) -> dict[str, Any]:
    return {"dead_letter_topic": topic_name(name), "max_delivery_attempts": attempts}


def backoff(low_s: float, high_s: float) -> dict[str, Any]:
    return {"minimum_backoff": timedelta(seconds=low_s), "maximum_backoff": timedelta(seconds=high_s)}


def publish_evenly(
    engine: PubSub, topic: str, count: int, start_us: int, length_us: int, data: bytes = b"x"
) -> list[str]:
    """Single messages at equal distances from ``start_us`` on; their ids."""
    name = topic_name(topic)
    return [
        message_id
        for number in range(count)
        for message_id in engine.publish(name, [Draft(data)], start_us + number * length_us // count)
    ]


FLIGHTS = topic_name("flights")
PIPELINE = subscription_name("flights")
READER = subscription_name("reader")


def attempts(ledger: Ledger, subscription: str) -> dict[str, int]:
    """All delivery attempts of a subscription by response code."""
    counts: Counter[str] = Counter()
    for minute in ledger.subscriptions()[subscription].values():
        for (_, code), count in minute.attempts.items():
            counts[code] += count
    return dict(counts)


def total(ledger: Ledger, subscription: str, field: str, before_us: int | None = None) -> int:
    """The sum of a field over a subscription's minutes, all or those before a time."""
    minutes = ledger.subscriptions().get(subscription, {})
    return sum(getattr(minute, field) for start, minute in minutes.items() if before_us is None or start < before_us)


def published(ledger: Ledger, topic: str, before_us: int) -> int:
    """Messages published to a topic before a time."""
    minutes = ledger.topics().get(topic, {})
    return sum(minute.messages for start, minute in minutes.items() if start < before_us)
