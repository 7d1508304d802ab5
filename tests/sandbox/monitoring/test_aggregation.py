"""Aggregations through ListTimeSeries: what they make of written points, and what is refused."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
from google.api.distribution_pb2 import Distribution
from google.api_core.exceptions import InvalidArgument
from google.cloud.monitoring_v3 import Aggregation

from exporter.sandbox.monitoring import kinds
from tests.sandbox.monitoring.cloud import NOW, PROJECT, TASK, Cloud, aggregation, of_type, series

MINUTE = timedelta(minutes=1)
MILLISECOND = timedelta(milliseconds=1)
COUNT = "custom.googleapis.com/pipeline/messages"


def fill(cloud: Cloud) -> None:
    """Counts per minute of two jobs over three minutes, as cumulatives that reset: 10, 11, 12 and 20, 21, 22."""
    for minute in range(3):
        start = NOW + (minute - 3) * MINUTE
        cloud.write(
            *(
                series(
                    float(base + minute),
                    start + MINUTE,
                    start + MILLISECOND,
                    metric=COUNT,
                    labels={"outcome": "published"},
                    resource=("generic_task", {**TASK, "job": job}),
                    unit="{message}",
                )
                for job, base in (("departures", 10), ("arrivals", 20))
            )
        )


def read(cloud: Cloud, first: Aggregation, second: Aggregation | None = None) -> Any:
    request = cloud.question(of_type(COUNT), NOW - 3 * MINUTE, NOW, aggregation=first, secondary_aggregation=second)
    return next(iter(cloud.client.list_time_series(request=request).pages))


def values(answer: Any) -> dict[str, list[float]]:
    return {
        each.resource.labels.get("job", ""): [point.value.double_value for point in each.points]
        for each in answer.time_series
    }


def test_deltas_of_windows_are_the_windows(cloud: Cloud) -> None:
    fill(cloud)
    answer = read(cloud, aggregation("ALIGN_DELTA"))
    assert values(answer) == {"arrivals": [22.0, 21.0, 20.0], "departures": [12.0, 11.0, 10.0]}
    (first, *_) = answer.time_series
    assert (first.metric_kind, first.value_type, answer.unit) == (kinds.DELTA, kinds.DOUBLE, "{message}")
    assert first.points[0].interval.start_time == NOW - MINUTE
    assert first.points[0].interval.end_time == NOW


def test_rates_are_per_second(cloud: Cloud) -> None:
    fill(cloud)
    answer = read(cloud, aggregation("ALIGN_RATE", 180))
    assert values(answer) == {"arrivals": [pytest.approx(63 / 180)], "departures": [pytest.approx(33 / 180)]}
    (point,) = answer.time_series[0].points
    assert point.interval.start_time == point.interval.end_time == NOW
    assert answer.unit == "{message}/s"


def test_series_are_reduced_to_their_groups(cloud: Cloud) -> None:
    fill(cloud)
    everything = read(cloud, aggregation("ALIGN_DELTA", 60, "REDUCE_SUM"))
    (one,) = everything.time_series
    assert dict(one.resource.labels) == {"project_id": PROJECT}
    assert dict(one.metric.labels) == {}
    assert values(everything) == {"": [34.0, 32.0, 30.0]}
    by_job = read(cloud, aggregation("ALIGN_DELTA", 180, "REDUCE_SUM", ["resource.label.job"]))
    assert values(by_job) == {"arrivals": [63.0], "departures": [33.0]}
    by_both = read(
        cloud, aggregation("ALIGN_DELTA", 180, "REDUCE_COUNT", ["resource.labels.job", 'metric.label."outcome"'])
    )
    assert [dict(each.metric.labels) for each in by_both.time_series] == [{"outcome": "published"}] * 2
    assert [each.points[0].value.int64_value for each in by_both.time_series] == [1, 1]
    assert by_both.unit == "1"


def test_a_second_aggregation_goes_over_the_first(cloud: Cloud) -> None:
    fill(cloud)
    per_minute = aggregation("ALIGN_DELTA", 60, "REDUCE_SUM", ["resource.label.job"])
    largest = read(cloud, per_minute, aggregation("ALIGN_MAX", 180, "REDUCE_MEAN"))
    assert values(largest) == {"": [17.0]}  # the mean of 22 and 12
    assert largest.time_series[0].metric_kind == kinds.GAUGE


def test_an_aggregation_of_nothing_changes_nothing(cloud: Cloud) -> None:
    fill(cloud)
    answer = read(cloud, Aggregation(), Aggregation())
    assert values(answer) == {"arrivals": [22.0, 21.0, 20.0], "departures": [12.0, 11.0, 10.0]}
    assert answer.time_series[0].metric_kind == kinds.CUMULATIVE


def test_the_first_period_takes_in_what_lies_before_the_interval(cloud: Cloud) -> None:
    fill(cloud)
    request = cloud.question(
        of_type(COUNT), NOW - timedelta(seconds=150), NOW, aggregation=aggregation("ALIGN_DELTA", 120)
    )
    found = list(cloud.client.list_time_series(request=request))
    assert [[point.value.double_value for point in each.points] for each in found] == [[43.0, 20.0], [23.0, 10.0]]


def test_points_around_the_interval_are_used_where_they_are_needed(cloud: Cloud) -> None:
    for minute, value in ((-3, 0.0), (-1, 20.0), (1, 40.0)):
        cloud.write(series(value, NOW + minute * MINUTE))
    found = cloud.read(of_type(), start=NOW - 2.5 * MINUTE, end=NOW, aggregation=aggregation("ALIGN_INTERPOLATE"))
    assert [point.value.double_value for point in found[0].points] == [30.0, 20.0, 10.0]


def test_percentiles_come_from_written_distributions(cloud: Cloud) -> None:
    value = Distribution(count=100, bucket_counts=[0, 50, 50, 0], mean=10.0)
    value.bucket_options.explicit_buckets.bounds.extend([0.0, 10.0, 20.0])
    cloud.write(series(value, NOW, NOW - MINUTE))
    deltas = aggregation("ALIGN_DELTA", 60, "REDUCE_PERCENTILE_99")
    (found,) = cloud.read(of_type(), start=NOW - MINUTE, end=NOW, aggregation=deltas)
    assert found.points[0].value.double_value == pytest.approx(19.8)


def unfit(field: str, value: str, noun: str, kind: str) -> str:
    return (
        f'Field {field} had an invalid value of "{value}": The {noun} cannot be applied to metrics with kind {kind} and '
        "value type DOUBLE."
    )


@pytest.mark.parametrize(
    ("first", "second", "text"),
    [
        (
            aggregation("ALIGN_SUM"),
            None,
            unfit("aggregation.perSeriesAligner", "ALIGN_SUM", "aligner", "CUMULATIVE"),
        ),
        (
            aggregation("ALIGN_DELTA", 60, "REDUCE_COUNT_TRUE"),
            None,
            unfit("aggregation.crossSeriesReducer", "REDUCE_COUNT_TRUE", "reducer", "DELTA"),
        ),
        (
            aggregation("ALIGN_RATE"),
            aggregation("ALIGN_RATE", 120),
            unfit("secondaryAggregation.perSeriesAligner", "ALIGN_RATE", "aligner", "GAUGE"),
        ),
        (aggregation("ALIGN_NONE", 60, "REDUCE_SUM"), None, "An aligner must be specified when a reducer is."),
        (aggregation("ALIGN_DELTA", 59), None, 'alignmentPeriod had an invalid value of "59s"'),
        (aggregation("ALIGN_DELTA", 104 * 7 * 86400 + 1), None, "alignmentPeriod"),
        (
            Aggregation(alignment_period={"seconds": 90, "nanos": 5}, per_series_aligner="ALIGN_DELTA"),
            None,
            "whole seconds",
        ),
        (
            Aggregation(per_series_aligner="ALIGN_DELTA"),
            None,
            "Request was missing field aggregation.alignmentPeriod.",
        ),
        (Aggregation(alignment_period={"seconds": 60}, per_series_aligner=99), None, "There is no such value."),
        (aggregation("ALIGN_DELTA", 60, "REDUCE_SUM", ["job"]), None, 'groupByFields[0] had an invalid value of "job"'),
        (Aggregation(), aggregation("ALIGN_DELTA"), "Field secondaryAggregation had an invalid value"),
    ],
)
def test_refuses(cloud: Cloud, first: Aggregation, second: Aggregation | None, text: str) -> None:
    fill(cloud)
    with pytest.raises(InvalidArgument) as caught:
        read(cloud, first, second)
    assert text in caught.value.message


def test_takes_a_period_of_a_minute_and_of_two_years(cloud: Cloud) -> None:
    fill(cloud)
    for seconds in (60, 104 * 7 * 86400):
        assert len(read(cloud, aggregation("ALIGN_DELTA", seconds)).time_series) == 2


ENUMS: Any = Aggregation
ALIGNERS = [each.name for each in ENUMS.Aligner if each.name != "ALIGN_NONE"]
REDUCERS = [each.name for each in ENUMS.Reducer if each.name != "REDUCE_NONE"]
KINDS = [(kinds.GAUGE, name) for name in ("bool", "int", "double", "distribution")] + [
    (kinds.CUMULATIVE, name) for name in ("int", "double", "distribution")
]
VALUES: dict[str, Any] = {"bool": True, "int": 1, "double": 1.0, "distribution": Distribution(count=1, mean=1.0)}


def test_the_client_s_enums_are_all_known() -> None:
    assert set(ALIGNERS) == set(kinds.ALIGNERS)
    assert set(REDUCERS) == set(kinds.REDUCERS)


@pytest.mark.parametrize(("kind", "name"), KINDS)
def test_each_aligner_is_carried_out_or_refused_for_each_metric(cloud: Cloud, kind: int, name: str) -> None:
    cloud.write(series(VALUES[name], NOW, NOW - MINUTE if kind == kinds.CUMULATIVE else None))
    (written,) = cloud.read(of_type())
    for aligner in ALIGNERS:
        carried_out = kinds.ALIGNERS[aligner].takes(kind, written.value_type)
        refused = pytest.raises(InvalidArgument, match=f'perSeriesAligner had an invalid value of "{aligner}"')
        with nullcontext() if carried_out else refused:
            cloud.read(of_type(), aggregation=aggregation(aligner))
