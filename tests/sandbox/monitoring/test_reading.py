"""ListTimeSeries without aggregation: intervals, views, pages, visibility."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from google.api_core.exceptions import InvalidArgument, NotFound, PermissionDenied, ResourceExhausted
from google.cloud.monitoring_v3 import ListTimeSeriesRequest, TimeInterval

from exporter.sandbox.monitoring.limits import Limits, Settings
from tests.sandbox.monitoring.cloud import NAME, NOW, PROJECT, TASK, Cloud, aggregation, of_type, series

MINUTE = timedelta(minutes=1)
MICROSECOND = timedelta(microseconds=1)
HEADERS = ListTimeSeriesRequest.TimeSeriesView.HEADERS


def fill(cloud: Cloud, names: str = "a", minutes: int = 5) -> None:
    """Gauges at whole minutes before NOW, the last at NOW; the value counts the minutes."""
    for minute in range(minutes):
        cloud.write(
            *(series(float(minute), NOW - (minutes - 1 - minute) * MINUTE, labels={"name": name}) for name in names)
        )


def values(cloud: Cloud, **more: Any) -> list[list[float]]:
    return [[point.value.double_value for point in each.points] for each in cloud.read(of_type(), **more)]


class TestInterval:
    def test_is_open_at_its_start_and_closed_at_its_end(self, cloud: Cloud) -> None:
        fill(cloud)
        assert values(cloud, start=NOW - 4 * MINUTE, end=NOW - MINUTE) == [[3.0, 2.0, 1.0]]
        assert values(cloud, start=NOW - 4 * MINUTE - MICROSECOND, end=NOW - MINUTE) == [[3.0, 2.0, 1.0, 0.0]]
        assert values(cloud, start=NOW - 4 * MINUTE, end=NOW - MINUTE - MICROSECOND) == [[2.0, 1.0]]

    def test_goes_by_the_end_of_a_cumulative_point(self, cloud: Cloud) -> None:
        cloud.write(series(9, NOW, NOW - timedelta(hours=5)))
        (found,) = cloud.read(of_type(), start=NOW - MINUTE, end=NOW)
        assert found.points[0].interval.start_time == NOW - timedelta(hours=5)
        assert cloud.read(of_type(), start=NOW - timedelta(hours=6), end=NOW - MINUTE) == []

    def test_leaves_out_series_without_points_in_it(self, cloud: Cloud) -> None:
        fill(cloud, "ab")
        cloud.write(series(9.0, NOW + MINUTE, labels={"name": "b"}))
        found = cloud.read(of_type(), start=NOW, end=NOW + MINUTE)
        assert [each.metric.labels["name"] for each in found] == ["b"]

    @pytest.mark.parametrize(
        ("interval", "text"),
        [
            (TimeInterval(end_time=NOW), "Request was missing field interval.startTime."),
            (TimeInterval(start_time=NOW), "Request was missing field interval.endTime."),
            (TimeInterval(start_time=NOW, end_time=NOW), "The start time must be earlier than the end time"),
            (TimeInterval(start_time=NOW + MINUTE, end_time=NOW), "Field interval.startTime had an invalid value"),
        ],
    )
    def test_has_a_start_before_its_end(self, cloud: Cloud, interval: TimeInterval, text: str) -> None:
        fill(cloud)
        request = ListTimeSeriesRequest(name=NAME, filter=of_type(), interval=interval)
        with pytest.raises(InvalidArgument) as caught:
            cloud.client.list_time_series(request=request)
        assert text in caught.value.message


class TestAnswer:
    def test_says_what_the_series_is(self, cloud: Cloud) -> None:
        cloud.write(series(3, NOW, NOW - MINUTE, labels={"outcome": "published"}, unit="{message}"))
        request = cloud.question(of_type(), NOW - MINUTE, NOW)
        response = next(iter(cloud.client.list_time_series(request=request).pages))
        (found,) = response.time_series
        assert response.unit == found.unit == "{message}"
        assert dict(found.metric.labels) == {"outcome": "published"}
        assert found.resource.type == "generic_task"
        assert dict(found.resource.labels) == {**TASK, "project_id": PROJECT}
        assert (found.metric_kind, found.value_type) == (3, 2)
        assert found.points[0].interval.start_time == NOW - MINUTE

    def test_keeps_times_to_the_nanosecond(self, cloud: Cloud) -> None:
        one = series()
        one.points[0].interval = TimeInterval(end_time="2026-11-02T11:59:59.123456789Z")
        cloud.write(one)
        (found,) = cloud.read(of_type())
        assert found.points[0].interval.end_time.rfc3339() == "2026-11-02T11:59:59.123456789Z"

    def test_without_points_is_headers(self, cloud: Cloud) -> None:
        fill(cloud, "ab")
        found = cloud.read(of_type(), view=HEADERS)
        assert [each.metric.labels["name"] for each in found] == ["a", "b"]
        assert not any(each.points for each in found)

    def test_is_empty_when_a_known_metric_has_no_points(self, cloud: Cloud) -> None:
        assert cloud.read(of_type("pubsub.googleapis.com/topic/message_sizes")) == []

    def test_is_not_found_when_the_metric_is_not_known(self, cloud: Cloud) -> None:
        with pytest.raises(NotFound) as caught:
            cloud.read(of_type("custom.googleapis.com/none"))
        assert caught.value.message == (
            'Cannot find metric(s) that match type = "custom.googleapis.com/none". If a metric was created recently, it '
            "could take up to 10 minutes to become available. Please try again soon."
        )

    def test_cannot_be_ordered(self, cloud: Cloud) -> None:
        fill(cloud)
        with pytest.raises(InvalidArgument, match="orderBy"):
            cloud.read(of_type(), order_by="metric.labels.name")

    def test_needs_the_permission(self, cloud: Cloud) -> None:
        cloud.iam.revoke("exporter", "monitoring.timeSeries.list", PROJECT)
        with pytest.raises(PermissionDenied):
            cloud.read(of_type())


class TestPages:
    def pages(self, cloud: Cloud, size: int, **more: Any) -> list[Any]:
        request = cloud.question(of_type(), NOW - timedelta(hours=1), NOW, page_size=size, **more)
        return list(cloud.client.list_time_series(request=request).pages)

    @pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 14, 15, 16])
    def test_hold_so_many_points_and_lose_none(self, cloud: Cloud, size: int) -> None:
        fill(cloud, "abc")
        pages = self.pages(cloud, size)
        lengths = [sum(len(each.points) for each in page.time_series) for page in pages]
        assert lengths == [size] * (15 // size) + [15 % size] * bool(15 % size)
        points = [
            (each.metric.labels["name"], point.value.double_value)
            for page in pages
            for each in page.time_series
            for point in each.points
        ]
        assert points == [(name, float(minute)) for name in "abc" for minute in (4, 3, 2, 1, 0)]

    def test_hold_so_many_series_without_points(self, cloud: Cloud) -> None:
        fill(cloud, "abcde", minutes=2)
        pages = self.pages(cloud, 2, view=HEADERS)
        assert [[each.metric.labels["name"] for each in page.time_series] for page in pages] == [
            ["a", "b"],
            ["c", "d"],
            ["e"],
        ]

    def test_hold_aligned_points_too(self, cloud: Cloud) -> None:
        fill(cloud, "ab")
        pages = self.pages(cloud, 3, aggregation=aggregation("ALIGN_MEAN"))
        assert [sum(len(each.points) for each in page.time_series) for page in pages] == [3, 3, 3, 1]

    def test_are_of_what_there_was_at_the_first(self, cloud: Cloud) -> None:
        fill(cloud, "ab", minutes=3)
        request = cloud.question(of_type(), NOW - timedelta(hours=1), NOW + timedelta(hours=1), page_size=2)
        ends: list[tuple[str, Any]] = []
        for page in cloud.client.list_time_series(request=request).pages:
            for each in page.time_series:
                ends += [(each.metric.labels["name"], point.interval.end_time) for point in each.points]
            later = NOW + timedelta(minutes=len(ends))
            cloud.write(*(series(9.0, later, labels={"name": name}) for name in "Aab"))
            cloud.clock.advance(60)
        assert ends == [(name, NOW - minute * MINUTE) for name in "ab" for minute in range(3)]

    def test_of_another_request_are_refused(self, cloud: Cloud) -> None:
        fill(cloud, "ab")
        token = self.pages(cloud, 2)[0].next_page_token
        for hours, other in ((2, token), (1, "e30="), (1, "?")):
            request = cloud.question(of_type(), NOW - timedelta(hours=hours), NOW, page_token=other)
            with pytest.raises(InvalidArgument, match="pageToken"):
                cloud.client.list_time_series(request=request)

    def test_may_change_their_size(self, cloud: Cloud) -> None:
        fill(cloud, "ab")
        token = self.pages(cloud, 2)[0].next_page_token
        request = cloud.question(of_type(), NOW - timedelta(hours=1), NOW, page_token=token)
        assert sum(len(each.points) for each in cloud.client.list_time_series(request=request)) == 8

    def test_have_a_size(self, cloud: Cloud) -> None:
        fill(cloud)
        with pytest.raises(InvalidArgument, match="pageSize"):
            self.pages(cloud, -1)


class TestVisibility:
    def test_is_at_once(self, cloud: Cloud) -> None:
        fill(cloud)
        assert values(cloud) == [[4.0, 3.0, 2.0, 1.0, 0.0]]

    def test_may_be_later(self) -> None:
        with Cloud(Settings(read_delay_s=30)) as cloud:
            cloud.write(series(1.0, NOW - MINUTE))
            cloud.clock.advance(29)
            cloud.write(series(2.0, NOW))
            assert values(cloud) == []
            assert "in order" in cloud.refused(series(1.0, NOW - MINUTE)).message  # what cannot be read is written
            cloud.clock.advance(1)
            assert values(cloud) == [[1.0]]
            cloud.clock.advance(29)
            assert values(cloud) == [[2.0, 1.0]]


def test_reads_are_limited_per_minute() -> None:
    with Cloud(Settings(limits=Limits(list_requests_per_minute=1))) as cloud:
        cloud.write(series())
        cloud.read(of_type())
        with pytest.raises(ResourceExhausted, match="Time series queries"):
            cloud.read(of_type())
        cloud.clock.advance(60)
        cloud.read(of_type())
