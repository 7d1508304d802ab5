"""What APPENDS gives and costs, what jobs are billed, and what metadata say, with each field of conduct changed alone."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from google.cloud import bigquery

from exporter.sandbox.conduct import MIB, Conduct
from exporter.sandbox.fleet import PROJECT
from tests.sandbox.conduct.lab import DATASET, Facts, Lab, differences, taken

APPENDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "change_timestamp": ("publish", {"time": "publish"}),
    "appends_repeatable": (False, {"again": 0}),
    "appends_delay_s": (300.0, {"stream": 0, "insert": 0, "load": 0, "copy": 0, "time": None, "at start": 0}),
    "appends_end_in_future_refused": (False, {"future": "taken"}),
    "appends_start_included": (False, {"at start": 0, "again": 0}),
    "appends_end_included": (True, {"at end": 1}),
    "appends_past_refused": (False, {"past": "taken"}),
    "appends_before_creation_refused": (True, {"before creation": "refused"}),
    "appends_columns_billed": ("all", {"columns": "all"}),
    "appends_rows_billed": ("table", {"window": "table"}),
    "appends_sees_inserts": (False, {"insert": 0, "at start": 0, "again": 0}),
    "appends_sees_loads": (False, {"load": 0}),
    "appends_sees_copies": (False, {"copy": 0}),
}
"""Fields with another value, and the facts that it changes."""


@pytest.fixture(scope="module")
def usual_appends(lab: Lab) -> Facts:
    # Its tables are older than a time travel of two days.
    for dataset in lab.bigquery.list_datasets():
        if dataset.dataset_id != DATASET:
            old = lab.bigquery.get_dataset(dataset.reference)
            old.max_time_travel_hours = 48
            lab.bigquery.update_dataset(old, ["max_time_travel_hours"])
    source = lab.table(name="source")
    lab.rows(f"INSERT INTO {DATASET}.{source} (data) VALUES (b'copy')")
    return appends(lab)


def appends(lab: Lab) -> Facts:
    """What APPENDS gives of a table that a subscription, an INSERT, a load and a copy have written to."""
    table = lab.table()
    created = lab.now()
    topic, _ = lab.pipeline(table)
    lab.publish(topic, b"stream", b"stream")
    at = lab.advance(60)
    full = f"{DATASET}.{table}"
    lab.rows(f"INSERT INTO {full} (data) VALUES (b'insert')")
    load = bigquery.LoadJobConfig(source_format="NEWLINE_DELIMITED_JSON", write_disposition="WRITE_APPEND")
    lab.bigquery.load_table_from_file(BytesIO(b'{"data": "bG9hZA=="}\n'), full, job_config=load).result()
    copy = bigquery.CopyJobConfig(write_disposition="WRITE_APPEND")
    lab.bigquery.copy_table(f"{DATASET}.source", full, job_config=copy).result()
    now = lab.advance(10)
    counts = dict(
        lab.rows(
            f"SELECT SAFE_CONVERT_BYTES_TO_STRING(data), COUNT(*) FROM APPENDS(TABLE {full}, NULL, NULL) GROUP BY 1"
        )
    )
    times = f"SELECT MAX(_CHANGE_TIMESTAMP) = MAX(publish_time) FROM APPENDS(TABLE {full}, NULL, NULL) WHERE data = b'stream'"
    old = next(
        table for dataset in lab.bigquery.list_datasets() if dataset.dataset_id != DATASET
        for table in lab.bigquery.list_tables(dataset.reference) if table.table_type == "TABLE"
    )  # fmt: skip
    everything = f"SELECT data FROM APPENDS(TABLE {full}, NULL, NULL)"
    return {
        **{origin: counts.get(origin, 0) for origin in ("stream", "insert", "load", "copy")},
        "time": {True: "publish", False: "commit", None: None}[lab.value(times)],
        "at start": inserted(lab, full, at, at + timedelta(seconds=1)),
        "at end": inserted(lab, full, at - timedelta(seconds=1), at),
        "future": taken(lambda: inserted(lab, full, at, now + timedelta(hours=1))),
        "past": taken(lambda: lab.rows(f"SELECT COUNT(*) FROM APPENDS(TABLE `{old.reference}`, NULL, NULL)")),
        "before creation": taken(lambda: inserted(lab, full, created - timedelta(hours=1), now)),
        "columns": "read" if processed(lab, everything) == 2 * 8 + 8 + 6 + 6 else "all",
        "window": "table" if processed(lab, f"SELECT data FROM APPENDS(TABLE {full}, {text(now)}, NULL)") else "window",
        "again": inserted(lab, full, at, at + timedelta(seconds=1), after_s=900),
    }


def text(moment: Any) -> str:
    return f"TIMESTAMP '{moment.isoformat()}'"


def inserted(lab: Lab, table: str, start: Any, end: Any, after_s: float = 0) -> Any:
    if after_s:
        lab.advance(after_s)
    return lab.value(f"SELECT COUNTIF(data = b'insert') FROM APPENDS(TABLE {table}, {text(start)}, {text(end)})")


def processed(lab: Lab, sql: str) -> int:
    return int(lab.job(sql, dry_run=True, use_query_cache=False).total_bytes_processed)


def test_what_appends_gives_by_default(usual_appends: Facts) -> None:
    assert usual_appends == {
        "stream": 2,
        "insert": 1,
        "load": 1,
        "copy": 1,
        "time": "commit",
        "at start": 1,
        "at end": 0,
        "future": "refused",
        "past": "refused",
        "before creation": "taken",
        "columns": "read",
        "window": "window",
        "again": 1,
    }


@pytest.mark.parametrize("name", APPENDS)
def test_appends_behaves_otherwise_in_this_alone(lab: Lab, usual_appends: Facts, name: str) -> None:
    value, expected = APPENDS[name]
    lab.behave(**{name: value})
    try:
        assert differences(usual_appends, appends(lab)) == expected
    finally:
        lab.behave(**{name: Conduct().as_json()[name]})


JOBS: dict[str, tuple[Any, dict[str, Any]]] = {
    "bytes_billed_minimum": (30 * MIB, {"one table": 30 * MIB, "two tables": 30 * MIB, "view": 30 * MIB, "big table": 30 * MIB}),
    "bytes_billed_per_table_minimum": (MIB, {"two tables": 10 * MIB}),
    "bytes_billed_information_schema": (20 * MIB, {"view": 20 * MIB}),
    "bytes_billed_unit": (1, {"big table": 11_000_002}),
    "cache_hit_has_tables": (True, {"cached tables": 1}),
    "cache_hit_billed": (True, {"cached billed": 10 * MIB}),
    "query_cached": (False, {"cached": False, "cached tables": 1, "cached billed": 10 * MIB}),
    "information_schema_cached": (True, {"view cached": True}),
    "jobs_delay_s": (600.0, {"jobs": 0, "labels": None, "cached tables": None}),
    "jobs_have_labels": (False, {"labels": False}),
    "storage_delay_s": (600.0, {"stored rows": 0, "stored bytes": 0}),
    "tables_get_delay_s": (600.0, {"rows": 0, "bytes": 0}),
    "dry_run_has_bytes": (False, {"dry run": None}),
}  # fmt: skip


@pytest.fixture(scope="module")
def usual_jobs(lab: Lab) -> Facts:
    lab.table(name="big", data="STRING")
    lab.rows(f"INSERT INTO {DATASET}.big (data) VALUES (REPEAT('x', 11000000))")
    return jobs(lab)


def jobs(lab: Lab) -> Facts:
    """What a few queries over new tables cost, and what is said of them afterwards."""
    one, other = lab.table(), lab.table()
    lab.rows(f"INSERT INTO {DATASET}.{one} (data) VALUES (b'four')")
    lab.advance(1)
    query = f"SELECT data FROM {DATASET}.{one}"
    billed = {
        "one table": lab.job(query).total_bytes_billed,
        "two tables": lab.job(f"{query} UNION ALL SELECT data FROM {DATASET}.{other}").total_bytes_billed,
        "big table": lab.job(f"SELECT data, '{one}' FROM {DATASET}.big LIMIT 0").total_bytes_billed,
    }
    again = lab.job(query, labels={"lab": one})
    view = f"SELECT total_rows, total_logical_bytes FROM `region-us-central1`.INFORMATION_SCHEMA.TABLE_STORAGE WHERE table_name = '{one}'"
    first, second = lab.job(view), lab.job(view)
    stored = next(iter(first.result()))
    found = lab.bigquery.get_table(f"{PROJECT}.{DATASET}.{one}")
    lab.advance(1)
    listed = lab.rows(
        "SELECT ARRAY_LENGTH(referenced_tables), EXISTS(SELECT 1 FROM UNNEST(labels) WHERE key = 'lab') "
        f"FROM `region-us-central1`.INFORMATION_SCHEMA.JOBS WHERE query = '{query}' ORDER BY creation_time, job_id"
    )
    mine = lab.rows(
        "SELECT ARRAY_LENGTH(referenced_tables), ARRAY_LENGTH(labels) > 0 FROM `region-us-central1`.INFORMATION_SCHEMA.JOBS "
        f"WHERE job_id = '{again.job_id}'"
    )
    return {
        **billed,
        "view": first.total_bytes_billed,
        "cached": again.cache_hit,
        "cached billed": again.total_bytes_billed,
        "view cached": second.cache_hit,
        "jobs": len(listed),
        "cached tables": mine[0][0] if mine else None,
        "labels": mine[0][1] if mine else None,
        "stored rows": stored[0],
        "stored bytes": stored[1],
        "rows": found.num_rows,
        "bytes": found.num_bytes,
        "dry run": lab.job(query, dry_run=True).total_bytes_processed,
    }


def test_what_jobs_cost_by_default(usual_jobs: Facts) -> None:
    assert usual_jobs == {
        "one table": 10 * MIB,
        "two tables": 20 * MIB,
        "big table": 11 * MIB,
        "view": 10 * MIB,
        "cached": True,
        "cached billed": 0,
        "view cached": False,
        "jobs": 2,
        "cached tables": 0,
        "labels": True,
        "stored rows": 1,
        "stored bytes": 6,
        "rows": 1,
        "bytes": 6,
        "dry run": 6,
    }


@pytest.mark.parametrize("name", JOBS)
def test_jobs_behave_otherwise_in_this_alone(lab: Lab, usual_jobs: Facts, name: str) -> None:
    value, expected = JOBS[name]
    lab.behave(**{name: value})
    try:
        assert differences(usual_jobs, jobs(lab)) == expected
    finally:
        lab.behave(**{name: Conduct().as_json()[name]})
