from __future__ import annotations

import pytest
from google.api_core import exceptions
from google.cloud import bigquery
from google.cloud.bigquery import SchemaField

from exporter.model import TableRef
from exporter.sandbox.bigquery import BigQuery
from exporter.sandbox.iam import EXPORTER, Iam
from tests.sandbox.bigquery.conftest import NOW, rows


def test_datasets_are_made_listed_changed_and_deleted(client: bigquery.Client) -> None:
    dataset = bigquery.Dataset("acme.curated")
    dataset.location, dataset.description, dataset.labels = "EU", "decoded", {"team": "data"}
    dataset.max_time_travel_hours = 72
    made = client.create_dataset(dataset)
    assert (made.location, int(made.max_time_travel_hours), made.created) == ("EU", 72, NOW)
    assert [item.dataset_id for item in client.list_datasets()] == ["curated", "raw"]
    made.description = "decoded messages"
    assert client.update_dataset(made, ["description"]).description == "decoded messages"
    assert client.get_dataset("acme.curated").labels == {"team": "data"}
    with pytest.raises(exceptions.Conflict, match="Already Exists: Dataset acme:curated"):
        client.create_dataset(dataset)
    client.delete_dataset("acme.curated")
    with pytest.raises(exceptions.NotFound, match="Not found: Dataset acme:curated"):
        client.get_dataset("acme.curated")


def test_a_dataset_in_use_is_deleted_only_with_its_contents(client: bigquery.Client, departures: TableRef) -> None:
    with pytest.raises(exceptions.BadRequest, match="Dataset acme:raw is still in use") as used:
        client.delete_dataset("acme.raw")
    assert used.value.errors[0]["reason"] == "resourceInUse"
    client.delete_dataset("acme.raw", delete_contents=True)
    assert list(client.list_datasets()) == []


@pytest.mark.parametrize("hours", [47, 169])
def test_time_travel_has_limits(client: bigquery.Client, hours: int) -> None:
    dataset = bigquery.Dataset.from_api_repr(
        {"datasetReference": {"projectId": "acme", "datasetId": "curated"}, "maxTimeTravelHours": str(hours)}
    )
    with pytest.raises(exceptions.BadRequest, match="must be between 48 and 168"):
        client.create_dataset(dataset)


def test_a_table_comes_back_as_it_was_made(client: bigquery.Client) -> None:
    fields = [
        SchemaField("a", "INTEGER", "REQUIRED", description="an id"),
        SchemaField("b", "STRING", "REPEATED"),
        SchemaField("r", "RECORD", fields=[SchemaField("x", "TIMESTAMP"), SchemaField("y", "FLOAT", "REPEATED")]),
    ]
    table = bigquery.Table("acme.raw.t", fields)
    table.time_partitioning = bigquery.TimePartitioning(type_="HOUR")
    table.clustering_fields = ["a"]
    table.labels = {"app": "x"}
    client.create_table(table)
    found = client.get_table("acme.raw.t")
    assert found.schema == fields
    assert (found.time_partitioning.type_, found.clustering_fields, found.labels) == ("HOUR", ["a"], {"app": "x"})
    assert (found.num_rows, found.num_bytes, found.table_type, found.location) == (0, 0, "TABLE", "us-central1")
    assert found.created == NOW
    with pytest.raises(exceptions.Conflict, match=r"Already Exists: Table acme:raw\.t"):
        client.create_table(table)
    client.create_table(table, exists_ok=True)


def test_a_view_comes_back_as_it_was_made(client: bigquery.Client, departures: TableRef) -> None:
    view = bigquery.Table("acme.raw.v")
    view.view_query = "SELECT message_id AS id, publish_time FROM acme.raw.departures"
    client.create_table(view)
    found = client.get_table("acme.raw.v")
    assert (found.table_type, found.view_query) == ("VIEW", view.view_query)
    assert [(field.name, field.field_type) for field in found.schema] == [
        ("id", "STRING"),
        ("publish_time", "TIMESTAMP"),
    ]
    found.view_query = "SELECT 1 AS one"
    client.update_table(found, ["view_query"])
    assert rows(client, "SELECT * FROM raw.v") == [(1,)]
    assert [(item.table_id, item.table_type) for item in client.list_tables("acme.raw")] == [
        ("departures", "TABLE"),
        ("v", "VIEW"),
    ]
    view = bigquery.Table("acme.raw.bad")
    view.view_query = "SELECT nosuch FROM acme.raw.departures"
    with pytest.raises(exceptions.BadRequest, match="Unrecognized name: nosuch"):
        client.create_table(view)


