from __future__ import annotations

from datetime import timedelta

import pytest
from google.pubsub_v1 import types

from exporter.sandbox.clock import from_us
from exporter.sandbox.pubsub.engine import PubSub
from exporter.sandbox.pubsub.errors import Refused
from exporter.sandbox.pubsub.messages import Draft
from tests.sandbox.pubsub.pipeline import (
    DAY,
    HOUR,
    MINUTE,
    PROJECT,
    SECOND,
    T0,
    add_pipeline,
    add_pull,
    add_topic,
    dead_letters_to,
    publish_evenly,
    table_name,
    topic_name,
)
from tests.sandbox.pubsub.recording import RecordingSink

NAME = f"{PROJECT}/snapshots/mark"


def drain(engine: PubSub, reader: str, at_us: int) -> list[bytes]:
    """Pull and acknowledge everything; the bodies."""
    received = engine.subscriptions.pull(reader, 1000, at_us)
    if received:
        engine.subscriptions.acknowledge(reader, [lease.ack_id for lease in received], at_us)
    return [lease.message.data for lease in received]


def publish(engine: PubSub, body: bytes, at_us: int) -> None:
    engine.publish(topic_name("flights"), [Draft(body)], at_us)


def take(engine: PubSub, reader: str, at_us: int, name: str = NAME) -> types.Snapshot:
    return engine.snapshots.create(types.CreateSnapshotRequest(name=name, subscription=reader), at_us)


@pytest.mark.parametrize("by_topic", [True, False])
def test_a_seek_to_a_time_brings_back_what_is_retained(engine: PubSub, by_topic: bool) -> None:
    add_topic(engine, "flights", message_retention_duration={"seconds": 3600} if by_topic else None)
    reader = add_pull(engine, "reader", "flights", retain_acked_messages=not by_topic, filter="NOT attributes:dropped")
    for minute in range(10):
        engine.publish(topic_name("flights"), [Draft(str(minute).encode())], T0 + minute * MINUTE)
        engine.publish(topic_name("flights"), [Draft(b"no", {"dropped": ""})], T0 + minute * MINUTE)
    assert len(drain(engine, reader, T0 + 10 * MINUTE)) == 10
    engine.snapshots.seek_to_time(reader, T0 + 6 * MINUTE, T0 + 10 * MINUTE)
    assert drain(engine, reader, T0 + 11 * MINUTE) == [b"6", b"7", b"8", b"9"]
    assert engine.subscriptions.tally(reader).replayed == 4


def test_a_seek_drops_what_is_older(engine: PubSub) -> None:
    add_topic(engine, "flights")
    reader = add_pull(engine, "reader", "flights")
    publish(engine, b"old", T0)
    publish(engine, b"new", T0 + MINUTE)
    engine.snapshots.seek_to_time(reader, T0 + MINUTE, T0 + 2 * MINUTE)
    assert drain(engine, reader, T0 + 2 * MINUTE) == [b"new"]
    assert engine.subscriptions.tally(reader).purged == 1


def test_without_retention_acknowledged_messages_stay_gone(engine: PubSub) -> None:
    add_topic(engine, "flights")
    reader = add_pull(engine, "reader", "flights")
    publish(engine, b"1", T0)
    assert drain(engine, reader, T0) == [b"1"]
    engine.snapshots.seek_to_time(reader, T0 - HOUR, T0 + MINUTE)
    assert drain(engine, reader, T0 + MINUTE) == []


def test_retention_ends(engine: PubSub) -> None:
    add_topic(engine, "flights")
    reader = add_pull(
        engine, "reader", "flights", retain_acked_messages=True, message_retention_duration={"seconds": 600}
    )
    publish(engine, b"1", T0)
    publish(engine, b"2", T0 + 5 * MINUTE)
    drain(engine, reader, T0 + 5 * MINUTE)
    engine.snapshots.seek_to_time(reader, T0, T0 + 12 * MINUTE)
    assert drain(engine, reader, T0 + 12 * MINUTE) == [b"2"]


def test_a_topic_retains_so_long_and_no_longer(engine: PubSub) -> None:
    add_topic(engine, "flights", message_retention_duration={"seconds": 3600})
    reader = add_pull(engine, "reader", "flights")
    short = add_pull(engine, "short", "flights", message_retention_duration={"seconds": 1800})
    for minute in range(0, 120, 10):
        publish(engine, str(minute).encode(), T0 + minute * MINUTE)
    for name in (reader, short):
        drain(engine, name, T0 + 119 * MINUTE)
        engine.snapshots.seek_to_time(name, T0, T0 + 119 * MINUTE)
    assert drain(engine, reader, T0 + 119 * MINUTE) == [b"60", b"70", b"80", b"90", b"100", b"110"]
    assert engine.subscriptions.tally(short).replayed == 3


