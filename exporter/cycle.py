"""One cycle: plan, collect, compute, send, report; the whole story from top to bottom."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from exporter import computation, export, outlook, selfmetrics
from exporter.calls import CallLog
from exporter.clocks import ServiceClock
from exporter.collection import Collector
from exporter.export import Sent
from exporter.memory import Memory
from exporter.meter import Meter
from exporter.model import CycleReport, Family, System
from exporter.patience import Patience
from exporter.preparation import Gathered, Gatherer
from exporter.pricing import Prices
from exporter.selfmetrics import Account
from exporter.sinks import Outlet

PATIENCE_S = 50.0
"""How long a cycle waits for an API that wants to be asked more slowly: it is over before the next minute's begins."""


@dataclass(slots=True)
class Exporter:
    """Runs cycles over ``systems``; those without a watermark start at ``since``, or with their last complete window.

    A standby has a ``grace``: what is older than that, and still not done, it does.
    """

    systems: Sequence[System]
    collector: Collector
    sink: Outlet
    prices: Prices
    calls: CallLog
    clock: ServiceClock
    meter: Meter
    since: datetime | None = None
    grace: timedelta = timedelta(0)
    account: Account = field(default_factory=Account)
    _memory: Memory = field(default_factory=Memory, init=False)

    def cycle(self, now: datetime, patience: Patience | None = None) -> CycleReport:
        """Do what is due at ``now``; what fails is named in the report and costs only itself.

        Raises ``SourceError`` where the sink cannot say up to where it is: without that nothing may be written.
        """
        begun_s, cpu_begun_s = time.monotonic(), time.process_time()
        memory, patience = self._memory, patience or Patience(PATIENCE_S)
        if not memory.restored:
            memory.restore(self.sink, self.systems, self.prices, now)
        found, sent, expired = self._measure(now, patience)
        pace, plans, snapshot, now = found.pace, found.plans, found.snapshot, found.pace.now
        present = outlook.present(plans, snapshot, memory, pace)
        memory.advance({(each.system.id, Family.STATE): now for each in plans if each.state_due}, now)
        calls = Counter(self.calls.take())
        failures = (*snapshot.failures, *export.refused_elsewhere(self.sink))
        self.account.add(calls, failures, sent, snapshot.bytes_billed, expired)
        own = [selfmetrics.alive(now)]
        if any(each.busy for each in plans):
            own += selfmetrics.points(now, time.monotonic() - begun_s, self.account, memory, self.meter)
        closing = self.sink.export([*present, *own, *export.watermark_points(memory.unsaved, self.sink, now)])
        memory.saved(closing)
        sent.count_present(closing)
        self.meter.add(now, sent.usage, snapshot.bytes_billed, self.calls.take_series())
        return CycleReport(
            at=now,
            systems=memory.summaries,
            duration_s=time.monotonic() - begun_s,
            cpu_s=time.process_time() - cpu_begun_s,
            windows=sent.windows,
            windows_expired=expired,
            calls=calls + Counter(self.calls.take()),
            written=sent.written,
            already_written=sent.already_written,
            rejected=tuple(sent.rejected),
            retryable=tuple(sent.retryable),
            failures=failures,
            bytes_billed=snapshot.bytes_billed,
        )

    def _measure(self, now: datetime, patience: Patience) -> tuple[Gathered, Sent, int]:
        """Gather and send what is due, in parts where it is much; says what became of it, and how many windows were lost."""
        memory, sent, expired = self._memory, Sent(), 0
        gatherer = Gatherer(
            self.systems, self.collector, self.sink, memory, self.meter, self.clock, self.since, self.grace
        )
        for part in gatherer.parts(now, patience):
            plans, at = part.plans, part.pace.now
            expired += memory.skip_expired(plans, at)
            computation.remember(plans, part.snapshot, memory.history)
            sequences = computation.sequences(plans, part.snapshot, memory.history, memory.watermarks, self.prices)
            export.send(self.sink, sequences, memory.unfinished, patience, sent)
            memory.advance(sent.advanced, at)
            memory.forget(self.systems, at)
        return gatherer.together(), sent, expired
