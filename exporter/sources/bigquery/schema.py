"""Questions to INFORMATION_SCHEMA: what was written, what was queried, what is stored, and what the tables are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Executor
from datetime import datetime, timedelta

from exporter.errors import Permanent, SourceError
from exporter.model import System, TableRef
from exporter.snapshots import Storage, Table, TableQueries, TableWrites, Timeline
from exporter.sources.bigquery import statements
from exporter.sources.bigquery.runner import Runner
from exporter.windows import EPOCH


def _short(table: TableRef) -> str:
    return f"{table.dataset}.{table.table}"


def _names(systems: Sequence[System]) -> dict[str, TableRef]:
    return {_short(system.table): system.table for system in systems}


def writes(runner: Runner, systems: Sequence[System], start: datetime, end: datetime) -> tuple[Timeline, int]:
    """The write timeline of the systems' tables (one project and location) in ``[start, end)``, and the bytes billed.

    ``Timeline.tables`` is keyed by the table's full name. Minutes are summed up as far as every window allows.
    """
    names = _names(systems)
    first = systems[0]
    step_s = math.gcd(*(system.window_s for system in systems))
    statement = statements.writes(first.table.project, first.location, sorted(names), start, end, step_s)
    answer = runner.run(statement, first.project, first.location)
    reach: datetime | None = None
    tables: dict[str, list[TableWrites]] = {str(table): [] for table in names.values()}
    for row in answer.rows:
        if row["newest_minute_s"] is not None:
            reach = EPOCH + timedelta(seconds=row["newest_minute_s"])
        if row["table_name"] is not None:
            tables[str(names[row["table_name"]])].append(
                TableWrites(
                    start=EPOCH + timedelta(seconds=row["step_start_s"]),
                    error_code=row["error_code"],
                    requests=row["requests"],
                    written_rows=row["written_rows"],
                    input_bytes=row["input_bytes"],
                )
            )
    return Timeline(reach, {name: tuple(rows) for name, rows in tables.items()}), answer.bytes_billed


def queries(
    runner: Runner, project: str, systems: Sequence[System], start: datetime, end: datetime
) -> tuple[dict[tuple[str, datetime], tuple[TableQueries, ...]], int]:
    """Query jobs of a project that ended in ``[start, end)``, by table (full name) and hour, and the bytes billed.

    The systems are of one location; a view counts as the table that its system names.
    """
    names = {(str(system.table), str(system.table)) for system in systems}
    names |= {(str(system.view), str(system.table)) for system in systems if system.view is not None}
    statement = statements.jobs(project, systems[0].location, sorted(names), start, end)
    answer = runner.run(statement, project, systems[0].location)
    found: dict[tuple[str, datetime], list[TableQueries]] = {}
    for row in answer.rows:
        hour = EPOCH + timedelta(seconds=row["hour_s"])
        found.setdefault((row["table_name"], hour), []).append(
            TableQueries(
                table_count=row["table_count"],
                succeeded=row["succeeded"],
                failed=row["failed"],
                bytes_processed=row["bytes_processed"],
                bytes_billed=row["bytes_billed"],
                slot_ms=row["slot_ms"],
                duration_sum_us=row["duration_sum_us"],
                bucket_counts=tuple(row["bucket_counts"]),
            )
        )
    return {key: tuple(rows) for key, rows in found.items()}, answer.bytes_billed


def storage(runner: Runner, pool: Executor, systems: Sequence[System], now: datetime) -> tuple[dict[str, Storage], int]:
    """Bytes stored in the systems' tables (one project and location) by full name, and the bytes billed.

    Where TABLE_STORAGE may not be read, each table is asked for its size: all of it counts as active then.
    """
    names = _names(systems)
    first = systems[0]
    try:
        statement = statements.storage(first.table.project, first.location, sorted(names))
        answer = runner.run(statement, first.project, first.location)
    except Permanent:
        return _sizes(runner, pool, list(names.values()), now), 0
    found = {
        str(names[row["table_name"]]): Storage(
            row["active_logical_bytes"] or 0, row["long_term_logical_bytes"] or 0, now
        )
        for row in answer.rows
    }
    return found, answer.bytes_billed


def _sizes(runner: Runner, pool: Executor, tables: Sequence[TableRef], now: datetime) -> dict[str, Storage]:
    def size(table: TableRef) -> tuple[str, Storage | None]:
        try:
            found = runner.table(str(table))
        except SourceError:
            return str(table), None
        return str(table), Storage(int(found.num_bytes or 0), 0, now)

    return {name: stored for name, stored in pool.map(size, tables) if stored is not None}


def tables(runner: Runner, systems: Sequence[System]) -> tuple[dict[str, Table], int]:
    """What the systems' tables are (one project and location) by full name, and the bytes billed; missing ones are left out."""
    names = _names(systems)
    first = systems[0]
    statement = statements.tables(first.table.project, first.location, sorted(names))
    answer = runner.run(statement, first.project, first.location)
    found = {
        str(names[row["table_name"]]): Table(
            kind=row["table_type"],
            created=EPOCH + timedelta(microseconds=row["created_us"]),
            columns=frozenset(row["column_names"]),
        )
        for row in answer.rows
    }
    return found, answer.bytes_billed
