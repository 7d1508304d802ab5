"""Codes and texts of the real service (the texts that are known of it), and lists in pages, over the wire."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.api_core import exceptions
from google.pubsub_v1 import PublisherClient, types

from exporter.sandbox.ledger import Ledger
from exporter.sandbox.pubsub.validation import span
from tests.sandbox.pubsub.pipeline import FLIGHTS, PROJECT, READER, subscription_name, topic_name


def text_of(error: type[exceptions.GoogleAPICallError], call: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    with pytest.raises(error) as raised:
        call(*args, **kwargs)
    return str(raised.value.message)


def test_resources_that_are_not_there(publisher: Any, subscriber: Any) -> None:
    assert text_of(exceptions.NotFound, publisher.get_topic, topic=FLIGHTS) == "Resource not found (resource=flights)."
    for call in (publisher.list_topic_subscriptions, publisher.list_topic_snapshots):
        assert text_of(exceptions.NotFound, call, topic=FLIGHTS) == "Resource not found (resource=flights)."
    for call in (subscriber.get_subscription, subscriber.delete_subscription, publisher.detach_subscription):
        text = text_of(exceptions.NotFound, call, request={"subscription": READER})
        assert text == "Resource not found (resource=reader)."
    for target in ({"time": datetime(2026, 1, 1, tzinfo=UTC)}, {"snapshot": f"{PROJECT}/snapshots/mark"}):
        text = text_of(exceptions.NotFound, subscriber.seek, request={"subscription": READER, **target})
        assert text == "Resource not found (resource=reader)."


def test_resources_that_exist_already(publisher: Any, subscriber: Any, reader: str) -> None:
    text = text_of(exceptions.AlreadyExists, publisher.create_topic, name=FLIGHTS)
    assert text == "Resource already exists in the project (resource=flights)."
    text = text_of(exceptions.AlreadyExists, subscriber.create_subscription, name=reader, topic=FLIGHTS)
    assert text == "Resource already exists in the project (resource=reader)."


@pytest.mark.parametrize("name", ["ab", "goog-probe", "1-leading-digit", "bad$character", "a" * 256, ""])
def test_names(publisher: Any, name: str) -> None:
    full = topic_name(name)
    assert text_of(exceptions.InvalidArgument, publisher.create_topic, name=full) == (
        f"Invalid resource name given (name={full}). "
        "Refer to https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names for more information."
    )


@pytest.mark.parametrize("name", ["abc", "a" * 255, "a-._~+%9"])
def test_names_that_are_allowed(publisher: Any, name: str) -> None:
    assert publisher.create_topic(name=topic_name(name)).name == topic_name(name)


def test_a_publish_request_keeps_its_limits(publisher: Any, reader: str, ledger: Ledger) -> None:
    def refused(*messages: dict[str, Any]) -> str:
        publish = PublisherClient.publish
        raw = [types.PubsubMessage(**message) for message in messages]
        return text_of(exceptions.InvalidArgument, publish, publisher, topic=FLIGHTS, messages=raw)

    assert (
        refused()
        == "The value for message_count is too small. You passed 0 in the request, but the minimum value is 1."
    )
    assert refused(*[{"data": b"x"}] * 1001) == (
        "The value for message_count is too large. You passed 1001 in the request, but the maximum value is 1000."
    )
    assert refused({"data": b"x"}, {}) == (
        "One or more messages in the publish request is empty. Each message must contain either non-empty data, "
        "or at least one attribute."
    )
    assert refused({"data": b"x" * 10_000_001}) == (
        "The value for request_size is too large. You passed 10000001 in the request, but the maximum value is 10000000."
    )
    assert refused({"data": b"x" * 10_485_761}) == "Request payload size exceeds the limit: 10485760 bytes."
    assert "attributes_count" in refused({"attributes": {f"k{number}": "v" for number in range(101)}})
    assert "attribute_key_size" in refused({"attributes": {"k" * 257: "v"}})
    assert "attribute_value_size" in refused({"attributes": {"k": "v" * 1025}})
    assert "attribute key" in refused({"attributes": {"googlike": "v"}})
    assert "attribute key" in refused({"data": b"x", "attributes": {"": "v"}})
    assert "ordering_key_size" in refused({"data": b"x", "ordering_key": "k" * 1025})
    publisher.get_topic(topic=FLIGHTS)
    (minute,) = ledger.topics()[FLIGHTS].values()
    assert minute.messages == 0
    assert minute.rejected == {"invalid_argument": 0 + 1001 + 2 + 8}


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"message_retention_duration": timedelta(minutes=9, seconds=59)},
            "out of bounds. You passed 9m59s in the request, but the value must be between 10m and 744h.",
        ),
        (
            {"expiration_policy": {"ttl": timedelta(hours=1)}},
            "The value for expiration duration is too small. You passed 1h in the request, but the minimum value is 24h.",
        ),
        (
            {"ack_deadline_seconds": 9},
            "Invalid ack deadline given (ack_deadline=9). The ack deadline must be between 10 and 600 seconds.",
        ),
        ({"filter": "x"}, "You have passed an invalid argument to the service (argument=filter: cannot be parsed: x)."),
        ({"bigquery_config": {"table": "raw.flights"}}, "(argument=BigQueryConfig::table)"),
        (
            {"bigquery_config": {"table": "a.b.c", "use_topic_schema": True}},
            "(argument=BigQueryConfig::use_topic_schema)",
        ),
        ({"labels": {"Upper": "x"}}, 'Invalid labels: Invalid field "labels"; key "Upper" does not conform'),
        ({"labels": {"key": "Upper"}}, 'value "Upper" does not conform'),
        ({"labels": {f"k{number}": "" for number in range(65)}}, "65 labels"),
        ({"dead_letter_policy": {"max_delivery_attempts": 5}}, "Invalid resource name given (name=)."),
    ],
)
def test_a_subscription_keeps_its_limits(subscriber: Any, reader: str, fields: dict[str, Any], text: str) -> None:
    wanted = types.Subscription(name=subscription_name("never"), topic=FLIGHTS, **fields)
    assert text in text_of(exceptions.InvalidArgument, subscriber.create_subscription, request=wanted)
    with pytest.raises(exceptions.NotFound):
        subscriber.get_subscription(subscription=wanted.name)


@pytest.mark.parametrize(
    "fields",
    [
        {"push_config": {"push_endpoint": "https://example.com/push"}},
        {"cloud_storage_config": {"bucket": "bucket"}},
        {"enable_exactly_once_delivery": True},
        {"message_transforms": [{"javascript_udf": {"function_name": "f", "code": "x"}}]},
    ],
)
def test_what_the_sandbox_lacks_it_says(subscriber: Any, reader: str, fields: dict[str, Any]) -> None:
    wanted = types.Subscription(name=subscription_name("never"), topic=FLIGHTS, **fields)
    text = text_of(exceptions.MethodNotImplemented, subscriber.create_subscription, request=wanted)
    assert text.startswith("The sandbox's Pub/Sub does not have")


def test_topics_only_take_what_is_published(publisher: Any) -> None:
    source = {"aws_kinesis": {"stream_arn": "x"}}
    wanted = types.Topic(name=FLIGHTS, ingestion_data_source_settings=source)
    text_of(exceptions.MethodNotImplemented, publisher.create_topic, request=wanted)


def test_schemas_are_not_there_at_all(publisher: Any, channel: Any) -> None:
    from google.pubsub_v1 import SchemaServiceClient
    from google.pubsub_v1.services.schema_service.transports import SchemaServiceGrpcTransport

    schemas = SchemaServiceClient(transport=SchemaServiceGrpcTransport(channel=channel))
    with pytest.raises(exceptions.MethodNotImplemented):
        list(schemas.list_schemas(parent=PROJECT))


def test_a_new_subscription_has_the_services_defaults(publisher: Any, subscriber: Any) -> None:
    publisher.create_topic(request=types.Topic(name=FLIGHTS, message_retention_duration=timedelta(hours=1)))
    created = subscriber.create_subscription(name=READER, topic=FLIGHTS)
    assert created == subscriber.get_subscription(subscription=READER)
    assert types.Subscription.to_dict(created, always_print_fields_with_no_presence=False) == {
        "name": READER,
        "topic": FLIGHTS,
        "push_config": {},
        "ack_deadline_seconds": 10,
        "message_retention_duration": "604800s",
        "expiration_policy": {"ttl": "2678400s"},
        "topic_message_retention_duration": "3600s",
        "state": types.Subscription.State.ACTIVE,
    }


def test_nobody_can_set_a_state(subscriber: Any, reader: str) -> None:
    config = {"table": "a.b.c", "state": types.BigQueryConfig.State.NOT_FOUND}
    wanted = types.Subscription(
        name=subscription_name("other"),
        topic=FLIGHTS,
        bigquery_config=config,
        state=types.Subscription.State.RESOURCE_ERROR,
    )
    created = subscriber.create_subscription(request=wanted)
    assert created.state is types.Subscription.State.ACTIVE
    assert created.bigquery_config.state is types.BigQueryConfig.State.ACTIVE
    changed = subscriber.update_subscription(subscription=wanted, update_mask={"paths": ["bigquery_config"]})
    assert changed.state is types.Subscription.State.ACTIVE
    assert changed.bigquery_config.state is types.BigQueryConfig.State.ACTIVE


def test_labels_are_updated_alone(publisher: Any, subscriber: Any, reader: str) -> None:
    topic = types.Topic(name=FLIGHTS, labels={"team": "data"}, message_retention_duration=timedelta(hours=1))
    assert publisher.update_topic(topic=topic, update_mask={"paths": ["labels"]}) == types.Topic(
        name=FLIGHTS, labels={"team": "data"}
    )
    wanted = types.Subscription(name=reader, labels={"team": "data"}, ack_deadline_seconds=99)
    changed = subscriber.update_subscription(subscription=wanted, update_mask={"paths": ["labels"]})
    assert (dict(changed.labels), changed.ack_deadline_seconds) == ({"team": "data"}, 10)


@pytest.mark.parametrize("field", ["topic", "filter", "enable_message_ordering"])
def test_some_fields_are_fixed(subscriber: Any, reader: str, field: str) -> None:
    text = text_of(
        exceptions.InvalidArgument,
        subscriber.update_subscription,
        subscription=types.Subscription(name=reader),
        update_mask={"paths": [field]},
    )
    assert text == (
        f"Invalid update_mask provided in the UpdateSubscriptionRequest: the '{field}' field in the Subscription is not mutable."
    )


def test_a_refused_update_changes_nothing(subscriber: Any, reader: str) -> None:
    before = subscriber.get_subscription(subscription=reader)
    wanted = types.Subscription(name=reader, ack_deadline_seconds=40, expiration_policy={"ttl": timedelta(hours=1)})
    with pytest.raises(exceptions.InvalidArgument):
        subscriber.update_subscription(
            subscription=wanted, update_mask={"paths": ["ack_deadline_seconds", "expiration_policy"]}
        )
    assert subscriber.get_subscription(subscription=reader) == before


def test_acknowledging(subscriber: Any, reader: str) -> None:
    assert text_of(exceptions.InvalidArgument, subscriber.acknowledge, subscription=reader, ack_ids=[]) == (
        "You have not specified an ack ID in the request."
    )
    assert text_of(exceptions.InvalidArgument, subscriber.acknowledge, subscription=reader, ack_ids=["no"]) == (
        "You have passed an invalid ack ID to the service (ack_id=no)."
    )
    for seconds in (-1, 601):
        text = text_of(
            exceptions.InvalidArgument,
            subscriber.modify_ack_deadline,
            subscription=reader,
            ack_ids=["no"],
            ack_deadline_seconds=seconds,
        )
        assert text == (
            f"Invalid ack deadline given (ack_deadline={seconds}). The ack deadline must be between 0 and 600 seconds."
        )
    for limit in (0, -1):
        assert text_of(exceptions.InvalidArgument, subscriber.pull, subscription=reader, max_messages=limit) == (
            "You have passed an invalid argument to the service (argument=max_messages)."
        )


def test_push_is_refused_after_creation_too(subscriber: Any, reader: str) -> None:
    subscriber.modify_push_config(subscription=reader, push_config=types.PushConfig())
    with pytest.raises(exceptions.MethodNotImplemented):
        subscriber.modify_push_config(
            subscription=reader, push_config=types.PushConfig(push_endpoint="https://example.com")
        )


def test_detaching(publisher: Any, subscriber: Any, reader: str) -> None:
    publisher.detach_subscription(request={"subscription": reader})
    assert subscriber.get_subscription(subscription=reader).detached
    assert list(publisher.list_topic_subscriptions(topic=FLIGHTS)) == []
    with pytest.raises(exceptions.FailedPrecondition):
        subscriber.pull(subscription=reader, max_messages=1)


@pytest.mark.parametrize("count", [0, 1, 100, 101, 250])
def test_lists_come_in_pages_whole_and_in_order(publisher: Any, subscriber: Any, reader: str, count: int) -> None:
    names = [subscription_name(f"sub-{number:03}") for number in range(count)]
    for name in reversed(names):
        subscriber.create_subscription(name=name, topic=FLIGHTS)
    pages = list(subscriber.list_subscriptions(project=PROJECT).pages)
    assert [s.name for page in pages for s in page.subscriptions] == [reader, *names]
    assert [len(page.subscriptions) for page in pages[:-1]] == [100] * (count // 100)
    small = list(publisher.list_topic_subscriptions(request={"topic": FLIGHTS, "page_size": 7}).pages)
    assert [name for page in small for name in page.subscriptions] == [reader, *names]
    assert all(len(page.subscriptions) == 7 for page in small[:-1])


def test_lists_know_projects_apart(publisher: Any, reader: str) -> None:
    publisher.create_topic(name="projects/acme-2/topics/flights")
    assert [topic.name for topic in publisher.list_topics(project=PROJECT)] == [FLIGHTS]
    assert list(publisher.list_topics(project="projects/nobody")) == []
    assert "Invalid resource name given (name=acme)" in text_of(
        exceptions.InvalidArgument, publisher.list_topics, project="acme"
    )


def test_pages_that_cannot_be(publisher: Any) -> None:
    for wrong in ({"page_size": -1}, {"page_token": "x"}, {"page_token": "eHg="}):
        with pytest.raises(exceptions.InvalidArgument):
            publisher.list_topics(request={"project": PROJECT, **wrong})


@pytest.mark.parametrize(
    ("duration_us", "text"),
    [(0, "0s"), (599_000_000, "9m59s"), (3_600_000_000, "1h"), (600_500_000, "10m0.5s"), (-1_000_000, "-1s")],
)
def test_durations_read_as_the_services(duration_us: int, text: str) -> None:
    assert span(duration_us) == text
