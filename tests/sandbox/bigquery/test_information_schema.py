from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

from exporter.model import TableRef
from exporter.sandbox.bigquery import BigQuery
from exporter.sandbox.bigquery.information_schema import SCHEMA_VIEWS
from exporter.sandbox.iam import EXPORTER, Iam
from tests.sandbox.bigquery.conftest import MESSAGES, NOW, deliver, rows, us

REGION = "`region-us-central1`.INFORMATION_SCHEMA"
QUALIFIERS = [
    "`region-us-central1`.INFORMATION_SCHEMA.{}",
    "`acme`.`region-us-central1`.INFORMATION_SCHEMA.{}",
    "acme.`region-us-central1`.INFORMATION_SCHEMA.{}",
    "`acme.region-us-central1.INFORMATION_SCHEMA.{}`",
    "`region-us-central1.INFORMATION_SCHEMA.{}`",
    "`REGION-US-CENTRAL1`.information_schema.{}",
]


@pytest.mark.parametrize("qualifier", QUALIFIERS)
def test_ways_to_write_a_region(client: bigquery.Client, departures: TableRef, qualifier: str) -> None:
    assert rows(client, f"SELECT table_name FROM {qualifier.format('TABLES')}") == [("departures",)]


@pytest.mark.parametrize("view", sorted(SCHEMA_VIEWS))
def test_every_view_has_its_documented_columns(client: bigquery.Client, departures: TableRef, view: str) -> None:
    table = client.query_and_wait(f"SELECT * FROM {REGION}.{view}")
    assert [field.name for field in table.schema] == [column.name for column in SCHEMA_VIEWS[view].columns]
    assert all(len(tuple(row)) == len(table.schema) for row in table)


def test_jobs_have_their_true_types(client: bigquery.Client, departures: TableRef) -> None:
    table = client.query_and_wait(f"SELECT * FROM {REGION}.JOBS")
    kinds = {field.name: (field.field_type, field.mode) for field in table.schema}
    assert kinds["creation_time"] == ("TIMESTAMP", "NULLABLE")
    assert kinds["total_bytes_billed"] == ("INTEGER", "NULLABLE")
    assert kinds["cache_hit"] == ("BOOLEAN", "NULLABLE")
    assert kinds["referenced_tables"] == kinds["labels"] == ("RECORD", "REPEATED")
    assert kinds["error_result"] == ("RECORD", "NULLABLE")
    (labels,) = (field for field in table.schema if field.name == "labels")
    assert [(field.name, field.field_type) for field in labels.fields] == [("key", "STRING"), ("value", "STRING")]


def test_jobs_tell_what_happened(client: bigquery.Client, engine: BigQuery, departures: TableRef) -> None:
    engine.create_view(TableRef("acme", "raw", "v"), "SELECT message_id FROM acme.raw.departures")
    config = bigquery.QueryJobConfig(labels={"family": "landing"})
    for sql in ("SELECT * FROM raw.v", "SELECT * FROM raw.v", "SELECT nosuch FROM raw.v"):
        job = client.query(sql, job_config=config)
        assert job.exception() is None or "nosuch" in sql
    sql = f"""
        SELECT job_type, statement_type, state, priority, cache_hit, total_bytes_billed, error_result.reason AS reason,
          (SELECT value FROM UNNEST(labels) WHERE key = 'family') AS family,
          ARRAY(SELECT CONCAT(t.dataset_id, '.', t.table_id) FROM UNNEST(referenced_tables) AS t ORDER BY 1) AS tables
        FROM {REGION}.JOBS WHERE job_type = 'QUERY' AND creation_time >= TIMESTAMP '2026-11-01' AND query LIKE '%raw.v'
        ORDER BY cache_hit, total_bytes_billed DESC"""
    shared = ("QUERY", "SELECT", "DONE", "INTERACTIVE")
    assert rows(client, sql) == [
        (*shared, False, 10 * 2**20, None, "landing", ["raw.departures", "raw.v"]),
        (*shared, False, 0, "invalidQuery", "landing", []),
        (*shared, True, 0, None, "landing", []),
    ]


def test_a_query_sees_itself_running(client: bigquery.Client, engine: BigQuery, departures: TableRef) -> None:
    engine.hang(departures)
    client.query("SELECT COUNT(*) FROM raw.departures")
    sql = f"SELECT state, query, end_time, total_bytes_billed FROM {REGION}.JOBS ORDER BY query"
    assert rows(client, sql) == [
        ("RUNNING", "SELECT COUNT(*) FROM raw.departures", None, None),
        ("RUNNING", sql, None, None),
    ]


def test_jobs_of_others_and_of_the_past(client: bigquery.Client, engine: BigQuery, departures: TableRef) -> None:
    earlier = us(NOW - timedelta(hours=3))
    engine.record_job(
        "acme",
        "us-central1",
        "analyst@acme.com",
        earlier,
        referenced=[departures],
        duration_ms=1500,
        bytes_processed=25 * 2**20 + 1,
        slot_ms=700,
        labels={"team": "data"},
    )
    engine.record_job(
        "acme", "us-central1", "a@acme.com", earlier + 1, referenced=[departures], error=("invalidQuery", "no")
    )
    engine.record_job("acme", "EU", "b@acme.com", earlier)
    engine.record_job("other", "us-central1", "c@acme.com", earlier)
    engine.record_job("acme", "us-central1", "d@acme.com", us(NOW - timedelta(days=181)))
    sql = f"""SELECT user_email, TIMESTAMP_DIFF(end_time, start_time, MILLISECOND), total_bytes_billed, total_slot_ms,
        error_result.message, ARRAY_LENGTH(referenced_tables) FROM {REGION}.JOBS WHERE state = 'DONE' ORDER BY creation_time"""
    assert rows(client, sql) == [
        ("analyst@acme.com", 1500, 26 * 2**20, 700, None, 1),
        ("a@acme.com", 1000, 0, 0, "no", 1),
    ]
    other = "SELECT user_email FROM other.`region-us-central1`.INFORMATION_SCHEMA.JOBS_BY_PROJECT"
    assert rows(client, other) == [("c@acme.com",)]


