"""What happens to the messages of one system, minute by minute, and what goes wrong: a small model of a pipeline.

Each minute's messages are published in its middle. Times are seconds since ``ZERO``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import InitVar, dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import accumulate

from exporter.model import System, Window
from exporter.snapshots import Delivery, Landing, PublishMinute

ZERO = datetime(2026, 11, 2, tzinfo=UTC)
"""A Monday, midnight."""

MINUTE_S = 60
_USUAL_LATENCY_S = 5
_MESSAGE_BYTES = 500
_SUMMED = ("published", "landed", "on_time", "dead_lettered", "failed", "lost")


class Ill(StrEnum):
    """What goes wrong."""

    LATE = "late"
    DEAD = "dead-lettered"
    FAILED = "attempts fail"
    STALLED = "nothing is delivered"
    LOST = "lost"
    SILENT = "publisher is silent"
    BROKEN = "the subscription is not active"
    UNREAD = "the table cannot be read"
    UNWATCHED = "Pub/Sub's metrics cannot be read"
    DEAR = "costs more"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong from a moment on until another: for a share of the messages, or as much as ``amount`` says."""

    ill: Ill
    begin_s: int
    end_s: int
    share: float = 1.0
    amount: int = 0


Rate = Callable[[int], int]
"""Messages that are published in a minute, by the second at which it begins."""


def steady(rate: int) -> Rate:
    """As many messages every minute."""
    return lambda _: rate


@dataclass(slots=True)
class _Counts:
    """What was counted in each minute, and after ``add_up`` up to each minute."""

    minutes: InitVar[int]
    published: list[int] = field(init=False)
    landed: list[int] = field(init=False)
    on_time: list[int] = field(init=False)
    dead_lettered: list[int] = field(init=False)
    failed: list[int] = field(init=False)
    lost: list[int] = field(init=False)
    newest_s: list[int] = field(init=False)
    oldest_s: list[int | None] = field(init=False)

    def __post_init__(self, minutes: int) -> None:
        for name in _SUMMED:
            setattr(self, name, [0] * minutes)
        self.newest_s, self.oldest_s = [-1] * minutes, [None] * minutes

    def add_up(self) -> None:
        """Turn counts of minutes into sums of all minutes before each."""
        for name in _SUMMED:
            setattr(self, name, [0, *accumulate(getattr(self, name))])


@dataclass(slots=True)
class Pipeline:
    """One system and its messages up to ``until_s``."""

    system: System
    until_s: int
    rate: Rate
    faults: Sequence[Fault] = ()
    _counts: _Counts = field(init=False)

    def __post_init__(self) -> None:
        minutes = self.until_s // MINUTE_S + 1
        self._counts = _Counts(minutes)
        shares = dict.fromkeys(Ill, 0.0)
        for minute in range(minutes):
            self._publish(minute, shares)
        self._counts.add_up()

    def active(self, ill: Ill, at_s: int) -> Fault | None:
        """What of a kind is going wrong at a moment."""
        return next((f for f in self.faults if f.ill is ill and f.begin_s <= at_s < f.end_s), None)

    def landing(self, window: Window) -> Landing:
        """The rows that became queryable in a window."""
        begin, end = _minutes(window)
        counts = self._counts
        rows = counts.landed[end] - counts.landed[begin]
        newest_s = max(counts.newest_s[begin:end], default=-1)
        return Landing(
            system=self.system.id,
            window=window,
            landed_rows=rows,
            delivered=rows,
            measured_rows=rows,
            within_threshold=counts.on_time[end] - counts.on_time[begin],
            newest_publish=None if newest_s < 0 else moment(newest_s),
        )

    def delivery(self, window: Window) -> Delivery:
        """What Pub/Sub's own metrics say of a window."""
        begin, end = _minutes(window)
        counts = self._counts
        published = counts.published[end] - counts.published[begin]
        succeeded, failed = (each[end] - each[begin] for each in (counts.landed, counts.failed))
        oldest_s = counts.oldest_s[end] if end < len(counts.oldest_s) else None
        return Delivery(
            system=self.system.id,
            window=window,
            publishes=(PublishMinute(published, published * _MESSAGE_BYTES, published),) if published else (),
            dead_lettered=counts.dead_lettered[end] - counts.dead_lettered[begin],
            attempts=((("ok", "ack"), succeeded), (("error", "nack"), failed)),
            backlog_messages=self._backlog(end),
            backlog_messages_at_start=self._backlog(begin),
            backlog_age_s=0.0 if oldest_s is None else float(end * MINUTE_S - oldest_s),
        )

    def _backlog(self, minute: int) -> int:
        counts = self._counts
        return counts.published[minute] - counts.landed[minute] - counts.dead_lettered[minute] - counts.lost[minute]

    def _publish(self, minute: int, owed: dict[Ill, float]) -> None:
        at_s = minute * MINUTE_S + MINUTE_S // 2
        if self.active(Ill.SILENT, at_s):
            return
        counts, left = self._counts, self.rate(minute * MINUTE_S)
        counts.published[minute] += left
        counts.failed[minute] += self._share(Ill.FAILED, at_s, left, owed)
        for ill, list_ in ((Ill.DEAD, counts.dead_lettered), (Ill.LOST, counts.lost)):
            part = self._share(ill, at_s, left, owed)
            list_[minute] += part
            left -= part
        late = self._share(Ill.LATE, at_s, left, owed)
        fault = self.active(Ill.LATE, at_s)
        self._land(late, at_s, at_s + (fault.amount if fault else 0))
        self._land(left - late, at_s, at_s + _USUAL_LATENCY_S)

    def _share(self, ill: Ill, at_s: int, number: int, owed: dict[Ill, float]) -> int:
        """Whole messages of a share; what is less than one is owed to the next minute."""
        fault = self.active(ill, at_s)
        if fault is None:
            return 0
        owed[ill] += number * fault.share
        part = int(owed[ill] + 1e-9)
        owed[ill] -= part
        return part

    def _land(self, number: int, published_s: int, landed_s: int) -> None:
        stalled = self.active(Ill.STALLED, landed_s)
        if stalled is not None:
            landed_s = stalled.end_s + _USUAL_LATENCY_S
        counts, last = self._counts, len(self._counts.landed) - 1
        if not number:
            return
        for minute in range(published_s // MINUTE_S + 1, min(landed_s // MINUTE_S, last) + 1):
            oldest = counts.oldest_s[minute]
            counts.oldest_s[minute] = published_s if oldest is None else min(oldest, published_s)
        if landed_s // MINUTE_S > last:
            return
        minute = landed_s // MINUTE_S
        counts.landed[minute] += number
        counts.newest_s[minute] = max(counts.newest_s[minute], published_s)
        if landed_s - published_s <= self.system.objectives.latency_threshold_s:
            counts.on_time[minute] += number


def moment(at_s: int) -> datetime:
    """A time of the model as a real one."""
    return ZERO + timedelta(seconds=at_s)


def since_zero_s(at: datetime) -> int:
    """A real time in seconds of the model."""
    return round((at - ZERO).total_seconds())


def _minutes(window: Window) -> tuple[int, int]:
    return since_zero_s(window.start) // MINUTE_S, since_zero_s(window.end) // MINUTE_S
