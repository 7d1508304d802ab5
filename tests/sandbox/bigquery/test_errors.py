from __future__ import annotations

from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

from exporter.model import TableRef
from exporter.sandbox.bigquery import BigQuery
from exporter.sandbox.iam import EXPORTER, Iam
from tests.sandbox.bigquery.conftest import rows

INVALID = [
    ("SELECT nosuch FROM raw.departures", "Unrecognized name: nosuch at [1:8]"),
    ("SELECT 1,\n  d.nosuch FROM raw.departures AS d", "Name nosuch not found inside d at [2:5]"),
    ("SELECT message_id FROM raw.departures AS a, raw.departures AS b", "Column name message_id is ambiguous at [1:8]"),
    ("SELECT nosuch(1)", "Function not found: nosuch at [1:8]"),
    ("SELECT 1 +", "Syntax error: Unexpected end of script at [1:11]"),
    ("SELECT (1", "Syntax error: Unexpected end of script at [1:10]"),
    ("SELECT 1 1", 'Syntax error: Expected end of input but got integer literal "1" at [1:10]'),
    ("SELECT * FROM raw.departures WHER x", 'Syntax error: Expected end of input but got identifier "x" at [1:35]'),
    ("SELECT 'abc", "Syntax error: Unclosed string literal at [1:8]"),
    ("SELECT COUNT(1 2)", 'Syntax error: Expected ")" but got integer literal "2" at [1:16]'),
    ("SELECT 1 = 'a'", "No matching signature for operator = for argument types: INT64, STRING at [1:8]"),
    ("SELECT ABS('a')", "No matching signature for function ABS for argument types: STRING at [1:8]"),
    (
        "SELECT SUM(message_id) FROM raw.departures",
        "No matching signature for aggregate function SUM for argument types: STRING",
    ),
    (
        "SELECT message_id, COUNT(*) FROM raw.departures",
        "references column message_id which is neither grouped nor aggregated at [1:8]",
    ),
    (
        "SELECT 1 FROM raw.departures WHERE COUNT(*) > 1",
        "Aggregate function COUNT not allowed in WHERE clause at [1:36]",
    ),
    ("SELECT 1 UNION ALL SELECT 'a'", "Column 1 in UNION ALL has incompatible types: INT64, STRING"),
    ("SELECT 1, 2 UNION ALL SELECT 1", "query 1 has 2 columns, query 2 has 1 column"),
    ("SELECT 1 AS a, 2 AS A", "Duplicate column names in the result are not supported"),
    ("SELECT CAST('1.5' AS INT64)", "Bad int64 value: 1.5"),
    ("SELECT CAST('soon' AS TIMESTAMP)", "Invalid timestamp: 'soon'"),
    ("SELECT 1 / 0", "division by zero: 1"),
    ("SELECT MOD(5, 0)", "division by zero: 5 % 0"),
    ("SELECT 9223372036854775807 + 1", "int64 overflow: 9223372036854775807 + 1"),
    ("SELECT SUM(x) FROM UNNEST([9223372036854775807, 1]) AS x", "int64 overflow"),
    ("SELECT [1, 2][OFFSET(5)]", "Array index 5 is out of bounds"),
    ("SELECT (SELECT x FROM UNNEST([1, 2]) AS x)", "Scalar subquery produced more than one element"),
    ("SELECT [1, NULL]", "Array cannot have a null element"),
    ("SELECT 1; SELECT 2", "Multi-statement queries are not supported"),
    (
        "MERGE raw.departures USING raw.departures ON TRUE WHEN MATCHED THEN DELETE",
        "Statement not supported: MergeStatement",
    ),
    ("SELECT 1 FROM nosuch", 'Table "nosuch" must be qualified with a dataset (e.g. dataset.table).'),
    ("SELECT 1 FROM NOSUCH(TABLE raw.departures)", "Syntax error"),
    (
        "SELECT x FROM UNNEST(5) AS x",
        "Values referenced in UNNEST must be arrays. UNNEST contains expression of type INT64",
    ),
    ("SELECT ROW_NUMBER()", "Analytic function row_number cannot be called without an OVER clause at [1:8]"),
    ("SELECT 1 FROM INFORMATION_SCHEMA.JOBS", "must be qualified with a region"),
]


def _at_once(client: bigquery.Client, sql: str) -> None:
    list(client.query_and_wait(sql))


def _by_job(client: bigquery.Client, sql: str) -> None:
    client.query(sql).result()


