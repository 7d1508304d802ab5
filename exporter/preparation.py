"""What a cycle begins with: what is due, and what the sources say of it, by a clock that can be trusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from exporter import plan, restoration
from exporter.clocks import TOLERANCE, ServiceClock
from exporter.collection import Collector, Snapshot
from exporter.memory import Memory
from exporter.meter import Meter
from exporter.model import Failure, Family, System
from exporter.patience import Patience
from exporter.plan import Pace, SystemPlan
from exporter.sinks import Sink

_UNTOLD = Failure(
    "clock",
    None,
    "unknown",
    "BigQuery has told no time since our own clock was set, so no window is known to be over: nothing is stored until it does",
    transient=True,
)


@dataclass(frozen=True, slots=True)
class Gathered:
    """What is due and over, and what the sources said of it."""

    pace: Pace
    plans: tuple[SystemPlan, ...]
    snapshot: Snapshot

    @property
    def behind(self) -> bool:
        """Whether more is due than was gathered at a time."""
        return any(each.behind for each in self.plans)

    def after(self, before: Gathered) -> Gathered:
        """As the end of what was gathered in parts: of each system, and each family, the last part that it had anything to do in."""
        plans = tuple(new.after(old) for old, new in zip(before.plans, self.plans, strict=True))
        return replace(self, plans=plans, snapshot=self.snapshot.after(before.snapshot))


@dataclass(slots=True)
class Gatherer:
    """Plans and collects; systems without a watermark start at ``since``, and a standby has a ``grace``."""

    systems: Sequence[System]
    collector: Collector
    sink: Sink
    memory: Memory
    meter: Meter
    clock: ServiceClock
    since: datetime | None
    grace: timedelta
    _together: Gathered | None = field(default=None, init=False)

    def parts(self, now: datetime, patience: Patience) -> Iterator[Gathered]:
        """Gather at ``now``, and go on while there is more than is gathered at a time, and all is being stored; raises ``SourceError``."""
        part = self._together = self._gather(now)
        while True:
            marks = dict(self.memory.watermarks)
            yield part
            if not part.behind or self.memory.watermarks == marks or patience.is_over:
                return
            part = self._over(self._at(self.clock.begun()), self.clock.there())
            self._together = part.after(self._together)

    def together(self) -> Gathered:
        """All parts so far as one, without the details of those that were used up."""
        assert self._together is not None
        return self._together

    def _gather(self, now: datetime) -> Gathered:
        """Plan and collect at ``now``, and again where the answers tell that it is another time."""
        found = self._at(self.clock.begin(now))
        there = self.clock.there()
        if there is None and self.systems:
            # Nothing was asked of BigQuery, and our clock may be wrong: a call that costs nothing tells.
            self.collector.tell_time(self.systems[0])
            there = self.clock.there()
        if abs(self.clock.begun() - found.pace.now) > TOLERANCE:
            self.collector.absolve()
            found = self._at(self.clock.begun())
            there = self.clock.there()
        return self._over(found, there)

    def _over(self, found: Gathered, there: datetime | None) -> Gathered:
        """Only what is over by the service's clock."""
        if there is None and any(each.busy for each in found.plans):
            found.snapshot.failures.append(_UNTOLD)
        # Where nobody tells the time, nothing is over.
        return replace(found, plans=plan.within(found.plans, there, found.pace))

    def _at(self, now: datetime) -> Gathered:
        pace = Pace(
            now=now,
            delivery_delay=self.collector.delivery_delay(self.systems),
            since=self.since,
            attention=self.memory.attention.given(now),
            grace=self.grace,
            began=self.memory.began,
            thrifty=self.meter.is_over_budget(now),
        )
        plans = _plans(self.systems, self.collector, self.memory, self.sink, pace)
        return Gathered(pace, plans, self.collector.collect([each for each in plans if each.busy], now))


def _plans(
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
