"""The one queue of everything that will happen, in the order in which it will."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import Any

MINUTE_END, CONFIGURE, PUBLISH, DELIVER = range(4)
"""What comes first among events of the same microsecond: a minute is closed before anything else happens in the next."""

Action = Callable[[int, Any], None]
"""Carries out an event, given its time in microseconds and its subject."""


class Agenda:
    """Events in order of time, rank and insertion."""

    __slots__ = ("_count", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, int, Action, Any]] = []
        self._count = itertools.count()

    def put(self, at_us: int, rank: int, action: Action, subject: object) -> None:
        """Let ``action(at_us, subject)`` happen at a time."""
        heapq.heappush(self._heap, (at_us, rank, next(self._count), action, subject))

    def due(self, until_us: int) -> tuple[int, Action, Any] | None:
        """Take out the first event that is due by a time: when, what and on what."""
        if not self._heap or self._heap[0][0] > until_us:
            return None
        at_us, _, _, action, subject = heapq.heappop(self._heap)
        return at_us, action, subject
