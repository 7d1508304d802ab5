from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.rendering import ranges
from tests.builders import system

WINDOWS_S = [60, 120, 180, 240, 300, 360, 600, 720, 900, 1200, 1800, 3600]


@given(st.sampled_from(WINDOWS_S), st.integers(1, 360))
def test_a_range_reaches_over_two_collections_and_their_delay(window_s: int, multiple: int) -> None:
    interval_s = min(window_s * multiple, 21_600 // window_s * window_s)
    found = ranges.of_class((window_s, interval_s))
    assert found["landing_range_s"] >= 2 * (interval_s + 15)
    assert found["delivery_range_s"] >= 2 * (interval_s + 300)
    assert found["hourly_range_s"] >= 3600 + interval_s + 300
    assert found["hold_s"] > interval_s + 120
    assert found["fleet_hold_s"] < found["hold_s"]
    # An hour at least between when a system is told of that nobody measures any more, and when nobody knows any more whose it was.
    assert found["info_range_s"] >= 3600 + 3 * interval_s + 15 + found["hold_s"] + 3600
    for kind, shortest in (("", "landing_range_s"), ("errors_", "delivery_range_s")):
        for speed in ("fast", "medium", "slow"):
            assert found[f"{kind}{speed}_long_s"] >= found[f"{kind}{speed}_short_s"] >= found[shortest]
    assert all(seconds % 60 == 0 for seconds in found.values())


def test_burn_rates_of_a_critical_system_have_the_windows_of_the_book() -> None:
    found = ranges.of_class((60, 60))
    assert [found[f"{speed}_{length}_s"] for speed in ("fast", "medium", "slow") for length in ("long", "short")] == [
        *(3600, 300),
        *(21_600, 1800),
        *(259_200, 21_600),
    ]


@pytest.mark.parametrize(
    ("windows_s", "absent_s"), [([60, 3600], 300), ([300], 1020), ([3600], 1020), ([180, 300], 660)]
)
def test_an_exporter_is_absent_after_three_of_its_periods(windows_s: list[int], absent_s: int) -> None:
    assert ranges.absent_s(system(window_s=window_s, interval_s=window_s) for window_s in windows_s) == absent_s


def test_classes_are_sorted_as_numbers() -> None:
    fleet = [system(window_s=w, interval_s=i) for w, i in ((3600, 3600), (60, 900), (60, 60), (300, 900), (60, 60))]
    assert ranges.classes(fleet) == [(60, 60), (60, 900), (300, 900), (3600, 3600)]
