"""Pulling with the genuine clients over the wire."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.cloud.pubsub_v1.subscriber.message import Message
from google.pubsub_v1 import types
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

from exporter.sandbox.pubsub.engine import PubSub
from tests.sandbox.pubsub.pipeline import (
    FLIGHTS,
    PIPELINE,
    READER,
)
from tests.sandbox.pubsub.streams import Heard, eventually, messages_of, stream, subscribed


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


def test_a_stream_without_a_request_just_ends(subscriber: Any) -> None:
    assert list(subscriber.streaming_pull(requests=iter(()), timeout=10)) == []


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


def test_pull_waits_for_a_message(publisher: pubsub_v1.PublisherClient, subscriber: Any, reader: str) -> None:
    with ThreadPoolExecutor() as pool:
        pulled = pool.submit(subscriber.pull, subscription=reader, max_messages=5)
        publisher.publish(FLIGHTS, b"late").result(timeout=15)
        assert [m.message.data for m in pulled.result(timeout=15).received_messages] == [b"late"]


def test_a_message_may_have_ten_megabytes_less_its_frame(publisher: Any, subscriber: Any, reader: str) -> None:
    publisher.publish(FLIGHTS, b"x" * 9_990_000).result(timeout=30)
    (received,) = subscriber.pull(subscription=reader, max_messages=10).received_messages
    assert len(received.message.data) == 9_990_000
