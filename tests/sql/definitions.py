"""What the statements mean, computed row by row in plain Python and as naively as the definitions read.

Times are microseconds since the epoch.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from exporter.model import LATENCY_BOUNDS_US

HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Arrival:
    """A row of a pipeline's table; None is NULL."""

    commit_us: int
    publish_us: int | None
    message_id: str | None
    subscription: str | None


@dataclass(frozen=True, slots=True)
class Measured:
    """How a pipeline is measured; a column that its table lacks is False, ``subscriptions`` None where no row says whose it is."""

    start_us: int
    end_us: int
    window_us: int
    lookback_us: int
    threshold_us: int
    subscriptions: frozenset[str] | None
    has_publish_time: bool = True
    has_message_id: bool = True


def bucket_counts(values: Sequence[int]) -> list[int]:
    """A histogram over the bounds, each bucket with its lower bound and without its upper one."""
    edges = [0, *LATENCY_BOUNDS_US, None]
    return [
        sum(1 for value in values if value >= (low or 0) and (high is None or value < high))
        for low, high in itertools.pairwise(edges)
    ]


def landing(arrivals: Sequence[Arrival], how: Measured) -> dict[int, dict[str, Any]]:
    """What landed, by start of window; windows without rows are absent. ``latencies_us`` holds every latency, in order."""
    own = [row for row in arrivals if how.subscriptions is None or row.subscription in how.subscriptions]
    windows: dict[int, list[Arrival]] = defaultdict(list)
    for row in own:
        if how.start_us <= row.commit_us < how.end_us:
            windows[row.commit_us - row.commit_us % how.window_us].append(row)
    return {start: _window(rows, own, how) for start, rows in windows.items()}


def _window(rows: Sequence[Arrival], own: Sequence[Arrival], how: Measured) -> dict[str, Any]:
    published = [row for row in rows if row.publish_us is not None] if how.has_publish_time else []
    pairs = [(row.commit_us, row.publish_us or 0) for row in published]
    latencies = sorted(max(0, commit - publish) for commit, publish in pairs)
    return {
        "landed_rows": len(rows),
        "delivered": _first_times(rows, own, how),
        "measured_rows": len(latencies),
        "negative_rows": sum(publish > commit for commit, publish in pairs),
        "latency_sum_us": sum(latencies) if latencies else None,
        "within_threshold": sum(latency <= how.threshold_us for latency in latencies),
        "newest_publish_us": max((publish for _, publish in pairs), default=None),
        "latencies_us": latencies,
        "bucket_counts": bucket_counts(latencies),
    }


def _first_times(rows: Sequence[Arrival], own: Sequence[Arrival], how: Measured) -> int:
    """First-time rows: of rows equal in message and commit time one, and none whose message was there in [commit - lookback, commit)."""
    if not how.has_message_id:
        return len(rows)
    without_id = sum(row.message_id is None for row in rows)
    moments = {(row.message_id, row.commit_us) for row in rows if row.message_id is not None}
    return without_id + sum(
        not any(row.message_id == message and commit - how.lookback_us <= row.commit_us < commit for row in own)
        for message, commit in moments
    )


@dataclass(frozen=True, slots=True)
class Job:
    """A job as INFORMATION_SCHEMA.JOBS has it; None is NULL, ``tables`` and ``labels`` too."""

    job_id: str
    creation_us: int
    start_us: int | None
    end_us: int | None
    job_type: str | None
    statement_type: str | None
    state: str
    error: str | None
    bytes_processed: int | None
    bytes_billed: int | None
    slot_ms: int | None
    labels: tuple[tuple[str, str], ...] | None
    tables: tuple[str, ...] | None


def jobs(listed: Sequence[Job], names: dict[str, str], start_us: int, end_us: int) -> list[dict[str, Any]]:
    """Query jobs that ended in [start, end), without our own, by table, hour and number of tables that share each job's cost."""
    groups: dict[tuple[str, int, int], list[Job]] = defaultdict(list)
    for job in listed:
        if job.end_us is None or not start_us <= job.end_us < end_us:
            continue
        if job.job_type != "QUERY" or job.state != "DONE" or job.statement_type == "SCRIPT":
            continue
        if ("app", "exporter") in (job.labels or ()):
            continue
        shared = {names.get(table, table) for table in job.tables or ()}
        monitored = {names[table] for table in job.tables or () if table in names}
        hour_s = job.end_us // 1_000_000 // HOUR_S * HOUR_S
        for table in monitored:
            groups[table, hour_s, len(shared)].append(job)
    return [_cost(key, group) for key, group in groups.items()]


def _cost(key: tuple[str, int, int], group: Sequence[Job]) -> dict[str, Any]:
    durations = [(job.end_us or 0) - (job.creation_us if job.start_us is None else job.start_us) for job in group]
    return {
        "table_name": key[0],
        "hour_s": key[1],
        "table_count": key[2],
        "succeeded": sum(job.error is None for job in group),
        "failed": sum(job.error is not None for job in group),
        "bytes_processed": sum(job.bytes_processed or 0 for job in group),
        "bytes_billed": sum(job.bytes_billed or 0 for job in group),
        "slot_ms": sum(job.slot_ms or 0 for job in group),
        "duration_sum_us": sum(durations),
        "bucket_counts": bucket_counts(durations),
    }


@dataclass(frozen=True, slots=True)
class Written:
    """A row of INFORMATION_SCHEMA.WRITE_API_TIMELINE; None is NULL."""

    minute_us: int
    dataset: str
    table: str
    stream_type: str
    error_code: str
    requests: int
    rows: int | None
    input_bytes: int | None


def writes(
    timeline: Sequence[Written], tables: Sequence[str], start_us: int, end_us: int, step_s: int
) -> list[dict[str, Any]]:
    """Minutes that started in [start, end), summed over steps and kinds of stream; one row without a table where there are none."""
    seen = [row for row in timeline if start_us <= row.minute_us < end_us]
    newest_s = max((row.minute_us // 1_000_000 for row in seen), default=None)
    groups: dict[tuple[str, int, str], list[Written]] = defaultdict(list)
    for row in seen:
        name = f"{row.dataset}.{row.table}"
        if name in tables:
            groups[name, row.minute_us // 1_000_000 // step_s * step_s, row.error_code].append(row)
    found = [
        {
            "newest_minute_s": newest_s,
            "table_name": name,
            "step_start_s": step_start_s,
            "error_code": code,
            "requests": sum(row.requests for row in group),
            "written_rows": _sum([row.rows for row in group]),
            "input_bytes": _sum([row.input_bytes for row in group]),
        }
        for (name, step_start_s, code), group in groups.items()
    ]
    nothing = dict.fromkeys(("table_name", "step_start_s", "error_code", "requests", "written_rows", "input_bytes"))
    return found or [{"newest_minute_s": newest_s, **nothing}]


def _sum(values: Sequence[int | None]) -> int | None:
    """SUM of GoogleSQL: NULLs do not count, and the sum of nothing else is NULL."""
    present = [value for value in values if value is not None]
    return sum(present) if present else None


def multiset(rows: Sequence[dict[str, Any]]) -> Counter[str]:
    """Rows without an order, for comparison."""
    return Counter(repr(sorted(row.items())) for row in rows)
