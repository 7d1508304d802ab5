"""The genuine Pub/Sub clients over the wire."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.pubsub_v1 import types

from exporter.sandbox.clock import Clock
from exporter.sandbox.faults import Fault, Faults
from exporter.sandbox.iam import EXPORTER, Iam
from exporter.sandbox.ledger import Ledger
from exporter.sandbox.pubsub.engine import PubSub
from tests.sandbox.pubsub.pipeline import (
    FLIGHTS,
    PIPELINE,
    PROJECT,
    READER,
    dead_letters_to,
    table_name,
    topic_name,
    total,
)
from tests.sandbox.pubsub.recording import RecordingSink
from tests.sandbox.pubsub.streams import stream


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
