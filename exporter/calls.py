"""How calls to Google's APIs are counted, and what their errors are called."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

import grpc
from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError

from exporter.errors import SourceError, Transient
from exporter.model import Failure

OnCall = Callable[[str, str, str], None]
"""Told of every finished attempt: (api, method, canonical code); from several threads."""

FAILURES = (exceptions.GoogleAPIError, grpc.RpcError, GoogleAuthError, ValueError)
"""What a gRPC client may raise: credentials raise their own errors, and a channel that was closed raises ``ValueError``."""


def call_error(failure: Exception) -> exceptions.GoogleAPICallError:
    """Bring a failure into the one form that has a code; UNKNOWN where it had none."""
    if isinstance(failure, grpc.RpcError) and isinstance(failure, grpc.Call):
        failure = exceptions.from_grpc_error(failure)
    if isinstance(failure, exceptions.GoogleAPICallError) and failure.grpc_status_code is not None:
        return failure
    return exceptions.Unknown(str(failure) or type(failure).__name__)


def canonical_code(error: exceptions.GoogleAPICallError) -> str:
    """The canonical code name of an error (``UNAVAILABLE``), or its class where it has none."""
    code = error.grpc_status_code
    return type(error).__name__ if code is None else str(code.name)


def failure(source: str, error: SourceError, system: str | None = None) -> Failure:
    """Make an unanswered question a value of the cycle's report."""
    return Failure(source, system, error.reason, str(error), error.remedy, isinstance(error, Transient))


class CallLog:
    """Counts calls by (api, method, code) from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str, str]] = Counter()

    def record(self, api: str, method: str, code: str) -> None:
        """Count one finished call."""
        with self._lock:
            self._counts[api, method, code] += 1

    def take(self) -> dict[tuple[str, str, str], int]:
        """Return the counts and start again from zero."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
            return dict(counts)
