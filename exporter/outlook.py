"""How the systems are at the end of a cycle: summaries for people, and the points of the present."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from exporter.collection import Snapshot
from exporter.computation import State, state_points, subscription_of
from exporter.memory import Memory
from exporter.metrics import fleet, summary
from exporter.metrics.state import is_active
from exporter.metrics.summary import Present
from exporter.model import Failure, Family, Point, SystemSummary
from exporter.plan import Pace, SystemPlan
from exporter.windows import MINUTE, align_down


def present(plans: Sequence[SystemPlan], snapshot: Snapshot, memory: Memory, pace: Pace) -> list[Point]:
    """Summarise every system where something new is known, and make the points of its state and of the fleet's.

    They carry the full minute: two exporters that look in the same minute write the same points.
    """
    busy = [plan.system for plan in plans if plan.busy]
    if memory.summaries and not busy:
        return []
    failures: dict[str, list[Failure]] = defaultdict(list)
    for failure in snapshot.failures:
        if failure.system is not None:
            failures[failure.system].append(failure)
    minute = align_down(pace.now, MINUTE)
    summaries: list[SystemSummary] = []
    points: list[Point] = []
    for plan in plans:
        summarised, made = _system(plan, snapshot, memory, pace, failures[plan.system.id], minute)
        summaries.append(summarised)
        points += made
    memory.summaries = tuple(summaries)
    memory.attention.judge(busy, memory.history, pace.now)
    return [*points, *fleet.points(summaries, minute)] if busy else points


def _system(
    plan: SystemPlan, snapshot: Snapshot, memory: Memory, pace: Pace, failures: Sequence[Failure], minute: datetime
) -> tuple[SystemSummary, list[Point]]:
    system, kept = plan.system, memory.history.of(plan.system.id)
    subscription = subscription_of(system, snapshot)
    situation = Present(
        now=pace.now,
        subscription=subscription,
        failures=failures,
        collected=system.id in snapshot.collected,
        delays={family: pace.settle(family) for family in (Family.LANDING, Family.DELIVERY)},
    )
    judged = summary.verdict(system, kept, situation)
    found = State(subscription, judged, is_active(system.active_hours, minute))
    points = state_points(plan, snapshot, found, memory.states.get(system.id), minute)
    if plan.delivery or plan.state_due:
        memory.states[system.id] = found
    return summary.summarise(system, kept, situation, judged), points
