from __future__ import annotations

from datetime import timedelta

import pytest
from google.cloud import bigquery

from exporter.model import TableRef
from exporter.sandbox.bigquery import BigQuery
from exporter.sandbox.iam import PUBSUB, Iam
from exporter.sandbox.ports import TableRefused, TableSink
from tests.sandbox.bigquery.conftest import DEPARTURES, METADATA, NOW, message, rows, us

TIMELINE = (
    "SELECT start_timestamp, dataset_id, table_id, stream_type, error_code, total_requests, total_rows, total_input_bytes "
    "FROM `region-us-central1`.INFORMATION_SCHEMA.WRITE_API_TIMELINE ORDER BY start_timestamp, error_code"
)
MINUTE = timedelta(minutes=1)


def send(engine: TableSink, *data: bytes, columns: tuple[str, ...] = METADATA) -> dict[int, str]:
    batch = [message(number, NOW - MINUTE, body)[: len(columns)] for number, body in enumerate(data)]
    return engine.append(str(DEPARTURES), columns, batch, us(NOW - MINUTE))


def table_of(engine: BigQuery, kind: str, *others: dict[str, str]) -> None:
    fields = [{"name": "data", "type": kind}, {"name": "attributes", "type": "JSON"}, *others]
    metadata = [{"name": "subscription_name", "type": "STRING"}, {"name": "message_id", "type": "STRING"}]
    engine.create_table(DEPARTURES, [*fields, *metadata, {"name": "publish_time", "type": "TIMESTAMP"}])


def test_rows_are_queryable_at_once(client: bigquery.Client, engine: BigQuery, departures: TableRef) -> None:
    assert send(engine, b"\x00\xff", b"{}") == {}
    found = rows(client, "SELECT data, message_id, publish_time, attributes FROM raw.departures ORDER BY message_id")
    assert found == [(b"\x00\xff", "0", NOW - MINUTE, "{}"), (b"{}", "1", NOW - MINUTE, "{}")]


def test_without_metadata_only_data_is_written(client: bigquery.Client, engine: BigQuery, departures: TableRef) -> None:
    assert send(engine, b"{}", columns=("data",)) == {}
    assert rows(client, "SELECT data, message_id FROM raw.departures") == [(b"{}", None)]


def test_json_columns_refuse_what_is_no_json(client: bigquery.Client, engine: BigQuery) -> None:
    table_of(engine, "JSON")
    refused = send(engine, b'{"a": 1}', b"{bad", b"\xff", b"[1]")
    assert set(refused) == {1, 2}
    assert "not valid JSON" in refused[1]
    assert "not valid UTF-8" in refused[2]
    assert rows(client, "SELECT JSON_VALUE(data, '$.a'), message_id FROM raw.departures ORDER BY 2") == [
        ("1", "0"),
        (None, "3"),
    ]


def test_string_columns_refuse_what_is_no_utf8(client: bigquery.Client, engine: BigQuery) -> None:
    table_of(engine, "STRING")
    assert set(send(engine, "é".encode(), b"\xc3")) == {1}
    assert rows(client, "SELECT data FROM raw.departures") == [("é",)]


def test_a_missing_table_refuses_everything(engine: BigQuery) -> None:
    with pytest.raises(TableRefused) as refused:
        send(engine, b"{}")
    assert refused.value.state == "NOT_FOUND"


def test_a_view_is_no_table_to_write_to(engine: BigQuery) -> None:
    engine.create_view(DEPARTURES, "SELECT b'' AS data")
    with pytest.raises(TableRefused) as refused:
        send(engine, b"{}")
    assert refused.value.state == "NOT_FOUND"


def test_a_lost_right_refuses_everything(engine: BigQuery, departures: TableRef, iam: Iam) -> None:
    iam.revoke(PUBSUB, "bigquery.tables.updateData", "acme.raw")
    with pytest.raises(TableRefused) as refused:
        send(engine, b"{}")
    assert refused.value.state == "PERMISSION_DENIED"
    iam.restore(PUBSUB, "bigquery.tables.updateData", "acme.raw")
    assert send(engine, b"{}") == {}


