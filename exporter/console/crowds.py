"""Few at a time of what is heavy: the others wait a little, and are sent away where there are too many of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Crowded(Exception):
    """So many are at it already that nobody else is let in; ``retry_s`` is when to come again."""

    def __init__(self, retry_s: int) -> None:
        super().__init__(f"others ask for pages as large as this one: try again in {retry_s} s")
        self.retry_s = retry_s


class Crowd:
    """``at_once`` may be inside, and ``waiting`` more wait for up to ``wait_s`` seconds each; for any thread."""

    def __init__(self, at_once: int, waiting: int, wait_s: float, retry_s: int = 5) -> None:
        self._inside = threading.BoundedSemaphore(at_once)
        self._all = threading.BoundedSemaphore(at_once + waiting)
        self._wait_s = wait_s
        self._retry_s = retry_s

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Be inside for a while; raises ``Crowded``."""
        if not self._all.acquire(blocking=False):
            raise Crowded(self._retry_s)
        try:
            if not self._inside.acquire(timeout=self._wait_s):
                raise Crowded(self._retry_s)
            try:
                yield
            finally:
                self._inside.release()
        finally:
            self._all.release()
