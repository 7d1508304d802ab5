"""How every system is at the end of a cycle: summaries for people, and the points of the present."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from exporter.collection import Snapshot
from exporter.computation import state_points, subscription_of
from exporter.history import History
from exporter.metrics import summary
from exporter.metrics.summary import Present
from exporter.model import Failure, Family, Point, SystemSummary
from exporter.plan import SystemPlan


def present(
    plans: Sequence[SystemPlan],
    snapshot: Snapshot,
    history: History,
    delays: Mapping[Family, timedelta],
    now: datetime,
) -> tuple[list[SystemSummary], list[Point]]:
    """Summarise every system, and make the points of its state."""
    failures: dict[str, list[Failure]] = defaultdict(list)
    for failure in snapshot.failures:
        if failure.system is not None:
            failures[failure.system].append(failure)
    summaries: list[SystemSummary] = []
    points: list[Point] = []
    for plan in plans:
        system, kept = plan.system, history.of(plan.system.id)
        situation = Present(
            now=now,
            subscription=subscription_of(system, snapshot),
            failures=failures[system.id],
            collected=bool(snapshot.landings.get(system.id) or system.id in snapshot.readings),
            delays=delays,
        )
        judged = summary.verdict(system, kept, situation)
        summaries.append(summary.summarise(system, kept, situation, judged))
        points += state_points(plan, snapshot, judged, now)
    return summaries, points