def test_schemas_that_do_not_fit(engine: BigQuery, departures: TableRef) -> None:
    assert send(engine, b"{}") == {}
    engine.add_column(DEPARTURES, {"name": "extra", "type": "STRING", "mode": "REQUIRED"})
    with pytest.raises(TableRefused, match="Required column extra") as refused:
        send(engine, b"{}")
    assert refused.value.state == "SCHEMA_MISMATCH"
    engine.drop_column(DEPARTURES, "extra")
    assert send(engine, b"{}") == {}
    engine.drop_column(DEPARTURES, "message_id")
    with pytest.raises(TableRefused, match=r"Column message_id .* no such column"):
        send(engine, b"{}")


def test_a_column_of_the_wrong_type(engine: BigQuery) -> None:
    table_of(engine, "INT64")
    with pytest.raises(TableRefused, match="type INT64") as refused:
        send(engine, b"5")
    assert refused.value.state == "SCHEMA_MISMATCH"


def test_a_deleted_and_recreated_table_starts_empty(
    client: bigquery.Client, engine: BigQuery, departures: TableRef
) -> None:
    send(engine, b"{}")
    engine.delete_table(departures)
    with pytest.raises(TableRefused):
        send(engine, b"{}")
    table_of(engine, "BYTES")
    send(engine, b"{}", b"{}")
    assert rows(client, "SELECT COUNT(*) FROM raw.departures") == [(2,)]


def test_every_append_is_in_the_timeline(client: bigquery.Client, engine: BigQuery, iam: Iam) -> None:
    with pytest.raises(TableRefused):
        send(engine, b"{}")
    table_of(engine, "JSON")
    send(engine, b"{}", b"{bad", b"[]")
    send(engine, b"{}")
    iam.revoke(PUBSUB, "bigquery.tables.updateData", "acme")
    with pytest.raises(TableRefused):
        send(engine, b"{}", b"{}")
    key = (NOW - MINUTE, "raw", "departures", "DEFAULT")
    subscription, identity, time, attributes = 2 + len("projects/acme/subscriptions/departures-bq"), 3, 8, 4
    size = subscription + identity + time + attributes + 2 + 2
    assert rows(client, TIMELINE) == [
        (*key, "INVALID_ARGUMENT", 1, 1, 0),
        (*key, "NOT_FOUND", 1, 1, 0),
        (*key, "OK", 2, 3, 3 * size),
        (*key, "PERMISSION_DENIED", 1, 2, 0),
    ]


def test_timeline_knows_only_the_write_api_and_no_idle_minute(
    client: bigquery.Client, engine: BigQuery, departures: TableRef
) -> None:
    client.insert_rows_json("acme.raw.departures", [{"data": "e30="}])
    assert rows(client, TIMELINE) == []
    for minutes in (9, 7):
        engine.append(str(DEPARTURES), METADATA, [message(1, NOW)], us(NOW - minutes * MINUTE))
    assert [row[0] for row in rows(client, TIMELINE)] == [NOW - 9 * MINUTE, NOW - 7 * MINUTE]


def test_timeline_may_lag(client: bigquery.Client, engine: BigQuery, departures: TableRef) -> None:
    send(engine, b"{}")
    engine.timeline_lag_us = 60_000_000
    assert rows(client, TIMELINE) == []
    engine.timeline_lag_us = 0
    assert len(rows(client, TIMELINE)) == 1


def test_rows_for_the_dump(engine: BigQuery, departures: TableRef) -> None:
    send(engine, b"12345")
    table = engine.table_rows(departures)
    assert table.column_names == ["message_id", "publish_time", "commit_time", "subscription_name", "bytes"]
    (row,) = table.to_pylist()
    assert (row["message_id"], row["publish_time"], row["commit_time"]) == ("0", NOW - MINUTE, NOW - MINUTE)
    assert row["bytes"] == 7 + 43 + 3 + 8 + 4


def test_rows_for_the_dump_of_a_table_without_metadata(engine: BigQuery) -> None:
    engine.create_table(DEPARTURES, [{"name": "data", "type": "BYTES"}])
    send(engine, b"1", columns=("data",))
    assert engine.table_rows(DEPARTURES).to_pylist() == [
        {"message_id": None, "publish_time": None, "commit_time": NOW - MINUTE, "subscription_name": None, "bytes": 3}
    ]
