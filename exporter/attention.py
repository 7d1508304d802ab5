"""Which systems are collected every window, because there is trouble: detail is never lost by collecting late, only time.

Trouble is read from the last hour of our own results, so that a restart comes to the same answer, and from a cheap look at backlogs and
failed attempts between collections.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from exporter.history import History, SystemHistory
from exporter.metrics.state import burn_rate
from exporter.model import System
from exporter.snapshots import Readings
from exporter.windows import HOUR, align_down


def is_troubled(system: System, kept: SystemHistory, now: datetime) -> bool:
    """Whether an objective was broken, or messages waited for longer than the latency threshold, within the last hour.

    An objective is broken when the hour spent more of its error budget than an hour may (burn rate over 1).
    """
    promised = system.objectives
    landings = kept.landings.between(now - HOUR, now)
    deliveries = kept.deliveries.between(now - HOUR, now)
    good = sum(each.within_threshold for each in landings)
    late = burn_rate(good, sum(each.measured_rows for each in landings) - good, promised.latency_target)
    failed = burn_rate(
        sum(each.delivered for each in landings), sum(each.dead_lettered for each in deliveries), promised.errors_target
    )
    waits = (each.backlog_age_s for each in deliveries if each.backlog_age_s is not None)
    return any(rate is not None and rate > 1 for rate in (late, failed)) or any(
        wait > promised.latency_threshold_s for wait in waits
    )


def shows_trouble(system: System, readings: Readings, until: datetime) -> bool:
    """Whether a look at a system's signs says that something is wrong; failed attempts are complete ``until`` then.

    That is a newest sample of the oldest message's age over the latency threshold, or a newest window with more than twice the failed
    attempts of an average one of the hour before it.
    """
    age_s = readings.oldest_age[-1][1] if readings.oldest_age else 0
    failed = [(end_s, number) for end_s, result, _, number in readings.attempts if result == "error"]
    return age_s > system.objectives.latency_threshold_s or has_risen(failed, system.window_s, until)


def has_risen(failed: Sequence[tuple[int, int]], window_s: int, until: datetime) -> bool:
    """Whether the window up to ``until`` has more than twice the failures of an average window of the hour before it.

    ``failed`` holds (end of the sample period in epoch seconds, count).
    """
    end_s = int(until.timestamp())
    newest = sum(number for at_s, number in failed if end_s - window_s < at_s <= end_s)
    before = sum(number for at_s, number in failed if end_s - window_s - 3600 < at_s <= end_s - window_s)
    return newest * 3600 > 2 * before * window_s


class Attention:
    """The systems that have attention; it ends after an hour of quiet."""

    def __init__(self) -> None:
        self._troubled: set[str] = set()
        self._noticed: dict[str, datetime] = {}
        self._looked: dict[str, datetime] = {}

    def judge(self, systems: Iterable[System], history: History, now: datetime) -> None:
        """Judge systems of which something new is known."""
        for system in systems:
            troubled = is_troubled(system, history.of(system.id), now)
            (self._troubled.add if troubled else self._troubled.discard)(system.id)

    def notice(self, systems: Iterable[str], now: datetime) -> None:
        """Give attention to systems of which a look between collections said that something is wrong."""
        self._noticed |= dict.fromkeys(systems, now)

    def due_for_a_look(self, systems: Iterable[System], complete: datetime) -> list[System]:
        """Systems of which a window has become complete since they were looked at, and notes that they are looked at now."""
        found = []
        for system in systems:
            window = align_down(complete, timedelta(seconds=system.window_s))
            if self._looked.get(system.id) != window:
                self._looked[system.id] = window
                found.append(system)
        return found

    def given(self, now: datetime) -> frozenset[str]:
        """Who has it."""
        self._noticed = {system: at for system, at in self._noticed.items() if now - at < HOUR}
        return frozenset(self._troubled | self._noticed.keys())
