"""The one error that tells of all points that were refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

import pytest
from google.api_core.exceptions import InvalidArgument
from hypothesis import given
from hypothesis import strategies as st

from exporter.sandbox.monitoring.limits import Settings
from exporter.sandbox.monitoring.refusals import ranges
from tests.sandbox.monitoring.cloud import NOW, TASK, Cloud, of_type, series, summary

SECOND = timedelta(seconds=1)
TASK_TEXT = "generic_task{job:departures,location:us-central1,namespace:flights,task_id:pipeline}"


def quantile(n: int, **more: Any) -> Any:
    return series(labels={"quantile": str(n)}, **more)


def test_the_other_points_are_written(cloud: Cloud) -> None:
    cloud.write(*(quantile(n) for n in range(6)))
    bad = [quantile(n, end=NOW + SECOND) for n in (0, 1, 2, 5)]
    good = [quantile(n, end=NOW + 5 * SECOND) for n in (3, 4)]
    error = cloud.refused(*bad[:3], *good, bad[3])
    assert error.message == (
        "One or more TimeSeries could not be written: timeSeries[0-2,5] (example "
        'metric.type="custom.googleapis.com/pipeline/latency", metric.labels={"quantile": "0"}): write for '
        f"resource={TASK_TEXT} failed with: One or more points were written more frequently than the maximum sampling "
        "period configured for the metric. {Metric: custom.googleapis.com/pipeline/latency, Timestamps: {Youngest "
        "Existing: '2026/11/02-12:00:00.000', New: '2026/11/02-12:00:01.000'}}"
    )
    assert summary(error) == (6, 2, {9: 4})
    newest = {each.metric.labels["quantile"]: each.points[0].interval.end_time for each in cloud.read(of_type())}
    assert [n for n, end in sorted(newest.items()) if end == NOW + 5 * SECOND] == ["3", "4"]


def test_each_reason_has_a_part_of_its_own(cloud: Cloud) -> None:
    cloud.write(quantile(0), quantile(1))
    bad_place = series(metric="custom.googleapis.com/other", resource=("generic_task", {**TASK, "location": "EU"}))
    error = cloud.refused(quantile(0, end=NOW + SECOND), quantile(1, end=NOW - SECOND), bad_place)
    too_close, out_of_order, nowhere = error.message.split("; ")
    assert "timeSeries[0] (" in too_close
    assert "more frequently" in too_close
    assert "timeSeries[1] (" in out_of_order
    assert "Points must be written in order" in out_of_order
    assert nowhere == (
        'timeSeries[2] (metric.type="custom.googleapis.com/other", metric.labels={}): Unrecognized region or location.'
    )
    assert summary(error) == (3, 0, {9: 1, 3: 2})
    assert isinstance(error, InvalidArgument)


def test_points_of_two_resources_are_told_apart(cloud: Cloud) -> None:
    other = ("generic_task", {**TASK, "job": "arrivals"})
    cloud.write(series(), series(resource=other))
    error = cloud.refused(series(), series(resource=other))
    assert [part.partition(" (")[0] for part in error.message.partition("written: ")[2].split("; ")] == [
        "timeSeries[0]",
        "timeSeries[1]",
    ]


def test_it_can_be_worded_as_before_2025() -> None:
    with Cloud(Settings(wording="older")) as cloud:
        cloud.write(*(quantile(n) for n in range(3)))
        nan = series(metric="custom.googleapis.com/pipeline/cost", end=NOW - timedelta(days=2))
        error = cloud.refused(*(quantile(n) for n in range(3)), nan)
        assert error.message == (
            "One or more TimeSeries could not be written: Points must be written in order. One or more of the points "
            "specified had an older end time than the most recent point.: timeSeries[0-2]; Field "
            'timeSeries[3].points[0].interval.end_time had an invalid value of "2026-10-31T12:00:00Z": Data points '
            "cannot be written more than 25h in the past.: timeSeries[3]"
        )
        error = cloud.refused(quantile(7), quantile(7))
        assert error.message == (
            "One or more TimeSeries could not be written: Field timeSeries[1] had an invalid value: Duplicate TimeSeries "
            "encountered. Only one point can be written per TimeSeries per request.: timeSeries[1]"
        )


@pytest.mark.parametrize("wording", ["current", "older"])
def test_it_reaches_the_client_however_much_there_is_to_tell(wording: Literal["current", "older"]) -> None:
    with Cloud(Settings(wording=wording)) as cloud:
        bad = [
            series(
                metric=f"custom.googleapis.com/pipeline/{'x' * 150}{n}",
                labels={f"label_{k}": "y" * 1000 for k in range(9)},
                resource=("generic_task", {**TASK, "job": f"job-{n}", "location": "US"}),
                end=NOW - timedelta(days=2, seconds=n),
            )
            for n in range(200)
        ]
        error = cloud.refused(*bad)
        assert summary(error) == (200, 0, {3: 200})
        assert "timeSeries[0-199]" in error.message


def test_what_is_too_much_to_tell_is_counted() -> None:
    with Cloud(Settings(wording="older")) as cloud:
        error = cloud.refused(*(quantile(n, end=NOW - timedelta(days=2, seconds=n)) for n in range(200)))
        *told, last = error.message.partition("written: ")[2].split("; ")
        assert last == f"and {200 - len(told)} more"
        assert told[1].endswith("cannot be written more than 25h in the past.: timeSeries[1]")
        assert summary(error) == (200, 0, {3: 200})


def test_runs_of_three_become_ranges() -> None:
    assert ranges([3, 8, 9, 10, 11, 12, 43, 44, 48]) == "3,8-12,43,44,48"


@given(st.sets(st.integers(0, 199), min_size=1))
def test_ranges_name_every_index_once(indices: set[int]) -> None:
    named: list[int] = []
    for part in ranges(sorted(indices)).split(","):
        first, _, last = part.partition("-")
        named += range(int(first), int(last or first) + 1)
    assert named == sorted(indices)
