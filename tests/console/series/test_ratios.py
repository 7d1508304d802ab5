from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.console.series.ratios import ratios
from exporter.console.series.requests import Unaskable
from tests.console.series.making import points, series

A, B = {"job": "a"}, {"job": "b"}


def test_divides_where_both_have_a_point() -> None:
    (found,) = ratios([series({60: 1, 120: 2, 180: 3})], [series({60: 4.0, 180: 0.0, 240: 1.0})])
    assert points(found) == {60.0: 0.25}
    assert (found.kind, found.value_type, found.starts_s) == ("gauge", "double", found.ends_s)


def test_series_find_each_other_by_the_labels_that_they_share() -> None:
    above = [series({60: 1.0}, {"result": "bad"}, A), series({60: 3.0}, {"result": "bad"}, B)]
    below = [series({60: 6.0}, resource=B), series({60: 2.0}, resource=A)]
    assert [(each.resource_labels["job"], each.values) for each in ratios(above, below)] == [
        ("a", (0.5,)),
        ("b", (0.5,)),
    ]


def test_one_denominator_without_labels_serves_all() -> None:
    above = [series({60: 1.0}, {"k": "x"}, A), series({60: 3.0}, {"k": "y"}, B)]
    assert [each.values for each in ratios(above, [series({60: 4.0})])] == [(0.25,), (0.75,)]


def test_a_series_without_a_counterpart_is_left_out() -> None:
    assert ratios([series({60: 1.0}, resource=A)], [series({60: 2.0}, resource=B)]) == []
    assert ratios([series({60: 1.0})], []) == []
    assert ratios([], [series({60: 1.0})]) == []


def test_labels_of_metric_and_resource_are_told_apart() -> None:
    above = [series({60: 1.0}, {"job": "x"}, A)]
    assert [each.values for each in ratios(above, [series({60: 2.0}, resource=A)])] == [(0.5,)]


def test_an_ambiguous_denominator_is_named() -> None:
    below = [series({60: 1.0}, {"result": name}) for name in ("good", "bad")]
    with pytest.raises(Unaskable, match="group both by the same labels"):
        ratios([series({60: 1.0})], below)


@pytest.mark.parametrize("value_type", ["distribution", "string"])
def test_only_numbers_are_divided(value_type: str) -> None:
    with pytest.raises(Unaskable, match="numbers"):
        ratios([series({60: (1,)}, value_type=value_type)], [series({60: 1.0})])


@pytest.mark.parametrize(
    ("above", "below", "expected"),
    [
        ("By", "By", "1"),
        ("By", "1", "By"),
        ("By", "", "By"),
        ("{USD}", "{message}", "{USD}/{message}"),
        ("", "s", "1/s"),
    ],
)
def test_units_are_divided_too(above: str, below: str, expected: str) -> None:
    (found,) = ratios([series({60: 1.0}, unit=above)], [series({60: 2.0}, unit=below)])
    assert found.unit == expected


VALUES = st.dictionaries(st.integers(0, 20).map(lambda n: n * 60.0), st.floats(allow_nan=False, allow_infinity=False))


@given(VALUES, VALUES)
def test_every_point_is_the_quotient_of_its_moment(above: dict[float, float], below: dict[float, float]) -> None:
    found = ratios([series(dict(sorted(above.items())))], [series(dict(sorted(below.items())))])
    given_ = {end: value for each in found for end, value in points(each).items()}
    for end, value in given_.items():
        assert value == above[end] / below[end]
    assert all(below.get(end, 0.0) == 0.0 or abs(above[end]) > abs(below[end]) for end in above.keys() - given_.keys())
