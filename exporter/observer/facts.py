"""What is known of a system beyond its entry in the file: without a look at it, that it is busy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from exporter.model import System
from exporter.windows import align_down, align_up

DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Facts:
    """How busy a system is.

    ``busy`` is the share of windows with rows. ``reads_per_day`` is how often its table is read when collected at its present interval,
    None for every time: idle tables are not. ``bytes_per_s`` is what a reading processes per second of the time that it covers.
    ``queried`` is the share of hours with queries on the table.
    """

    busy: Fraction = Fraction(1)
    reads_per_day: Fraction | None = None
    bytes_per_s: Fraction = Fraction(0)
    queried: Fraction = Fraction(1)


@dataclass(frozen=True, slots=True)
class Activity:
    """How a table was written to: the share of windows with rows, and how often a day it would have been read."""

    busy: Fraction
    reads_per_day: Fraction


def activity(system: System, written_at: Iterable[datetime], since: datetime, until: datetime) -> Activity | None:
    """Judge a stretch of time by the minutes in which rows were written; None where it holds no whole collection.

    A table is read at a collection whose time it was written in, and at the one after, which is the first to find it idle.
    """
    window, interval = timedelta(seconds=system.window_s), timedelta(seconds=system.interval_s)
    start, end = align_up(since, interval), align_down(until, interval)
    if start >= end:
        return None
    moments = [at for at in written_at if start <= at < end]
    busy = {align_down(at, window) for at in moments}
    begun = {align_down(at, interval) for at in moments}
    read = begun | {begin + interval for begin in begun if begin + interval < end}
    seconds = (end - start) // _SECOND
    return Activity(Fraction(len(busy), (end - start) // window), Fraction(len(read) * (DAY // _SECOND), seconds))
