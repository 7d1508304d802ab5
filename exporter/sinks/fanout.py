"""Several sinks behind one: the first that can be read owns the watermarks, the others get what it has, at least once.

Each of the others has a queue of its own (https://opentelemetry.io/docs/specs/otlp/#multi-destination-exporting), so that none waits
for another. A queue lives in memory: the watermarks of jobs in it are not to be written (``unsent``), so that after a crash their points
are computed, and sent, again.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol, runtime_checkable

from exporter.model import Family, Outcome, Point, Refusal, Watermark
from exporter.sinks import Sink
from exporter.windows import MAX_AGE

MOST_POINTS = 100_000
"""Points that a queue holds: those of some 20 h of fifty systems with windows of five minutes; some 80 MB."""

_CATCH_UP_POINTS = 10_000
"""Points of earlier exports that are sent with those of a new one, so that no cycle is held up by another sink's past."""

_log = logging.getLogger(__name__)

_Name = tuple[str, str, datetime, frozenset[tuple[str, str]]]


@runtime_checkable
class Closable(Protocol):
    """A sink that holds connections."""

    def close(self) -> None:
        """Close them."""
        ...


class Fanout:
    """Exports to ``owner``, whose answers are this sink's own, and then to ``others``, by name; their failures cost it nothing."""

    def __init__(self, owner: Sink, others: Mapping[str, Sink], *, most_points: int = MOST_POINTS) -> None:
        self._owner = owner
        self._queues = [_Queue(name, sink, most_points) for name, sink in others.items()]
        self._newest: datetime | None = None

    @property
    def dropped(self) -> int:
        """Points that one of the others never got: they were too old, or too many."""
        return sum(queue.dropped for queue in self._queues)

    def prepare(self) -> None:
        """Make all stores ready."""
        self._owner.prepare()
        for queue in self._queues:
            queue.prepare()

    def export(self, points: Sequence[Point]) -> Outcome:
        """Send points to the owner, and what is stored there or never will be to the others, with what they do not have yet."""
        outcome = self._owner.export(points)
        stored = (*outcome.written, *outcome.already_written)
        if stored:
            newest = max(point.end for point in stored)
            self._newest = newest if self._newest is None else max(newest, self._newest)
        settled = [*stored, *(refusal.point for refusal in outcome.rejected)]
        for queue in self._queues:
            queue.send(settled, self._newest)
        return outcome

    def unsent(self) -> frozenset[str]:
        """Jobs of which one of the others lacks points."""
        return frozenset(job for queue in self._queues for job in queue.jobs())

    def other_refusals(self) -> tuple[Refusal, ...]:
        """What the others did not take at the last export, rejected and to be sent again alike; the messages begin with their names."""
        return tuple(refusal for queue in self._queues for refusal in queue.refusals)

    def watermarks(self, since: datetime, until: datetime) -> Mapping[tuple[str, Family], Watermark]:
        """The owner's; raises ``SourceError``."""
        return self._owner.watermarks(since, until)

    def read(self, metric: str, since: datetime, until: datetime) -> list[Point]:
        """The owner's; raises ``SourceError``."""
        return self._owner.read(metric, since, until)

    def close(self) -> None:
        """Close all sinks; what is still queued is computed again at the next start."""
        for sink in (self._owner, *(queue.sink for queue in self._queues)):
            if isinstance(sink, Closable):
                sink.close()


@dataclass(slots=True)
class _Queue:
    """What one sink does not have yet, each point once, in the order in which it came."""

    name: str
    sink: Sink
    most_points: int
    dropped: int = 0
    refusals: tuple[Refusal, ...] = ()
    _points: dict[_Name, Point] = field(default_factory=dict)
    _lossy: bool = False

    def prepare(self) -> None:
        """Make the store ready, as far as that can be done."""
        try:
            self.sink.prepare()
        except Exception:  # noqa: BLE001 - whatever it is, the owner must not pay for it
            _log.exception("sink %s could not be prepared", self.name)

    def jobs(self) -> set[str]:
        """Jobs with points in the queue."""
        return {point.job for point in self._points.values()}

    def send(self, points: Sequence[Point], newest: datetime | None) -> None:
        """Queue points, send oldest first as many as that and some more, and keep what has to be sent again.

        ``newest`` is the time that age is measured from.
        """
        self.refusals = ()
        for point in points:
            self._points.setdefault(_name(point), point)
        waiting = self._drop(sorted(self._points.values(), key=lambda point: point.end), newest)
        if not waiting:
            self._lossy = False
            return
        outcome = self._export(waiting[: len(points) + _CATCH_UP_POINTS])
        for point in (*outcome.written, *outcome.already_written, *(each.point for each in outcome.rejected)):
            self._points.pop(_name(point), None)
        refused = (*outcome.rejected, *outcome.retryable)
        self.refusals = tuple(replace(each, message=f"{self.name}: {each.message}") for each in refused)

    def _export(self, points: Sequence[Point]) -> Outcome:
        try:
            return self.sink.export(points)
        except Exception as error:  # noqa: BLE001 - whatever it is, the owner must not pay for it
            _log.exception("sink %s failed", self.name)
            return Outcome(retryable=tuple(Refusal(point, "UNKNOWN", repr(error)) for point in points))

    def _drop(self, by_age: list[Point], newest: datetime | None) -> list[Point]:
        """Give up what is too old or too much; that is logged once until the queue was empty again."""
        old = 0 if newest is None else bisect_left(by_age, newest - MAX_AGE, key=lambda point: point.end)
        lost = max(old, len(by_age) - self.most_points)
        if lost > 0:
            self.dropped += lost
            if not self._lossy:
                _log.error("sink %s loses points: it has not taken them for too long", self.name)
            self._lossy = True
            for point in by_age[:lost]:
                del self._points[_name(point)]
        return by_age[max(0, lost) :]


def _name(point: Point) -> _Name:
    return point.metric, point.job, point.end, frozenset(point.labels.items())
