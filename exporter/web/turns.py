"""Cycles on request: calls that overlap share a cycle, and no number of them takes more than one thread."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import Future
from dataclasses import dataclass

from exporter import document
from exporter.errors import ExporterError
from exporter.web.ports import Worker

WAITING_MAX = 16
"""So many calls may wait at once: retries of a scheduler or two, and somebody at a terminal."""


class TooMany(ExporterError):
    """More calls wait for a cycle than can be of any use."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a cycle did, as JSON; ``succeeded`` as the exit status of ``exporter once`` has it."""

    succeeded: bool
    body: bytes


class Turns:
    """Gives every call a cycle that began after the call came.

    A cycle under way has already decided what is due, so it cannot answer a call that came later: such calls all get the next one.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._lock = threading.Lock()
        self._next: Future[Answer] | None = None
        self._working = False
        self._waiting = 0

    async def cycle(self) -> Answer:
        """Wait for a cycle of one's own, or a shared one; raises ``TooMany``, and what the cycle raises."""
        if self._waiting >= WAITING_MAX:
            raise TooMany(f"{WAITING_MAX} calls wait for a cycle already: try again when it is over")
        self._waiting += 1
        try:
            return await asyncio.wrap_future(self._request())
        finally:
            self._waiting -= 1

    def _request(self) -> Future[Answer]:
        with self._lock:
            if self._next is None:
                self._next = Future()
                # Marked as running, it cannot be cancelled: a call that is given up leaves the cycle to those that share it.
                self._next.set_running_or_notify_cancel()
            if not self._working:
                self._working = True
                # A daemon: a cycle that hangs must not keep the process from ending.
                threading.Thread(target=self._work, name="cycle on request", daemon=True).start()
            return self._next

    def _work(self) -> None:
        """Do cycles until nobody asks for another."""
        while (wanted := self._take()) is not None:
            try:
                report = self._worker.cycle()
                body = json.dumps(document.cycle(report), ensure_ascii=False, allow_nan=False).encode()
                answer = Answer(document.succeeded(report), body)
            except Exception as error:  # noqa: BLE001 - whoever waits hears of it, and nobody waits for ever
                wanted.set_exception(error)
            else:
                wanted.set_result(answer)

    def _take(self) -> Future[Answer] | None:
        with self._lock:
            taken, self._next = self._next, None
            self._working = taken is not None
            return taken
