"""One call to Cloud Monitoring: bounded in time, tried again where that can help, and counted."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from exporter.calls import FAILURES, OnCall, call_error, canonical_code
from exporter.sinks.refusals import is_partial

PASSING: Mapping[str, int] = {"UNAVAILABLE": 3, "ABORTED": 3, "INTERNAL": 3, "UNKNOWN": 3, "DEADLINE_EXCEEDED": 2}
"""Codes after which the same request may be sent again at once, and how often it is sent in all.

What a failed attempt wrote after all is then refused as out of order, which proves that it is there.
"""

_PAUSE_S = 0.2


class Caller:
    """Makes calls of one client; ``timeout_s`` bounds each attempt."""

    def __init__(self, on_call: OnCall, timeout_s: float) -> None:
        self._on_call = on_call
        self._timeout_s = timeout_s

    def __call__(self, api: str, method: str, function: Callable[..., Any], request: Any) -> Any:
        """Answer of ``function``; raises the last attempt's ``GoogleAPICallError``, and at once one of which parts were done."""
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = function(request=request, timeout=self._timeout_s, retry=None)
            except FAILURES as failure:
                error = call_error(failure)
                code = canonical_code(error)
                self._on_call(api, method, code)
                if is_partial(error) or attempt >= PASSING.get(code, 1):
                    raise error from failure
                pause(attempt)
            else:
                self._on_call(api, method, "OK")
                return answer


def pause(attempt: int) -> None:
    """Wait before the next attempt, the longer the more there were; at random, so that many exporters do not come at once."""
    time.sleep(_PAUSE_S * attempt * random.uniform(0.5, 1.5))  # noqa: S311 - spreads retries
