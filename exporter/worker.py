"""Runs one cycle at a time, whoever asks for it, and knows whether the exporter is well."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from exporter.clients import Now
from exporter.cycle import PATIENCE_S, Exporter
from exporter.errors import ExporterError
from exporter.model import CycleReport
from exporter.patience import Patience

DEAD_AFTER = 5
"""So many cycles in a row that stored nothing of what they had to store, and the exporter is not well."""


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Status:
    """Whether the exporter is alive (else it is to be restarted) and ready (it has done a cycle), and why not."""

    live: bool
    ready: bool
    reasons: tuple[str, ...] = ()
    last_cycle_at: datetime | None = None


class Worker:
    """Holds the exporter; ``cycle`` may be called from any thread, and ends early once ``stop`` is set.

    ``show`` is told of every cycle.
    """

    def __init__(
        self,
        exporter: Exporter,
        now: Now,
        *,
        stop: threading.Event | None = None,
        show: Callable[[CycleReport], None] = lambda _: None,
    ) -> None:
        self._exporter = exporter
        self._now = now
        self._show = show
        self._stop = stop or threading.Event()
        self._turn = threading.Lock()
        self._dead: list[str] = []
        self.last: CycleReport | None = None
        """The last cycle that came to an end."""
        self._over_budget = False

    def cycle(self) -> CycleReport:
        """Do what is due now, after a cycle that is under way; raises ``ExporterError`` where nothing could be done."""
        with self._turn:
            try:
                report = self._exporter.cycle(self._now(), Patience(PATIENCE_S, self._stop))
            except ExporterError as error:
                self._dead.append(str(error))
                raise
            if report.retryable and not report.written:
                self._dead.append(f"{len(report.retryable)} points could not be stored: {report.retryable[0].message}")
            else:
                self._dead.clear()
            self.last = report
            self._watch_the_budget(report.at)
            self._show(report)
            return report

    def _watch_the_budget(self, now: datetime) -> None:
        meter = self._exporter.meter
        over = meter.is_over_budget(now)
        if over and not self._over_budget:
            usd = sum(meter.monthly_usd(now).values())
            _log.warning(
                "the monitoring costs $%.2f a month at this rate, more than budget.monthly_usd ($%.2f): costs and storage are now "
                "written every six hours; `exporter check` shows longer intervals that fit",
                usd,
                meter.budget_usd,
            )
        self._over_budget = over

    def wait(self, seconds: float) -> bool:
        """Wait for a cycle that is under way, and say whether it is over."""
        over = self._turn.acquire(timeout=seconds)
        if over:
            self._turn.release()
        return over

    def overrun(self) -> None:
        """Count a cycle that was left out because the one before was not over."""
        self._exporter.account.overruns += 1

    def status(self) -> Status:
        """Say how the exporter is, at once, also while a cycle is under way."""
        last, dead = self.last, self._dead[-1:]
        live = len(self._dead) < DEAD_AFTER
        reasons = () if live else (f"{len(self._dead)} cycles in a row stored nothing: {dead[0]}",)
        return Status(live, last is not None, reasons, None if last is None else last.at)
