"""The machine that lets everything in Pub/Sub happen one after the other, in order of time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from exporter.sandbox.ledger import MINUTE_US
from exporter.sandbox.pubsub.agenda import MINUTE_END, Action, Agenda


class Machine:
    """Pub/Sub's time and its one lock.

    Whatever acts on Pub/Sub acts at a time in microseconds that never lies before :attr:`now_us`.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.agenda = Agenda()
        self._now_us = 0
        self._minute_ends: list[Callable[[int], None]] = []

    @property
    def now_us(self) -> int:
        """Up to when everything has happened."""
        return self._now_us

    def run_until(self, until_us: int) -> None:
        """Let everything happen that is due by a time; does nothing when that time has passed."""
        with self.lock:
            if not self._now_us:
                self.agenda.put(until_us - until_us % MINUTE_US + MINUTE_US, MINUTE_END, self._close_minute, None)
            while (event := self.agenda.due(until_us)) is not None:
                self._now_us, action, subject = event
                action(self._now_us, subject)
            self._now_us = max(self._now_us, until_us)

    @contextmanager
    def acting(self, at_us: int) -> Iterator[None]:
        """Hold the lock at a time, after everything that is due by then."""
        with self.lock:
            self._check(at_us)
            self.run_until(at_us)
            yield

    def put(self, at_us: int, rank: int, action: Action, subject: object) -> None:
        """Let ``action(at_us, subject)`` happen, now or in the future."""
        with self.lock:
            self._check(at_us)
            self.agenda.put(at_us, rank, action, subject)

    def _check(self, at_us: int) -> None:
        if at_us < self._now_us:
            raise ValueError(f"{at_us} lies in the past: everything up to {self._now_us} has happened")

    def at_minute_ends(self, action: Callable[[int], None]) -> None:
        """Call ``action(end_us)`` at the end of every minute, before anything of the next minute."""
        self._minute_ends.append(action)

    def _close_minute(self, end_us: int, _: None) -> None:
        for action in self._minute_ends:
            action(end_us)
        self.agenda.put(end_us + MINUTE_US, MINUTE_END, self._close_minute, None)
