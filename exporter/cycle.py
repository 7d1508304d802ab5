"""One cycle: read the watermarks, plan, collect, compute, send, report; the whole story from top to bottom."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from exporter import computation, export, outlook, plan, restoration, selfmetrics
from exporter.calls import CallLog
from exporter.collection import Collector
from exporter.history import History
from exporter.metrics import fleet
from exporter.model import CycleReport, Family, System, Watermark
from exporter.plan import LANDING_SETTLE
from exporter.pricing import Prices
from exporter.sinks import Sink
from exporter.windows import MAX_AGE


@dataclass(slots=True)
class Exporter:
    """Runs cycles; what it remembers between them only saves asking the sink and the sources again.

    Systems without a watermark start at ``since``, or with their last complete window.
    """

    systems: Sequence[System]
    collector: Collector
    sink: Sink
    prices: Prices
    calls: CallLog
    since: datetime | None = None
    _history: History = field(default_factory=History, init=False)
    _watermarks: dict[tuple[str, Family], Watermark] = field(default_factory=dict, init=False)
    _unfinished: export.Unfinished = field(default_factory=export.Unfinished, init=False)
    _prepared: bool = field(default=False, init=False)

    def cycle(self, now: datetime) -> CycleReport:
        """Do what is due at ``now``; what fails is named in the report and costs only itself.

        Raises ``SourceError`` where the sink cannot say up to where it is: without that nothing may be written.
        """
        begun_s, cpu_begun_s = time.monotonic(), time.process_time()
        self._read_watermarks(now)
        delay = self.collector.delivery_delay(self.systems)
        plans = plan.plan(
            self.systems, self._watermarks, self._history, now=now, delivery_delay=delay, since=self.since
        )
        snapshot = self.collector.collect(plans, now)
        computation.remember(plans, snapshot, self._history)
        sequences = computation.sequences(plans, snapshot, self._history, self._watermarks, self.prices)
        sent = export.send(self.sink, sequences, self._unfinished)
        delays = {Family.LANDING: LANDING_SETTLE, Family.DELIVERY: delay}
        summaries, present = outlook.present(plans, snapshot, self._history, delays, now)
        sent.advanced |= {(each.system.id, Family.STATE): now for each in plans if each.state_due}
        self._watermarks |= {key: Watermark(end, now) for key, end in sent.advanced.items()}
        expired = sum(each.expired for each in plans)
        calls = Counter(self.calls.take())
        duration_s = time.monotonic() - begun_s
        own = selfmetrics.points(now, duration_s, calls, sent, snapshot, expired, self._watermarks)
        closing = [*present, *fleet.points(summaries, now), *own, *export.watermark_points(sent.advanced, now)]
        sent.count(self.sink.export(closing))
        self._unfinished.forget(now - MAX_AGE)
        self._history.prune(now, [system.id for system in self.systems])
        return CycleReport(
            at=now,
            systems=tuple(summaries),
            duration_s=time.monotonic() - begun_s,
            cpu_s=time.process_time() - cpu_begun_s,
            windows=sent.windows,
            windows_expired=expired,
            calls=calls + Counter(self.calls.take()),
            written=sent.written,
            already_written=sent.already_written,
            rejected=tuple(sent.rejected),
            retryable=tuple(sent.retryable),
            failures=tuple(snapshot.failures),
            bytes_billed=snapshot.bytes_billed,
        )

    def _read_watermarks(self, now: datetime) -> None:
        """Ask the sink up to where it is; the first time, also for what the trailing horizons need."""
        if not self._prepared:
            self.sink.prepare()
        found = restoration.watermarks(self.sink, self.systems, now, first=not self._prepared)
        # They only move forward: one that was just written may not be readable yet.
        self._watermarks |= {
            key: mark
            for key, mark in found.items()
            if key not in self._watermarks or mark.end > self._watermarks[key].end
        }
        if not self._prepared and self._watermarks:
            restoration.restore(self.sink, self.systems, self._history, self.prices, now)
        self._prepared = True
