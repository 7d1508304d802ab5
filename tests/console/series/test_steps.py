from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.console.series.steps import MOST_POINTS, MOST_SUMS, STEPS_S, step_s

HOUR, DAY = 3600, 86400


@pytest.mark.parametrize(
    ("span_s", "asked", "expected"),
    [
        (HOUR, (), 60),
        (HOUR, (None, None), 60),
        (HOUR, (60,), 60),
        (HOUR, (120,), 120),  # asked for, though it is none of ours
        (HOUR, (300, None, 900), 900),
        (HOUR, (10,), 60),  # the API takes no shorter one
        (HOUR, (DAY,), DAY),  # a day's bar in an hour's range takes in what lies before
        (6 * HOUR, (), 60),
        (400 * 60, (), 60),
        (400 * 60 + 1, (), 300),
        (DAY, (), 300),
        (7 * DAY, (), 1800),
        (7 * DAY, (900,), 1800),
        (42 * DAY, (2 * HOUR,), 6 * HOUR),  # three hours would do, but are no multiple of two
        (42 * DAY, (), 3 * HOUR),
        (42 * DAY, (HOUR,), 3 * HOUR),
        (42 * DAY, (DAY,), DAY),
        (42 * DAY, (7 * HOUR,), 7 * HOUR),
        (10 * 365 * DAY, (), 14 * DAY),
    ],
)
def test_chooses(span_s: float, asked: tuple[int | None, ...], expected: int) -> None:
    assert step_s(span_s, *asked) == expected


@given(st.integers(60, 42 * DAY), st.lists(st.none() | st.integers(1, 2 * DAY), max_size=3))
def test_is_never_shorter_than_asked_and_never_gives_more_points_than_fit(span_s: int, asked: list[int | None]) -> None:
    found = step_s(span_s, *asked)
    longest = max([60, *(each for each in asked if each)])
    assert found >= longest
    assert span_s / found <= MOST_POINTS
    # It is no longer than it must be: as asked, or one of ours.
    assert found == longest or (found in STEPS_S and span_s / longest > MOST_POINTS)


def test_hourly_sums_of_six_weeks_fit() -> None:
    assert step_s(42 * DAY, HOUR, most=MOST_SUMS) == HOUR
    assert step_s(42 * DAY, HOUR) == 3 * HOUR
