from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from exporter.sandbox.ledger import Ledger
from exporter.sandbox.pubsub.behaviour import Behaviour
from exporter.sandbox.pubsub.engine import PubSub
from exporter.sandbox.pubsub.errors import Refused
from exporter.sandbox.pubsub.messages import Draft
from tests.sandbox.pubsub.pipeline import (
    HOUR,
    MINUTE,
    SECOND,
    T0,
    add_pipeline,
    add_pull,
    add_topic,
    publish_evenly,
    topic_name,
    total,
)
from tests.sandbox.pubsub.recording import RecordingSink


def test_topics_count_requests_messages_and_bytes(engine: PubSub, ledger: Ledger) -> None:
    name = add_topic(engine, "flights")
    engine.publish(name, [Draft(b"abc"), Draft(b"", {"k\u00e9y": "v"})], T0 + MINUTE - 1)
    engine.publish(name, [Draft(b"x" * 1000)], T0 + MINUTE)
    engine.run_until(T0 + HOUR)
    first, second = ledger.topics()[name][T0], ledger.topics()[name][T0 + MINUTE]
    assert (first.requests, first.messages, first.message_bytes) == (1, 2, 3 + 5)
    assert first.sizes == Counter({2: 1, 3: 1})
    assert (second.requests, second.messages, second.message_bytes) == (1, 1, 1000)
    assert second.sizes == Counter({10: 1})


def test_nothing_is_in_the_ledger_before_its_time(engine: PubSub, ledger: Ledger) -> None:
    name = add_topic(engine, "flights")
    engine.publish(name, [Draft(b"abc")], T0 + HOUR)
    engine.reject(name, 3, "invalid_argument", T0 + HOUR)
    engine.run_until(T0 + HOUR - 1)
    assert ledger.topics() == {}
    engine.run_until(T0 + HOUR)
    assert ledger.topics()[name][T0 + HOUR].messages == 1
    assert ledger.topics()[name][T0 + HOUR].rejected == Counter(invalid_argument=3)


def test_refused_messages_are_rejected_not_published(engine: PubSub, ledger: Ledger) -> None:
    name = add_topic(engine, "flights")
    with pytest.raises(Refused, match="is empty"):
        engine.publish(name, [Draft(b"x"), Draft(b"")], T0)
    engine.run_until(T0)
    assert ledger.topics()[name][T0].rejected == Counter(invalid_argument=2)
    assert ledger.topics()[name][T0].messages == 0


def test_every_subscription_has_every_minute(engine: PubSub, ledger: Ledger) -> None:
    busy = add_pipeline(engine, "busy")
    publish_evenly(engine, "busy", 60, T0, HOUR)
    idle = add_pipeline(engine, "idle", T0 + 90 * SECOND)
    engine.run_until(T0 + HOUR)
    minutes = range(T0, T0 + HOUR, MINUTE)
    for name, starts in ((busy, minutes), (idle, minutes[1:])):
        ended = {start: m for start, m in ledger.subscriptions()[name].items() if start < T0 + HOUR}
        assert list(ended) == list(starts)
        assert all(minute.backlog is not None for minute in ended.values())
    for minute in ledger.subscriptions()[idle].values():
        assert (minute.backlog, minute.backlog_bytes, minute.oldest_unacked_age_s) == (0, 0, 0)
        assert (minute.attempts, minute.delivered, minute.dead_lettered, minute.lost) == ({}, 0, 0, 0)


def test_a_minute_that_is_not_over_has_no_end(engine: PubSub, ledger: Ledger) -> None:
    subscription = add_pipeline(engine)
    engine.publish(topic_name("flights"), [Draft(b"x")], T0)
    engine.run_until(T0 + MINUTE - 1)
    assert all(minute.backlog is None for minute in ledger.subscriptions()[subscription].values())
    engine.run_until(T0 + MINUTE)
    assert ledger.subscriptions()[subscription][T0].backlog == 0


