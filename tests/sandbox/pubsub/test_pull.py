from __future__ import annotations

import pytest

from exporter.sandbox.ledger import Ledger
from exporter.sandbox.pubsub.engine import PubSub
from exporter.sandbox.pubsub.errors import Refused
from exporter.sandbox.pubsub.messages import Draft
from tests.sandbox.pubsub.pipeline import (
    MINUTE,
    SECOND,
    T0,
    add_pipeline,
    add_pull,
    add_topic,
    backoff,
    dead_letters_to,
    topic_name,
    total,
)


@pytest.fixture
def reader(engine: PubSub) -> str:
    add_topic(engine, "flights")
    return add_pull(engine, "reader", "flights")


def publish(engine: PubSub, *bodies: bytes, key: str = "", at_us: int = T0) -> None:
    for body in bodies:
        engine.publish(topic_name("flights"), [Draft(body, {}, key)], at_us)


def bodies(received: object) -> list[bytes]:
    assert isinstance(received, list)
    return [lease.message.data for lease in received]


def ack_ids(received: object) -> list[str]:
    assert isinstance(received, list)
    return [lease.ack_id for lease in received]


def test_messages_are_on_lease_until_acknowledged(engine: PubSub, reader: str, ledger: Ledger) -> None:
    publish(engine, b"1", b"2", b"3")
    first = engine.subscriptions.pull(reader, 2, T0)
    assert bodies(first) == [b"1", b"2"]
    assert bodies(engine.subscriptions.pull(reader, 2, T0)) == [b"3"]
    assert engine.subscriptions.pull(reader, 2, T0) == []
    engine.subscriptions.acknowledge(reader, ack_ids(first), T0 + SECOND)
    assert total(ledger, reader, "delivered") == 2
    assert engine.subscriptions.tally(reader).delivered == 2


def test_a_lease_ends_at_its_deadline(engine: PubSub, reader: str) -> None:
    publish(engine, b"1")
    first = engine.subscriptions.pull(reader, 1, T0)
    assert engine.subscriptions.pull(reader, 1, T0 + 10 * SECOND - 1) == []
    second = engine.subscriptions.pull(reader, 1, T0 + 10 * SECOND)
    assert bodies(second) == [b"1"]
    assert ack_ids(first) != ack_ids(second)
    engine.subscriptions.acknowledge(reader, ack_ids(first), T0 + 11 * SECOND)
    assert engine.subscriptions.tally(reader).delivered == 0
    engine.subscriptions.acknowledge(reader, ack_ids(second), T0 + 11 * SECOND)
    assert engine.subscriptions.tally(reader).delivered == 1
    engine.subscriptions.acknowledge(reader, ack_ids(second), T0 + 11 * SECOND)
    assert engine.subscriptions.tally(reader).delivered == 1


def test_a_deadline_can_be_moved_both_ways(engine: PubSub, reader: str) -> None:
    publish(engine, b"1", b"2")
    leases = engine.subscriptions.pull(reader, 2, T0)
    engine.subscriptions.modify_ack_deadline(reader, ack_ids(leases)[:1], 60, T0 + 5 * SECOND)
    engine.subscriptions.modify_ack_deadline(reader, ack_ids(leases)[1:], 2, T0 + 5 * SECOND)
    assert engine.subscriptions.pull(reader, 2, T0 + 7 * SECOND - 1) == []
    assert bodies(engine.subscriptions.pull(reader, 2, T0 + 7 * SECOND, deadline_s=600)) == [b"2"]
    assert engine.subscriptions.pull(reader, 2, T0 + 65 * SECOND - 1) == []
    assert bodies(engine.subscriptions.pull(reader, 2, T0 + 65 * SECOND)) == [b"1"]


def test_a_nacked_message_comes_back_at_once_and_last(engine: PubSub, reader: str) -> None:
    publish(engine, b"1", b"2", b"3")
    first = engine.subscriptions.pull(reader, 1, T0)
    engine.subscriptions.modify_ack_deadline(reader, ack_ids(first), 0, T0 + SECOND)
    assert bodies(engine.subscriptions.pull(reader, 10, T0 + SECOND)) == [b"2", b"3", b"1"]


def test_a_retry_policy_delays_redelivery_more_and_more(engine: PubSub) -> None:
    add_topic(engine, "flights")
    reader = add_pull(engine, "slow", "flights", retry_policy=backoff(10, 30))
    publish(engine, b"1")
    now_us = T0
    for wait in (10, 20, 30, 30):
        leases = engine.subscriptions.pull(reader, 1, now_us)
        assert bodies(leases) == [b"1"]
        engine.subscriptions.modify_ack_deadline(reader, ack_ids(leases), 0, now_us)
        assert engine.subscriptions.pull(reader, 1, now_us + wait * SECOND - 1) == []
        now_us += wait * SECOND


def test_attempts_are_counted_with_a_dead_letter_policy_only(engine: PubSub, reader: str) -> None:
    add_topic(engine, "grave")
    counted = add_pull(engine, "counted", "flights", dead_letter_policy=dead_letters_to("grave", 5))
    publish(engine, b"1")

    def attempt(name: str, number: int) -> int:
        (lease,) = engine.subscriptions.pull(name, 1, T0 + number * MINUTE)
        return lease.delivery_attempt

    assert [attempt(counted, number) for number in range(5)] == [1, 2, 3, 4, 5]
    assert [attempt(reader, number) for number in range(5, 10)] == [0, 0, 0, 0, 0]
    assert engine.subscriptions.pull(counted, 1, T0 + 10 * MINUTE) == []


