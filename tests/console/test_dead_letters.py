"""A look at dead letters, over the wire: what is seen, and that everything is still there afterwards."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from google.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from exporter.calls import CallLog
from exporter.console.dead_letters import MAX_DATA_BYTES, DeadLetters, Look
from exporter.console.messages_trouble import Kind, Trouble
from exporter.sandbox.clock import Clock
from exporter.sandbox.faults import Fault, Faults
from exporter.sandbox.iam import EXPORTER, Iam
from exporter.sandbox.ledger import Ledger
from exporter.sandbox.pubsub.calls import Backend
from exporter.sandbox.pubsub.engine import PubSub
from exporter.sandbox.pubsub.rpc import Server
from tests.builders import system
from tests.sandbox.pubsub.recording import ClockWorld, RecordingSink

START = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
TOPIC, ABROAD = "projects/acme/topics/dead", "projects/acme/topics/abroad"
LETTERS = "projects/acme/subscriptions/letters"
SYSTEM = system(dead_letter_subscription=LETTERS)


class Bench:
    """The sandbox's Pub/Sub, a subscription of dead letters, and genuine clients."""

    def __init__(self) -> None:
        sink, self.clock = RecordingSink(), Clock(START, speed=0)
        self.engine = PubSub(Ledger(), sink, seed=7, probe=sink.probe, columns_of=sink.columns_of)
        self.faults, self.iam, self.log = Faults(), Iam(), CallLog()
        self.server = Server(Backend(self.engine, ClockWorld(self.clock, self.engine), self.faults, self.iam))
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_reconnect_backoff_ms", 200)]
        self.channel = grpc.insecure_channel(self.server.address, options=options)
        self.publisher = PublisherClient(transport=PublisherGrpcTransport(channel=self.channel))
        self.subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=self.channel))
        self.publisher.create_topic(name=TOPIC)
        self.subscriber.create_subscription(name=LETTERS, topic=TOPIC)
        self.letters = DeadLetters(self.subscriber, self.log.record)

    def publish(self, *messages: dict[str, Any]) -> list[str]:
        return list(self.publisher.publish(request={"topic": TOPIC, "messages": messages}).message_ids)

    def numbered(self, count: int) -> list[str]:
        return self.publish(*({"data": f"number {number}".encode()} for number in range(count)))

    def look(self, limit: int = 10, **changes: Any) -> Look:
        return self.letters.look(system(**{"dead_letter_subscription": LETTERS, **changes}), limit)

    def trouble(self, **changes: Any) -> Trouble:
        with pytest.raises(Trouble) as raised:
            self.look(**changes)
        return raised.value

    def received(self, count: int) -> list[str]:
        """What a real subscriber gets and acknowledges, until it has so many."""
        found: list[str] = []
        while len(found) < count:
            pulled = self.subscriber.pull(subscription=LETTERS, max_messages=count).received_messages
            assert pulled, "there are no more"
            self.subscriber.acknowledge(subscription=LETTERS, ack_ids=[each.ack_id for each in pulled])
            found += [each.message.message_id for each in pulled]
        return found

    def calls(self, method: str) -> int:
        return sum(count for (_, name, _), count in self.faults.calls().items() if name == method)

    def close(self) -> None:
        self.channel.close()
        self.server.stop()


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


@contextmanager
def fault(bench: Bench, method: str, status: str, count: int | None = None) -> Iterator[None]:
    injected = Fault("pubsub", method, status, count=count)
    bench.faults.add(injected)
    yield
    bench.faults.remove(injected)


def test_everything_is_still_there_after_any_number_of_looks(bench: Bench) -> None:
    published = bench.numbered(7)
    for limit in (1, 3, 7, 100, 100, 2):
        look = bench.look(limit)
        assert 1 <= len(look.messages) <= limit
        assert {each.message_id for each in look.messages} <= set(published)
    assert {each.message_id for each in bench.look(100).messages} == set(published)
    assert bench.calls("Acknowledge") == 0
    assert sorted(bench.received(7)) == sorted(published)


def test_what_is_shown_of_a_message(bench: Bench) -> None:
    reason = {"CloudPubSubDeadLetterSourceDeliveryCount": "5", "origin": "JFK"}
    bench.publish({"data": "caf\u00e9".encode(), "attributes": reason})
    look = bench.look()
    (letter,) = look.messages
    assert (letter.text, base64.b64decode(letter.data_base64).decode()) == ("caf\u00e9", "caf\u00e9")
    assert (letter.attributes, letter.ordering_key, letter.truncated) == (reason, "", False)
    assert (letter.publish_time, letter.delivery_attempt) == (START, None)
    for words in ("none is acknowledged", "delivery attempt", "no other subscriber", "promises no order"):
        assert words in look.note


def test_data_that_is_no_text_is_shown_in_base64_only(bench: Bench) -> None:
    bench.publish({"data": b"\xff\x00"})
    (letter,) = bench.look().messages
    assert (letter.text, letter.data_base64) == (None, "/wA=")


