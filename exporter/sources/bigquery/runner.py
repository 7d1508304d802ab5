"""Runs one statement: labelled, capped, bounded in time, and with errors that say whether asking again helps."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from google.api_core.retry import Retry
from google.cloud import bigquery

from exporter.calls import OnCall
from exporter.circuits import CIRCUIT_OPEN, Circuits, Passage
from exporter.connections import Talk, within
from exporter.errors import Transient
from exporter.sources.bigquery.failures import GARBAGE, TIMEOUT, as_source_error, hint_s, is_exhausted

MINIMUM_BILLED_BYTES = 10 * 2**20
"""BigQuery bills on demand at least 10 MB per query and per table it references (pricing page)."""

_MIB = 2**20

_NO_RETRY = Retry(predicate=lambda _: False)
"""Retries are ours: the client's own would go on for ten minutes and count no call."""

_STOP_MARGIN_S = 1.0
"""A job is to be stopped by BigQuery itself so long before we stop waiting for it: then its end is still heard of."""

_CREATION_MARGIN_S = 1.0
_ATTEMPTS = 3

_METHODS: Mapping[tuple[str | int, ...], str] = {
    ("queries", 1): "jobs.query",
    ("queries", 2): "jobs.getQueryResults",
    ("jobs", 1): "jobs.insert",
    ("jobs", 2): "jobs.get",
    ("jobs", 3): "jobs.cancel",
    ("datasets", 4): "tables.get",
}
"""Methods by what follows the project in a path, and how much does."""


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
    """Runs statements through one BigQuery client; ``timeout_s`` bounds a statement, waiting and retries included.

    Only what ends a job that is not done by then may take a few seconds more.
    """

    def __init__(
        self, client: bigquery.Client, on_call: OnCall, timeout_s: float, *, circuits: Circuits | None = None
    ) -> None:
        self._client = client
        self._on_call = on_call
        self._circuits = circuits
        self.timeout_s = timeout_s

    def run(self, statement: Statement, project: str, location: str) -> Answer:
        """Run a statement, again where that can help while there is time; raises ``SourceError``."""
        until_s = time.monotonic() + self.timeout_s
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._once(statement, project, location, until_s - time.monotonic())
            except Transient as error:
                pause_s = random.uniform(0.2, 0.5) * 2**attempt  # noqa: S311 - spreads retries, hides nothing
                out_of_time = until_s - time.monotonic() < pause_s + _CREATION_MARGIN_S
                in_vain = error.reason in (TIMEOUT, CIRCUIT_OPEN) or is_exhausted(error)
                if attempt == _ATTEMPTS or out_of_time or in_vain:
                    raise
                time.sleep(pause_s)
        raise AssertionError("the last attempt returns or raises")

    def _once(self, statement: Statement, project: str, location: str, left_s: float) -> Answer:
        """One attempt. BigQuery stops the job when its time is over; where it has not, the client cancels it."""
        config = bigquery.QueryJobConfig(
            query_parameters=list(statement.parameters),
            labels={"app": "exporter", "family": statement.family},
            maximum_bytes_billed=statement.bytes_cap,
            job_timeout_ms=max(1, int(max(left_s - _STOP_MARGIN_S, left_s / 2) * 1000)),
            use_query_cache=False,
        )
        with self._call("jobs.query", project, left_s):
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
            # What BigQuery billed stands only in the answer itself, which the rows let go of.
            said = (getattr(rows, "_first_page_response", None) or {}).get("totalBytesBilled")
            found = _whole(rows)
            processed = rows.total_bytes_processed or 0
            return Answer(found, processed, _least_billed(processed, statement.tables) if said is None else int(said))

    def dry_run(self, statement: Statement, project: str, location: str) -> int:
        """Bytes that a statement would process; raises ``SourceError``."""
        config = bigquery.QueryJobConfig(
            query_parameters=list(statement.parameters), dry_run=True, use_query_cache=False
        )
        with self._call("jobs.insert", project, self.timeout_s):
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
        with self._call("tables.get", name.partition(".")[0], self.timeout_s):
            return self._client.get_table(name, timeout=self.timeout_s, retry=_NO_RETRY)

    @contextmanager
    def _call(self, method: str, project: str, left_s: float) -> Iterator[None]:
        """Bound a call, count the requests it takes, and turn what the client raises into a ``SourceError``."""
        with self._passage(project) as passage, within(left_s) as talk:
            try:
                yield
            except Exception as error:
                converted = as_source_error(error, answered=any(status for _, status in talk.requests))
                self._count(talk, method, converted.reason)
                if is_exhausted(error) or is_exhausted(converted):
                    passage.exhaust(f"{converted.reason}: {converted}", hint_s(error))
                elif not isinstance(converted, Transient):
                    passage.succeed()
                raise converted from error
            passage.succeed()
            self._count(talk, method, "OK")

    def _passage(self, project: str) -> AbstractContextManager[Passage]:
        return nullcontext(Passage()) if self._circuits is None else self._circuits.passage("bigquery", project)

    def _count(self, talk: Talk, method: str, code: str) -> None:
        """Count each request; ``code`` is what became of the last one that matters: cancelling is what follows a failure."""
        names = [_method(path) for path, _ in talk.requests] or [method]
        decisive = max((place for place, name in enumerate(names) if name != "jobs.cancel"), default=0)
        for place, name in enumerate(names):
            self._on_call("bigquery", name, code if place == decisive else "OK")


def _whole(rows: Any) -> list[dict[str, Any]]:
    """The rows of all pages; raises ``Transient`` where they are not all that there are."""
    # A row's own items() would copy every value.
    names = [field.name for field in rows.schema or ()]
    found = [dict(zip(names, row, strict=False)) for row in rows]
    if not rows.schema or rows.total_rows != len(found):
        raise Transient(GARBAGE, f"an answer that cannot be read: {len(found)} rows of {rows.total_rows}")
    return found


def _least_billed(processed: int, tables: int) -> int:
    """Bytes billed as far as bytes processed tell: whole MiB, and 10 MiB for each table at least."""
    return max(-(-processed // _MIB) * _MIB, MINIMUM_BILLED_BYTES * max(1, tables))


def _method(path: str) -> str:
    """The API's name of the method that a request's path asks for."""
    _, _, rest = path.partition("/projects/")
    parts = rest.split("/")[1:]
    return _METHODS.get((*parts[:1], len(parts)), "other")
