from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException

from exporter.web.paces import Pace


class Clock:
    """A clock that is set by hand."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def admitted(pace: Pace) -> bool:
    try:
        pace.admit()
    except HTTPException as refused:
        return refused.status_code != 429
    return True


@given(st.integers(1, 20), st.floats(0.1, 10), st.lists(st.floats(0, 30), max_size=60))
def test_no_stretch_of_time_sees_more_than_burst_and_rate(burst: int, per_s: float, pauses: list[float]) -> None:
    clock = Clock()
    pace = Pace(burst, per_s, clock)
    times = []
    for pause in pauses:
        clock.now_s += pause
        if admitted(pace):
            times.append(clock.now_s)
    for index, begin in enumerate(times):
        for later, end in enumerate(times[index:]):
            assert later + 1 <= burst + (end - begin) * per_s + 1e-6


@given(st.integers(1, 20), st.floats(0.1, 10))
def test_who_comes_when_told_to_is_let_through(burst: int, per_s: float) -> None:
    clock = Clock()
    pace = Pace(burst, per_s, clock)
    assert all(admitted(pace) for _ in range(burst))
    with pytest.raises(HTTPException) as refused:
        pace.admit()
    assert refused.value.headers is not None
    clock.now_s += float(refused.value.headers["retry-after"])
    assert admitted(pace)