def test_nacks_and_ended_leases_lead_to_the_dead_letter_topic(engine: PubSub, ledger: Ledger) -> None:
    add_topic(engine, "flights")
    add_topic(engine, "grave")
    digger = add_pull(engine, "digger", "grave")
    reader = add_pull(engine, "mortal", "flights", dead_letter_policy=dead_letters_to("grave", 6))
    publish(engine, b"1")
    for number in range(6):
        leases = engine.subscriptions.pull(reader, 1, T0 + number * MINUTE)
        if number % 2:
            engine.subscriptions.modify_ack_deadline(reader, ack_ids(leases), 0, T0 + number * MINUTE + SECOND)
    assert total(ledger, reader, "dead_lettered") == 1
    assert ledger.subscriptions()[reader][T0 + 5 * MINUTE].dead_lettered == 1
    (buried,) = engine.subscriptions.pull(digger, 1, T0 + 6 * MINUTE)
    assert buried.message.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == "6"
    assert "CloudPubSubDeadLetterSourceDeliveryErrorMessage" not in buried.message.attributes


def test_expired_messages_are_not_handed_out(engine: PubSub) -> None:
    add_topic(engine, "flights")
    reader = add_pull(engine, "short", "flights", message_retention_duration={"seconds": 600})
    publish(engine, b"old")
    publish(engine, b"new", at_us=T0 + MINUTE)
    assert bodies(engine.subscriptions.pull(reader, 10, T0 + 600 * SECOND)) == [b"new"]
    assert engine.subscriptions.tally(reader).expired == 1


def test_an_expired_message_is_passed_over_wherever_it_waits(engine: PubSub) -> None:
    add_topic(engine, "flights")
    reader = add_pull(engine, "short", "flights", message_retention_duration={"seconds": 600})
    publish(engine, b"old")
    publish(engine, b"new", b"newer", at_us=T0 + MINUTE)
    leases = engine.subscriptions.pull(reader, 1, T0 + MINUTE)
    engine.subscriptions.modify_ack_deadline(reader, ack_ids(leases), 0, T0 + MINUTE)
    assert bodies(engine.subscriptions.pull(reader, 10, T0 + 10 * MINUTE)) == [b"new", b"newer"]


def test_a_message_that_expires_on_lease_is_gone(engine: PubSub) -> None:
    add_topic(engine, "flights")
    reader = add_pull(engine, "short", "flights", message_retention_duration={"seconds": 600})
    publish(engine, b"old")
    leases = engine.subscriptions.pull(reader, 1, T0 + 590 * SECOND, deadline_s=60)
    engine.subscriptions.acknowledge(reader, ack_ids(leases), T0 + 11 * MINUTE)
    tally = engine.subscriptions.tally(reader)
    assert (tally.expired, tally.delivered) == (1, 0)


def test_a_response_is_cut_before_it_gets_too_big(engine: PubSub, reader: str) -> None:
    publish(engine, b"x" * 2_000_000, b"y" * 2_000_000, b"z" * 9_000_000)
    for size in (2_000_000, 2_000_000, 9_000_000):
        (lease,) = engine.subscriptions.pull(reader, 10, T0)
        assert len(lease.message.data) == size


class TestOrdering:
    @pytest.fixture
    def ordered(self, engine: PubSub) -> str:
        add_topic(engine, "flights")
        return add_pull(engine, "ordered", "flights", enable_message_ordering=True)

    def test_a_key_waits_for_its_earlier_messages(self, engine: PubSub, ordered: str) -> None:
        publish(engine, b"a1", b"a2", b"a3", key="a")
        publish(engine, b"b1", key="b")
        publish(engine, b"free")
        head = engine.subscriptions.pull(ordered, 1, T0)
        assert bodies(head) == [b"a1"]
        assert bodies(engine.subscriptions.pull(ordered, 10, T0)) == [b"b1", b"free"]
        engine.subscriptions.acknowledge(ordered, ack_ids(head), T0 + SECOND)
        assert bodies(engine.subscriptions.pull(ordered, 10, T0 + SECOND)) == [b"a2", b"a3"]

    def test_what_follows_a_nacked_message_comes_back_too(self, engine: PubSub, ordered: str) -> None:
        publish(engine, b"a1", b"a2", b"a3", key="a")
        publish(engine, b"b1", key="b")
        leases = engine.subscriptions.pull(ordered, 10, T0)
        engine.subscriptions.modify_ack_deadline(ordered, ack_ids(leases)[1:2], 0, T0 + SECOND)
        assert engine.subscriptions.pull(ordered, 10, T0 + SECOND) == []
        engine.subscriptions.acknowledge(ordered, ack_ids(leases), T0 + 2 * SECOND)
        assert engine.subscriptions.tally(ordered).delivered == 2
        assert bodies(engine.subscriptions.pull(ordered, 10, T0 + 2 * SECOND)) == [b"a2", b"a3"]


@pytest.mark.parametrize("ack_id", ["", "x", "!", "cHJvamVjdHM=", "\u00e9"])
def test_what_never_was_an_ack_id_is_refused(engine: PubSub, reader: str, ack_id: str) -> None:
    with pytest.raises(Refused, match="invalid ack ID"):
        engine.subscriptions.acknowledge(reader, [ack_id], T0)


def test_only_attached_pull_subscriptions_can_be_pulled(engine: PubSub, reader: str) -> None:
    pipeline = add_pipeline(engine, "flights")
    engine.subscriptions.detach(reader, T0)
    for name in (pipeline, reader):
        with pytest.raises(Refused) as refusal:
            engine.subscriptions.pull(name, 1, T0)
        assert refusal.value.code == "FAILED_PRECONDITION"
