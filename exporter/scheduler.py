"""When cycles run: at aligned times, one at a time, until the exporter is stopped; on APScheduler, whose silent deaths are noticed.

What a cycle does follows from the watermarks, never from when it was called: a cycle that is late, left out or called twice loses nothing.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.events import EVENT_JOB_MAX_INSTANCES, EVENT_JOB_SUBMITTED, JobEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from exporter.clients import Now
from exporter.errors import ExporterError
from exporter.plan import LANDING_SETTLE
from exporter.windows import align_down

_SPREAD_S = 10
"""Exporters of different fleets and shards start within so many seconds of each other, each always at the same second."""

_HEARTBEAT_S = 0.5
_STEP = timedelta(seconds=5)
_BEATS_MISSED = 3
"""After so many periods without a start the scheduler's thread is held to be dead."""

_log = logging.getLogger(__name__)


class SchedulerDied(ExporterError):
    """The scheduler starts no cycles any more: the process is of no use, and ends so that it is restarted."""


def offset(name: str) -> timedelta:
    """How long after a window's end a cycle begins: when landing has settled, at a second of the exporter's own."""
    digest = hashlib.sha256(name.encode()).digest()
    return LANDING_SETTLE + timedelta(seconds=1 + digest[0] % _SPREAD_S)


class Scheduler:
    """Calls ``cycle`` every ``period``; ``overrun`` is told of each time that a cycle was not over when the next one was due.

    ``follow`` is a clock of the sandbox's, which need not run as real time does: cycles then start when it says so.
    """

    def __init__(
        self,
        cycle: Callable[[], object],
        overrun: Callable[[], None],
        *,
        period: timedelta,
        offset: timedelta,
        follow: Now | None = None,
    ) -> None:
        self._cycle = cycle
        self._period = period
        self._offset = offset
        self._follow = follow
        self._started_s = time.monotonic()
        self._next: datetime | None = None
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        self._scheduler.add_listener(self._submitted, EVENT_JOB_SUBMITTED)
        self._scheduler.add_listener(lambda _: overrun(), EVENT_JOB_MAX_INSTANCES)

    def run(self, stop: threading.Event) -> None:
        """Run until ``stop`` is set, the first cycle at once; raises ``SchedulerDied``."""
        # Skipped starts are counted; the library would log each of them as a warning, too.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        if self._follow is not None:
            # Before the first cycle: it may be over, and the clock moved, before the heart has beaten once.
            self._look_ahead(self._follow)
        self._scheduler.add_job(self._guarded, self._trigger(), id="cycle", next_run_time=datetime.now(UTC))
        self._scheduler.start()
        try:
            self._beat(stop)
        finally:
            self._scheduler.shutdown(wait=False)

    def _trigger(self) -> IntervalTrigger:
        if self._follow is not None:
            return IntervalTrigger(weeks=520, timezone=UTC)  # the heartbeat starts every cycle
        first = align_down(datetime.now(UTC), self._period) + self._offset
        return IntervalTrigger(seconds=round(self._period.total_seconds()), start_date=first, timezone=UTC)

    def _guarded(self) -> None:
        """A cycle that could not be done is logged; the next one is not far."""
        try:
            self._cycle()
        except ExporterError as error:
            _log.error("the cycle could not be done: %s", error)
        except Exception:  # noqa: BLE001 - the schedule must go on; it is logged as what it is
            _log.exception("the cycle failed: this is a mistake in the exporter")

    def _submitted(self, _: JobEvent) -> None:
        self._started_s = time.monotonic()

    def _beat(self, stop: threading.Event) -> None:
        wall, steady_s = datetime.now(UTC), time.monotonic()
        while not stop.wait(_HEARTBEAT_S):
            now, now_s = datetime.now(UTC), time.monotonic()
            if abs((now - wall) - timedelta(seconds=now_s - steady_s)) > _STEP:
                # The clock was set, or the machine slept: APScheduler would wait for a time that may be hours away.
                _log.warning("the clock was moved by %.0f s", ((now - wall).total_seconds() - (now_s - steady_s)))
                self._scheduler.reschedule_job("cycle", trigger=self._trigger())
                self._start_now()
            wall, steady_s = now, now_s
            if self._follow is not None:
                self._start_by(self._follow, now_s)
            if now_s - self._started_s > _BEATS_MISSED * self._period.total_seconds():
                raise SchedulerDied("the scheduler has not started a cycle for too long")

    def _start_by(self, clock: Now, now_s: float) -> None:
        """Start when the sandbox's clock has passed the next start, or was moved; one that stands still does not end the schedule."""
        if self._look_ahead(clock) or now_s - self._started_s > 1.5 * self._period.total_seconds():
            self._start_now()

    def _look_ahead(self, clock: Now) -> bool:
        """Note when the next start is; says whether the one noted before is not the next any more."""
        try:
            now = clock()
        except ExporterError:
            return False  # The cycle itself will say so.
        passed = self._next is not None and not self._next - self._period <= now < self._next
        self._next = align_down(now - self._offset, self._period) + self._offset + self._period
        return passed

    def _start_now(self) -> None:
        self._scheduler.modify_job("cycle", next_run_time=datetime.now(UTC))
