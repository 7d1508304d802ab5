"""Descriptors: of metrics and of monitored resources."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from google.api.label_pb2 import LabelDescriptor
from google.api.metric_pb2 import MetricDescriptor
from google.api_core.exceptions import (
    GoogleAPICallError,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
)

from exporter.sandbox.monitoring.limits import Limits, Settings
from exporter.sandbox.monitoring.units import is_unit
from tests.sandbox.monitoring.cloud import NAME, NOW, PROJECT, Cloud, of_type, series

TYPE = "custom.googleapis.com/pipeline/latency"


def labels(*keys: str) -> list[LabelDescriptor]:
    return [LabelDescriptor(key=key) for key in keys]


def latency(**changes: Any) -> MetricDescriptor:
    fields = {"type": TYPE, "metric_kind": "GAUGE", "value_type": "DOUBLE", "unit": "s", "labels": labels("quantile")}
    return MetricDescriptor(**{**fields, **changes})


def create(cloud: Cloud, descriptor: MetricDescriptor) -> MetricDescriptor:
    made: MetricDescriptor = cloud.client.create_metric_descriptor(name=NAME, metric_descriptor=descriptor)
    return made


class TestCreation:
    def test_gives_back_what_is_kept(self, cloud: Cloud) -> None:
        given = latency(description="How late rows are.", display_name="Latency")
        given.metadata.ingest_delay.FromSeconds(300)
        given.metadata.sample_period.FromSeconds(60)
        made = create(cloud, given)
        assert made.name == f"{NAME}/metricDescriptors/{TYPE}"
        assert cloud.client.get_metric_descriptor(name=made.name) == made
        given.name = made.name
        assert made == given

    @pytest.mark.parametrize(
        ("changes", "text"),
        [
            ({"type": ""}, "Request was missing field metricDescriptor.type."),
            ({"type": "custom.googleapis.com"}, "must be a URL-formatted string with a domain and non-empty path"),
            ({"type": "pubsub.googleapis.com/topic/mine"}, "must begin with one of custom.googleapis.com"),
            ({"metric_kind": 0}, "missing field metricDescriptor.metricKind"),
            (
                {"value_type": 0},
                "Request was missing field metricDescriptor.valueType: The descriptor does not have the value type set.",
            ),
            ({"metric_kind": "DELTA"}, 'metricKind had an invalid value of "DELTA"'),
            ({"value_type": "STRING"}, 'valueType had an invalid value of "STRING"'),
            ({"value_type": "MONEY"}, 'valueType had an invalid value of "MONEY"'),
            ({"metric_kind": "CUMULATIVE", "value_type": "BOOL"}, 'valueType had an invalid value of "BOOL"'),
            ({"unit": "seconds"}, 'unit had an invalid value of "seconds"'),
            ({"labels": labels("http.method")}, 'labels[0].key had an invalid value of "http.method"'),
            ({"labels": labels("zone", "zone")}, "labels[1].key"),
            (
                {"labels": labels(*(f"l{n}" for n in range(31)))},
                f"Field labels had an invalid value: When creating metric {TYPE}: the metric has more than 30 labels.",
            ),
            (
                {
                    "type": "workload.googleapis.com/latency",
                    "labels": [LabelDescriptor(key="code", value_type="INT64")],
                },
                "Metric labels for this user-defined metric are required to be of type 'STRING': workload.googleapis.com",
            ),
        ],
    )
    def test_refuses(self, cloud: Cloud, changes: dict[str, Any], text: str) -> None:
        with pytest.raises(InvalidArgument) as caught:
            create(cloud, latency(**changes))
        assert text in caught.value.message

    @pytest.mark.parametrize(
        "changes",
        [
            {"unit": ""},
            {"unit": "{USD}"},
            {"unit": "10^2.%"},
            {"value_type": "BOOL"},
            {"metric_kind": "CUMULATIVE", "value_type": "DISTRIBUTION"},
            {"labels": labels(*(f"l{n}" for n in range(30)))},
            {"labels": [LabelDescriptor(key="code", value_type="INT64")]},
            {"type": "workload.googleapis.com/latency"},
        ],
    )
    def test_takes(self, cloud: Cloud, changes: dict[str, Any]) -> None:
        create(cloud, latency(**changes))

    def test_again_changes_what_may_change(self, cloud: Cloud) -> None:
        create(cloud, latency(description="old"))
        again = create(cloud, latency(description="new", unit="ms", labels=labels("zone")))
        assert (again.description, again.unit) == ("new", "ms")
        assert {label.key for label in again.labels} == {"zone", "quantile"}

    def test_again_keeps_labels_within_their_limit(self, cloud: Cloud) -> None:
        create(cloud, latency(labels=labels(*(f"l{n}" for n in range(30)))))
        with pytest.raises(InvalidArgument, match="more than 30 labels"):
            create(cloud, latency(labels=labels("one_more")))

    @pytest.mark.parametrize("changes", [{"metric_kind": "CUMULATIVE"}, {"value_type": "INT64"}])
    def test_again_does_not_change_what_points_are(self, cloud: Cloud, changes: dict[str, Any]) -> None:
        create(cloud, latency())
        with pytest.raises(InvalidArgument, match="cannot be changed"):
            create(cloud, latency(**changes))

    def test_binds_the_points_that_follow(self, cloud: Cloud) -> None:
        create(cloud, latency())
        assert "must be DOUBLE, but is INT64" in cloud.refused(series(1)).message
        assert "Unrecognized metric labels: [zone]" in cloud.refused(series(labels={"zone": "a"})).message
        cloud.write(series(labels={"quantile": "0.5"}))

    def test_is_limited_in_number(self) -> None:
        with Cloud(Settings(limits=Limits(descriptors=1))) as cloud:
            create(cloud, latency())
            create(cloud, latency(unit="ms"))
            with pytest.raises(ResourceExhausted, match="Your metric descriptor quota has been exhausted"):
                create(cloud, latency(type=f"{TYPE}2"))

    def test_is_limited_in_speed(self) -> None:
        with Cloud(Settings(limits=Limits(descriptor_creations_per_minute=1))) as cloud:
            create(cloud, latency())
            with pytest.raises(ResourceExhausted, match="Metric descriptor creations"):
                create(cloud, latency(type=f"{TYPE}2"))
            cloud.clock.advance(60)
            create(cloud, latency(type=f"{TYPE}2"))


class TestDeletion:
    def test_takes_the_points_along(self, cloud: Cloud) -> None:
        cloud.write(series())
        cloud.client.delete_metric_descriptor(name=f"{NAME}/metricDescriptors/{TYPE}")
        with pytest.raises(NotFound, match="Cannot find metric"):
            cloud.read(of_type())
        cloud.write(series(7))
        (found,) = cloud.read(of_type())
        assert [point.value.int64_value for point in found.points] == [7]

    def test_of_what_is_not_there(self, cloud: Cloud) -> None:
        with pytest.raises(NotFound, match=r"Could not find descriptor for metric .custom\.googleapis\.com/none.\."):
            cloud.client.delete_metric_descriptor(name=f"{NAME}/metricDescriptors/custom.googleapis.com/none")

    def test_of_what_is_a_service_s(self, cloud: Cloud) -> None:
        name = f"{NAME}/metricDescriptors/pubsub.googleapis.com/topic/message_sizes"
        with pytest.raises(InvalidArgument, match="Only user-defined metrics can be deleted"):
            cloud.client.delete_metric_descriptor(name=name)


def test_one_that_is_not_there_is_not_found(cloud: Cloud) -> None:
    with pytest.raises(NotFound, match="Could not find descriptor"):
        cloud.client.get_metric_descriptor(name=f"{NAME}/metricDescriptors/custom.googleapis.com/none")


class TestListing:
    def names(self, cloud: Cloud, **request: Any) -> list[str]:
        return [each.type for each in cloud.client.list_metric_descriptors(request={"name": NAME, **request})]

    def test_has_the_services_and_the_user_s(self, cloud: Cloud) -> None:
        create(cloud, latency())
        names = self.names(cloud)
        assert names == sorted(names)
        assert TYPE in names
        assert "pubsub.googleapis.com/subscription/push_request_count" in names
        assert "run.googleapis.com/request_count" in names

    def test_can_be_filtered(self, cloud: Cloud) -> None:
        create(cloud, latency())
        create(cloud, latency(type=f"{TYPE}2", labels=[]))
        assert self.names(cloud, filter='metric.type = starts_with("custom.googleapis.com/")') == [TYPE, f"{TYPE}2"]
        assert self.names(cloud, filter="metric.label:quantile") == [TYPE]
        for foreign in ('resource.type = "global"', "resource.labels:zone"):
            with pytest.raises(InvalidArgument, match="is not a field that can be compared here"):
                self.names(cloud, filter=foreign)

    def test_comes_in_pages(self, cloud: Cloud) -> None:
        for n in range(5):
            create(cloud, latency(type=f"{TYPE}{n}"))
        request = {"name": NAME, "filter": 'metric.type = starts_with("custom.")', "page_size": 2}
        pages = list(cloud.client.list_metric_descriptors(request=request).pages)
        assert [[each.type[-1] for each in page.metric_descriptors] for page in pages] == [
            ["0", "1"],
            ["2", "3"],
            ["4"],
        ]

    def test_can_be_of_what_has_recent_points(self, cloud: Cloud) -> None:
        create(cloud, latency(type=f"{TYPE}_unused"))
        cloud.write(series())
        cloud.ledger.subscription("projects/acme-observability/subscriptions/s", cloud.clock.now_us()).backlog = 0
        cloud.clock.advance(600)
        assert self.names(cloud, active_only=True) == [
            TYPE,
            "pubsub.googleapis.com/subscription/num_undelivered_messages",
        ]
        cloud.clock.advance(timedelta(hours=25).total_seconds())
        assert self.names(cloud, active_only=True) == []

    def test_is_of_one_project(self, cloud: Cloud) -> None:
        create(cloud, latency())
        others = cloud.client.list_metric_descriptors(name="projects/acme-data")
        assert TYPE not in {each.type for each in others}
        assert {each.name.split("/")[1] for each in others} == {"acme-data"}

    def test_needs_the_permission(self, cloud: Cloud) -> None:
        cloud.iam.revoke("exporter", "monitoring.metricDescriptors.list", PROJECT)
        with pytest.raises(PermissionDenied):
            self.names(cloud)


class TestResources:
    def test_are_known_by_their_labels(self, cloud: Cloud) -> None:
        found = cloud.client.get_monitored_resource_descriptor(name=f"{NAME}/monitoredResourceDescriptors/generic_task")
        assert [label.key for label in found.labels] == ["project_id", "location", "namespace", "job", "task_id"]

    def test_can_be_filtered(self, cloud: Cloud) -> None:
        request = {"name": NAME, "filter": 'resource.type = starts_with("k8s_") AND resource.label:pod_name'}
        found = cloud.client.list_monitored_resource_descriptors(request=request)
        assert [each.type for each in found] == ["k8s_container", "k8s_pod"]

    def test_that_do_not_exist(self, cloud: Cloud) -> None:
        with pytest.raises(NotFound):
            cloud.client.get_monitored_resource_descriptor(name=f"{NAME}/monitoredResourceDescriptors/generic_tusk")

    @pytest.mark.parametrize("name", ["x", NAME, f"{NAME}/metricDescriptors/custom.googleapis.com/a"])
    def test_have_names_of_their_own(self, cloud: Cloud, name: str) -> None:
        with pytest.raises(GoogleAPICallError, match="The name must be that of a descriptor"):
            cloud.client.get_monitored_resource_descriptor(name=name)


DOCUMENTED_UNITS = (
    "s ms us min 1 By kBy MiBy bit % {USD} {message} 10^2.% By{transmitted}/s {request}/s GBy.d k{watt}.h kBy/{email} "
    "MiBy/10ms 1/d {new-users}/d 1000/d k{page_views}/d s{CPU}"
)


@pytest.mark.parametrize("unit", DOCUMENTED_UNITS.split())
def test_units_of_the_documentation_are_units(unit: str) -> None:
    assert is_unit(unit)


@pytest.mark.parametrize("unit", ["seconds", "sec", "USD", "{}", "{a b}", "s/", "/s", "s s", "kk", "{a}{b}", "€"])
def test_words_are_no_units(unit: str) -> None:
    assert not is_unit(unit)


def test_descriptors_of_services_say_when_their_points_come(cloud: Cloud) -> None:
    name = f"{NAME}/metricDescriptors/pubsub.googleapis.com/topic/message_sizes"
    found = cloud.client.get_metric_descriptor(name=name)
    assert found.metadata.sample_period.ToTimedelta() == timedelta(seconds=60)
    assert found.metadata.ingest_delay.ToTimedelta() == timedelta(seconds=240)
    assert (found.metric_kind, found.value_type, found.unit) == (2, 5, "By")
    assert list(found.monitored_resource_types) == ["pubsub_topic"]


def test_nothing_is_written_at_the_time_of_a_refused_creation(cloud: Cloud) -> None:
    with pytest.raises(InvalidArgument):
        create(cloud, latency(unit="seconds"))
    cloud.write(series(end=NOW))
