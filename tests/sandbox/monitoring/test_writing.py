"""Every write rule: what is refused, and the nearest case that is not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from google.api.distribution_pb2 import Distribution
from google.api_core.exceptions import InvalidArgument
from google.cloud.monitoring_v3 import TimeInterval
from google.protobuf.timestamp_pb2 import Timestamp

from exporter.sandbox.monitoring.limits import Limits, Settings
from tests.sandbox.monitoring.cloud import NAME, NOW, PROJECT, TASK, Cloud, of_type, point, series, summary

SECOND = timedelta(seconds=1)
MILLISECOND = timedelta(milliseconds=1)
MINUTE = timedelta(minutes=1)


def histogram(counts: list[int], bounds: list[float], **fields: Any) -> Distribution:
    value = Distribution(count=sum(counts), bucket_counts=counts, **fields)
    value.bucket_options.explicit_buckets.bounds.extend(bounds)
    return value


def refuses(cloud: Cloud, bad: Any, *texts: str) -> None:
    """The point is refused in these words, and a sound one beside it is written all the same."""
    before = cloud.monitoring.points_stored
    sound = series(metric="custom.googleapis.com/sound", labels={"n": str(before)})
    error = cloud.refused(sound, bad)
    assert isinstance(error, InvalidArgument)
    assert error.message.startswith("One or more TimeSeries could not be written: timeSeries[1]")
    for text in texts:
        assert text in error.message
    assert summary(error) == (2, 1, {3: 1})
    assert cloud.monitoring.points_stored == before + 1


class TestRequest:
    def test_holds_at_most_200_series_or_is_refused_whole(self, cloud: Cloud) -> None:
        many = [series(labels={"n": str(n)}) for n in range(201)]
        error = cloud.refused(*many)
        assert error.message == (
            "Field timeSeries had an invalid value: A maximum of 200 TimeSeries can be written in a single request."
        )
        assert cloud.monitoring.points_stored == 0
        cloud.write(*many[:200])
        assert cloud.monitoring.points_stored == 200

    def test_holds_at_least_one_series(self, cloud: Cloud) -> None:
        assert cloud.refused().message == "Request was missing field timeSeries."

    def test_is_for_a_project(self, cloud: Cloud) -> None:
        with pytest.raises(InvalidArgument, match="projects/PROJECT_ID"):
            cloud.client.create_time_series(name="folders/7", time_series=[series()])

    def test_is_refused_whole_when_a_resource_names_another_project(self, cloud: Cloud) -> None:
        other = series(labels={"n": "1"}, resource=("generic_task", {**TASK, "project_id": "acme-data"}))
        error = cloud.refused(series(), other)
        assert error.message == (
            'Field timeSeries[1].resource.labels.project_id had an invalid value of "acme-data": '
            "if present, must be the project number or ID in the request name."
        )
        assert cloud.monitoring.points_stored == 0
        cloud.write(series(resource=("generic_task", {**TASK, "project_id": PROJECT})))

    def test_may_name_a_series_once(self, cloud: Cloud) -> None:
        error = cloud.refused(series(1.0), series(2.0), series(3.0, labels={"quantile": "0.5"}))
        assert "timeSeries[1]" in error.message
        assert (
            "Duplicate TimeSeries encountered. Only one point can be written per TimeSeries per request."
            in error.message
        )
        (written,) = cloud.read(of_type())
        assert written.points[0].value.double_value == 1.0

    def test_needs_the_permission(self, cloud: Cloud) -> None:
        cloud.iam.revoke("exporter", "monitoring.timeSeries.create", PROJECT)
        error = cloud.refused(series())
        assert (error.code, error.message) == (
            403,
            "Permission monitoring.timeSeries.create denied (or the resource may not exist).",
        )
        cloud.iam.restore("exporter", "monitoring.timeSeries.create", PROJECT)
        cloud.write(series())


class TestPoint:
    @pytest.mark.parametrize("points", [[], [point(1.0, NOW - MINUTE), point(2.0, NOW)]])
    def test_is_one_per_series(self, cloud: Cloud, points: list[dict[str, Any]]) -> None:
        bad = series()
        bad.points = points
        refuses(cloud, bad, "Field points had an invalid value", "Only one point")

    def test_has_a_value(self, cloud: Cloud) -> None:
        bad = series()
        bad.points = [{"interval": {"end_time": NOW}}]
        refuses(cloud, bad, "points[0].value")

    def test_has_an_end(self, cloud: Cloud) -> None:
        bad = series()
        bad.points = [{"value": {"double_value": 1.0}}]
        refuses(cloud, bad, "points[0].interval.end_time")

    def test_ends_at_most_25_hours_ago(self, cloud: Cloud) -> None:
        oldest = NOW - timedelta(hours=25)
        refuses(
            cloud,
            series(end=oldest - MILLISECOND),
            'Field points[0].interval.end_time had an invalid value of "2026-11-01T10:59:59.999Z"',
            "Data points cannot be written more than 25h in the past.",
        )
        cloud.write(series(end=oldest))

    def test_ends_at_most_5_minutes_from_now(self, cloud: Cloud) -> None:
        newest = NOW + timedelta(minutes=5)
        refuses(cloud, series(end=newest + MILLISECOND), "cannot be written more than 5m in the future.")
        cloud.write(series(end=newest))

    def test_of_a_gauge_starts_at_its_end_or_not_at_all(self, cloud: Cloud) -> None:
        bad = series(end=NOW, start=NOW - MILLISECOND, metric_kind="GAUGE")
        refuses(
            cloud,
            bad,
            "Field points[0].interval.start_time had an invalid value",
            "The start time must be equal to the end time (2026-11-02T12:00:00Z) for the gauge metric "
            "'custom.googleapis.com/pipeline/latency'.",
        )
        cloud.write(series(end=NOW, start=NOW, metric_kind="GAUGE"))
        cloud.write(series(end=NOW + 5 * SECOND))

    @pytest.mark.parametrize("start", [NOW, NOW + SECOND])
    def test_of_a_cumulative_starts_before_its_end(self, cloud: Cloud, start: Any) -> None:
        refuses(
            cloud,
            series(7, end=NOW, start=start),
            "The start time must be before the end time (2026-11-02T12:00:00Z) for the non-gauge metric "
            "'custom.googleapis.com/pipeline/latency'.",
        )
        cloud.write(series(7, end=NOW, start=NOW - MILLISECOND))

    @pytest.mark.parametrize("start_s", [-1, -62_135_596_800, -(2**62)])
    def test_of_a_cumulative_starts_after_1970(self, cloud: Cloud, start_s: int) -> None:
        bad = series(7, end=NOW, start=NOW - MINUTE)
        bad.points[0].interval.start_time = Timestamp(seconds=start_s)
        refuses(cloud, bad, "The start time must not be before 1970-01-01T00:00:00Z.")
        bad.points[0].interval.start_time = Timestamp(seconds=0)
        cloud.write(bad)

    def test_that_ends_outside_the_calendar_is_refused_like_any_other(self, cloud: Cloud) -> None:
        bad = series()
        bad.points[0].interval = TimeInterval.pb()(end_time=Timestamp(seconds=2**62))
        refuses(cloud, bad, f'had an invalid value of "{2**62}s"', "5m in the future")

    def test_of_a_cumulative_without_start_starts_at_its_end(self, cloud: Cloud) -> None:
        refuses(cloud, series(7, metric_kind="CUMULATIVE"), "The start time must be before the end time")

    def test_has_the_type_that_the_series_says(self, cloud: Cloud) -> None:
        refuses(cloud, series(1.0, value_type="INT64"), 'Field valueType had an invalid value of "INT64"')
        cloud.write(series(1.0, value_type="DOUBLE"))


class TestOrder:
    def test_a_gauge_moves_forward(self, cloud: Cloud) -> None:
        cloud.write(series(1.0, NOW))
        for late in (NOW, NOW - MINUTE):
            refuses(
                cloud,
                series(2.0, late),
                "write for resource=generic_task{job:departures,location:us-central1,namespace:flights,task_id:pipeline} "
                "failed with: Points must be written in order. One or more of the points specified had an older end time "
                "than the most recent point.",
            )
        cloud.write(series(2.0, NOW + 5 * SECOND))

    def test_a_cumulative_goes_on_from_its_start(self, cloud: Cloud) -> None:
        cloud.write(series(1, NOW, NOW - MINUTE))
        refuses(cloud, series(2, NOW, NOW - MINUTE), "an older end time than the most recent point")
        cloud.write(series(2, NOW + MINUTE, NOW - MINUTE))

    def test_a_cumulative_starts_again_a_millisecond_after_its_last_end(self, cloud: Cloud) -> None:
        cloud.write(series(9, NOW, NOW - MINUTE))
        older = "One or more of the points specified had an older start time than the most recent point."
        for start in (NOW - 2 * MINUTE, NOW - SECOND, NOW, NOW + MILLISECOND / 2):
            refuses(cloud, series(1, NOW + MINUTE, start), older)
        cloud.write(series(1, NOW + MINUTE, NOW + MILLISECOND))

    def test_windows_that_reset_each_time_cannot_be_written_twice(self, cloud: Cloud) -> None:
        windows = [(NOW + n * MINUTE + MILLISECOND, NOW + (n + 1) * MINUTE) for n in range(3)]
        for start, end in windows:
            cloud.write(series(5, end, start))
        for start, end in windows:
            assert "Points must be written in order." in cloud.refused(series(5, end, start)).message
        assert cloud.monitoring.points_stored == 3

    def test_series_are_told_apart_by_any_label(self, cloud: Cloud) -> None:
        cloud.write(series(labels={"quantile": "0.5"}), series(labels={"quantile": "0.9"}))
        cloud.write(series(labels={"quantile": "0.5"}, resource=("generic_task", {**TASK, "job": "arrivals"})))
        assert cloud.monitoring.points_stored == 3


class TestSpacing:
    def test_is_5_seconds_between_end_times(self, cloud: Cloud) -> None:
        cloud.write(series(1.0, NOW))
        error = cloud.refused(series(2.0, NOW + 5 * SECOND - MILLISECOND))
        assert error.message == (
            "One or more TimeSeries could not be written: timeSeries[0] "
            '(metric.type="custom.googleapis.com/pipeline/latency", metric.labels={}): write for '
            "resource=generic_task{job:departures,location:us-central1,namespace:flights,task_id:pipeline} failed with: One "
            "or more points were written more frequently than the maximum sampling period configured for the metric. "
            "{Metric: custom.googleapis.com/pipeline/latency, Timestamps: {Youngest Existing: '2026/11/02-12:00:00.000', "
            "New: '2026/11/02-12:00:04.999'}}"
        )
        assert summary(error) == (1, 0, {9: 1})
        cloud.write(series(2.0, NOW + 5 * SECOND))

    def test_holds_for_cumulatives_that_reset(self, cloud: Cloud) -> None:
        cloud.write(series(1, NOW, NOW - MINUTE))
        error = cloud.refused(series(2, NOW + 4 * SECOND, NOW + SECOND))
        assert "more frequently" in error.message
        cloud.write(series(2, NOW + 5 * SECOND, NOW + SECOND))

    def test_can_be_by_the_clock_instead(self) -> None:
        with Cloud(Settings(spacing="clock")) as cloud:
            cloud.write(series(1.0, NOW - 2 * MINUTE))
            error = cloud.refused(series(2.0, NOW - MINUTE))
            assert "more frequently than the maximum sampling period" in error.message
            cloud.clock.advance(5)
            cloud.write(series(2.0, NOW - MINUTE))

    def test_by_end_times_does_not_mind_the_clock(self, cloud: Cloud) -> None:
        for minute in range(60, 0, -1):
            cloud.write(series(1.0, NOW - minute * MINUTE))
        assert cloud.monitoring.points_stored == 60

    def test_comes_after_order(self, cloud: Cloud) -> None:
        cloud.write(series(1.0, NOW))
        assert "Points must be written in order" in cloud.refused(series(1.0, NOW - SECOND)).message


class TestMetric:
    @pytest.mark.parametrize(
        "metric",
        [
            "",
            "custom.googleapis.com",
            "custom.googleapis.com/",
            "custom.googleapis.com/a//b",
            "custom.googleapis.com/a:b",
        ],
    )
    def test_type_is_a_domain_and_a_path(self, cloud: Cloud, metric: str) -> None:
        refuses(
            cloud,
            series(metric=metric),
            "metric.type",
            "The metric type must be a URL-formatted string with a domain and non-empty path.",
        )

    def test_type_has_at_most_200_characters(self, cloud: Cloud) -> None:
        longest = "custom.googleapis.com/".ljust(200, "x")
        refuses(cloud, series(metric=longest + "x"), "must not be longer than 200 characters")
        cloud.write(series(metric=longest))

    def test_type_belongs_to_the_user(self, cloud: Cloud) -> None:
        refuses(
            cloud,
            series(5, metric="pubsub.googleapis.com/topic/message_sizes"),
            "Unknown metric: pubsub.googleapis.com/topic/message_sizes",
        )
        for domain in ("custom", "external", "workload"):
            cloud.write(series(metric=f"{domain}.googleapis.com/process.runtime/latency-p99"))

    @pytest.mark.parametrize("key", ["http.scheme", "1st", "a-b", "_a", "x" * 101])
    def test_label_keys_are_words(self, cloud: Cloud, key: str) -> None:
        refuses(cloud, series(labels={key: "x"}), f'Field metric.labels had an invalid value of "{key}": Label key')

    def test_label_keys_have_at_most_100_characters(self, cloud: Cloud) -> None:
        cloud.write(series(labels={"x" * 100: "x"}))

    def test_label_values_have_at_most_1024_characters(self, cloud: Cloud) -> None:
        refuses(cloud, series(labels={"reason": "x" * 1025}), "must not be longer than 1024 characters, not 1025")
        cloud.write(series(labels={"reason": "x" * 1024}))

    def test_has_at_most_30_labels(self, cloud: Cloud) -> None:
        labels = {f"label_{n}": "x" for n in range(31)}
        refuses(cloud, series(labels=labels), "to have over 30 labels.")
        labels.popitem()
        cloud.write(series(labels=labels))


class TestResource:
    @pytest.mark.parametrize("kind", ["", "generic_tusk"])
    def test_type_exists(self, cloud: Cloud, kind: str) -> None:
        refuses(cloud, series(resource=(kind, TASK)), f"Unrecognized resource type: {kind}.")

    def test_type_is_one_that_users_may_write_to(self, cloud: Cloud) -> None:
        refuses(
            cloud,
            series(resource=("pubsub_topic", {"topic_id": "departures"})),
            "Metrics cannot be written to pubsub_topic.",
            "for a list of writable resource types.",
        )

    def test_has_all_of_its_labels_and_no_other(self, cloud: Cloud) -> None:
        without = {key: value for key, value in TASK.items() if key not in ("namespace", "task_id")}
        refuses(
            cloud,
            series(resource=("generic_task", without)),
            "the set of resource labels is incomplete, missing (namespace task_id)",
        )
        refuses_more = series(resource=("generic_task", {**TASK, "instance_id": "7"}))
        assert "Unrecognized resource label: instance_id" in cloud.refused(refuses_more).message
        cloud.write(series(resource=("generic_task", {**TASK, "namespace": ""})))

    def test_label_values_have_at_most_1024_characters(self, cloud: Cloud) -> None:
        refuses(
            cloud,
            series(resource=("generic_task", {**TASK, "job": "x" * 1025})),
            'Field resource.labels had an invalid value of "job": Label values must not be longer than 1024 characters',
        )
        cloud.write(series(resource=("generic_task", {**TASK, "job": "x" * 1024})))

    @pytest.mark.parametrize("location", ["US", "EU", "us", "us-central9", "us-central1-z", "", "europe"])
    def test_location_is_real(self, cloud: Cloud, location: str) -> None:
        refuses(
            cloud, series(resource=("generic_task", {**TASK, "location": location})), "Unrecognized region or location."
        )

    @pytest.mark.parametrize("location", ["us-central1", "europe-west1-b", "global", "northamerica-south1"])
    def test_of_a_task_may_be_in_a_region_a_zone_or_everywhere(self, cloud: Cloud, location: str) -> None:
        cloud.write(series(resource=("generic_task", {**TASK, "location": location})))

    @pytest.mark.parametrize(
        ("resource", "sound"),
        [
            (("gce_instance", {"instance_id": "7", "zone": "us-central1-a"}), True),
            (("gce_instance", {"instance_id": "7", "zone": "us-central1"}), False),
            (("gce_instance", {"instance_id": "7", "zone": "global"}), False),
            (("generic_node", {"location": "global", "namespace": "", "node_id": ""}), True),
            (("global", {}), True),
            (("global", {"location": "global"}), False),
            (("k8s_cluster", {"location": "europe-west1", "cluster_name": "c"}), True),
            (("k8s_cluster", {"location": "global", "cluster_name": "c"}), False),
            (("k8s_node", {"location": "europe-west1-c", "cluster_name": "c", "node_name": "n"}), True),
            (
                (
                    "k8s_pod",
                    {"location": "europe-west1-c", "cluster_name": "c", "namespace_name": "d", "pod_name": "p"},
                ),
                True,
            ),
            (("k8s_container", {"location": "europe-west1-c", "cluster_name": "c", "namespace_name": "d"}), False),
        ],
    )
    def test_types_have_rules_of_their_own(
        self, cloud: Cloud, resource: tuple[str, dict[str, str]], sound: bool
    ) -> None:
        if sound:
            cloud.write(series(resource=resource))
        else:
            refuses(cloud, series(resource=resource))


class TestDescriptor:
    def test_is_made_by_the_first_point(self, cloud: Cloud) -> None:
        cloud.write(
            series(3, NOW, NOW - MINUTE, labels={"outcome": "published"}, unit="{message}", description="What came.")
        )
        found = cloud.client.get_metric_descriptor(
            name=f"{NAME}/metricDescriptors/custom.googleapis.com/pipeline/latency"
        )
        assert (found.metric_kind, found.value_type, found.unit) == (3, 2, "{message}")
        assert [label.key for label in found.labels] == ["outcome"]
        assert found.description == "What came."

    def test_that_is_made_by_a_point_is_a_gauge_unless_it_says_otherwise(self, cloud: Cloud) -> None:
        cloud.write(series(True))
        found = cloud.client.get_metric_descriptor(
            name=f"{NAME}/metricDescriptors/custom.googleapis.com/pipeline/latency"
        )
        assert (found.metric_kind, found.value_type) == (1, 1)

    def test_of_a_new_metric_is_a_gauge_or_a_cumulative(self, cloud: Cloud) -> None:
        refuses(
            cloud, series(3, NOW, NOW - MINUTE, metric_kind="DELTA"), 'Field metricKind had an invalid value of "DELTA"'
        )
        cloud.write(series(3, NOW, NOW - MINUTE, metric_kind="CUMULATIVE"))

    def test_of_a_new_metric_is_no_string(self, cloud: Cloud) -> None:
        refuses(cloud, series("up"), 'Field valueType had an invalid value of "STRING"')

    def test_of_a_cumulative_is_no_truth_value(self, cloud: Cloud) -> None:
        refuses(cloud, series(True, NOW, NOW - MINUTE), 'Field valueType had an invalid value of "BOOL"')
        cloud.write(series(1, NOW, NOW - MINUTE))

    def test_keeps_its_kind(self, cloud: Cloud) -> None:
        cloud.write(series(1.0, NOW))
        refuses(
            cloud,
            series(1.0, NOW + MINUTE, NOW),
            "Metric kind for metric custom.googleapis.com/pipeline/latency must be GAUGE, but is CUMULATIVE.",
        )

    def test_gives_its_kind_to_points_that_name_none(self, cloud: Cloud) -> None:
        cloud.write(series(1, NOW, NOW - MINUTE))
        cloud.write(series(2, NOW + MINUTE, NOW - MINUTE, metric_kind=0))
        assert cloud.monitoring.points_stored == 2

    def test_keeps_its_value_type(self, cloud: Cloud) -> None:
        cloud.write(series(1.0, NOW))
        refuses(
            cloud,
            series(1, NOW + MINUTE),
            "Value type for metric custom.googleapis.com/pipeline/latency must be DOUBLE, but is INT64.",
        )

    def test_has_all_labels_of_its_points(self, cloud: Cloud) -> None:
        cloud.write(series(labels={"quantile": "0.5"}))
        refuses(
            cloud,
            series(end=NOW + MINUTE, labels={"quantile": "0.5", "zone": "a"}),
            "Unrecognized metric labels: [zone]",
        )
        cloud.write(series(end=NOW + MINUTE, labels={"quantile": "0.5"}), series(end=NOW + MINUTE))

    def test_can_take_in_new_labels_instead(self) -> None:
        with Cloud(Settings(new_labels="add", limits=Limits(labels=2))) as cloud:
            cloud.write(series(labels={"quantile": "0.5"}))
            cloud.write(series(labels={"quantile": "0.5", "zone": "a"}))
            error = cloud.refused(series(labels={"shard": "1"}))
            assert (
                "The new labels would cause the metric custom.googleapis.com/pipeline/latency to have over 2 labels."
                in error.message
            )

    def test_gets_a_unit_from_a_point_only_while_it_has_none(self, cloud: Cloud) -> None:
        name = f"{NAME}/metricDescriptors/custom.googleapis.com/pipeline/latency"
        cloud.write(series(end=NOW))
        cloud.write(series(end=NOW + MINUTE, unit="s"))
        assert cloud.client.get_metric_descriptor(name=name).unit == "s"
        cloud.write(series(end=NOW + 2 * MINUTE, unit="ms"))
        assert cloud.client.get_metric_descriptor(name=name).unit == "s"


class TestDistribution:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (histogram([1, 2], [10.0], mean=float("nan")), "Distribution value with a non-finite |mean| of nan."),
            (histogram([1, 2], [10.0], mean=float("inf")), "Distribution value with a non-finite |mean| of inf."),
            (
                histogram([1, 2, 3], [10.0]),
                "Distribution value has 3 |bucket_counts| fields, which is more than the 2 buckets allowed by",
            ),
            (histogram([3, -1], [10.0]), "negative |bucket_counts|"),
            (histogram([1, 2], [10.0, 10.0]), "not monotonically increasing"),
            (histogram([1, 2], [float("nan")]), "non-finite entry"),
            (histogram([1], [float(n) for n in range(200)]), "201 buckets, which is more than 200"),
            (histogram([0, 0], [10.0], mean=1.0), "|count| of zero"),
            (histogram([0, 0], [10.0], sum_of_squared_deviation=1.0), "|count| of zero"),
            (histogram([1, 0], [10.0], sum_of_squared_deviation=-1.0), "|sum_of_squared_deviation| of -1.0"),
            (Distribution(count=-1), "negative |count|"),
            (Distribution(count=1, bucket_counts=[1]), "no |bucket_options|"),
        ],
    )
    def test_is_consistent(self, cloud: Cloud, value: Distribution, text: str) -> None:
        refuses(cloud, series(value), "Field points[0].distributionValue had an invalid value", text)

    def test_counts_in_its_buckets_what_it_counts(self, cloud: Cloud) -> None:
        value = histogram([1, 3], [10.0])
        value.count = 2
        refuses(
            cloud,
            series(value),
            "Distribution value has |bucket_counts| fields that sum to 4 which does not equal the |count| field value of 2.",
        )

    def test_has_bounds(self, cloud: Cloud) -> None:
        value = Distribution(count=1, bucket_counts=[1])
        value.bucket_options.explicit_buckets.SetInParent()
        refuses(cloud, series(value), "Distribution |explicit_buckets.bounds| does not have at least one entry.")

    def test_has_buckets_that_grow(self, cloud: Cloud) -> None:
        linear = Distribution(count=1, bucket_counts=[1])
        linear.bucket_options.linear_buckets.num_finite_buckets = 3
        refuses(cloud, series(linear), "|linear_buckets|")
        exponential = Distribution(count=1, bucket_counts=[1])
        exponential.bucket_options.exponential_buckets.num_finite_buckets = 3
        exponential.bucket_options.exponential_buckets.scale = 1.0
        exponential.bucket_options.exponential_buckets.growth_factor = 1.0
        assert "|exponential_buckets|" in cloud.refused(series(exponential)).message
        exponential.bucket_options.exponential_buckets.growth_factor = 1.1
        cloud.write(series(exponential))

    @pytest.mark.parametrize(
        "value",
        [
            histogram([1, 2], [10.0], mean=12.0, sum_of_squared_deviation=2.0),
            histogram([3], [10.0], mean=1.0),  # buckets that are left out are empty
            histogram([0, 0], [10.0]),
            histogram([1], [float(n) for n in range(199)]),
            Distribution(count=3, mean=4.0),  # no histogram at all
        ],
    )
    def test_that_is_sound_is_written_as_it_is(self, cloud: Cloud, value: Distribution) -> None:
        cloud.write(series(value))
        (found,) = cloud.read(of_type())
        assert found.points[0].value.distribution_value == value


class TestQuotas:
    def test_series_per_resource(self) -> None:
        with Cloud(Settings(limits=Limits(series_per_resource=2))) as cloud:
            cloud.write(series(labels={"n": "1"}), series(labels={"n": "2"}))
            error = cloud.refused(series(labels={"n": "3"}))
            assert "active time series" in error.message
            assert summary(error) == (1, 0, {8: 1})
            cloud.write(series(labels={"n": "3"}, resource=("generic_task", {**TASK, "job": "arrivals"})))
            cloud.write(series(end=NOW + MINUTE, labels={"n": "2"}))

    def test_descriptors_per_project(self) -> None:
        with Cloud(Settings(limits=Limits(descriptors=1))) as cloud:
            cloud.write(series())
            error = cloud.refused(series(metric="custom.googleapis.com/other"))
            assert "Your metric descriptor quota has been exhausted" in error.message
            cloud.write(series(end=NOW + MINUTE))