def test_backlog_is_what_was_published_before_and_not_acknowledged_before(engine: PubSub, ledger: Ledger) -> None:
    add_topic(engine, "flights")
    subscription = add_pull(engine, "reader", "flights")
    engine.publish(topic_name("flights"), [Draft(b"12345", {"a": "b"})], T0 + 10 * SECOND)
    engine.publish(topic_name("flights"), [Draft(b"123")], T0 + 40 * SECOND)
    engine.publish(topic_name("flights"), [Draft(b"1")], T0 + MINUTE)
    engine.run_until(T0 + MINUTE)
    minute = ledger.subscriptions()[subscription][T0]
    assert (minute.backlog, minute.backlog_bytes, minute.oldest_unacked_age_s) == (2, 10, 50)
    first, *_ = engine.subscriptions.pull(subscription, 10, T0 + MINUTE)
    engine.subscriptions.acknowledge(subscription, [first.ack_id], T0 + MINUTE + 5 * SECOND)
    engine.run_until(T0 + 3 * MINUTE)
    states = [
        (minute.backlog, minute.backlog_bytes, minute.oldest_unacked_age_s, minute.delivered)
        for minute in ledger.subscriptions()[subscription].values()
    ]
    assert states == [(2, 10, 50, 0), (2, 4, 80, 1), (2, 4, 140, 0)]


def test_filtered_messages_never_were_in_the_backlog(engine: PubSub, sink: RecordingSink, ledger: Ledger) -> None:
    subscription = add_pipeline(engine, filter='attributes.kind = "departure"')
    for number in range(60):
        kind = "departure" if number % 3 == 0 else "arrival"
        engine.publish(topic_name("flights"), [Draft(b"x", {"kind": kind})], T0 + number * SECOND)
    engine.run_until(T0 + MINUTE)
    in_flight = ledger.subscriptions()[subscription][T0].backlog
    assert in_flight == 20 - len(sink.rows("acme.raw.flights"))
    engine.run_until(T0 + HOUR)
    assert total(ledger, subscription, "delivered") == len(sink.rows("acme.raw.flights")) == 20
    assert engine.subscriptions.tally(subscription).filtered == 40


def test_a_subscription_sees_what_is_published_after_its_creation(engine: PubSub, sink: RecordingSink) -> None:
    add_topic(engine, "flights")
    early = engine.publish(topic_name("flights"), [Draft(b"early")], T0 + MINUTE)
    add_pipeline(engine, "flights", T0 + MINUTE)
    late = engine.publish(topic_name("flights"), [Draft(b"late")], T0 + MINUTE)
    engine.run_until(T0 + HOUR)
    assert sink.column("acme.raw.flights", "message_id") == late
    assert early != late


def test_ids_look_like_the_services(ledger: Ledger, sink: RecordingSink) -> None:
    def ids(seed: int, topic: str) -> list[str]:
        engine = PubSub(ledger, sink, seed=seed)
        add_topic(engine, topic)
        first = publish_evenly(engine, topic, 500, T0, HOUR)
        engine.topics.delete(topic_name(topic), T0 + HOUR)
        add_topic(engine, topic, T0 + HOUR)
        return [*first, *publish_evenly(engine, topic, 500, T0 + HOUR, HOUR)]

    some = ids(1, "one")
    assert all(message_id.isdecimal() and len(message_id) in (16, 17) for message_id in some)
    numbers = [int(message_id) for message_id in some]
    assert numbers == sorted(set(numbers))
    assert ids(1, "one") == some
    assert not set(some) & set(ids(2, "one"))
    assert not set(some) & set(ids(1, "two"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"loss_ratio": 1.1},
        {"duplicate_ratio": -0.1},
        {"latency_scale": -1},
        {"write_median_s": 0},
        {"batch_wait_s": (2, 1)},
        {"table_retry_s": (0, 1)},
    ],
)
def test_impossible_behaviour_is_refused(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=name):
        Behaviour(**wrong)


def test_only_bigquery_subscriptions_behave(engine: PubSub) -> None:
    add_topic(engine, "flights")
    subscription = add_pull(engine, "reader", "flights")
    with pytest.raises(ValueError, match="does not deliver to BigQuery"):
        engine.set_behaviour(subscription, Behaviour(), T0)