def test_storage_is_what_the_tables_hold(client: bigquery.Client, engine: BigQuery, departures: TableRef) -> None:
    engine.create_dataset("acme", "europe", "EU")
    engine.create_table(TableRef("acme", "europe", "elsewhere"), MESSAGES)
    deliver(engine, departures, 1, NOW, NOW)
    figures = "total_rows, total_logical_bytes, active_logical_bytes, long_term_logical_bytes"
    sql = f"SELECT table_schema, table_name, {figures} FROM {REGION}.TABLE_STORAGE"
    size = 4 + 43 + 3 + 8 + 4
    assert rows(client, sql) == [("raw", "departures", 1, size, size, 0)]
    table = client.get_table("acme.raw.departures")
    assert (table.num_rows, table.num_bytes) == (1, size)
    assert [
        (line["source"], line["table"], line["rows"], line["active_logical_bytes"])
        for line in engine.storage_snapshots()
    ] == [
        ("TABLE_STORAGE", "acme.raw.departures", 1, size),
        ("tables.get", "acme.raw.departures", 1, size),
    ]


def test_a_table_left_alone_for_ninety_days_is_long_term(
    client: bigquery.Client, engine: BigQuery, departures: TableRef, clock: Any
) -> None:
    deliver(engine, departures, 1, NOW, NOW)
    sql = f"SELECT active_logical_bytes, long_term_logical_bytes FROM {REGION}.TABLE_STORAGE"
    clock.advance(90 * 86_400)
    assert rows(client, sql)[0][1] == 0
    clock.advance(1)
    assert rows(client, sql)[0][0] == 0


def test_tables_columns_views_and_schemata(client: bigquery.Client, engine: BigQuery, departures: TableRef) -> None:
    engine.create_view(TableRef("acme", "raw", "v"), "SELECT message_id FROM acme.raw.departures")
    tables = "SELECT table_name, table_type FROM raw.INFORMATION_SCHEMA.TABLES ORDER BY 1"
    assert rows(client, tables) == [("departures", "BASE TABLE"), ("v", "VIEW")]
    columns = (
        "SELECT column_name, data_type, is_nullable FROM raw.INFORMATION_SCHEMA.COLUMNS "
        "WHERE table_name = 'departures' ORDER BY ordinal_position"
    )
    assert rows(client, columns)[:2] == [("data", "BYTES", "NO"), ("subscription_name", "STRING", "YES")]
    views = f"SELECT table_name, view_definition FROM {REGION}.VIEWS"
    assert rows(client, views) == [("v", "SELECT message_id FROM acme.raw.departures")]
    assert rows(client, f"SELECT schema_name, location FROM {REGION}.SCHEMATA") == [("raw", "us-central1")]


def test_partitions_by_day_of_ingestion(client: bigquery.Client, engine: BigQuery, departures: TableRef) -> None:
    for days in (1, 0, 0):
        deliver(engine, departures, days, NOW, NOW - timedelta(days=days, hours=1) if days else NOW)
    sql = "SELECT partition_id, total_rows, total_logical_bytes FROM raw.INFORMATION_SCHEMA.PARTITIONS ORDER BY 1"
    assert rows(client, sql) == [("20261031", 1, 62), ("20261101", 2, 124)]
    by_day = "SELECT COUNT(*) FROM raw.departures WHERE _PARTITIONTIME = TIMESTAMP '2026-10-31'"
    assert rows(client, by_day) == [(1,)]
    assert "_PARTITIONTIME" not in [
        field.name for field in client.query_and_wait("SELECT * FROM raw.departures").schema
    ]


@pytest.mark.parametrize(
    ("permission", "view"),
    [
        ("bigquery.jobs.listAll", "JOBS"),
        ("bigquery.tables.list", "TABLE_STORAGE"),
        ("bigquery.tables.list", "WRITE_API_TIMELINE"),
    ],
)
def test_rights_can_be_taken_away(client: bigquery.Client, iam: Iam, permission: str, view: str) -> None:
    iam.revoke(EXPORTER, permission, "acme")
    name = f"acme:region-us-central1.INFORMATION_SCHEMA.{view}"
    message = f"Access Denied: Table {name}: User does not have permission to query table {name}, or perhaps it does not exist."
    with pytest.raises(exceptions.Forbidden) as denied:
        rows(client, f"SELECT COUNT(*) FROM {REGION}.{view}")
    assert denied.value.message.endswith(message)


def test_views_without_a_dataset_qualifier(client: bigquery.Client, departures: TableRef) -> None:
    with pytest.raises(exceptions.BadRequest, match="must be qualified with a region"):
        rows(client, "SELECT 1 FROM raw.INFORMATION_SCHEMA.JOBS")
    with pytest.raises(exceptions.NotFound):
        rows(client, f"SELECT 1 FROM {REGION}.NOSUCH")
    with pytest.raises(exceptions.NotFound, match="was not found in location EU"):
        list(client.query_and_wait(f"SELECT 1 FROM {REGION}.JOBS", location="EU"))
