"""Any past range, computed afresh from the sources and written nowhere: for the morning after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from exporter import computation
from exporter.assembly import Parts
from exporter.collection import Snapshot
from exporter.computation import Step
from exporter.errors import SourceError
from exporter.history import History
from exporter.metrics import accounting
from exporter.model import Failure, System, Window
from exporter.plan import SystemPlan
from exporter.snapshots import Delivery, HourCost, Landing
from exporter.sources.bigquery import landing
from exporter.windows import HOUR, align_down, align_up, split


@dataclass(frozen=True, slots=True)
class WindowRow:
    """What one window of one system held; None is no value."""

    system: str
    window: Window
    landing: Landing | None
    delivery: Delivery | None
    error_ratio: float | None
    cost: HourCost | None


@dataclass(frozen=True, slots=True)
class Report:
    """Rows by system and window, the points that a cycle would have written for them, and what failed."""

    rows: tuple[WindowRow, ...]
    steps: tuple[Step, ...]
    failures: tuple[Failure, ...]
    notes: tuple[str, ...] = ()


def measure(assembled: Parts, start: datetime, end: datetime) -> Report:
    """Compute every window of every system that lies in ``[start, end)``; ``end`` may not reach past what is complete."""
    plans = [_plan(system, start, end) for system in assembled.config.systems]
    plans = [plan for plan in plans if plan.landing]
    history = History()
    snapshot = assembled.collector.collect(plans, assembled.clients.now())
    computation.remember(plans, snapshot, history)
    sequences = computation.sequences(plans, snapshot, history, {}, assembled.prices)
    rows = [row for plan in plans for row in _rows(plan, history, snapshot)]
    return Report(
        rows=tuple(rows),
        steps=tuple(step for sequence in sequences for step in sequence),
        failures=tuple(snapshot.failures),
        notes=tuple(_notes(assembled, plans, set(snapshot.landings))),
    )


def _notes(assembled: Parts, plans: Sequence[SystemPlan], measured: set[str]) -> Iterator[str]:
    """Who else wrote to the tables: rows that are not in the report."""
    for plan in plans:
        if plan.system.id not in measured:
            continue
        try:
            first, last = plan.landing[0].start, plan.landing[-1].end
            found = landing.foreign_rows(assembled.collector.runner, plan.system, first, last)
        except SourceError:
            # A table without the column cannot tell; what cannot be read is among the failures already.
            continue
        for writer, rows in found.items():
            yield f"{plan.system.id}: {rows} rows do not count: written by {writer}"


def _plan(system: System, start: datetime, end: datetime) -> SystemPlan:
    length = timedelta(seconds=system.window_s)
    first, last = align_up(start, length), align_down(end, length)
    windows = split(first, last, length) if first < last else ()
    hours = split(align_up(start, HOUR), align_down(end, HOUR), HOUR)
    return SystemPlan(
        system=system,
        landing=windows,
        delivery=windows,
        spend=hours if windows else (),
        landing_asked=windows,
        delivery_asked=windows,
    )


def _rows(plan: SystemPlan, history: History, snapshot: Snapshot) -> Sequence[WindowRow]:
    system, kept = plan.system, history.of(plan.system.id)
    basis = accounting.basis_of(system, computation.subscription_of(system, snapshot))
    rows = []
    for window in plan.landing:
        landed = next(iter(kept.landings.between(window.start, window.end)), None)
        delivered = next(iter(kept.deliveries.between(window.start, window.end)), None)
        ratio = None
        if landed is not None and delivered is not None:
            ratio = accounting.errors(basis, landed, delivered).ratio
        hour = align_down(window.start, HOUR)
        ends_hour = window.end == hour + HOUR
        cost = next(iter(kept.costs.between(hour, hour + HOUR)), None) if ends_hour else None
        rows.append(WindowRow(system.id, window, landed, delivered, ratio, cost))
    return rows
