"""The last 24 hours of our own results, for trailing horizons: tables are never read again for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from exporter.model import Window
from exporter.snapshots import Delivery, HourCost, Landing

KEPT = timedelta(hours=26)
"""A day, and what may be missing from it while an hour is under way."""

T = TypeVar("T", Landing, Delivery, HourCost)


@dataclass(slots=True)
class Track(Generic[T]):
    """Results of one system and family by the end of their window."""

    _by_end: dict[datetime, T] = field(default_factory=dict)
    _lengths: set[timedelta] = field(default_factory=set)

    def add(self, results: Iterable[T]) -> None:
        """Keep results; what is known of the same time is replaced, also where windows had another length then."""
        for result in results:
            self._lengths.add(result.window.length)
            if len(self._lengths) > 1:
                self._drop(result.window)
            self._by_end[result.window.end] = result

    def _drop(self, window: Window) -> None:
        overlapping = [
            end for end, known in self._by_end.items() if known.window.start < window.end and window.start < end
        ]
        for end in overlapping:
            del self._by_end[end]

    def between(self, start: datetime, end: datetime) -> list[T]:
        """Results of the windows in ``[start, end)`` in order of time, whether or not there are gaps."""
        found = [result for at, result in self._by_end.items() if start < at <= end]
        return sorted((r for r in found if r.window.start >= start), key=lambda r: r.window.end)

    def until(self, moment: datetime) -> list[T]:
        """Results of every known window that ended by a moment, in no order."""
        return [result for end, result in self._by_end.items() if end <= moment]

    def whole(self, start: datetime, end: datetime) -> list[T]:
        """Results of ``[start, end)`` if the windows cover all of it, else nothing."""
        found = self.between(start, end)
        reached = start
        for result in found:
            if result.window.start != reached:
                return []
            reached = result.window.end
        return found if reached == end else []

    def newest(self, at: datetime | None = None) -> T | None:
        """The newest result, of those whose window ended by ``at``."""
        ends = [end for end in self._by_end if at is None or end <= at]
        return self._by_end[max(ends)] if ends else None

    def prune(self, before: datetime) -> None:
        """Forget windows that ended before a moment."""
        for end in [end for end in self._by_end if end < before]:
            del self._by_end[end]


@dataclass(slots=True)
class SystemHistory:
    """What is remembered of one system; ``newest_publish`` is the newest publish time that was seen before any window here."""

    landings: Track[Landing] = field(default_factory=Track)
    deliveries: Track[Delivery] = field(default_factory=Track)
    costs: Track[HourCost] = field(default_factory=Track)
    newest_publish: datetime | None = None

    def newest_publish_at(self, moment: datetime) -> datetime | None:
        """The newest publish time among the messages that were queryable at a moment."""
        seen = [landing.newest_publish for landing in self.landings.until(moment) if landing.newest_publish is not None]
        before = [self.newest_publish] if self.newest_publish is not None else []
        return max(seen + before, default=None)

    def prune(self, now: datetime) -> None:
        """Forget what no horizon reaches any more, but not the newest publish time."""
        self.newest_publish = self.newest_publish_at(now - KEPT)
        for track in (self.landings, self.deliveries, self.costs):
            track.prune(now - KEPT)


class History:
    """What is remembered, by system id."""

    def __init__(self) -> None:
        self._systems: dict[str, SystemHistory] = {}

    def of(self, system: str) -> SystemHistory:
        """The history of one system, empty at first."""
        return self._systems.setdefault(system, SystemHistory())

    def prune(self, now: datetime, known: Sequence[str]) -> None:
        """Forget what is older than any horizon, and systems that are no longer configured."""
        self._systems = {name: history for name, history in self._systems.items() if name in set(known)}
        for history in self._systems.values():
            history.prune(now)