def test_attempts_of_a_replayed_message_are_counted_anew(engine: PubSub) -> None:
    add_topic(engine, "flights")
    add_topic(engine, "grave")
    reader = add_pull(
        engine, "reader", "flights", retain_acked_messages=True, dead_letter_policy=dead_letters_to("grave")
    )
    publish(engine, b"1", T0)
    for attempt in (1, 2, 3):
        (lease,) = engine.subscriptions.pull(reader, 1, T0 + attempt * MINUTE)
        assert lease.delivery_attempt == attempt
    engine.subscriptions.acknowledge(reader, [lease.ack_id], T0 + 3 * MINUTE)
    engine.snapshots.seek_to_time(reader, T0, T0 + 4 * MINUTE)
    (lease,) = engine.subscriptions.pull(reader, 1, T0 + 4 * MINUTE)
    assert lease.delivery_attempt == 1


def test_a_replayed_table_gets_rows_again(engine: PubSub, sink: RecordingSink) -> None:
    subscription = add_pipeline(engine, retain_acked_messages=True)
    publish_evenly(engine, "flights", 60, T0, HOUR)
    engine.run_until(T0 + HOUR + MINUTE)
    engine.snapshots.seek_to_time(subscription, T0 + HOUR // 2, T0 + HOUR + MINUTE)
    engine.run_until(T0 + 2 * HOUR)
    assert len(sink.rows(table_name("flights"))) == 90
    assert len(set(sink.column(table_name("flights"), "message_id"))) == 60


def test_a_snapshot_holds_what_was_unacknowledged_and_what_came_later(engine: PubSub) -> None:
    add_topic(engine, "flights")
    reader, other = add_pull(engine, "reader", "flights"), add_pull(engine, "other", "flights")
    publish(engine, b"done", T0)
    drain(engine, reader, T0)
    publish(engine, b"open", T0 + SECOND)
    snapshot = take(engine, reader, T0 + 2 * SECOND)
    assert snapshot == types.Snapshot(
        name=NAME, topic=topic_name("flights"), expire_time=from_us(T0 + SECOND + 7 * DAY)
    )
    publish(engine, b"later", T0 + 3 * SECOND)
    assert drain(engine, reader, T0 + MINUTE) == [b"open", b"later"]
    drain(engine, other, T0 + MINUTE)
    for name in (reader, other):
        engine.snapshots.seek(name, NAME, T0 + MINUTE)
        assert drain(engine, name, T0 + MINUTE) == [b"open", b"later"]


def test_snapshots_are_listed_changed_and_expire(engine: PubSub) -> None:
    add_topic(engine, "flights")
    reader = add_pull(engine, "reader", "flights")
    take(engine, reader, T0)
    take(engine, reader, T0, f"{PROJECT}/snapshots/another")
    assert [s.name.rpartition("/")[2] for s in engine.snapshots.list(PROJECT)] == ["another", "mark"]
    assert engine.topics.snapshots(topic_name("flights")) == [f"{PROJECT}/snapshots/another", NAME]
    changed = types.Snapshot(name=NAME, labels={"a": "b"}, expire_time=from_us(T0 + 2 * HOUR))
    assert engine.snapshots.update(changed, ["labels", "expire_time"], T0).labels == {"a": "b"}
    with pytest.raises(Refused, match="only labels"):
        engine.snapshots.update(changed, ["topic"], T0)
    engine.run_until(T0 + 2 * HOUR)
    with pytest.raises(Refused) as refusal:
        engine.snapshots.get(NAME)
    assert refusal.value.code == "NOT_FOUND"
    engine.run_until(T0 + 8 * DAY)
    assert engine.snapshots.list(PROJECT) == []


def test_a_snapshot_outlives_its_topic_but_serves_no_other(engine: PubSub) -> None:
    add_topic(engine, "flights")
    add_topic(engine, "trains")
    reader, foreign = add_pull(engine, "reader", "flights"), add_pull(engine, "foreign", "trains")
    take(engine, reader, T0)
    with pytest.raises(Refused) as refusal:
        engine.snapshots.seek(foreign, NAME, T0)
    assert refusal.value.code == "FAILED_PRECONDITION"
    engine.topics.delete(topic_name("flights"), T0)
    assert engine.snapshots.get(NAME).topic == "_deleted-topic_"
    engine.snapshots.delete(NAME, T0)
    assert engine.snapshots.list(PROJECT) == []


def test_a_snapshot_must_live_an_hour(engine: PubSub) -> None:
    add_topic(engine, "flights")
    reader = add_pull(engine, "reader", "flights", message_retention_duration=timedelta(days=31))
    publish(engine, b"old", T0)
    with pytest.raises(Refused) as refusal:
        take(engine, reader, T0 + 7 * DAY - HOUR + 1)
    assert refusal.value.code == "FAILED_PRECONDITION"
