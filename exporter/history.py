"""The last 24 hours of our own results, for trailing horizons: tables are never read again for them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from exporter.model import Window
from exporter.snapshots import Delivery, HourCost, Landing, PublishMinute

KEPT = timedelta(hours=26)
"""A day, and what may be missing from it while an hour is under way."""

T = TypeVar("T", Landing, Delivery, HourCost)


@dataclass(slots=True)
class Track(Generic[T]):
    """Results of one system and family by the end of their window, in order of time."""

    _ends: list[datetime] = field(default_factory=list)
    _by_end: dict[datetime, T] = field(default_factory=dict)
    _lengths: set[timedelta] = field(default_factory=set)

    def add(self, results: Iterable[T]) -> None:
        """Keep results; what is known of the same time is replaced, also where windows had another length then."""
        for result in results:
            self._lengths.add(result.window.length)
            if len(self._lengths) > 1:
                self._drop(result.window)
            if result.window.end not in self._by_end:
                insort(self._ends, result.window.end)
            self._by_end[result.window.end] = result

    def _drop(self, window: Window) -> None:
        overlapping = [
            end for end, known in self._by_end.items() if known.window.start < window.end and window.start < end
        ]
        for end in overlapping:
            del self._by_end[end]
            self._ends.remove(end)

    def of(self, window: Window) -> T | None:
        """What is known of exactly this window."""
        found = self._by_end.get(window.end)
        return found if found is not None and found.window == window else None

    def between(self, start: datetime, end: datetime) -> list[T]:
        """Results of the windows in ``[start, end)`` in order of time, whether or not there are gaps."""
        ends = self._ends[bisect_right(self._ends, start) : bisect_right(self._ends, end)]
        found = [self._by_end[at] for at in ends]
        # Only the first can have begun earlier: windows do not overlap.
        return found[1:] if found and found[0].window.start < start else found

    def until(self, moment: datetime) -> list[T]:
        """Results of every known window that ended by a moment, in order of time."""
        return [self._by_end[end] for end in self._ends[: bisect_right(self._ends, moment)]]

    def whole(self, start: datetime, end: datetime) -> list[T]:
        """Results of ``[start, end)`` if the windows cover all of it, else nothing."""
        found = self.between(start, end)
        reached = start
        for result in found:
            if result.window.start != reached:
                return []
            reached = result.window.end
        return found if reached == end else []

    def newest(self) -> T | None:
        """The newest result."""
        return self._by_end[self._ends[-1]] if self._ends else None

    def change(self, before: datetime, changed: Callable[[T], T]) -> None:
        """Replace what is known of windows that ended by a moment, from the newest to the first that ``changed`` leaves as it is."""
        for end in reversed(self._ends[: bisect_right(self._ends, before)]):
            known = self._by_end[end]
            found = changed(known)
            if found is known:
                return
            self._by_end[end] = found

    def prune(self, before: datetime) -> None:
        """Forget windows that ended before a moment."""
        kept = bisect_left(self._ends, before)
        for end in self._ends[:kept]:
            del self._by_end[end]
        del self._ends[:kept]


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

    def settle(self, landing_until: datetime | None, delivery_until: datetime | None) -> None:
        """Forget the details of windows that are stored: horizons need their sums only."""
        if landing_until is not None:
            self.landings.change(landing_until, _settled_landing)
        if delivery_until is not None:
            self.deliveries.change(delivery_until, _settled_delivery)

    def prune(self, now: datetime) -> None:
        """Forget what no horizon reaches any more, but not the newest publish time."""
        self.newest_publish = self.newest_publish_at(now - KEPT)
        for track in (self.landings, self.deliveries, self.costs):
            track.prune(now - KEPT)


def _settled_landing(landing: Landing) -> Landing:
    return landing if landing.restored else replace(landing, bucket_counts=(), restored=True)


def _settled_delivery(delivery: Delivery) -> Delivery:
    if delivery.restored:
        return delivery
    published = (PublishMinute(delivery.published, 0, 0),)
    return replace(delivery, publishes=published, retained_bytes=(), restored=True)


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
