"""The metrics that Pub/Sub and Cloud Run write themselves."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.sandbox.clock import to_us
from exporter.sandbox.iam import Iam
from exporter.sandbox.ledger import Ledger
from exporter.sandbox.monitoring.engine import Monitoring
from exporter.sandbox.monitoring.limits import Settings
from exporter.sandbox.monitoring.service_metrics import PUBSUB_METRICS, size_distribution
from tests.sandbox.monitoring.cloud import NOW, PROJECT, Cloud, aggregation, of_type

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
TOPIC = f"projects/{PROJECT}/topics/departures"
SUBSCRIPTION = f"projects/{PROJECT}/subscriptions/departures-bq"

BASE = NOW - 30 * MINUTE
"""The start of the minute that most tests fill; everything about it can be read long before NOW."""

COUNTS_OF_TOPICS = ("send_message_operation_count", "send_request_count", "message_sizes", "byte_cost")
COUNTS_OF_SUBSCRIPTIONS = (
    "push_request_count",
    "push_request_latencies",
    "sent_message_count",
    "ack_message_count",
    "dead_letter_message_count",
)
GAUGES = ("num_undelivered_messages", "oldest_unacked_message_age", "backlog_bytes")


def publish(ledger: Ledger, sizes: list[int], at: datetime = BASE, topic: str = TOPIC, requests: int = 1) -> None:
    minute = ledger.topic(topic, to_us(at))
    minute.messages += len(sizes)
    minute.message_bytes += sum(sizes)
    minute.sizes.update(size.bit_length() for size in sizes)
    minute.requests += requests


def pubsub(name: str) -> str:
    return of_type(f"pubsub.googleapis.com/{name}")


def counts(cloud: Cloud, name: str) -> dict[tuple[str, ...], list[int]]:
    """Values of each series, newest first, by the values of its labels in the order of their keys."""
    return {
        tuple(value for _, value in sorted(each.metric.labels.items())): [
            point.value.int64_value for point in each.points
        ]
        for each in cloud.read(pubsub(name))
    }


class TestTopic:
    def test_message_sizes_are_exact_in_count_and_sum(self, cloud: Cloud) -> None:
        sizes = [0, 1, 1, 700, 1023, 1024, 10_000_000]
        publish(cloud.ledger, sizes)
        (found,) = cloud.read(pubsub("topic/message_sizes"))
        assert (found.resource.type, dict(found.resource.labels)) == (
            "pubsub_topic",
            {"project_id": PROJECT, "topic_id": "departures"},
        )
        (point,) = found.points
        assert (point.interval.start_time, point.interval.end_time) == (BASE, BASE + MINUTE)
        value = point.value.distribution_value
        assert value.count == 7
        assert round(value.mean * value.count) == sum(sizes)
        # Buckets: underflow below 1 byte, then [1, 2), [2, 4), ...: 700 and 1023 in [512, 1024), 10 MB in [2**23, 2**24).
        assert {index: count for index, count in enumerate(value.bucket_counts) if count} == {
            0: 1,
            1: 2,
            10: 2,
            11: 1,
            24: 1,
        }
        options = value.bucket_options.exponential_buckets
        assert (options.num_finite_buckets, options.growth_factor, options.scale) == (24, 2.0, 1.0)

    def test_operations_and_requests_are_told_apart_by_their_result(self, cloud: Cloud) -> None:
        publish(cloud.ledger, [100] * 5, requests=2)
        cloud.ledger.topic(TOPIC, to_us(BASE)).rejected["INVALID_ARGUMENT"] += 3
        assert counts(cloud, "topic/send_message_operation_count") == {("success",): [5], ("invalid_argument",): [3]}
        assert counts(cloud, "topic/send_request_count") == {
            ("success", "success"): [2],
            ("invalid", "invalid_argument"): [3],
        }

    def test_byte_cost_is_at_least_a_kilobyte_a_request(self, cloud: Cloud) -> None:
        publish(cloud.ledger, [100] * 5, requests=2)
        publish(cloud.ledger, [5000], BASE + MINUTE, requests=1)
        assert counts(cloud, "topic/byte_cost") == {("publish", "success"): [5000, 2000]}

    def test_without_messages_has_no_series(self, cloud: Cloud) -> None:
        cloud.ledger.topic(TOPIC, to_us(BASE))
        for name in COUNTS_OF_TOPICS:
            assert cloud.read(pubsub(f"topic/{name}")) == []

    def test_has_no_point_for_an_idle_minute(self, cloud: Cloud) -> None:
        publish(cloud.ledger, [10], BASE)
        cloud.ledger.topic(TOPIC, to_us(BASE + MINUTE))
        publish(cloud.ledger, [10], BASE + 2 * MINUTE)
        (found,) = cloud.read(pubsub("topic/send_request_count"))
        assert [point.interval.end_time for point in found.points] == [BASE + 3 * MINUTE, BASE + MINUTE]

    def test_of_another_project_is_not_seen(self, cloud: Cloud) -> None:
        publish(cloud.ledger, [10], topic="projects/acme-data/topics/departures")
        assert cloud.read(pubsub("topic/message_sizes")) == []
        request = cloud.question(pubsub("topic/message_sizes"), BASE, NOW)
        request.name = "projects/acme-data"
        assert len(list(cloud.client.list_time_series(request=request))) == 1

    def test_can_be_chosen(self, cloud: Cloud) -> None:
        for name in ("arrivals", "departures", "gates"):
            publish(cloud.ledger, [10], topic=f"projects/{PROJECT}/topics/{name}")
        found = cloud.read(
            f'{pubsub("topic/send_request_count")} AND resource.labels.topic_id = one_of("gates", "arrivals") '
            'AND metric.labels.response_code = "success"'
        )
        assert [each.resource.labels["topic_id"] for each in found] == ["arrivals", "gates"]
        assert cloud.read(f'{pubsub("topic/send_request_count")} AND metric.labels.response_code = "unavailable"') == []


class TestSubscription:
    def fill(self, cloud: Cloud) -> None:
        minute = cloud.ledger.subscription(SUBSCRIPTION, to_us(BASE))
        minute.attempts.update({("ack", "success"): 8, ("invalid", "invalid_argument"): 3})
        minute.delivered, minute.lost, minute.dead_lettered = 8, 2, 1

    def test_attempts_are_told_apart_by_their_result(self, cloud: Cloud) -> None:
        self.fill(cloud)
        assert counts(cloud, "subscription/push_request_count") == {
            ("push", "ack", "success"): [8],
            ("push", "invalid", "invalid_argument"): [3],
        }
        (found, *_) = cloud.read(pubsub("subscription/push_request_count"))
        assert (found.resource.type, dict(found.resource.labels)) == (
            "pubsub_subscription",
            {"project_id": PROJECT, "subscription_id": "departures-bq"},
        )

    def test_counts_follow_from_the_ledger(self, cloud: Cloud) -> None:
        self.fill(cloud)
        assert counts(cloud, "subscription/ack_message_count") == {("push",): [10]}
        assert counts(cloud, "subscription/sent_message_count") == {("push",): [13]}
        assert counts(cloud, "subscription/dead_letter_message_count") == {("success",): [1]}

    def test_latencies_are_modelled(self, cloud: Cloud) -> None:
        self.fill(cloud)
        found = {
            each.metric.labels["response_code"]: each
            for each in cloud.read(pubsub("subscription/push_request_latencies"))
        }
        value = found["success"].points[0].value.distribution_value
        assert (value.count, value.mean, sum(value.bucket_counts)) == (8, 40_000.0, 8)
        assert value.bucket_counts[16] == 8  # [2**15, 2**16) microseconds

    def test_gauges_are_at_the_end_of_each_minute_of_a_subscription_that_exists(self, cloud: Cloud) -> None:
        for n, backlog in enumerate((0, 7)):
            minute = cloud.ledger.subscription(SUBSCRIPTION, to_us(BASE + n * MINUTE))
            minute.backlog, minute.backlog_bytes, minute.oldest_unacked_age_s = backlog, backlog * 100, backlog * 1.9
        for name, expected in zip(GAUGES, ([7, 0], [13, 0], [700, 0]), strict=True):
            (found,) = cloud.read(pubsub(f"subscription/{name}"))
            assert [point.value.int64_value for point in found.points] == expected
            assert [point.interval.end_time for point in found.points] == [BASE + 2 * MINUTE, BASE + MINUTE]
            assert found.points[0].interval.start_time == found.points[0].interval.end_time
        for name in COUNTS_OF_SUBSCRIPTIONS:
            assert cloud.read(pubsub(f"subscription/{name}")) == []

    def test_a_minute_that_is_not_over_has_no_gauges(self, cloud: Cloud) -> None:
        self.fill(cloud)
        for name in GAUGES:
            assert cloud.read(pubsub(f"subscription/{name}")) == []

    def test_delivery_type_can_be_chosen(self) -> None:
        with Cloud(Settings(delivery_type="bigquery")) as cloud:
            self.fill(cloud)
            assert counts(cloud, "subscription/ack_message_count") == {("bigquery",): [10]}

    def test_byte_cost_is_described_and_has_no_points(self, cloud: Cloud) -> None:
        self.fill(cloud)
        assert cloud.read(pubsub("subscription/byte_cost")) == []


class TestDelay:
    @pytest.mark.parametrize("name", sorted(PUBSUB_METRICS))
    def test_points_can_be_read_when_the_ingest_delay_has_passed(self, name: str) -> None:
        if name.endswith("subscription/byte_cost"):
            return
        metric = PUBSUB_METRICS[name]
        with Cloud() as cloud:
            start = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
            publish(cloud.ledger, [10], start)
            minute = cloud.ledger.subscription(SUBSCRIPTION, to_us(start))
            minute.attempts["ack", "success"] = minute.delivered = minute.dead_lettered = 1
            minute.backlog = minute.backlog_bytes = 0
            minute.oldest_unacked_age_s = 0.0
            cloud.clock.advance(60 + metric.delay_s - 0.001)
            assert cloud.read(of_type(name)) == []
            cloud.clock.advance(0.001)
            assert len(cloud.read(of_type(name))) == 1

    def test_can_be_chosen_and_is_told(self) -> None:
        name = "pubsub.googleapis.com/topic/message_sizes"
        with Cloud(Settings(ingest_delay_s={name: 0.0})) as cloud:
            publish(cloud.ledger, [10], NOW)
            cloud.clock.advance(59)
            assert cloud.read(of_type(name)) == []
            cloud.clock.advance(1)
            assert len(cloud.read(of_type(name))) == 1
            descriptor = cloud.client.get_metric_descriptor(name=f"projects/{PROJECT}/metricDescriptors/{name}")
            assert descriptor.metadata.ingest_delay.ToTimedelta() == timedelta(0)

    def test_of_no_metric_is_a_mistake(self) -> None:
        with pytest.raises(ValueError, match="names no metric of a service: pubsub"):
            Monitoring(Ledger(), Iam(), Settings(ingest_delay_s={"pubsub": 1.0}))


class TestInterval:
    def read(self, cloud: Cloud, start: datetime, end: datetime, **more: Any) -> list[datetime]:
        found = cloud.read(pubsub("topic/send_request_count"), start=start, end=end, **more)
        return [point.interval.end_time for each in found for point in each.points]

    def test_goes_by_the_end_of_the_minute(self, cloud: Cloud) -> None:
        for n in range(5):
            publish(cloud.ledger, [10], BASE + n * MINUTE)
        assert self.read(cloud, BASE + MINUTE, BASE + 3 * MINUTE) == [BASE + 3 * MINUTE, BASE + 2 * MINUTE]
        assert self.read(cloud, BASE + MINUTE - SECOND, BASE + 3 * MINUTE - SECOND) == [
            BASE + 2 * MINUTE,
            BASE + MINUTE,
        ]

    def test_may_be_as_long_as_it_likes(self, cloud: Cloud) -> None:
        publish(cloud.ledger, [10])
        assert self.read(cloud, datetime(1970, 1, 2, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)) == [BASE + MINUTE]

    def test_can_be_cut_by_alignment(self, cloud: Cloud) -> None:
        for n in range(4):
            publish(cloud.ledger, [10], BASE + n * MINUTE, requests=2)
        found = cloud.read(
            pubsub("topic/send_request_count"),
            start=BASE,
            end=BASE + 4 * MINUTE - 30 * SECOND,
            aggregation=aggregation("ALIGN_DELTA", 120),
        )
        # The last half minute and what lies before the first half minute: of 2 + 2 + 2 + 2 requests 1 + 2 + 1 and 1 + 2.
        assert [point.value.int64_value for point in found[0].points] == [4, 3]

    def test_distributions_can_be_summed_over_topics(self, cloud: Cloud) -> None:
        for name in ("arrivals", "departures"):
            publish(cloud.ledger, [100, 300], topic=f"projects/{PROJECT}/topics/{name}")
        (found,) = cloud.read(
            pubsub("topic/message_sizes"),
            start=BASE,
            end=BASE + MINUTE,
            aggregation=aggregation("ALIGN_SUM", 60, "REDUCE_SUM"),
        )
        value = found.points[0].value.distribution_value
        assert (value.count, value.mean) == (4, 200.0)


class TestCloudRun:
    def test_requests_are_counted_per_minute_and_code(self, cloud: Cloud) -> None:
        for code, latency in ((200, 30.0), (200, 50.0), (503, 900.0)):
            cloud.monitoring.record_request(PROJECT, "europe-west1", "departures-api", code, latency, to_us(BASE))
        found = {
            each.metric.labels["response_code"]: each
            for each in cloud.read(of_type("run.googleapis.com/request_count"))
        }
        assert {code: [point.value.int64_value for point in each.points] for code, each in found.items()} == {
            "200": [2],
            "503": [1],
        }
        assert found["503"].metric.labels["response_code_class"] == "5xx"
        assert found["200"].resource.type == "cloud_run_revision"
        assert found["200"].resource.labels["service_name"] == "departures-api"
        assert found["200"].resource.labels["location"] == "europe-west1"
        assert (found["200"].points[0].interval.start_time, found["200"].points[0].interval.end_time) == (
            BASE,
            BASE + MINUTE,
        )

    def test_latencies_are_a_distribution_in_milliseconds(self, cloud: Cloud) -> None:
        for latency in (30.0, 50.0, 0.5, 1e9):
            cloud.monitoring.record_request(PROJECT, "europe-west1", "departures-api", 200, latency, to_us(BASE))
        (found,) = cloud.read(of_type("run.googleapis.com/request_latencies"))
        value = found.points[0].value.distribution_value
        assert (value.count, sum(value.bucket_counts)) == (4, 4)
        assert value.mean * 4 == pytest.approx(80.5 + 1e9)
        assert (value.bucket_counts[0], value.bucket_counts[-1]) == (1, 1)

    def test_appear_when_their_delay_has_passed(self, cloud: Cloud) -> None:
        cloud.monitoring.record_request(PROJECT, "europe-west1", "departures-api", 200, 30.0, to_us(NOW))
        cloud.clock.advance(239)
        assert cloud.read(of_type("run.googleapis.com/request_count")) == []
        cloud.clock.advance(1)
        assert len(cloud.read(of_type("run.googleapis.com/request_count"))) == 1


@given(st.lists(st.integers(0, 10_000_000), min_size=1, max_size=100))
def test_any_messages_have_an_exact_count_and_sum(sizes: list[int]) -> None:
    value = size_distribution(Counter(size.bit_length() for size in sizes), sum(sizes))
    assert value.count == sum(value.bucket_counts) == len(sizes)
    assert round(value.mean * value.count) == sum(sizes)
    for index, count in enumerate(value.bucket_counts):
        low, high = (0, 1) if index == 0 else (2 ** (index - 1), 2**index)
        assert count == sum(low <= size < high for size in sizes)
