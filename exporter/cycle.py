"""One cycle: read the watermarks, plan, collect, compute, send, report; the whole story from top to bottom."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime

from exporter import computation, export, outlook, plan, restoration, selfmetrics
from exporter.collection import Collector
from exporter.config import Config
from exporter.history import History
from exporter.metrics import fleet
from exporter.model import CycleReport, Family, Watermark
from exporter.plan import LANDING_SETTLE
from exporter.pricing import Prices
from exporter.sinks import Sink
from exporter.sources.calls import CallLog
from exporter.windows import MAX_AGE


class Exporter:
    """Runs cycles; what it remembers between them only saves asking the sink and the sources again."""

    def __init__(
        self,
        config: Config,
        collector: Collector,
        sink: Sink,
        prices: Prices,
        calls: CallLog,
        *,
        since: datetime | None = None,
    ) -> None:
        self._systems = config.systems
        self._collector, self._sink, self._prices, self._calls = collector, sink, prices, calls
        self._since = since
        self._history = History()
        self._watermarks: dict[tuple[str, Family], Watermark] = {}
        self._unfinished = export.Unfinished()
        self._prepared = False

    def cycle(self, now: datetime) -> CycleReport:
        """Do what is due at ``now``; what fails is named in the report and costs only itself.

        Raises ``SourceError`` where the sink cannot say up to where it is: without that nothing may be written.
        """
        begun_s, cpu_begun_s = time.monotonic(), time.process_time()
        self._read_watermarks(now)
        delay = self._collector.delivery_delay(self._systems)
        plans = plan.plan(
            self._systems, self._watermarks, self._history, now=now, delivery_delay=delay, since=self._since
        )
        snapshot = self._collector.collect(plans, now)
        computation.remember(plans, snapshot, self._history)
        sequences = computation.sequences(plans, snapshot, self._history, self._watermarks, self._prices)
        sent = export.send(self._sink, sequences, self._unfinished)
        delays = {Family.LANDING: LANDING_SETTLE, Family.DELIVERY: delay}
        summaries, present = outlook.present(plans, snapshot, self._history, delays, now)
        sent.advanced |= {(each.system.id, Family.STATE): now for each in plans if each.state_due}
        self._watermarks |= {key: Watermark(end, now) for key, end in sent.advanced.items()}
        expired = sum(each.expired for each in plans)
        calls = Counter(self._calls.take())
        own = selfmetrics.points(
            now=now,
            duration_s=time.monotonic() - begun_s,
            calls=calls,
            sent=sent,
            failures=snapshot.failures,
            bytes_billed=snapshot.bytes_billed,
            expired=expired,
            watermarks=self._watermarks,
        )
        closing = [*present, *fleet.points(summaries, now), *own, *export.watermark_points(sent.advanced, now)]
        sent.count(self._sink.export(closing))
        self._unfinished.forget(now - MAX_AGE)
        self._history.prune(now, [system.id for system in self._systems])
        return CycleReport(
            at=now,
            systems=tuple(summaries),
            duration_s=time.monotonic() - begun_s,
            cpu_s=time.process_time() - cpu_begun_s,
            windows=sent.windows,
            windows_expired=expired,
            calls=calls + Counter(self._calls.take()),
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
            self._sink.prepare()
        for key, found in self._sink.watermarks(now - MAX_AGE, now).items():
            known = self._watermarks.get(key)
            if known is None or found.end > known.end:
                self._watermarks[key] = found
        if not self._prepared and self._watermarks:
            restoration.restore(self._sink, self._systems, self._history, self._prices, now)
        self._prepared = True
