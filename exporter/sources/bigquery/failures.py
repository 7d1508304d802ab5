"""What BigQuery's failures are called, whether asking again can help, and when.

Reasons: https://cloud.google.com/bigquery/docs/error-messages.
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from google.api_core import exceptions
from google.auth import exceptions as auth_exceptions
from urllib3.exceptions import ReadTimeoutError

from exporter.errors import Permanent, SourceError, Transient

TIMEOUT = "timeout"
GARBAGE = "garbage"

_EXHAUSTED = frozenset({"rateLimitExceeded", "quotaExceeded", "jobRateLimitExceeded", "TooManyRequests"})
_PASSING = frozenset({"backendError", "internalError", "jobBackendError", "jobInternalError"})

_REMEDIES = {
    "accessDenied": "grant the exporter's service account the missing permission (docs/permissions.md)",
    "notFound": "check the name and the location in systems.yaml",
    "bytesBilledLimitExceeded": "the query would read more than its byte cap: collect more often, or raise the cap",
}

_SHAPE = (LookupError, AttributeError, TypeError)
"""What the client raises over an answer that lacks what it should have."""


def as_source_error(error: Exception, *, answered: bool = True) -> SourceError:
    """Translate what the client raised; ``reason`` is BigQuery's own where it gave one.

    What is no answer of the service (a bug of ours) is raised again as it is; ``answered`` says that there was one.
    """
    if isinstance(error, SourceError):
        return error
    if isinstance(error, exceptions.GoogleAPICallError):
        return _refusal(error)
    if isinstance(error, auth_exceptions.GoogleAuthError):
        if error.retryable or isinstance(error, auth_exceptions.TransportError):
            return Transient("unreachable", f"no access token: {error}")
        return Permanent("unauthenticated", str(error), remedy="provide application default credentials")
    if isinstance(error, requests.exceptions.InvalidJSONError):
        return _garbage(error)
    if isinstance(error, requests.ConnectTimeout):
        return Transient("unreachable", f"no connection: {error}")
    if isinstance(error, concurrent.futures.TimeoutError | requests.Timeout | exceptions.RetryError) or _cut(error):
        return Transient(TIMEOUT, "no answer within the time-out")
    if isinstance(error, requests.RequestException | ConnectionError):
        return Transient("unreachable", f"no connection: {error}")
    if isinstance(error, ValueError) or (answered and isinstance(error, _SHAPE)):
        return _garbage(error)
    raise error


def _refusal(error: exceptions.GoogleAPICallError) -> SourceError:
    details: Sequence[Any] = error.errors or ()
    reason = str(details[0].get("reason", "")) if details and isinstance(details[0], dict) else ""
    # The error's own text begins with the address that was asked.
    message = str(details[0].get("message", "")) if reason else ""
    passing = isinstance(error, exceptions.ServerError | exceptions.TooManyRequests) or reason in _PASSING | _EXHAUSTED
    # The client raises what it has no class for as a server's error.
    transient = passing and reason not in _REMEDIES
    message, reason = message or error.message, reason or type(error).__name__
    if reason == "stopped" or "timed out" in message.lower():
        return Transient(TIMEOUT, message)
    kind = Transient if transient else Permanent
    return kind(reason, message, remedy=_REMEDIES.get(reason, ""))


def _cut(error: Exception) -> bool:
    """Whether the body of an answer took too long: ``requests`` calls that a failed connection."""
    return isinstance(error, requests.ConnectionError) and any(
        isinstance(each, ReadTimeoutError | TimeoutError) for each in (*error.args, error.__cause__)
    )


def _garbage(error: Exception) -> Transient:
    return Transient(GARBAGE, f"an answer that cannot be read: {type(error).__name__}: {error}")


def is_exhausted(error: Exception) -> bool:
    """Whether BigQuery, or what stands before it, wants to be asked less."""
    return isinstance(error, exceptions.TooManyRequests) or (
        isinstance(error, SourceError) and error.reason in _EXHAUSTED
    )


def hint_s(error: Exception) -> float | None:
    """Seconds that an answer asks to wait (``Retry-After``, RFC 9110, section 10.2.3), where it does."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    after = str(headers.get("Retry-After", "")).strip()
    if after.isdecimal():
        return float(after)
    try:
        return (parsedate_to_datetime(after) - parsedate_to_datetime(headers.get("Date", ""))).total_seconds()
    except (TypeError, ValueError):
        return None
