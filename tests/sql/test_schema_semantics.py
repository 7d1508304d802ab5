"""The statements on INFORMATION_SCHEMA compute what they are meant to: Google's evaluator, the sandbox and plain Python agree."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from exporter.sources.bigquery import statements
from tests.builders import T0
from tests.sql import definitions, generators
from tests.sql.analyser import Evaluator, GoogleSQL
from tests.sql.contents import copied, job_rows, us, write_rows
from tests.sql.definitions import Job, Written
from tests.sql.fleets import parameters_of

HOURS = (T0, T0 + timedelta(hours=3))
MINUTES = (T0, T0 + timedelta(minutes=7))
READ = [f"acme-data.{name}" for name in ("raw.a", "raw.b", "curated.a", "raw.unknown", "raw.a-b")]
MONITORED = {
    "acme-data.raw.a": "acme-data.raw.a",
    "acme-data.curated.a": "acme-data.raw.a",
    "acme-data.raw.b": "acme-data.raw.b",
    "acme-data.raw.a-b": "acme-data.raw.a-b",
}
WRITTEN = ["raw.a", "raw.b", "raw.c"]


def _jobs(seed: int) -> tuple[list[Job], list[dict[str, Any]]]:
    listed = generators.jobs(random.Random(seed), READ, us(HOURS[0]), us(HOURS[1]), 600)
    return listed, definitions.jobs(listed, MONITORED, us(HOURS[0]), us(HOURS[1]))


def _evaluated_jobs(
    evaluator: Evaluator, listed: Sequence[Job], right: str = "", wrong: str = ""
) -> list[dict[str, Any]]:
    statement = statements.jobs("acme-data", "us-central1", sorted(MONITORED.items()), *HOURS)
    assert right in statement.text
    text, tables = copied(statement.text.replace(right, wrong) if right else statement.text, "JOBS", job_rows(listed))
    return evaluator.evaluate(text, parameters_of(statement), tables)


@pytest.mark.parametrize("seed", range(4))
def test_jobs(evaluator: Evaluator, seed: int) -> None:
    listed, expected = _jobs(seed)
    assert len(expected) > 10
    assert definitions.multiset(_evaluated_jobs(evaluator, listed)) == definitions.multiset(expected)


JOB_MUTANTS = {
    "a table counts as often as it is named": ("SELECT DISTINCT", "SELECT"),
    "only monitored tables share": ("LEFT JOIN monitored", "JOIN monitored"),
    "all jobs share": ("OVER (PARTITION BY job_id)", "OVER ()"),
    "a view is another table": ("COALESCE(\n        monitored.table_name,", "COALESCE("),
    "the end is counted": ("end_time < @end", "end_time <= @end"),
    "the start is lost": ("AND end_time >= @start", "AND end_time > @start"),
    "statements without a type are lost": ("COALESCE(statement_type, '') != 'SCRIPT'", "statement_type != 'SCRIPT'"),
    "scripts count twice": ("AND COALESCE(statement_type, '') != 'SCRIPT'", ""),
    "loads are queries": ("AND job_type = 'QUERY'", ""),
    "running jobs are done": ("AND state = 'DONE'", ""),
    "our own jobs count": ("label.value = 'exporter'", "label.value = 'another'"),
    "any label of that value is ours": ("label.key = 'app' AND ", ""),
    "jobs that never started have no duration": ("COALESCE(start_time, creation_time)", "start_time"),
    "jobs belong to the hour that created them": ("UNIX_SECONDS(end_time), 3600", "UNIX_SECONDS(creation_time), 3600"),
    "unknown bytes are no bytes": ("COALESCE(total_bytes_billed, 0)", "total_bytes_billed"),
    "unmonitored tables are returned": ("WHERE shared.is_monitored\n", ""),
}


@pytest.mark.parametrize("name", JOB_MUTANTS)
def test_the_rows_tell_a_wrong_jobs_statement(googlesql: GoogleSQL, name: str) -> None:
    listed, expected = _jobs(0)
    rows = _evaluated_jobs(googlesql, listed, *JOB_MUTANTS[name])
    assert definitions.multiset(rows) != definitions.multiset(expected)


STEP_S = 300


def _writes(seed: int, count: int) -> tuple[list[Written], list[dict[str, Any]]]:
    timeline = generators.timeline(random.Random(seed), [*WRITTEN, "raw.d"], us(MINUTES[0]), us(MINUTES[1]), count)
    return timeline, definitions.writes(timeline, WRITTEN, us(MINUTES[0]), us(MINUTES[1]), STEP_S)


def _evaluated_writes(
    evaluator: Evaluator, timeline: Sequence[Written], right: str = "", wrong: str = ""
) -> list[dict[str, Any]]:
    statement = statements.writes("acme-data", "us-central1", WRITTEN, *MINUTES, STEP_S)
    assert right in statement.text
    changed = statement.text.replace(right, wrong) if right else statement.text
    text, tables = copied(changed, "WRITE_API_TIMELINE", write_rows(timeline))
    return evaluator.evaluate(text, parameters_of(statement), tables)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("count", [0, 1, 150])
def test_writes(evaluator: Evaluator, seed: int, count: int) -> None:
    timeline, expected = _writes(seed, count)
    assert definitions.multiset(_evaluated_writes(evaluator, timeline)) == definitions.multiset(expected)


WRITE_MUTANTS = {
    "nothing written is no answer": ("LEFT JOIN written", "JOIN written", 0),
    "the oldest minute is the newest": ("MAX(minute_s)", "MIN(minute_s)", 150),
    "the end is counted": ("start_timestamp < @end", "start_timestamp <= @end", 150),
    "steps are minutes": ("DIV(minute_s, @step_s) * @step_s", "minute_s", 150),
    "the start is lost": ("start_timestamp >= @start", "start_timestamp > @start", 150),
    "other tables are returned": ("WHERE table_name IN UNNEST(@tables)", "", 150),
    "only monitored tables show how far it reaches": (
        "AND start_timestamp < @end",
        "AND start_timestamp < @end AND table_id != 'd'",
        1,
    ),
}


@pytest.mark.parametrize("name", WRITE_MUTANTS)
def test_the_rows_tell_a_wrong_writes_statement(googlesql: GoogleSQL, name: str) -> None:
    right, wrong, count = WRITE_MUTANTS[name]
    differ = []
    for seed in range(12 if count == 1 else 1):
        timeline, expected = _writes(seed, count)
        rows = _evaluated_writes(googlesql, timeline, right, wrong)
        differ.append(definitions.multiset(rows) != definitions.multiset(expected))
    assert any(differ)


def test_storage(evaluator: Evaluator) -> None:
    statement = statements.storage("acme-data", "us-central1", WRITTEN)
    rows = [
        {
            "table_schema": "raw",
            "table_name": "a",
            "active_logical_bytes": 5,
            "long_term_logical_bytes": 7,
            "deleted": False,
        },
        {
            "table_schema": "raw",
            "table_name": "a",
            "active_logical_bytes": 9,
            "long_term_logical_bytes": 9,
            "deleted": True,
        },
        {"table_schema": "raw", "table_name": "b", "deleted": False},
        {"table_schema": "other", "table_name": "a", "active_logical_bytes": 1, "deleted": False},
    ]
    text, tables = copied(statement.text, "TABLE_STORAGE", rows)
    assert definitions.multiset(evaluator.evaluate(text, parameters_of(statement), tables)) == definitions.multiset(
        [
            {"table_name": "raw.a", "active_logical_bytes": 5, "long_term_logical_bytes": 7},
            {"table_name": "raw.b", "active_logical_bytes": None, "long_term_logical_bytes": None},
        ]
    )


def test_tables(evaluator: Evaluator) -> None:
    statement = statements.tables("acme-data", "us-central1", WRITTEN)
    listed = [
        {"table_schema": schema, "table_name": name, "table_type": kind, "creation_time": T0}
        for schema, name, kind in (("raw", "a", "BASE TABLE"), ("raw", "b", "VIEW"), ("other", "a", "BASE TABLE"))
    ]
    columns = [
        {"table_schema": schema, "table_name": name, "column_name": column}
        for schema, name, column in (
            ("raw", "a", "data"),
            ("raw", "a", "message_id"),
            ("other", "a", "x"),
            ("raw", "c", "y"),
        )
    ]
    text, tables = copied(statement.text, "TABLES", listed)
    text, more = copied(text, "COLUMNS", columns)
    rows = evaluator.evaluate(text, parameters_of(statement), tables | more)
    found = {
        row["table_name"]: (row["table_type"], row["created_us"], sorted(row["column_names"] or [])) for row in rows
    }
    assert found == {
        "raw.a": ("BASE TABLE", us(T0), ["data", "message_id"]),
        "raw.b": ("VIEW", us(T0), []),
    }
    assert len(rows) == len(found)
