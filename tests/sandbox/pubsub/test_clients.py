"""The genuine Pub/Sub clients over the wire."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.cloud.pubsub_v1.subscriber.message import Message
from google.pubsub_v1 import types
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

from exporter.sandbox.clock import Clock
from exporter.sandbox.faults import Fault, Faults
from exporter.sandbox.iam import EXPORTER, Iam
from exporter.sandbox.ledger import Ledger
from exporter.sandbox.pubsub.engine import PubSub
from tests.sandbox.pubsub.pipeline import (
    PROJECT,
    dead_letters_to,
    subscription_name,
    table_name,
    topic_name,
    total,
)
from tests.sandbox.pubsub.recording import RecordingSink

FLIGHTS = topic_name("flights")
PIPELINE = subscription_name("flights")
READER = subscription_name("reader")


def eventually(condition: Callable[[], object], what: str) -> None:
    give_up = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < give_up, f"never: {what}"
        time.sleep(0.02)


@pytest.fixture
def flights(publisher: Any) -> str:
    publisher.create_topic(name=FLIGHTS)
    return FLIGHTS


@pytest.fixture
def pipeline(subscriber: Any, flights: str) -> str:
    table = {"table": table_name("flights"), "write_metadata": True}
    subscriber.create_subscription(request=types.Subscription(name=PIPELINE, topic=flights, bigquery_config=table))
    return PIPELINE


@pytest.fixture
def reader(subscriber: Any, flights: str) -> str:
    subscriber.create_subscription(name=READER, topic=flights)
    return READER


class Heard:
    """What the callback of a subscriber was given."""

    def __init__(self, answer: Callable[[Message], None] = Message.ack) -> None:
        self.messages: list[Message] = []
        self._answer = answer
        self._lock = threading.Lock()

    def __call__(self, message: Message) -> None:
        with self._lock:
            self.messages.append(message)
        self._answer(message)

    def bodies(self) -> list[bytes]:
        with self._lock:
            return [message.data for message in self.messages]


@contextmanager
def subscribed(subscriber: pubsub_v1.SubscriberClient, name: str, heard: Heard, **flow: int) -> Iterator[Any]:
    future = subscriber.subscribe(name, heard, flow_control=pubsub_v1.types.FlowControl(**flow))
    try:
        yield future
    finally:
        future.cancel()
        future.result(timeout=15)


def test_published_messages_become_rows(
    publisher: pubsub_v1.PublisherClient,
    pipeline: str,
    sink: RecordingSink,
    ledger: Ledger,
    clock: Clock,
    subscriber: Any,
) -> None:
    futures = [publisher.publish(FLIGHTS, b"flight %d" % number, carrier="AA") for number in range(250)]
    ids = [future.result(timeout=15) for future in futures]
    clock.advance(120)
    described = subscriber.get_subscription(subscription=pipeline)
    assert described.state is types.Subscription.State.ACTIVE
    assert sorted(sink.column(table_name("flights"), "message_id")) == sorted(ids)  # type: ignore[type-var]
    assert sum(minute.messages for minute in ledger.topics()[FLIGHTS].values()) == 250
    assert sum(minute.requests for minute in ledger.topics()[FLIGHTS].values()) < 250
    assert total(ledger, pipeline, "delivered") == 250


def test_a_deleted_table_shows_in_the_subscription_and_its_return_heals_it(
    publisher: pubsub_v1.PublisherClient, subscriber: Any, pipeline: str, sink: RecordingSink, clock: Clock
) -> None:
    sink.refusing[table_name("flights")] = "NOT_FOUND"
    publisher.publish(FLIGHTS, b"x").result(timeout=15)
    clock.advance(60)
    (described,) = subscriber.list_subscriptions(project=PROJECT)
    assert described.state is types.Subscription.State.RESOURCE_ERROR
    assert described.bigquery_config.state is types.BigQueryConfig.State.NOT_FOUND
    del sink.refusing[table_name("flights")]
    clock.advance(600)
    described = subscriber.get_subscription(subscription=pipeline)
    assert described.state is types.Subscription.State.ACTIVE
    assert sink.column(table_name("flights"), "data") == [b"x"]


def test_dead_letters_can_be_read(
    publisher: Any, subscriber: Any, flights: str, sink: RecordingSink, ledger: Ledger, clock: Clock
) -> None:
    publisher.create_topic(name=topic_name("grave"))
    subscriber.create_subscription(name=READER, topic=topic_name("grave"))
    subscriber.create_subscription(
        request=types.Subscription(
            name=PIPELINE,
            topic=flights,
            bigquery_config={"table": table_name("flights")},
            dead_letter_policy=dead_letters_to("grave"),
        )
    )
    sink.refuses_row = lambda row: "too old" if row[0] == b"bad" else None
    for body in (b"good", b"bad", b"good"):
        publisher.publish(FLIGHTS, body, kind="departure").result(timeout=15)
    clock.advance(600)
    (received,) = subscriber.pull(subscription=READER, max_messages=10).received_messages
    assert received.message.data == b"bad"
    assert received.message.attributes["kind"] == "departure"
    assert received.message.attributes["CloudPubSubDeadLetterSourceDeliveryErrorMessage"] == "too old"
    assert total(ledger, PIPELINE, "dead_lettered") == 1
    assert sink.column(table_name("flights"), "data") == [b"good", b"good"]


def test_a_table_that_cannot_be_written_refuses_the_subscription(
    subscriber: Any, flights: str, sink: RecordingSink
) -> None:
    errors = {
        "NOT_FOUND": exceptions.NotFound,
        "PERMISSION_DENIED": exceptions.PermissionDenied,
        "SCHEMA_MISMATCH": exceptions.InvalidArgument,
    }
    for state, error in errors.items():
        sink.refusing[table_name("flights")] = state  # type: ignore[assignment]
        wanted = types.Subscription(name=PIPELINE, topic=flights, bigquery_config={"table": table_name("flights")})
        with pytest.raises(error):
            subscriber.create_subscription(request=wanted)
    assert list(subscriber.list_subscriptions(project=PROJECT)) == []


def test_subscribe_gets_every_message_and_acknowledges_it(
    publisher: pubsub_v1.PublisherClient, subscriber: pubsub_v1.SubscriberClient, reader: str, engine: PubSub
) -> None:
    heard = Heard()
    bodies = [b"m%d" % number for number in range(300)]
    with subscribed(subscriber, reader, heard):
        ids = [publisher.publish(FLIGHTS, body, number=str(place)) for place, body in enumerate(bodies)]
        eventually(lambda: engine.subscriptions.tally(reader).delivered == 300, "all acknowledged")
    assert sorted(heard.bodies()) == sorted(bodies)
    assert {message.message_id for message in heard.messages} == {future.result() for future in ids}
    assert all(message.attributes["number"] == message.data.decode()[1:] for message in heard.messages)
    assert all(message.delivery_attempt is None for message in heard.messages)


def test_subscribe_hears_nacked_messages_again(
    publisher: pubsub_v1.PublisherClient, subscriber: pubsub_v1.SubscriberClient, reader: str, engine: PubSub
) -> None:
    seen: set[str] = set()

    def nack_once(message: Message) -> None:
        if message.message_id in seen:
            message.ack()
        else:
            seen.add(message.message_id)
            message.nack()

    heard = Heard(nack_once)
    with subscribed(subscriber, reader, heard):
        publisher.publish(FLIGHTS, b"again").result(timeout=15)
        eventually(lambda: engine.subscriptions.tally(reader).delivered == 1, "acknowledged at last")
    assert heard.bodies() == [b"again", b"again"]


def test_flow_control_limits_what_is_outstanding(
    publisher: pubsub_v1.PublisherClient, subscriber: pubsub_v1.SubscriberClient, reader: str, channel: grpc.Channel
) -> None:
    for number in range(10):
        publisher.publish(FLIGHTS, b"m%d" % number).result(timeout=15)
    first = types.StreamingPullRequest(
        subscription=reader, stream_ack_deadline_seconds=60, max_outstanding_messages=4, client_id="test"
    )
    with stream(subscriber, first) as (say, responses):
        received = messages_of(responses, 4)
        assert len(received) == 4
        say(types.StreamingPullRequest(ack_ids=[received[0].ack_id]))
        assert [m.message.data for m in messages_of(responses, 1)] == [b"m4"]
        say(
            types.StreamingPullRequest(
                modify_deadline_ack_ids=[m.ack_id for m in received[1:3]], modify_deadline_seconds=[0, 0]
            )
        )
        assert [m.message.data for m in messages_of(responses, 2)] == [b"m5", b"m6"]


@contextmanager
def stream(
    subscriber: pubsub_v1.SubscriberClient, first: types.StreamingPullRequest
) -> Iterator[tuple[Callable[[Any], None], Any]]:
    """A raw stream: how to say something, and what comes back."""
    condition, requests, over = threading.Condition(), [first], threading.Event()

    def say(request: types.StreamingPullRequest) -> None:
        with condition:
            requests.append(request)
            condition.notify()

    def spoken() -> Iterator[types.StreamingPullRequest]:
        while not over.is_set():
            with condition:
                condition.wait_for(lambda: requests or over.is_set(), timeout=0.2)
                waiting = requests[:]
                requests.clear()
            yield from waiting

    responses = subscriber.streaming_pull(requests=spoken(), timeout=20)
    try:
        yield say, responses
    finally:
        responses.cancel()
        over.set()


def messages_of(responses: Any, count: int) -> list[Any]:
    messages: list[Any] = []
    while len(messages) < count:
        messages += next(responses).received_messages
    return messages


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"subscription": READER, "stream_ack_deadline_seconds": 5}, exceptions.InvalidArgument),
        ({"subscription": READER, "stream_ack_deadline_seconds": 10, "ack_ids": ["x"]}, exceptions.InvalidArgument),
        ({"subscription": READER + "x", "stream_ack_deadline_seconds": 10}, exceptions.NotFound),
        ({"subscription": PIPELINE, "stream_ack_deadline_seconds": 10}, exceptions.FailedPrecondition),
    ],
)
def test_a_stream_that_begins_wrongly_ends(
    subscriber: Any, reader: str, pipeline: str, request_: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error), stream(subscriber, types.StreamingPullRequest(**request_)) as (_, responses):
        messages_of(responses, 1)


def test_a_stream_ends_with_what_is_said_wrongly_later(subscriber: Any, reader: str) -> None:
    first = types.StreamingPullRequest(subscription=reader, stream_ack_deadline_seconds=10)
    with stream(subscriber, first) as (say, responses):
        assert not next(responses).received_messages
        say(types.StreamingPullRequest(ack_ids=["x"]))
        with pytest.raises(exceptions.InvalidArgument, match="invalid ack ID"):
            messages_of(responses, 1)


def test_a_stream_ends_with_its_subscription(subscriber: Any, reader: str) -> None:
    first = types.StreamingPullRequest(subscription=reader, stream_ack_deadline_seconds=10)
    with stream(subscriber, first) as (_, responses):
        assert not next(responses).received_messages
        subscriber.delete_subscription(subscription=reader)
        with pytest.raises(exceptions.NotFound):
            messages_of(responses, 1)


def test_pull_waits_for_a_message(publisher: pubsub_v1.PublisherClient, subscriber: Any, reader: str) -> None:
    with ThreadPoolExecutor() as pool:
        pulled = pool.submit(subscriber.pull, subscription=reader, max_messages=5)
        publisher.publish(FLIGHTS, b"late").result(timeout=15)
        assert [m.message.data for m in pulled.result(timeout=15).received_messages] == [b"late"]


def test_ordered_publishing_arrives_in_order(
    channel: grpc.Channel, subscriber: pubsub_v1.SubscriberClient, flights: str, engine: PubSub
) -> None:
    publisher = pubsub_v1.PublisherClient(
        publisher_options=pubsub_v1.types.PublisherOptions(enable_message_ordering=True),
        transport=PublisherGrpcTransport(channel=channel),
    )
    ordered = types.Subscription(name=READER, topic=flights, enable_message_ordering=True)
    subscriber.create_subscription(request=ordered)
    heard = Heard()
    with subscribed(subscriber, READER, heard):
        for number in range(100):
            publisher.publish(flights, b"%d" % number, ordering_key="ab"[number % 2])
        eventually(lambda: engine.subscriptions.tally(READER).delivered == 100, "all acknowledged")
    for key in "ab":
        numbers = [int(m.data) for m in heard.messages if m.ordering_key == key]
        assert numbers == sorted(numbers)
        assert len(numbers) == 50


def test_a_message_may_have_ten_megabytes_less_its_frame(publisher: Any, subscriber: Any, reader: str) -> None:
    publisher.publish(FLIGHTS, b"x" * 9_990_000).result(timeout=30)
    (received,) = subscriber.pull(subscription=reader, max_messages=10).received_messages
    assert len(received.message.data) == 9_990_000


class TestFaults:
    def test_an_injected_error_is_what_the_client_sees(self, subscriber: Any, faults: Faults) -> None:
        faults.add(Fault("pubsub", "ListSubscriptions", status="RESOURCE_EXHAUSTED", count=1))
        with pytest.raises(exceptions.ResourceExhausted):
            list(subscriber.list_subscriptions(project=PROJECT, retry=None))
        assert list(subscriber.list_subscriptions(project=PROJECT, retry=None)) == []
        assert faults.calls() == {
            ("pubsub", "ListSubscriptions", "RESOURCE_EXHAUSTED"): 1,
            ("pubsub", "ListSubscriptions", "OK"): 1,
        }

    def test_garbage_cannot_be_parsed(self, publisher: Any, subscriber: Any, faults: Faults, reader: str) -> None:
        faults.add(Fault("pubsub", "GetTopic", garbage=True, count=1))
        with pytest.raises(exceptions.InternalServerError):
            publisher.get_topic(topic=FLIGHTS, retry=None)
        faults.add(Fault("pubsub", "StreamingPull", garbage=True, count=1))
        first = types.StreamingPullRequest(subscription=reader, stream_ack_deadline_seconds=10)
        with pytest.raises(exceptions.InternalServerError), stream(subscriber, first) as (_, responses):
            next(responses)

    def test_a_delayed_call_runs_into_the_clients_timeout(self, publisher: Any, faults: Faults, flights: str) -> None:
        faults.add(Fault("pubsub", "GetTopic", delay_ms=600, count=1))
        with pytest.raises(exceptions.DeadlineExceeded):
            publisher.get_topic(topic=FLIGHTS, retry=None, timeout=0.2)

    def test_the_publisher_retries_what_can_be_retried(
        self, publisher: pubsub_v1.PublisherClient, faults: Faults, flights: str, ledger: Ledger, engine: PubSub
    ) -> None:
        faults.add(Fault("pubsub", "Publish", status="UNAVAILABLE", count=2))
        publisher.publish(FLIGHTS, b"x").result(timeout=15)
        assert faults.calls()["pubsub", "Publish", "UNAVAILABLE"] == 2
        assert faults.calls()["pubsub", "Publish", "OK"] == 1

    def test_refusals_are_recorded_by_their_code(self, publisher: Any, faults: Faults) -> None:
        with pytest.raises(exceptions.NotFound):
            publisher.get_topic(topic=FLIGHTS)
        assert faults.calls() == {("pubsub", "GetTopic", "NOT_FOUND"): 1}


def test_a_revoked_permission_is_denied(publisher: Any, subscriber: Any, iam: Iam, reader: str) -> None:
    iam.revoke(EXPORTER, "pubsub.subscriptions.list", "acme")
    iam.revoke(EXPORTER, "pubsub.subscriptions.consume", "acme.subscriptions.reader")
    with pytest.raises(exceptions.PermissionDenied, match="User not authorized to perform this action"):
        list(subscriber.list_subscriptions(project=PROJECT))
    with pytest.raises(exceptions.PermissionDenied):
        subscriber.pull(subscription=reader, max_messages=1)
    first = types.StreamingPullRequest(subscription=reader, stream_ack_deadline_seconds=10)
    with pytest.raises(exceptions.PermissionDenied), stream(subscriber, first) as (_, responses):
        next(responses)
    assert subscriber.get_subscription(subscription=reader).name == reader
    assert [topic.name for topic in publisher.list_topics(project=PROJECT)] == [FLIGHTS]


def test_a_call_that_settled_earlier_acts_now(
    publisher: pubsub_v1.PublisherClient, engine: PubSub, clock: Clock, flights: str, ledger: Ledger
) -> None:
    later_us = clock.now_us() + 3_600_000_000
    engine.run_until(later_us)  # as another call's thread does, whose clock was read later
    publisher.publish(flights, b"x").result(timeout=15)
    engine.run_until(later_us)
    assert (
        sum(minute.messages for start, minute in ledger.topics()[flights].items() if start + 60_000_000 > later_us) == 1
    )


def test_a_snapshot_over_the_wire(publisher: pubsub_v1.PublisherClient, subscriber: Any, reader: str) -> None:
    name = f"{PROJECT}/snapshots/mark"
    subscriber.create_snapshot(name=name, subscription=reader)
    changed = types.Snapshot(name=name, labels={"a": "b"})
    updated = subscriber.update_snapshot(request={"snapshot": changed, "update_mask": {"paths": ["labels"]}})
    assert updated == subscriber.get_snapshot(snapshot=name)
    assert dict(updated.labels) == {"a": "b"}


def test_a_stream_without_a_request_just_ends(subscriber: Any) -> None:
    assert list(subscriber.streaming_pull(requests=iter(()), timeout=10)) == []
