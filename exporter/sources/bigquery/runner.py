"""Runs one statement: labelled, capped, bounded in time, and with errors that say whether asking again helps."""

from __future__ import annotations

import concurrent.futures
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests
from google.api_core import exceptions
from google.api_core.retry import Retry
from google.auth import exceptions as auth_exceptions
from google.cloud import bigquery

from exporter.calls import OnCall
from exporter.errors import Permanent, SourceError, Transient

MINIMUM_BILLED_BYTES = 10 * 2**20
"""BigQuery bills on demand at least 10 MB per query and per table it references (pricing page)."""

_NO_RETRY = Retry(predicate=lambda _: False)
"""Retries are ours: the client's own would go on for ten minutes and count no call."""

_CREATION_MARGIN_S = 1.0
_ATTEMPTS = 3

_TRANSIENT_REASONS = frozenset(
    {"rateLimitExceeded", "backendError", "internalError", "jobBackendError", "jobInternalError"}
)

_REMEDIES = {
    "accessDenied": "grant the exporter's service account the missing permission (docs/permissions.md)",
    "notFound": "check the name and the location in systems.yaml",
    "bytesBilledLimitExceeded": "the query would read more than its byte cap: collect more often, or raise the cap",
}


@dataclass(frozen=True, slots=True)
class Statement:
    """A rendered query: its text, parameters, family and what it may cost.

    ``tables`` counts the tables it references, which is what the least billed bytes depend on.
    """

    text: str
    parameters: Sequence[Any]
    family: str
    tables: int
    bytes_cap: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows by column name, and what BigQuery processed and billed for them, in bytes."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    bytes_processed: int = 0
    bytes_billed: int = 0


class Runner:
    """Runs statements through one BigQuery client; ``timeout_s`` bounds a statement, waiting and retries included."""

    def __init__(self, client: bigquery.Client, on_call: OnCall, timeout_s: float) -> None:
        self._client = client
        self._on_call = on_call
        self.timeout_s = timeout_s

    def run(self, statement: Statement, project: str, location: str) -> Answer:
        """Run a statement, again where that can help while there is time; raises ``SourceError``."""
        deadline = time.monotonic() + self.timeout_s
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._once(statement, project, location, deadline - time.monotonic())
            except Transient as error:
                pause_s = random.uniform(0.2, 0.5) * 2**attempt  # noqa: S311 - spreads retries, hides nothing
                out_of_time = deadline - time.monotonic() < pause_s + _CREATION_MARGIN_S
                if attempt == _ATTEMPTS or out_of_time or error.reason == "timeout":
                    raise
                time.sleep(pause_s)
        raise AssertionError("the last attempt returns or raises")

    def _once(self, statement: Statement, project: str, location: str, left_s: float) -> Answer:
        config = bigquery.QueryJobConfig(
            query_parameters=list(statement.parameters),
            labels={"app": "exporter", "family": statement.family},
            maximum_bytes_billed=statement.bytes_cap,
            job_timeout_ms=max(1, int(left_s * 1000)),
            use_query_cache=False,
        )
        with self._counted("jobs.query"):
            rows = self._client.query_and_wait(
                statement.text,
                job_config=config,
                project=project,
                location=location,
                api_timeout=left_s,
                wait_timeout=left_s,
                retry=_NO_RETRY,
                job_retry=_NO_RETRY,
            )
            found = [dict(row.items()) for row in rows]
        processed = rows.total_bytes_processed or 0
        return Answer(found, processed, max(processed, MINIMUM_BILLED_BYTES * max(1, statement.tables)))

    def dry_run(self, statement: Statement, project: str, location: str) -> int:
        """Bytes that a statement would process; raises ``SourceError``."""
        config = bigquery.QueryJobConfig(
            query_parameters=list(statement.parameters), dry_run=True, use_query_cache=False
        )
        with self._counted("jobs.insert"):
            job = self._client.query(
                statement.text,
                job_config=config,
                project=project,
                location=location,
                timeout=self.timeout_s,
                retry=_NO_RETRY,
                job_retry=_NO_RETRY,
            )
        return int(job.total_bytes_processed or 0)

    def table(self, name: str) -> bigquery.Table:
        """One table's metadata by its full name; raises ``SourceError``."""
        with self._counted("tables.get"):
            return self._client.get_table(name, timeout=self.timeout_s, retry=_NO_RETRY)

    @contextmanager
    def _counted(self, method: str) -> Iterator[None]:
        """Count one call by what became of it, and turn what the client raises into a ``SourceError``."""
        try:
            yield
        except Exception as error:
            converted = as_source_error(error)
            self._on_call("bigquery", method, converted.reason)
            raise converted from error
        self._on_call("bigquery", method, "OK")


def as_source_error(error: Exception) -> SourceError:
    """Translate what the client raised; ``reason`` is BigQuery's own where it gave one.

    What is no answer of the service (a bug of ours) is raised again as it is.
    """
    if isinstance(error, exceptions.GoogleAPICallError):
        details: Sequence[Any] = error.errors or ()
        reason = str(details[0].get("reason", "")) if details and isinstance(details[0], dict) else ""
        # The error's own text begins with the address that was asked.
        message = str(details[0].get("message", "")) if reason else ""
        passing = isinstance(error, exceptions.ServerError | exceptions.TooManyRequests) or reason in _TRANSIENT_REASONS
        # The client raises what it has no class for as a server's error.
        transient = passing and reason not in _REMEDIES
        message, reason = message or error.message, reason or type(error).__name__
        if reason == "stopped" or "timed out" in message.lower():
            return Transient("timeout", message)
        kind = Transient if transient else Permanent
        return kind(reason, message, remedy=_REMEDIES.get(reason, ""))
    if isinstance(error, concurrent.futures.TimeoutError | requests.Timeout):
        return Transient("timeout", "no answer within the time-out; the job was cancelled")
    if isinstance(error, requests.RequestException | ConnectionError):
        return Transient("unreachable", f"no connection: {error}")
    if isinstance(error, exceptions.RetryError):
        return Transient("timeout", str(error))
    if isinstance(error, ValueError):
        return Transient("garbage", f"an answer that cannot be read: {error}")
    if isinstance(error, auth_exceptions.GoogleAuthError):
        return Permanent("unauthenticated", str(error), remedy="provide application default credentials")
    raise error