def test_views_on_views_and_after_their_table_is_gone(
    client: bigquery.Client, engine: BigQuery, departures: TableRef
) -> None:
    engine.create_view(TableRef("acme", "raw", "v"), "SELECT message_id FROM `acme.raw.departures`")
    engine.create_view(TableRef("acme", "raw", "w"), "SELECT COUNT(*) AS n FROM `acme.raw.v`")
    assert rows(client, "SELECT n FROM raw.w") == [(0,)]
    engine.delete_table(departures)
    with pytest.raises(exceptions.NotFound, match=r"Table acme:raw\.departures was not found"):
        rows(client, "SELECT n FROM raw.w")


def test_a_schema_grows_and_never_shrinks(client: bigquery.Client, engine: BigQuery, departures: TableRef) -> None:
    engine.insert(departures, ["data"], [[b"old"]])
    table = client.get_table("acme.raw.departures")
    table.schema = [*table.schema, SchemaField("extra", "STRING")]
    client.update_table(table, ["schema"])
    engine.insert(departures, ["data", "extra"], [[b"new", "x"]])
    assert rows(client, "SELECT data, extra FROM raw.departures ORDER BY 1") == [(b"new", "x"), (b"old", None)]
    for schema, message in (
        (table.schema[1:], "Field data is missing in new schema"),
        (
            [*table.schema, SchemaField("more", "STRING", "REQUIRED")],
            "Cannot add required fields to an existing schema",
        ),
        (
            [SchemaField("data", "STRING", "REQUIRED"), *table.schema[1:]],
            "Field data has changed type from BYTES to STRING",
        ),
        (
            [*table.schema[:-1], SchemaField("extra", "STRING", "REQUIRED")],
            "Field extra has changed mode from NULLABLE to REQUIRED",
        ),
    ):
        table.schema = schema
        with pytest.raises(exceptions.BadRequest, match=message):
            client.update_table(table, ["schema"])
    table.schema = [SchemaField("data", "BYTES"), *client.get_table("acme.raw.departures").schema[1:]]
    assert client.update_table(table, ["schema"]).schema[0].mode == "NULLABLE"


def test_queries_see_a_changed_table_at_once(client: bigquery.Client, engine: BigQuery, departures: TableRef) -> None:
    sql = "SELECT * FROM raw.departures"
    before = len(client.query_and_wait(sql).schema)
    engine.add_column(departures, {"name": "extra", "type": "STRING"})
    assert len(client.query_and_wait(sql).schema) == before + 1
    engine.drop_column(departures, "extra")
    assert len(client.query_and_wait(sql).schema) == before
    engine.delete_table(departures)
    with pytest.raises(exceptions.NotFound):
        client.query_and_wait(sql)


def test_deleted_tables_are_gone(client: bigquery.Client, departures: TableRef) -> None:
    client.delete_table("acme.raw.departures")
    with pytest.raises(exceptions.NotFound, match=r"Not found: Table acme:raw\.departures"):
        client.get_table("acme.raw.departures")
    with pytest.raises(exceptions.NotFound):
        client.delete_table("acme.raw.departures")
    client.delete_table("acme.raw.departures", not_found_ok=True)


def test_lists_have_pages(client: bigquery.Client, engine: BigQuery) -> None:
    for number in range(25):
        engine.create_table(TableRef("acme", "raw", f"t{number:02}"), [{"name": "a", "type": "INT64"}])
    pages = list(client.list_tables("acme.raw", page_size=10).pages)
    assert [page.num_items for page in pages] == [10, 10, 5]
    assert [item.table_id for item in client.list_tables("acme.raw", max_results=2)] == ["t00", "t01"]


def test_rows_of_a_table_in_pages(client: bigquery.Client, engine: BigQuery, departures: TableRef) -> None:
    engine.insert(departures, ["data", "message_id"], [[b"", str(number)] for number in range(25)])
    found = client.list_rows("acme.raw.departures", page_size=10, selected_fields=[SchemaField("message_id", "STRING")])
    assert [row.message_id for row in found] == [str(number) for number in range(25)]
    assert [row.message_id for row in client.list_rows("acme.raw.departures", start_index=23)] == ["23", "24"]
    assert found.total_rows == 25


def test_other_projects(client: bigquery.Client, engine: BigQuery) -> None:
    engine.create_dataset("other", "raw", "us-central1")
    engine.create_table(TableRef("other", "raw", "t"), [{"name": "a", "type": "INT64"}])
    assert [item.dataset_id for item in client.list_datasets("other")] == ["raw"]
    assert [project.project_id for project in client.list_projects()] == ["acme", "other"]
    assert rows(client, "SELECT COUNT(*) FROM other.raw.t") == [(0,)]


