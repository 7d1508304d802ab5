"""Pages as the wire has them become series."""

from __future__ import annotations

import math
from typing import Any

from google.api.distribution_pb2 import Distribution
from google.cloud.monitoring_v3.types import ListTimeSeriesResponse
from hypothesis import given
from hypothesis import strategies as st

from exporter.console.series.decoding import Gathered
from exporter.console.series.model import Series
from tests.sandbox.monitoring.arithmetic import distribution

KINDS = {"gauge": 1, "delta": 2, "cumulative": 3}
TYPES = {"bool": 1, "int64": 2, "double": 3, "string": 4, "distribution": 5, "money": 6}


def page(
    value_type: str, points: list[tuple[float, float, Any]], kind: str = "gauge", job: str = "a", unit: str = ""
) -> Any:
    """A page with one series of points by start, end and value, newest first as the API has them."""
    made = ListTimeSeriesResponse.pb(ListTimeSeriesResponse())
    made.unit = unit
    found = made.time_series.add(metric_kind=KINDS[kind], value_type=TYPES[value_type])
    found.metric.type = "m"
    found.metric.labels["outcome"] = "ok"
    found.resource.type = "generic_task"
    found.resource.labels["job"] = job
    for start, end, value in points:
        point = found.points.add()
        point.interval.start_time.seconds = int(start)
        point.interval.end_time.seconds = int(end)
        point.interval.end_time.nanos = round(end % 1 * 1e9)
        if isinstance(value, Distribution):
            point.value.distribution_value.CopyFrom(value)
        else:
            setattr(point.value, f"{value_type}_value", value)
    return made


def decoded(*pages: Any) -> list[Series]:
    gathered = Gathered()
    for each in pages:
        gathered.add(each)
    return gathered.series()


def test_points_come_oldest_first_and_a_gauge_has_no_stretch() -> None:
    (found,) = decoded(page("double", [(0, 120, 2.0), (0, 60.5, 1.0)], unit="s"))
    assert (found.ends_s, found.starts_s, found.values) == ((60.5, 120.0), (60.5, 120.0), (1.0, 2.0))
    assert (found.unit, found.kind, found.value_type) == ("s", "gauge", "double")
    assert (found.metric_labels, found.resource_labels) == ({"outcome": "ok"}, {"job": "a"})


def test_counts_keep_their_starts() -> None:
    (found,) = decoded(page("int64", [(60, 120, 2), (0, 60, 1)], "delta"))
    assert (found.starts_s, found.ends_s, found.values) == ((0.0, 60.0), (60.0, 120.0), (1, 2))


def test_a_series_goes_on_on_the_next_page() -> None:
    found = decoded(
        page("int64", [(0, 180, 3)]), page("int64", [(0, 180, 9)], job="b"), page("int64", [(0, 120, 2), (0, 60, 1)])
    )
    assert [(each.resource_labels["job"], each.values) for each in found] == [("a", (1, 2, 3)), ("b", (9,))]


def test_what_is_no_number_is_left_out() -> None:
    (found,) = decoded(page("double", [(0, 180, math.nan), (0, 120, 2.0), (0, 60, math.inf)]))
    assert (found.ends_s, found.values) == ((120.0,), (2.0,))


def test_other_values_come_as_they_are() -> None:
    assert decoded(page("bool", [(0, 60, True)]))[0].values == (True,)
    assert decoded(page("string", [(0, 60, "up")]))[0].values == ("up",)
    assert decoded(page("money", [])) == []


def test_empty_buckets_at_the_end_may_be_left_out() -> None:
    value = Distribution(count=3, mean=12.0, bucket_counts=[1, 2])
    value.bucket_options.explicit_buckets.bounds.extend([10, 20, 30])
    (found,) = decoded(page("distribution", [(0, 60, value)], "delta"))
    assert (found.bounds, found.values, found.means) == ((10, 20, 30), ((1, 2, 0, 0),), (12.0,))


def test_linear_and_exponential_buckets_become_bounds() -> None:
    linear = Distribution(count=1, bucket_counts=[0, 1])
    linear.bucket_options.linear_buckets.num_finite_buckets = 3
    linear.bucket_options.linear_buckets.width = 5
    linear.bucket_options.linear_buckets.offset = 100
    (found,) = decoded(page("distribution", [(0, 60, linear)], "delta"))
    assert (found.bounds, found.values) == ((100, 105, 110, 115), ((0, 1, 0, 0, 0),))
    grown = Distribution(count=1, bucket_counts=[1])
    grown.bucket_options.exponential_buckets.num_finite_buckets = 3
    grown.bucket_options.exponential_buckets.growth_factor = 2
    grown.bucket_options.exponential_buckets.scale = 0.5
    (found,) = decoded(page("distribution", [(0, 60, grown)], "delta"))
    assert (found.bounds, found.values) == ((0.5, 1, 2, 4), ((1, 0, 0, 0, 0),))


def test_a_distribution_without_usable_buckets_is_one_count() -> None:
    bare = Distribution(count=7, mean=1.5)
    endless = Distribution(count=7, mean=1.5, bucket_counts=[7])
    endless.bucket_options.exponential_buckets.num_finite_buckets = 900
    endless.bucket_options.exponential_buckets.growth_factor = 1e200
    endless.bucket_options.exponential_buckets.scale = 1
    many = Distribution(count=7, mean=1.5, bucket_counts=[7])
    many.bucket_options.linear_buckets.num_finite_buckets = 2**31 - 1
    for value in (bare, endless, many):
        (found,) = decoded(page("distribution", [(0, 60, value)], "delta"))
        assert (found.bounds, found.values, found.means) == ((), ((7,),), (1.5,))


@given(st.lists(st.floats(0, 100), max_size=20), st.lists(st.floats(0, 100), max_size=20))
def test_points_with_other_buckets_are_compared_by_the_bounds_that_they_share(
    one: list[float], two: list[float]
) -> None:
    fine, coarse = distribution(*one, bounds=(10, 20, 30, 40)), distribution(*two, bounds=(20, 40, 60))
    (found,) = decoded(page("distribution", [(0, 120, coarse), (0, 60, fine)], "delta"))
    expected = [tuple(distribution(*values, bounds=(20, 40)).bucket_counts) for values in (one, two)]
    assert (found.bounds, list(found.values)) == ((20, 40), expected)
