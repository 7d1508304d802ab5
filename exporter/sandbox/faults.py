"""Faults and delays that the sandbox's servers inject, and the statistics that they keep of calls."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

APIS = ("bigquery", "pubsub", "monitoring")

STATUSES = (
    *(
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
    ),
    *(
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "UNAUTHENTICATED",
    ),
)
"""Canonical codes that a fault can answer with."""

BIGQUERY_STATUSES = ("RATE_LIMIT_EXCEEDED", "QUOTA_EXCEEDED")
"""What BigQuery answers beside them: its 403s of limits and quotas."""

MAX_DELAY_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to matching calls: an error, a delay, or an answer that is no answer.

    ``method`` is the RPC (``CreateTimeSeries``) or the REST method (``jobs.query``), ``*`` for all. ``status`` is the name of a
    canonical code (``UNAVAILABLE``, ``RESOURCE_EXHAUSTED``, ``PERMISSION_DENIED``, ...), which REST faces translate into HTTP. A
    fault with a ``count`` ends after that many hits. A fault with ``series`` concerns only that many series of a
    ``CreateTimeSeries``: they are refused with the status, the others are written. With ``after`` a call of ``monitoring`` is carried
    out before it fails: only its answer is lost. Raises ``ValueError`` for a fault that makes no sense.
    """

    api: str
    method: str = "*"
    status: str | None = None
    delay_ms: int = 0
    garbage: bool = False
    probability: float = 1.0
    count: int | None = None
    series: int | None = None
    after: bool = False

    def __post_init__(self) -> None:
        if self.api not in APIS:
            raise ValueError(f"api must be one of {', '.join(APIS)}, not {self.api!r}")
        statuses = (*STATUSES, *BIGQUERY_STATUSES) if self.api == "bigquery" else STATUSES
        if self.status not in (None, *statuses):
            raise ValueError(f"status must be one of {', '.join(statuses)}, not {self.status!r}")
        if not 0 <= self.delay_ms <= MAX_DELAY_MS:
            raise ValueError(f"delay_ms must lie between 0 and {MAX_DELAY_MS}, not {self.delay_ms}")
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability must lie between 0 and 1, not {self.probability}")
        for name in ("count", "series"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        self._check_answer()

    def _check_answer(self) -> None:
        if (self.status is not None) + self.garbage > 1:
            raise ValueError("a fault answers with a status or with garbage, not with both")
        if self.status is None and not self.garbage and not self.delay_ms:
            raise ValueError("a fault has a status, a delay_ms or garbage, or it does nothing")
        if self.series is not None and (self.api, self.method) != ("monitoring", "CreateTimeSeries"):
            raise ValueError("series belongs to the api monitoring and its method CreateTimeSeries")
        if self.series is not None and self.status is None:
            raise ValueError("a fault of some series has the status that they are refused with")
        if self.after and (self.api != "monitoring" or self.series is not None):
            raise ValueError("after belongs to the api monitoring, and not to a fault of some series")
        if self.after and self.status is None and not self.garbage:
            raise ValueError("a fault after a call has a status or garbage to answer with")


@dataclass(slots=True, eq=False)
class _InForce:
    """A fault, and how many hits are left; None is any number."""

    fault: Fault
    left: int | None


class Faults:
    """The faults in force, the fixed delay of each API, and a count of all calls by (api, method, code)."""

    def __init__(self, delays_ms: Mapping[str, int] | None = None, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(seed)  # noqa: S311 - a simulation, not a secret
        self._delays_ms = dict(delays_ms or {})
        self._faults: list[_InForce] = []
        self._calls: Counter[tuple[str, str, str]] = Counter()

    def add(self, fault: Fault) -> None:
        """Put a fault in force."""
        with self._lock:
            self._faults.append(_InForce(fault, fault.count))

    def remove(self, fault: Fault) -> None:
        """End one fault, if it is still in force."""
        with self._lock:
            found = next((each for each in self._faults if each.fault == fault), None)
            if found is not None:
                self._faults.remove(found)

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
        for each in self._faults:
            fault = each.fault
            if fault.api != api or fault.method not in ("*", method):
                continue
            if self._random.random() >= fault.probability:
                continue
            if each.left is not None:
                each.left -= 1
                if not each.left:
                    self._faults.remove(each)
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
