from __future__ import annotations

from typing import Literal

import pytest

from exporter.console.series.model import Pick
from exporter.console.series.picking import pick
from exporter.console.series.requests import Unaskable
from tests.console.series.making import series

EVERY = [
    series({60: 1.0, 120: 9.0, 180: 2.0}, resource={"job": "spike"}),  # mean 4, sum 12
    series({60: 5.0, 120: 5.0, 180: 5.0}, resource={"job": "flat"}),  # mean 5, sum 15
    series({120: 6.0}, resource={"job": "short"}),  # mean 6, sum 6
    series({}, resource={"job": "empty"}),
]


@pytest.mark.parametrize(
    ("method", "direction", "expected"),
    [
        ("METHOD_MEAN", "TOP", ["short", "flat"]),
        ("METHOD_MEAN", "BOTTOM", ["spike", "flat"]),
        ("METHOD_MAX", "TOP", ["spike", "short"]),
        ("METHOD_MIN", "BOTTOM", ["spike", "flat"]),
        ("METHOD_SUM", "TOP", ["flat", "spike"]),
        ("METHOD_SUM", "BOTTOM", ["short", "spike"]),
        ("METHOD_LATEST", "TOP", ["short", "flat"]),
        ("METHOD_LATEST", "BOTTOM", ["spike", "flat"]),
    ],
)
def test_ranks_by(method: str, direction: Literal["TOP", "BOTTOM"], expected: list[str]) -> None:
    assert [each.resource_labels["job"] for each in pick(EVERY, Pick(method, 2, direction))] == expected


def test_more_than_there_are_is_all_that_have_a_value() -> None:
    assert len(pick(EVERY, Pick("METHOD_MEAN", 99))) == 3
    assert pick(EVERY, Pick("METHOD_MEAN", -1)) == []


def test_truth_values_rank_like_numbers() -> None:
    off, on = (series({60: value}, value_type="bool") for value in (False, True))
    assert pick([off, on], Pick("METHOD_LATEST", 1)) == [on]


def test_says_what_cannot_be_ranked() -> None:
    with pytest.raises(Unaskable, match="METHOD_MEAN, METHOD_MAX"):
        pick(EVERY, Pick("METHOD_UNSPECIFIED", 1))
    with pytest.raises(Unaskable, match="numbers"):
        pick([series({60: (1, 2)}, value_type="distribution")], Pick("METHOD_MAX", 1))