@pytest.mark.usefixtures("departures")
@pytest.mark.parametrize(("sql", "message"), INVALID, ids=[sql for sql, _ in INVALID])
def test_what_is_invalid_says_so(client: bigquery.Client, sql: str, message: str) -> None:
    for run in (_at_once, _by_job):
        with pytest.raises(exceptions.BadRequest) as refused:
            run(client, sql)
        assert message in refused.value.message
        assert refused.value.errors[0]["reason"] in ("invalidQuery", "invalid")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("acme.raw.nosuch", "Not found: Table acme:raw.nosuch was not found in location us-central1"),
        ("acme.nosuch.departures", "Not found: Dataset acme:nosuch was not found in location US"),
        ("other.raw.departures", "Not found: Dataset other:raw was not found in location US"),
    ],
)
def test_what_is_missing_is_not_found(client: bigquery.Client, departures: TableRef, name: str, message: str) -> None:
    with pytest.raises(exceptions.NotFound) as missing:
        rows(client, f"SELECT 1 FROM `{name}`")
    assert missing.value.message.endswith(message)
    assert missing.value.errors[0]["reason"] == "notFound"


def test_a_query_runs_in_one_location(client: bigquery.Client, engine: BigQuery, departures: TableRef) -> None:
    engine.create_dataset("acme", "europe", "EU")
    engine.create_table(TableRef("acme", "europe", "t"), [{"name": "a", "type": "INT64"}])
    assert rows(client, "SELECT COUNT(*) FROM europe.t") == [(0,)]
    with pytest.raises(exceptions.NotFound, match="Dataset acme:europe was not found in location us-central1"):
        rows(client, "SELECT 1 FROM raw.departures, europe.t")
    with pytest.raises(exceptions.NotFound, match="Dataset acme:raw was not found in location EU"):
        list(client.query_and_wait("SELECT 1 FROM raw.departures", location="EU"))
    job = client.query("SELECT 1 FROM raw.departures")
    job.result()
    assert job.location == "us-central1"


def test_tables_that_may_not_be_read(client: bigquery.Client, departures: TableRef, iam: Iam) -> None:
    iam.revoke(EXPORTER, "bigquery.tables.getData", "acme.raw.departures")
    with pytest.raises(exceptions.Forbidden) as denied:
        rows(client, "SELECT 1 FROM raw.departures")
    assert denied.value.errors[0]["reason"] == "accessDenied"
    assert denied.value.message.endswith(
        "Access Denied: Table acme:raw.departures: User does not have permission to query table acme:raw.departures, "
        "or perhaps it does not exist."
    )


def test_views_need_the_right_to_read_what_is_below(
    client: bigquery.Client, engine: BigQuery, departures: TableRef, iam: Iam
) -> None:
    engine.create_view(TableRef("acme", "raw", "v"), "SELECT message_id FROM acme.raw.departures")
    iam.revoke(EXPORTER, "bigquery.tables.getData", "acme.raw.departures")
    with pytest.raises(exceptions.Forbidden, match=r"Table acme:raw\.departures"):
        rows(client, "SELECT * FROM raw.v")


def test_jobs_take_a_right_of_their_own(client: bigquery.Client, iam: Iam) -> None:
    iam.revoke(EXPORTER, "bigquery.jobs.create", "acme")
    with pytest.raises(
        exceptions.Forbidden, match=r"User does not have bigquery.jobs.create permission in project acme\."
    ):
        rows(client, "SELECT 1")


def test_failed_queries_are_jobs_too(client: bigquery.Client, engine: BigQuery) -> None:
    job = client.query("SELECT nosuch")
    with pytest.raises(exceptions.BadRequest):
        job.result()
    known: Any = client.get_job(job.job_id, location=job.location)
    assert known.state == "DONE"
    assert known.error_result == {
        "reason": "invalidQuery",
        "message": "Unrecognized name: nosuch at [1:8]",
        "location": "query",
    }
    (line,) = engine.jobs()
    assert line["error"]["reason"] == "invalidQuery"
    assert line["bytes_billed"] == 0


def test_errors_inside_a_union_name_their_own_line(client: bigquery.Client, departures: TableRef) -> None:
    good = "SELECT message_id FROM raw.departures"
    with pytest.raises(exceptions.BadRequest, match=r"Unrecognized name: nosuch at \[5:8\]"):
        rows(client, f"{good}\nUNION ALL\n{good}\nUNION ALL\nSELECT nosuch FROM raw.departures")