def test_long_data_is_cut_and_no_letter_in_two(bench: Bench) -> None:
    text = "x" * (MAX_DATA_BYTES - 1) + "\u00e9" + "y" * 10
    bench.publish({"data": text.encode()})
    (letter,) = bench.look().messages
    assert letter.truncated
    assert letter.text == "x" * (MAX_DATA_BYTES - 1)
    assert base64.b64decode(letter.data_base64) == text.encode()[:MAX_DATA_BYTES]


def test_each_look_is_a_delivery_attempt_where_they_are_counted(bench: Bench) -> None:
    bench.publisher.create_topic(name=ABROAD)
    counting = "projects/acme/subscriptions/counting"
    policy = {"dead_letter_topic": ABROAD, "max_delivery_attempts": 5}
    bench.subscriber.create_subscription(request={"name": counting, "topic": TOPIC, "dead_letter_policy": policy})
    bench.numbered(1)
    seen = []
    for _ in range(3):
        seen += [each.delivery_attempt for each in bench.look(dead_letter_subscription=counting).messages]
        # A nacked message comes back after a while.
        bench.clock.advance(700)
    assert seen == [1, 2, 3]


def test_an_empty_subscription_is_no_error(bench: Bench) -> None:
    look = bench.look()
    assert look.messages == ()
    # However long it really was: Pub/Sub may answer sooner than it is waited for.
    assert re.match(r"No message came within \d\.\d s: ", look.note)
    assert bench.calls("ModifyAckDeadline") == 0


def test_a_pull_that_takes_too_long_found_nothing_and_is_not_repeated(bench: Bench) -> None:
    bench.numbered(1)
    slow = Fault("pubsub", "Pull", delay_ms=1500)
    bench.faults.add(slow)
    look = DeadLetters(bench.subscriber, bench.log.record, pull_s=0.25).look(SYSTEM, 10)
    assert look.messages == ()
    assert re.match(r"No message came within 0\.\d s: ", look.note)
    assert bench.log.take() == {("pubsub", "Pull", "DEADLINE_EXCEEDED"): 1}


def test_what_cannot_be_given_back_is_said_and_comes_back_by_itself(bench: Bench) -> None:
    published = bench.numbered(2)
    with fault(bench, "ModifyAckDeadline", "PERMISSION_DENIED"):
        look = bench.look()
    assert "could not be given back" in look.note
    assert len(look.messages) == 2
    bench.clock.advance(11)
    assert sorted(bench.received(2)) == sorted(published)


def test_giving_back_is_tried_again(bench: Bench) -> None:
    published = bench.numbered(3)
    with fault(bench, "ModifyAckDeadline", "UNAVAILABLE", count=1):
        look = bench.look()
    assert "could not be given back" not in look.note
    assert sorted(bench.received(3)) == sorted(published)


def test_without_a_subscription_it_says_how_to_name_one(bench: Bench) -> None:
    found = bench.trouble(dead_letter_subscription=None)
    assert (found.kind, "`dead_letter_subscription`" in str(found)) == (Kind.MISSING, True)


def test_a_subscription_that_does_not_exist(bench: Bench) -> None:
    found = bench.trouble(dead_letter_subscription="projects/acme/subscriptions/nobody")
    assert found.kind is Kind.MISSING
    assert "projects/acme/subscriptions/nobody" in str(found)


def test_permission_denied_names_the_permission_and_the_subscription(bench: Bench) -> None:
    bench.iam.revoke(EXPORTER, "pubsub.subscriptions.consume", "acme.subscriptions.letters")
    found = bench.trouble()
    assert found.kind is Kind.DENIED
    assert f"pubsub.subscriptions.consume on {LETTERS}" in str(found)


def test_a_subscription_that_cannot_be_pulled_from(bench: Bench) -> None:
    pushed = "projects/acme/subscriptions/pushed"
    table = {"table": "acme.raw.flights"}
    bench.subscriber.create_subscription(request={"name": pushed, "topic": TOPIC, "bigquery_config": table})
    found = bench.trouble(dead_letter_subscription=pushed)
    assert found.kind is Kind.UNFIT
    assert pushed in str(found)


@pytest.mark.parametrize("status", ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "INTERNAL"])
def test_pubsub_that_cannot_be_asked_now(bench: Bench, status: str) -> None:
    with fault(bench, "Pull", status):
        found = bench.trouble()
    assert found.kind is Kind.UNAVAILABLE
    assert "try again later" in str(found)


def test_pubsub_that_is_down(bench: Bench) -> None:
    bench.server.stop()
    found = bench.trouble()
    assert found.kind is Kind.UNAVAILABLE


def test_calls_are_counted(bench: Bench) -> None:
    bench.numbered(1)
    bench.look()
    assert bench.log.take() == {("pubsub", "Pull", "OK"): 1, ("pubsub", "ModifyAckDeadline", "OK"): 1}
