"""Which failures of a call pass by themselves, and which do not."""

from __future__ import annotations

import requests
from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError, TransportError

from exporter.errors import SourceError, Transient

PASSING = (
    exceptions.ServerError,
    exceptions.TooManyRequests,
    exceptions.RetryError,
    exceptions.Aborted,
    ConnectionError,
    TimeoutError,
    requests.ConnectionError,
    requests.Timeout,
    TransportError,
    Transient,
)
"""Asking again can help; ``passes`` knows the exceptions to it."""

FAILURES = (exceptions.GoogleAPIError, GoogleAuthError, SourceError, OSError)
"""Everything that an API, or the way to it, can answer with."""

_LIMITS = ("rateLimitExceeded", "quotaExceeded", "jobRateLimitExceeded")
_LOGIN_PROJECTS = ("764086051850", "32555940559")
"""Numbers of the projects of ``gcloud auth application-default login`` and ``gcloud auth login``."""

_OFF = ("SERVICE_DISABLED", "accessNotConfigured")


def passes(error: Exception) -> bool:
    """Whether a failure can be over when the same is asked again."""
    if isinstance(error, exceptions.MethodNotImplemented):
        return False
    return isinstance(error, PASSING) or (
        isinstance(error, exceptions.Forbidden) and any(reason in _LIMITS for reason in _reasons(error))
    )


def is_off(error: Exception) -> bool:
    """Whether an API says that the project has not turned it on (google.rpc.ErrorInfo; BigQuery has a word of its own)."""
    return (
        isinstance(error, exceptions.GoogleAPICallError)
        and not is_of_no_project(error)
        and (error.reason in _OFF or any(reason in _OFF for reason in _reasons(error)))
    )


def is_of_no_project(error: Exception) -> bool:
    """Whether the project whose API is off is the one of Google's own login program: the credentials name none."""
    if not isinstance(error, exceptions.GoogleAPICallError):
        return False
    consumer = (error.metadata or {}).get("consumer", "")
    return any(number in consumer or f"project {number}" in str(error) for number in _LOGIN_PROJECTS)


def _reasons(error: exceptions.GoogleAPICallError) -> list[str]:
    """Reasons as the errors of BigQuery's REST API have them."""
    return [str(each["reason"]) for each in error.errors if isinstance(each, dict) and "reason" in each]
