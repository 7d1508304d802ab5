"""How Google's APIs are called: bounded in time, again where that can help, not at all while a circuit is open; and counted."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Any

import grpc
from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError
from google.rpc.error_details_pb2 import RetryInfo

from exporter.circuits import CIRCUIT_OPEN, Circuits, Passage
from exporter.errors import Permanent, SourceError, Transient
from exporter.model import Failure

OnCall = Callable[[str, str, str], None]
"""Told of every finished attempt: (api, method, canonical code); from several threads."""

OnSeries = Callable[[int], None]
"""Told how many time series a read returned; from several threads."""

FAILURES = (exceptions.GoogleAPIError, grpc.RpcError, GoogleAuthError, ValueError)
"""What a gRPC client may raise: credentials raise their own errors, and a channel that was closed raises ``ValueError``."""

EXHAUSTED = "RESOURCE_EXHAUSTED"

PASSING: Mapping[str, int] = {"UNAVAILABLE": 3, "ABORTED": 3, "INTERNAL": 3, "UNKNOWN": 3, "DEADLINE_EXCEEDED": 2}
"""Codes after which the same request may be sent again at once, and how often it is sent in all.

What a failed attempt wrote after all is then refused as out of order, which proves that it is there.
"""

_PERMANENT = ("PERMISSION_DENIED", "UNAUTHENTICATED", "NOT_FOUND", "INVALID_ARGUMENT")

_PAUSE_S = 0.2
_PAUSES_S = 1.0
"""What the pauses of one question may take in all."""


class NotAsked(exceptions.ResourceExhausted):
    """A call that was not made, for an open circuit holds it."""


class Caller:
    """Makes calls of one client; ``timeout_s`` bounds each attempt, and twice as much and a second the whole question.

    ``unrepeatable`` says of which errors part of the request may have been done: it is never sent again whole.
    """

    def __init__(
        self,
        on_call: OnCall,
        timeout_s: float,
        *,
        circuits: Circuits | None = None,
        unrepeatable: Callable[[exceptions.GoogleAPICallError], bool] = lambda _: False,
    ) -> None:
        self._on_call = on_call
        self._timeout_s = timeout_s
        self._circuits = circuits
        self._unrepeatable = unrepeatable
        self.question_s = 2 * timeout_s + _PAUSES_S

    def __call__(
        self,
        api: str,
        method: str,
        function: Callable[..., Any],
        request: Any,
        *,
        project: str = "",
        until_s: float | None = None,
    ) -> Any:
        """Answer of ``function``, by ``until_s`` of the monotonic clock at the latest.

        Raises the last attempt's ``GoogleAPICallError``; ``NotAsked`` where an open circuit holds the call.
        """
        until_s = time.monotonic() + self.question_s if until_s is None else until_s
        attempt = 0
        while True:
            attempt += 1
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                raise exceptions.DeadlineExceeded(f"there was no time left for {method}")
            try:
                return self._attempt(api, method, function, request, project, min(self._timeout_s, left_s))
            except exceptions.GoogleAPICallError as error:
                pause_s = _pause_s(attempt)
                given_up = attempt >= PASSING.get(canonical_code(error), 1) or self._unrepeatable(error)
                if given_up or time.monotonic() + pause_s >= until_s:
                    raise
                time.sleep(pause_s)

    def pages(
        self, api: str, method: str, function: Callable[..., Any], request: Any, *, project: str, whole_s: float
    ) -> Iterator[Any]:
        """Pages of a listing as plain protobufs, within ``whole_s`` seconds; each is a call of its own, and asked again alone."""
        until_s = time.monotonic() + whole_s
        more = True
        while more:
            page = next(self(api, method, function, request, project=project, until_s=until_s).pages)
            plain = type(page).pb(page)
            yield plain
            request.page_token = plain.next_page_token
            more = bool(plain.next_page_token)

    def _passage(self, api: str, project: str) -> AbstractContextManager[Passage]:
        return nullcontext(Passage()) if self._circuits is None else self._circuits.passage(api, project)

    def _attempt(
        self, api: str, method: str, function: Callable[..., Any], request: Any, project: str, timeout_s: float
    ) -> Any:
        try:
            with self._passage(api, project) as passage:
                try:
                    answer = function(request=request, timeout=timeout_s, retry=None)
                except FAILURES as failure:
                    error = call_error(failure)
                    code = canonical_code(error)
                    self._on_call(api, method, code)
                    if code == EXHAUSTED:
                        passage.exhaust(f"{code}: {error.message}", _seconds(retry_delay(error)))
                    elif code not in PASSING:
                        passage.succeed()
                    raise error from failure
                passage.succeed()
                self._on_call(api, method, "OK")
                return answer
        except Transient as held:
            raise NotAsked(str(held)) from held  # type: ignore[no-untyped-call]


def _pause_s(attempt: int) -> float:
    """Seconds before the next attempt: twice as many each time, at random, so that many exporters do not come at once."""
    return _PAUSE_S * 2.0 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311 - spreads retries


def pause(attempt: int) -> None:
    """Wait before the next attempt."""
    time.sleep(_pause_s(attempt))


def call_error(failure: Exception) -> exceptions.GoogleAPICallError:
    """Bring a failure into the one form that has a code; UNKNOWN where it had none."""
    if isinstance(failure, grpc.RpcError) and isinstance(failure, grpc.Call):
        failure = exceptions.from_grpc_error(failure)
    if isinstance(failure, exceptions.GoogleAPICallError) and failure.grpc_status_code is not None:
        return failure
    return exceptions.Unknown(str(failure) or type(failure).__name__)


def canonical_code(error: exceptions.GoogleAPICallError) -> str:
    """The canonical code name of an error (``UNAVAILABLE``), ``circuitOpen``, or its class where it has none."""
    if isinstance(error, NotAsked):
        return CIRCUIT_OPEN
    code = error.grpc_status_code
    return type(error).__name__ if code is None else str(code.name)


def retry_delay(error: exceptions.GoogleAPICallError) -> timedelta | None:
    """How long the API asks to wait before the next try, where it says so."""
    for detail in error.details:
        if isinstance(detail, RetryInfo):
            found: timedelta = detail.retry_delay.ToTimedelta()
            return found
    return None


def _seconds(delay: timedelta | None) -> float | None:
    return None if delay is None else delay.total_seconds()


def source_error(error: exceptions.GoogleAPICallError, remedy: str, message: str | None = None) -> SourceError:
    """Say whether asking again later can help, and what to do where it cannot."""
    code = canonical_code(error)
    text = error.message if message is None else message
    return Permanent(code, text, remedy=remedy) if code in _PERMANENT else Transient(code, text)


def failure(source: str, error: SourceError, system: str | None = None) -> Failure:
    """Make an unanswered question a value of the cycle's report."""
    return Failure(source, system, error.reason, str(error), error.remedy, isinstance(error, Transient))


class CallLog:
    """Counts calls by (api, method, code), and the time series that reads returned, from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._series = 0

    def record(self, api: str, method: str, code: str) -> None:
        """Count one finished call."""
        with self._lock:
            self._counts[api, method, code] += 1

    def returned(self, series: int) -> None:
        """Count time series that one call returned: they are what reading costs."""
        with self._lock:
            self._series += series

    def take(self) -> dict[tuple[str, str, str], int]:
        """Return the counts and start again from zero."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
            return dict(counts)

    def take_series(self) -> int:
        """Return the number of series and start again from zero."""
        with self._lock:
            series, self._series = self._series, 0
            return series
