from __future__ import annotations

from datetime import timedelta

import pytest

from exporter.collection import Snapshot
from exporter.computation import State, state_points
from exporter.model import ActiveHours
from exporter.plan import SystemPlan
from tests.builders import T0, system, window

MORNINGS = ActiveHours(frozenset(range(7)), 0, 12 * 60)
"""They end at T0, which is noon."""


@pytest.mark.parametrize(
    ("before", "minutes", "written"),
    [(True, -1, []), (True, 0, [0.0]), (False, 0, []), (False, -1, [1.0]), (None, 0, [0.0])],
)
def test_whether_silence_is_a_fault_is_written_at_once_when_it_changes(
    before: bool | None, minutes: int, written: list[float]
) -> None:
    now = T0 + timedelta(minutes=minutes)
    plan = SystemPlan(system(active_hours=MORNINGS), delivery=(window(0),))
    last = None if before is None else State(None, None, active=before)
    found = state_points(plan, Snapshot(), State(None, None, active=minutes < 0), last, now)
    assert [(point.labels["objective"], point.value) for point in found] == [("active", value) for value in written]
    assert all(point.end == now for point in found)


def test_every_hour_it_is_written_with_the_other_objectives_and_once() -> None:
    plan = SystemPlan(system(), delivery=(window(0),), state_due=True)
    found = state_points(plan, Snapshot(), State(None, None, active=True), State(None, None, active=False), T0)
    objectives = [point.labels["objective"] for point in found if point.metric == "objective"]
    assert objectives.count("active") == 1
    assert len(objectives) == 5
    (info,) = [point for point in found if point.metric == "info"]
    assert info.labels == {"owner": "data-platform", "tier": "standard", "window": "300", "interval": "900"}
