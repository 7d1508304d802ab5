"""What landed: one job for all systems of a project and location, taken apart only as far as a failure demands."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from exporter import calls
from exporter.errors import Permanent, SourceError
from exporter.model import Failure, System, Window
from exporter.snapshots import Landing
from exporter.sources.bigquery import statements
from exporter.sources.bigquery.runner import Answer, Runner
from exporter.sources.bigquery.statements import LandingRequest
from exporter.windows import EPOCH

MAX_BATCH = 500
"""Systems per statement: BigQuery takes 1,000 tables, 10,000 parameters and 1 MB of text (quotas page, query jobs)."""

_QUANTILES = ("0.5", "0.95", "0.99")


@dataclass(slots=True)
class Collected:
    """Landings by system, what failed, and the bytes that BigQuery billed for it."""

    landings: dict[str, tuple[Landing, ...]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    bytes_billed: int = 0

    def add(self, other: Collected) -> None:
        """Take in the results of another part of the batch."""
        self.landings |= other.landings
        self.failures += other.failures
        self.bytes_billed += other.bytes_billed


def collect(
    runner: Runner, pool: Executor, requests: Sequence[LandingRequest], *, alone: Collection[str] = ()
) -> Collected:
    """Measure systems of one project and location together; one culprit never costs the others their windows.

    Systems named in ``alone`` are asked for by themselves from the start.
    """
    collected = Collected()
    asked: list[LandingRequest] = []
    for request in requests:
        problem = unmeasurable(request)
        if problem is not None:
            collected.failures.append(problem)
        elif request.table is not None and request.table.created >= request.end:
            collected.landings[request.system.id] = _landings(request, [])
        else:
            asked.append(request)
    if asked:
        together = [request for request in asked if request.system.id not in alone]
        batches = [together[first : first + MAX_BATCH] for first in range(0, len(together), MAX_BATCH)]
        singles = [[request] for request in asked if request.system.id in alone]
        collected.add(_measure(runner, pool, [*batches, *singles]))
    return collected


def foreign_rows(runner: Runner, system: System, start: datetime, end: datetime) -> dict[str, int]:
    """Rows that others than the system's subscription wrote to its table in ``[start, end)``, by who; raises ``SourceError``."""
    answer = runner.run(statements.writers(system, start, end), system.project, system.location)
    own = {system.subscription, system.subscription.rsplit("/", 1)[-1]}
    return {
        row["writer"] or "load, copy, INSERT or streaming": row["written_rows"]
        for row in answer.rows
        if row["writer"] not in own
    }


def unmeasurable(request: LandingRequest) -> Failure | None:
    """Why no window of a system can be measured at all, as far as its table's metadata tells."""
    table, system = request.table, request.system
    if table is None or table.kind == "BASE TABLE" or system.columns.ingest_time is not None:
        return None
    return Failure(
        "landing",
        system.id,
        "notATable",
        f"{system.table} is a {table.kind.lower()}: appended rows can be read from tables only",
        "name the table that the subscription writes to, or set columns.ingest_time",
    )


def _measure(runner: Runner, pool: Executor, parts: list[list[LandingRequest]]) -> Collected:
    collected = Collected()
    while parts:
        answers = list(pool.map(partial(_ask, runner), parts))
        smaller: list[list[LandingRequest]] = []
        for part, answer in zip(parts, answers, strict=True):
            if isinstance(answer, Answer):
                collected.add(_answered(part, answer))
            else:
                failed, rest = _split(part, answer)
                collected.failures += [calls.failure("landing", answer, request.system.id) for request in failed]
                smaller += rest
        parts = smaller
    return collected


def _ask(runner: Runner, requests: Sequence[LandingRequest]) -> Answer | SourceError:
    system = requests[0].system
    try:
        return runner.run(statements.landing(requests), system.project, system.location)
    except SourceError as error:
        return error


def _split(
    requests: list[LandingRequest], error: SourceError
) -> tuple[list[LandingRequest], list[list[LandingRequest]]]:
    """Who is to blame for a failed batch, and how to ask the others again.

    A culprit that BigQuery names is left out; an unnamed one is found by halving; after a time-out everybody is asked alone, for
    the halves would wait for it as well. What fails for another reason would fail for every part.
    """
    if len(requests) == 1:
        return requests, []
    if error.reason == "timeout":
        return [], [[request] for request in requests]
    if not isinstance(error, Permanent):
        return requests, []
    culprits = [request for request in requests if _names(error, request)]
    if culprits and len(culprits) < len(requests):
        return culprits, [[request for request in requests if request not in culprits]]
    middle = len(requests) // 2
    return [], [requests[:middle], requests[middle:]]


def _names(error: SourceError, request: LandingRequest) -> bool:
    table = request.system.table
    names = (f"{table.project}:{table.dataset}.{table.table}", str(table), f"{table.dataset}.{table.table}")
    text = str(error)
    return any(_as_whole(name, text) for name in names)


def _as_whole(name: str, text: str) -> bool:
    place = text.find(name)
    while place >= 0:
        after = text[place + len(name) : place + len(name) + 1]
        before = text[place - 1 : place] if place else ""
        if not (after.isalnum() or after in ("_", "-")) and not (before.isalnum() or before in ("_", "-")):
            return True
        place = text.find(name, place + 1)
    return False


def _answered(requests: Sequence[LandingRequest], answer: Answer) -> Collected:
    rows: list[list[dict[str, Any]]] = [[] for _ in requests]
    for row in answer.rows:
        rows[row["system_index"]].append(row)
    landings = {request.system.id: _landings(request, own) for request, own in zip(requests, rows, strict=True)}
    return Collected(landings=landings, bytes_billed=answer.bytes_billed)


def _landings(request: LandingRequest, rows: Sequence[dict[str, Any]]) -> tuple[Landing, ...]:
    by_start = {row["window_start_us"]: row for row in rows}
    return tuple(
        _landing(request, window, by_start.get((window.start - EPOCH) // timedelta(microseconds=1)))
        for window in request.windows
    )


def _landing(request: LandingRequest, window: Window, row: dict[str, Any] | None) -> Landing:
    counts_duplicates = request.has(request.system.columns.message_id)
    measurable = request.has(request.system.columns.publish_time)
    if row is None:
        return Landing(request.system.id, window, duplicate=0 if counts_duplicates else None, measurable=measurable)
    newest = row["newest_publish_us"]
    quantiles = (row["p50_us"], row["p95_us"], row["p99_us"])
    return Landing(
        system=request.system.id,
        window=window,
        landed_rows=row["landed_rows"],
        delivered=row["delivered"],
        duplicate=row["landed_rows"] - row["delivered"] if counts_duplicates else None,
        measurable=measurable,
        measured_rows=row["measured_rows"],
        negative_rows=row["negative_rows"],
        latency_sum_us=row["latency_sum_us"] or 0,
        within_threshold=row["within_threshold"],
        bucket_counts=tuple(row["bucket_counts"]),
        quantiles_us=tuple(zip(_QUANTILES, quantiles, strict=True)) if row["measured_rows"] else (),
        newest_publish=None if newest is None else EPOCH + timedelta(microseconds=newest),
    )
