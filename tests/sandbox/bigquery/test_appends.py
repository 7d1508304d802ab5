from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest, Forbidden
from google.cloud import bigquery

from exporter.model import TableRef
from exporter.sandbox.bigquery import BigQuery
from exporter.sandbox.clock import Clock
from exporter.sandbox.iam import EXPORTER, Iam
from tests.sandbox.bigquery.conftest import MESSAGES, NOW, deliver, one, rows, us

MINUTE = timedelta(minutes=1)


def at(name: str, moment: datetime | None) -> Any:
    return bigquery.ScalarQueryParameter(name, "TIMESTAMP", moment)


def ids(client: bigquery.Client, start: datetime | None, end: datetime | None) -> list[str]:
    sql = "SELECT message_id FROM APPENDS(TABLE `acme.raw.departures`, @start, @end) ORDER BY message_id"
    return [row[0] for row in rows(client, sql, at("start", start), at("end", end))]


@pytest.fixture
def three(engine: BigQuery, departures: TableRef) -> None:
    """Messages 1, 2, 3, committed 10, 5 and 0 minutes ago."""
    for number, minutes in ((1, 10), (2, 5), (3, 0)):
        committed = NOW - minutes * MINUTE
        deliver(engine, departures, number, committed - timedelta(seconds=1.5), committed)


@pytest.mark.usefixtures("three")
def test_window_holds_its_start_and_not_its_end(client: bigquery.Client) -> None:
    assert ids(client, NOW - 10 * MINUTE, NOW - 5 * MINUTE) == ["1"]
    assert ids(client, NOW - 10 * MINUTE + timedelta(microseconds=1), NOW) == ["2"]
    assert ids(client, NOW - 5 * MINUTE, NOW) == ["2"]


@pytest.mark.usefixtures("three")
def test_null_bounds_reach_from_creation_to_the_start_of_the_query(client: bigquery.Client, clock: Clock) -> None:
    assert ids(client, None, None) == ["1", "2"]
    clock.advance(0.000001)
    assert ids(client, None, None) == ["1", "2", "3"]
    assert rows(client, "SELECT COUNT(*) FROM APPENDS(TABLE acme.raw.departures)") == [(3,)]
    assert rows(client, "SELECT COUNT(*) FROM APPENDS(TABLE acme.raw.departures, NULL, NULL)") == [(3,)]


@pytest.mark.usefixtures("three")
def test_change_columns_tell_the_commit(client: bigquery.Client) -> None:
    sql = (
        "SELECT _CHANGE_TYPE, _CHANGE_TIMESTAMP, TIMESTAMP_DIFF(_CHANGE_TIMESTAMP, publish_time, MICROSECOND) "
        "FROM APPENDS(TABLE `acme`.`raw`.`departures`, @start, @end)"
    )
    found = rows(client, sql, at("start", NOW - 10 * MINUTE), at("end", NOW - 5 * MINUTE))
    assert found == [("INSERT", NOW - 10 * MINUTE, 1_500_000)]


@pytest.mark.usefixtures("three")
def test_star_holds_the_table_and_the_change_columns(client: bigquery.Client) -> None:
    table = client.query_and_wait("SELECT * FROM APPENDS(TABLE acme.raw.departures)")
    assert [field.name for field in table.schema] == [
        *(field["name"] for field in MESSAGES),
        "_CHANGE_TYPE",
        "_CHANGE_TIMESTAMP",
    ]


@pytest.mark.usefixtures("three")
def test_bounds_may_be_expressions_and_named(client: bigquery.Client) -> None:
    sql = (
        "SELECT message_id FROM APPENDS(TABLE raw.departures, "
        "start_timestamp => TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL @minutes MINUTE), end_timestamp => @end)"
    )
    minutes = bigquery.ScalarQueryParameter("minutes", "INT64", 6)
    assert rows(client, sql, minutes, at("end", NOW)) == [("2",)]


def test_loads_inserts_and_streaming_rows_are_appends_too(
    client: bigquery.Client, engine: BigQuery, departures: TableRef, clock: Clock
) -> None:
    row = {"data": "e30=", "message_id": "streamed"}
    assert client.insert_rows_json("acme.raw.departures", [row]) == []
    clock.advance(60)
    client.load_table_from_json([row | {"message_id": "loaded"}], "acme.raw.departures").result()
    clock.advance(60)
    client.query("INSERT INTO raw.departures (data, message_id) VALUES (b'{}', 'inserted')").result()
    clock.advance(60)
    sql = "SELECT message_id, _CHANGE_TIMESTAMP FROM APPENDS(TABLE raw.departures) ORDER BY 2"
    assert rows(client, sql) == [("streamed", NOW), ("loaded", NOW + MINUTE), ("inserted", NOW + 2 * MINUTE)]


