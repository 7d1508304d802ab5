"""Faults and delays that the sandbox's servers inject, and the statistics that they keep of calls."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

APIS = ("bigquery", "pubsub", "monitoring")


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to matching calls: an error, a delay, or an answer that is no answer.

    ``method`` is the RPC (``CreateTimeSeries``) or the REST method (``jobs.query``), ``*`` for all. ``status`` is the name of a
    canonical code (``UNAVAILABLE``, ``RESOURCE_EXHAUSTED``, ``PERMISSION_DENIED``, ...), which REST faces translate into HTTP. A
    fault with a ``count`` ends after that many hits. A fault with ``series`` concerns only that many series of a
    ``CreateTimeSeries``: they are refused with the status, the others are written.
    """

    api: str
    method: str = "*"
    status: str | None = None
    delay_ms: int = 0
    garbage: bool = False
    probability: float = 1.0
    count: int | None = None
    series: int | None = None


class Faults:
    """The faults in force, the fixed delay of each API, and a count of all calls by (api, method, code)."""

    def __init__(self, delays_ms: Mapping[str, int] | None = None, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(seed)  # noqa: S311 - a simulation, not a secret
        self._delays_ms = dict(delays_ms or {})
        self._faults: list[Fault] = []
        self._calls: Counter[tuple[str, str, str]] = Counter()

    def add(self, fault: Fault) -> None:
        """Put a fault in force."""
        if fault.api not in APIS:
            raise ValueError(f"api must be one of {', '.join(APIS)}, not {fault.api!r}")
        with self._lock:
            self._faults.append(fault)

    def remove(self, fault: Fault) -> None:
        """End one fault, if it is still in force."""
        with self._lock:
            if fault in self._faults:
                self._faults.remove(fault)

    def clear(self) -> None:
        """End every fault; fixed delays stay."""
        with self._lock:
            self._faults.clear()

    def strike(self, api: str, method: str, *, fixed: bool = True) -> Fault | None:
        """Wait out the delays of a call and return the fault that it must answer with, if any.

        A server calls this once at the start of each call, outside its locks. Without ``fixed`` the API's fixed delay does not
        apply to the call: it is one that the real service answers at once.
        """
        with self._lock:
            delay_ms = self._delays_ms.get(api, 0) if fixed else 0
            hit = self._draw(api, method)
        if hit is not None:
            delay_ms += hit.delay_ms
        if delay_ms:
            time.sleep(delay_ms / 1000)
        return hit if hit is not None and (hit.status is not None or hit.garbage) else None

    def _draw(self, api: str, method: str) -> Fault | None:
        for index, fault in enumerate(self._faults):
            if fault.api != api or fault.method not in ("*", method):
                continue
            if self._random.random() >= fault.probability:
                continue
            if fault.count is not None:
                if fault.count == 1:
                    del self._faults[index]
                else:
                    self._faults[index] = replace(fault, count=fault.count - 1)
            return fault
        return None

    def record(self, api: str, method: str, code: str) -> None:
        """Count one finished call; ``code`` is a canonical code name, ``OK`` included."""
        with self._lock:
            self._calls[api, method, code] += 1

    def calls(self) -> dict[tuple[str, str, str], int]:
        """How many calls there were, by (api, method, code)."""
        with self._lock:
            return dict(self._calls)
