from __future__ import annotations

import io
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery
from google.cloud.bigquery import SchemaField

from exporter.model import TableRef
from exporter.sandbox.bigquery import BigQuery
from tests.sandbox.bigquery.conftest import rows

TYPES = TableRef("acme", "raw", "types")
ROW = {
    "i": "7",
    "f": 1.5,
    "b": True,
    "s": "x",
    "y": "AP8=",
    "d": "2026-01-02",
    "m": "2026-01-02T03:04:05.6",
    "h": "03:04:05",
    "t": "2026-01-02T03:04:05Z",
    "n": "1.25",
    "j": {"a": [1]},
    "r": {"x": 1, "l": ["p", "q"]},
    "a": [1, 2],
}
READ = (
    "SELECT i, f, b, s, TO_HEX(y), CAST(d AS STRING), CAST(m AS STRING), CAST(h AS STRING), CAST(t AS STRING), "
    "CAST(n AS STRING), TO_JSON_STRING(j), r.x, r.l, a FROM raw.types"
)
VALUES = (
    7,
    1.5,
    True,
    "x",
    "00ff",
    "2026-01-02",
    "2026-01-02 03:04:05.600",
    "03:04:05",
    "2026-01-02 03:04:05+00",
    "1.25",
    '{"a":[1]}',
    1,
    ["p", "q"],
    [1, 2],
)


@pytest.fixture
def types(engine: BigQuery) -> TableRef:
    kinds = {
        "i": "INT64",
        "f": "FLOAT64",
        "b": "BOOL",
        "s": "STRING",
        "y": "BYTES",
        "d": "DATE",
        "m": "DATETIME",
        "h": "TIME",
        "t": "TIMESTAMP",
        "n": "NUMERIC",
        "j": "JSON",
    }
    record = {
        "name": "r",
        "type": "RECORD",
        "fields": [{"name": "x", "type": "INT64"}, {"name": "l", "type": "STRING", "mode": "REPEATED"}],
    }
    fields = [{"name": name, "type": kind} for name, kind in kinds.items()]
    engine.create_table(TYPES, [*fields, record, {"name": "a", "type": "INT64", "mode": "REPEATED"}])
    return TYPES


def test_streamed_rows_of_every_type(client: bigquery.Client, types: TableRef) -> None:
    assert client.insert_rows_json("acme.raw.types", [ROW]) == []
    assert rows(client, READ) == [VALUES]


def test_loaded_rows_of_every_type(client: bigquery.Client, types: TableRef) -> None:
    job = client.load_table_from_json([ROW, {}], "acme.raw.types")
    job.result()
    assert (job.output_rows, job.state, job.location) == (2, "DONE", "us-central1")
    assert rows(client, READ + " WHERE i = 7") == [VALUES]
    assert rows(client, "SELECT s, a FROM raw.types WHERE i IS NULL") == [(None, [])]


def test_one_bad_streamed_row_stops_all(client: bigquery.Client, types: TableRef) -> None:
    batch: list[dict[str, Any]] = [{"i": 1}, {"i": "one"}, {"nosuch": 1}]
    answers = client.insert_rows_json("acme.raw.types", batch)
    reasons = {answer["index"]: (answer["errors"][0]["reason"], answer["errors"][0]["location"]) for answer in answers}
    assert reasons == {0: ("stopped", ""), 1: ("invalid", "i"), 2: ("invalid", "nosuch")}
    assert rows(client, "SELECT COUNT(*) FROM raw.types") == [(0,)]
    answers = client.insert_rows_json("acme.raw.types", batch, skip_invalid_rows=True, ignore_unknown_values=True)
    assert [answer["index"] for answer in answers] == [1]
    assert rows(client, "SELECT COUNT(*) FROM raw.types") == [(2,)]


def test_required_fields(client: bigquery.Client, departures: TableRef) -> None:
    (answer,) = client.insert_rows_json("acme.raw.departures", [{"message_id": "1"}])
    assert answer["errors"][0]["message"] == "Missing required field: data."
    with pytest.raises(exceptions.BadRequest, match="Missing required field: data"):
        client.load_table_from_json([{"message_id": "1"}], "acme.raw.departures").result()


def test_a_load_makes_its_table(client: bigquery.Client) -> None:
    records: list[dict[str, Any]] = [{"a": 1, "b": "x", "c": 1}, {"a": None, "b": "y", "c": 2.5}]
    client.load_table_from_json(records, "acme.raw.fresh").result()
    table = client.get_table("acme.raw.fresh")
    assert [(field.name, field.field_type) for field in table.schema] == [
        ("a", "INTEGER"),
        ("b", "STRING"),
        ("c", "FLOAT"),
    ]
    assert rows(client, "SELECT * FROM raw.fresh ORDER BY b") == [(1, "x", 1.0), (None, "y", 2.5)]


def test_what_a_load_does_with_rows_that_are_there(client: bigquery.Client, types: TableRef) -> None:
    for disposition, expected in (("WRITE_APPEND", 1), ("WRITE_APPEND", 2), ("WRITE_TRUNCATE", 1)):
        config = bigquery.LoadJobConfig(write_disposition=disposition)
        client.load_table_from_json([{"i": 1}], "acme.raw.types", job_config=config).result()
        assert rows(client, "SELECT COUNT(*) FROM raw.types") == [(expected,)]
    with pytest.raises(exceptions.Conflict):
        client.load_table_from_json(
            [{"i": 1}], "acme.raw.types", job_config=bigquery.LoadJobConfig(write_disposition="WRITE_EMPTY")
        ).result()


@pytest.mark.parametrize("size", [None, 30])
def test_csv_in_one_request_or_in_a_session(client: bigquery.Client, size: int | None) -> None:
    data = b'a,b\n1,"x, y"\n2,\n3,last\n...' if size else b'a,b\n1,"x, y"\n2,\n3,last\n'
    config = bigquery.LoadJobConfig(
        source_format="CSV", skip_leading_rows=1, schema=[SchemaField("a", "INTEGER"), SchemaField("b", "STRING")]
    )
    stream = io.BytesIO(data[:-3] if size else data)
    client.load_table_from_file(
        stream, "acme.raw.csv", job_config=config, size=len(data) - 3 if size else None
    ).result()
    assert rows(client, "SELECT a, b FROM raw.csv ORDER BY a") == [(1, "x, y"), (2, None), (3, "last")]


def test_loads_that_fail_say_where(client: bigquery.Client, types: TableRef) -> None:
    with pytest.raises(exceptions.BadRequest, match=r"Rows: 2; errors: 1; error: Cannot convert value to INT64"):
        client.load_table_from_json([{"i": 1}, {"i": "x"}], "acme.raw.types").result()
    with pytest.raises(exceptions.MethodNotImplemented):
        client.load_table_from_uri("gs://bucket/x.json", "acme.raw.types").result()
    assert rows(client, "SELECT COUNT(*) FROM raw.types") == [(0,)]


def test_loads_are_jobs(client: bigquery.Client, engine: BigQuery, types: TableRef) -> None:
    client.load_table_from_json([{"i": 1}], "acme.raw.types").result()
    sql = "SELECT job_type, state, destination_table.table_id FROM `region-us-central1`.INFORMATION_SCHEMA.JOBS WHERE job_type = 'LOAD'"
    assert rows(client, sql) == [("LOAD", "DONE", "types")]
