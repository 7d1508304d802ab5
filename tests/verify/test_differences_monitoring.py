"""The sandbox is told to behave differently in one point of Cloud Monitoring: exactly the check of that point says so, and what it saw."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from exporter.sandbox.server import Sandbox
from exporter.verify import leaving
from exporter.verify.questions import Verdict
from tests.verify.area_runs import behave, lab_at
from tests.verify.monitoring_runs import BY_DESIGN, CHECKS, asked, differing, names_of, sandbox_late, unasked
from tests.verify.places import contents

PUSHES = "pubsub.googleapis.com/subscription/push_request_count"

DIFFERENCES: dict[str, tuple[Any, str, str]] = {
    "order_enforced": (False, "C01", "older: taken; same end: taken"),
    "spacing": ("clock", "C02", "ends close together: taken; arrivals close together: refused"),
    "spacing_s": (10.0, "C03", "10 s are enough, 9 s are not"),
    "past_limit_s": (86_400.0, "C04", "taken 23.9"),
    "future_limit_s": (60.0, "C05", "taken 5"),
    "series_per_request": (100, "C06", "100 are taken, 101 are not"),
    "gauge_start_refused": (False, "C08", "taken"),
    "reset_gap_ms": (5, "C10", "5 ms are enough"),
    "reset_cumulatives_align": (False, "C11", "ALIGN_DELTA nothing"),
    "unknown_location": ("accept", "C13", "taken, and can be read"),
    "partial_failure_writes_others": (False, "C14", "0 of 2 good points can be read"),
    "partial_failure_summary": (False, "C15", "the status carries no CreateTimeSeriesSummary"),
    "wording": ("older", "C16", "series are named behind the reason"),
    "new_labels": ("add", "C17", "taken"),
    "read_delay_s": (90.0, "C21", "s after it was written"),
    "metric_sample_period_s": (300.0, "N01", "topic/message_sizes: 300 s"),
    "metric_announced_delay_s": ({PUSHES: 600.0}, "N02", "subscription/push_request_count: 600 s"),
    "descriptor_made_by_writing": (False, "N07", "refused: NOT_FOUND"),
    "dashboard_widgets": (50, "B01", "50 are taken, 51 are not"),
    "alert_conditions": (5, "B02", "5 are taken, 6 are not"),
}
"""By field of conduct: another value, the check that is to differ, and what it sees."""

UNASKED = {"reset_gap_ms": {"C11", "C12"}}
"""What cannot be asked then: windows that begin a millisecond after the one before are refused."""

CLOSE = {"past_limit_s": 60.0, "future_limit_s": 10.0, "read_delay_s": 20.0}
"""How exactly a limit is measured, where it is not exact, in seconds."""

RUNS = count(100)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with sandbox_late() as made:
        yield made


@pytest.mark.parametrize("name", DIFFERENCES)
def test_exactly_one_check_differs(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    value, check, seen = DIFFERENCES[name]
    behave(sandbox, {name: value})
    try:
        with lab_at(sandbox, tmp_path, next(RUNS)) as lab:
            results = asked(lab, names_of("CNBO"))
    finally:
        behave(sandbox, {})
    assert list(differing(results)) == [check], differing(results)
    assert unasked(results).keys() == {*BY_DESIGN, *UNASKED.get(name, ())}
    assert seen in results[check].seen
    measured = results[check].parameters[name]
    if isinstance(value, dict):
        assert measured.items() >= value.items()
    elif name in CLOSE:
        assert measured == pytest.approx(value, abs=CLOSE[name])
    else:
        assert measured == value


def test_points_of_a_new_metric_say_nothing_of_how_late_others_are(sandbox: Sandbox, tmp_path: Path) -> None:
    behave(sandbox, {"read_delay_s": 90.0})
    try:
        with lab_at(sandbox, tmp_path, next(RUNS)) as lab:
            asked(lab, ["C03"])
            assert CHECKS["C21"].ask(lab) is None
            lab.clock.wait(100)
            behave(sandbox, {})
            seen = CHECKS["C21"].ask(lab)
    finally:
        behave(sandbox, {})
    assert seen is not None
    assert seen.text == "at once"


def test_without_a_difference_nothing_differs_and_nothing_is_left(sandbox: Sandbox, tmp_path: Path) -> None:
    before = contents(sandbox)
    with lab_at(sandbox, tmp_path, next(RUNS)) as lab:
        results = asked(lab, names_of("CNBO"))
        assert contents(sandbox) != before
        assert leaving.remove(lab, lambda _: None) == []
    assert {result.verdict for name, result in results.items() if name not in BY_DESIGN} == {Verdict.OK}
    assert contents(sandbox) == before
