"""A sandbox of Pub/Sub alone: its engine over recorded rows, its server on loopback, the genuine clients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.cloud import pubsub_v1
from google.pubsub_v1 import types
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from exporter.sandbox.clock import Clock
from exporter.sandbox.faults import Faults
from exporter.sandbox.iam import Iam
from exporter.sandbox.ledger import Ledger
from exporter.sandbox.pubsub.calls import Backend
from exporter.sandbox.pubsub.engine import PubSub
from exporter.sandbox.pubsub.rpc import Server
from tests.sandbox.pubsub.pipeline import FLIGHTS, PIPELINE, READER, START, table_name
from tests.sandbox.pubsub.recording import ClockWorld, RecordingSink


@pytest.fixture
def sink() -> RecordingSink:
    return RecordingSink()


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def engine(sink: RecordingSink, ledger: Ledger) -> PubSub:
    """The engine alone; its time is whatever the test says."""
    return PubSub(ledger, sink, seed=7, probe=sink.probe, columns_of=sink.columns_of)


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def iam() -> Iam:
    return Iam()


@pytest.fixture
def channel(engine: PubSub, clock: Clock, faults: Faults, iam: Iam) -> Iterator[grpc.Channel]:
    """A channel to the served engine."""
    server = Server(Backend(engine, ClockWorld(clock, engine), faults, iam))
    with grpc.insecure_channel(server.address, options=[("grpc.max_receive_message_length", -1)]) as channel:
        yield channel
    server.stop()


@pytest.fixture
def publisher(channel: grpc.Channel) -> pubsub_v1.PublisherClient:
    return pubsub_v1.PublisherClient(transport=PublisherGrpcTransport(channel=channel))


@pytest.fixture
def subscriber(channel: grpc.Channel) -> pubsub_v1.SubscriberClient:
    return pubsub_v1.SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))


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