@pytest.mark.usefixtures("three")
def test_end_in_the_future_is_refused(client: bigquery.Client) -> None:
    with pytest.raises(BadRequest, match="is in the future") as refused:
        ids(client, NOW - MINUTE, NOW + timedelta(microseconds=1))
    assert refused.value.errors[0]["reason"] == "invalidQuery"


def test_start_before_the_time_travel_window_is_refused(
    client: bigquery.Client, engine: BigQuery, clock: Clock
) -> None:
    engine.create_dataset(
        "acme", "short", "us-central1", max_time_travel_hours=48, created_us=us(NOW - timedelta(days=9))
    )
    engine.create_table(TableRef("acme", "short", "old"), MESSAGES, created_us=us(NOW - timedelta(days=9)))
    sql = "SELECT COUNT(*) FROM APPENDS(TABLE acme.short.old, @start, NULL)"
    assert one(client, sql, at("start", NOW - timedelta(hours=48))) == 0
    for start in (NOW - timedelta(hours=48, microseconds=1), None):
        with pytest.raises(BadRequest, match="before the time travel window"):
            one(client, sql, at("start", start))


def test_start_before_creation_means_creation(client: bigquery.Client, engine: BigQuery, departures: TableRef) -> None:
    deliver(engine, departures, 1, NOW - MINUTE, NOW - MINUTE)
    assert ids(client, NOW - timedelta(days=6), NOW) == ["1"]
    assert ids(client, NOW - timedelta(days=60), NOW) == ["1"]


@pytest.mark.parametrize("name", ["curated.decoded", "raw.departures_*"])
def test_only_regular_tables_have_a_history(
    client: bigquery.Client, engine: BigQuery, departures: TableRef, name: str
) -> None:
    engine.create_dataset("acme", "curated", "us-central1")
    engine.create_view(TableRef("acme", "curated", "decoded"), "SELECT * FROM acme.raw.departures")
    with pytest.raises(BadRequest, match="only supported on regular BigQuery tables"):
        rows(client, f"SELECT 1 FROM APPENDS(TABLE `acme.{name}`, NULL, NULL)")


def test_bounds_must_be_timestamps(client: bigquery.Client, departures: TableRef) -> None:
    with pytest.raises(BadRequest, match="No matching signature for table-valued function APPENDS"):
        rows(client, "SELECT 1 FROM APPENDS(TABLE raw.departures, 5, NULL)")


def test_history_takes_the_right_to_read(client: bigquery.Client, departures: TableRef, iam: Iam) -> None:
    iam.revoke(EXPORTER, "bigquery.tables.getData", "acme.raw")
    with pytest.raises(
        Forbidden, match=r"Access Denied: Table acme:raw\.departures: User does not have permission to query table"
    ):
        ids(client, None, None)
    iam.restore(EXPORTER, "bigquery.tables.getData", "acme.raw")
    assert ids(client, None, None) == []


@pytest.mark.usefixtures("three")
def test_only_the_columns_read_of_the_window_are_billed(client: bigquery.Client) -> None:
    sql = "SELECT {} FROM APPENDS(TABLE raw.departures, @start, @end) WHERE message_id IS NOT NULL"
    window = [at("start", NOW - 10 * MINUTE), at("end", NOW)]
    job = client.query(sql.format("publish_time"), job_config=bigquery.QueryJobConfig(query_parameters=window))
    job.result()
    assert job.total_bytes_processed == 2 * (8 + 3)
    job = client.query(sql.format("data"), job_config=bigquery.QueryJobConfig(query_parameters=window))
    job.result()
    assert job.total_bytes_processed == 2 * (4 + 3)
    assert job.total_bytes_billed == 10 * 2**20


def test_late_and_early_alike_keep_commit_order(
    client: bigquery.Client, engine: BigQuery, departures: TableRef
) -> None:
    deliver(engine, departures, 1, NOW - 5 * MINUTE, NOW - 2 * MINUTE)
    deliver(engine, departures, 2, NOW - 9 * MINUTE, NOW - 3 * MINUTE)
    sql = "SELECT message_id, _CHANGE_TIMESTAMP FROM APPENDS(TABLE raw.departures) ORDER BY 1"
    assert rows(client, sql) == [("1", NOW - 2 * MINUTE), ("2", NOW - 2 * MINUTE)]
