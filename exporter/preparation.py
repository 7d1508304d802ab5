"""What a cycle needs before it begins: up to where everything is, and what is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from exporter import plan, restoration
from exporter.collection import Collector
from exporter.memory import Memory
from exporter.meter import Meter
from exporter.model import Family, System
from exporter.plan import Pace, SystemPlan
from exporter.sinks import Sink


def pace(
    systems: Sequence[System],
    collector: Collector,
    memory: Memory,
    meter: Meter,
    *,
    now: datetime,
    since: datetime | None,
    grace: timedelta,
) -> Pace:
    """What the whole cycle goes by."""
    return Pace(
        now=now,
        delivery_delay=collector.delivery_delay(systems),
        since=since,
        attention=memory.attention.given(now),
        grace=grace,
        began=memory.began,
        thrifty=meter.is_over_budget(now),
    )


def plans(
    systems: Sequence[System], collector: Collector, memory: Memory, sink: Sink, pace: Pace
) -> tuple[SystemPlan, ...]:
    """Plan; a standby asks the sink again each time that there seems to be something to do; raises ``SourceError``.

    Systems that are not due are looked at once a window: those in trouble become due.
    """
    found = plan.plan(systems, memory.watermarks, memory.history, pace)
    if pace.grace and any(each.busy for each in found):
        memory.heed(restoration.watermarks(sink, systems, pace.now, first=False))
        found = plan.plan(systems, memory.watermarks, memory.history, pace)
    noticed = _noticed(found, collector, memory, pace)
    if noticed:
        memory.attention.notice(noticed, pace.now)
        attention = memory.attention.given(pace.now)
        found = plan.plan(systems, memory.watermarks, memory.history, replace(pace, attention=attention))
    return found


def _noticed(planned: Sequence[SystemPlan], collector: Collector, memory: Memory, pace: Pace) -> set[str]:
    """Systems that are collected less often than every window, and look as if they should not be."""
    complete = pace.now - pace.settle(Family.DELIVERY)
    seldom = [each for each in planned if each.system.interval_s > each.system.window_s]
    due = memory.attention.due_for_a_look([each.system for each in seldom], complete)
    # Whose delivery is measured anyhow need not be looked at.
    measured = {each.system.id for each in seldom if each.delivery}
    quiet = [system for system in due if system.id not in measured | set(pace.attention)]
    return collector.look(quiet, complete, pace.now)
