"""Equal work is done once: while it is under way, and for a short time after."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Kept(Generic[T]):
    value: T
    size: int
    until_s: float


class Shared(Generic[T]):
    """Does work in a pool by key; whoever asks for a key that is under way gets the same future.

    Results are kept for ``keep_s`` seconds, the oldest are forgotten beyond ``most`` of the size that ``size`` gives them. What raised
    is not kept: the next one to ask tries again.
    """

    def __init__(self, pool: Executor, size: Callable[[T], int], *, keep_s: float, most: int) -> None:
        self._pool = pool
        self._size = size
        self._keep_s = keep_s
        self._most = most
        self._lock = threading.Lock()
        self._under_way: dict[bytes, Future[T]] = {}
        self._kept: OrderedDict[bytes, _Kept[T]] = OrderedDict()
        self._total = 0

    def get(self, key: bytes, work: Callable[[], T]) -> Future[T]:
        """The result of ``work``, or of equal work of before, as a future."""
        with self._lock:
            kept = self._fresh(key)
            if kept is not None:
                done: Future[T] = Future()
                done.set_result(kept.value)
                return done
            found = self._under_way.get(key)
            if found is None:
                found = self._under_way[key] = self._pool.submit(self._do, key, work)
            return found

    def _do(self, key: bytes, work: Callable[[], T]) -> T:
        try:
            value = work()
        except BaseException:
            with self._lock:
                del self._under_way[key]
            raise
        with self._lock:
            self._keep(key, _Kept(value, self._size(value), time.monotonic() + self._keep_s))
            del self._under_way[key]
        return value

    def _fresh(self, key: bytes) -> _Kept[T] | None:
        now_s = time.monotonic()
        while self._kept and next(iter(self._kept.values())).until_s <= now_s:
            self._total -= self._kept.popitem(last=False)[1].size
        return self._kept.get(key)

    def _keep(self, key: bytes, kept: _Kept[T]) -> None:
        self._kept[key] = kept
        self._total += kept.size
        while self._total > self._most:
            self._total -= self._kept.popitem(last=False)[1].size