@pytest.mark.parametrize(
    ("permission", "call"),
    [
        ("bigquery.tables.get", lambda client: client.get_table("acme.raw.departures")),
        ("bigquery.tables.list", lambda client: list(client.list_tables("acme.raw"))),
        ("bigquery.tables.delete", lambda client: client.delete_table("acme.raw.departures")),
        ("bigquery.tables.create", lambda client: client.create_table(bigquery.Table("acme.raw.t", []))),
        ("bigquery.datasets.get", lambda client: client.get_dataset("acme.raw")),
        ("bigquery.tables.getData", lambda client: list(client.list_rows("acme.raw.departures"))),
        ("bigquery.tables.updateData", lambda client: client.insert_rows_json("acme.raw.departures", [{"data": ""}])),
    ],
)
def test_rights_are_asked_for(
    client: bigquery.Client, departures: TableRef, iam: Iam, permission: str, call: object
) -> None:
    assert callable(call)
    iam.revoke(EXPORTER, permission, "acme.raw")
    with pytest.raises(exceptions.Forbidden, match="Access Denied") as denied:
        call(client)
    assert denied.value.errors[0]["reason"] == "accessDenied"


def test_ddl_statements(client: bigquery.Client, engine: BigQuery) -> None:
    client.query(
        "CREATE TABLE raw.t (a INT64 NOT NULL, b ARRAY<STRUCT<x STRING>>) PARTITION BY TIMESTAMP_TRUNC(_PARTITIONTIME, HOUR)"
    ).result()
    table = client.get_table("acme.raw.t")
    assert [(field.name, field.field_type, field.mode) for field in table.schema] == [
        ("a", "INTEGER", "REQUIRED"),
        ("b", "RECORD", "REPEATED"),
    ]
    assert table.time_partitioning.type_ == "HOUR"
    client.query("CREATE TABLE IF NOT EXISTS raw.t (z INT64)").result()
    client.query("CREATE TABLE raw.u AS SELECT x, TIMESTAMP_SECONDS(x) AS t FROM UNNEST([1, 2]) AS x").result()
    assert rows(client, "SELECT COUNT(*), MAX(t) > TIMESTAMP '1970-01-01' FROM raw.u") == [(2, True)]
    client.query(
        "CREATE OR REPLACE VIEW raw.v AS\n  WITH c AS (SELECT x FROM acme.raw.u) SELECT MAX(x) AS m FROM c"
    ).result()
    assert rows(client, "SELECT m FROM raw.v") == [(2,)]
    client.query("DROP VIEW raw.v").result()
    client.query("DROP TABLE IF EXISTS raw.nosuch").result()
    with pytest.raises(exceptions.NotFound):
        client.query("DROP TABLE raw.nosuch").result()
    client.query("CREATE SCHEMA fresh").result()
    assert client.get_dataset("acme.fresh").location == "US"


def test_inserts(client: bigquery.Client, departures: TableRef) -> None:
    job = client.query(
        "INSERT raw.departures (data, message_id, publish_time) VALUES (b'a', '1', '2026-01-01'), (b'b', '2', NULL)"
    )
    job.result()
    assert job.num_dml_affected_rows == 2
    client.query(
        "INSERT INTO raw.departures (data, message_id) SELECT data, CONCAT(message_id, '!') FROM raw.departures"
    ).result()
    assert rows(client, "SELECT COUNT(*), COUNT(publish_time) FROM raw.departures") == [(4, 1)]
    for sql, message in (
        (
            "INSERT INTO raw.departures (data) VALUES (5)",
            "Query column 1 has type INT64 which cannot be inserted into column data",
        ),
        ("INSERT INTO raw.departures (data) VALUES (b'', 1)", "wrong column count"),
        ("INSERT INTO raw.departures (message_id) VALUES ('1')", "Required field data cannot be null"),
        ("INSERT INTO raw.departures (nosuch) VALUES ('1')", "Column nosuch is not present"),
    ):
        with pytest.raises(exceptions.BadRequest, match=message):
            client.query(sql).result()


def test_query_results_into_a_table(client: bigquery.Client) -> None:
    config = bigquery.QueryJobConfig(destination="acme.raw.results")
    client.query("SELECT 1 AS a", job_config=config).result()
    with pytest.raises(exceptions.Conflict):
        client.query("SELECT 2 AS a", job_config=config).result()
    config.write_disposition = "WRITE_APPEND"
    client.query("SELECT 2 AS a", job_config=config).result()
    assert rows(client, "SELECT a FROM raw.results ORDER BY a") == [(1,), (2,)]
    config.write_disposition = "WRITE_TRUNCATE"
    client.query("SELECT 'x' AS b", job_config=config).result()
    assert rows(client, "SELECT b FROM raw.results") == [("x",)]
