from __future__ import annotations

from datetime import timedelta

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

from exporter.model import TableRef
from exporter.sandbox.bigquery import BigQuery
from exporter.sandbox.bigquery.jobs import Request
from exporter.sandbox.bigquery.syntax import branches
from tests.sandbox.bigquery.conftest import MESSAGES, NOW, deliver, rows, us

SYSTEMS = 60
BRANCH = """SELECT
  '{0}' AS system,
  TIMESTAMP_SECONDS(DIV(UNIX_SECONDS(_CHANGE_TIMESTAMP), @window_s) * @window_s) AS window_start,
  COUNT(*) AS landed,
  SUM(TIMESTAMP_DIFF(_CHANGE_TIMESTAMP, publish_time, MICROSECOND)) AS latency_us,
  COUNTIF(RANGE_BUCKET(TIMESTAMP_DIFF(_CHANGE_TIMESTAMP, publish_time, SECOND), [1, 10]) = 1) AS middle,
  APPROX_QUANTILES(TIMESTAMP_DIFF(_CHANGE_TIMESTAMP, publish_time, MICROSECOND), 100)[OFFSET(50)] AS median_us
FROM APPENDS(TABLE `acme.raw.{0}`, @start, @end)
GROUP BY window_start"""


def parameters() -> list[bigquery.ScalarQueryParameter]:
    return [
        bigquery.ScalarQueryParameter("window_s", "INT64", 300),
        bigquery.ScalarQueryParameter("start", "TIMESTAMP", NOW - timedelta(minutes=10)),
        bigquery.ScalarQueryParameter("end", "TIMESTAMP", NOW),
    ]


@pytest.fixture
def systems(engine: BigQuery) -> list[str]:
    """Tables of which number n holds n messages in each of two windows, n seconds late."""
    names = [f"s{number:02}" for number in range(SYSTEMS)]
    for number, name in enumerate(names):
        ref = TableRef("acme", "raw", name)
        engine.create_table(ref, MESSAGES, created_us=us(NOW - timedelta(hours=1)))
        for minutes in (10, 5):
            for place in range(number):
                committed = NOW - timedelta(minutes=minutes) + timedelta(seconds=place)
                deliver(engine, ref, place, committed - timedelta(seconds=number), committed)
    return names


def test_sixty_tables_in_one_statement(client: bigquery.Client, systems: list[str]) -> None:
    sql = "\nUNION ALL\n".join(BRANCH.format(name) for name in systems)
    expected = {
        (f"s{number:02}", NOW - timedelta(minutes=minutes)): (
            number,
            number * number * 1_000_000,
            number if 1 <= number < 10 else 0,
            number * 1_000_000,
        )
        for number in range(1, SYSTEMS)
        for minutes in (10, 5)
    }
    job = client.query(sql, job_config=bigquery.QueryJobConfig(query_parameters=parameters()))
    assert {(row[0], row[1]): tuple(row)[2:] for row in job.result()} == expected
    assert job.total_bytes_billed == SYSTEMS * 10 * 2**20
    assert job.total_bytes_processed == sum(2 * number * 8 for number in range(SYSTEMS))
    job.reload()
    assert len(job.referenced_tables) == 50


def test_a_union_of_fewer_tables_is_made_of_the_same_parts(client: bigquery.Client, systems: list[str]) -> None:
    chosen = systems[5:25:3]
    whole = {
        tuple(row) for row in rows(client, "\nUNION ALL\n".join(BRANCH.format(name) for name in systems), *parameters())
    }
    part = {
        tuple(row) for row in rows(client, "\nUNION ALL\n".join(BRANCH.format(name) for name in chosen), *parameters())
    }
    assert part == {row for row in whole if row[0] in chosen}


def test_one_deleted_table_fails_the_statement_and_names_itself(
    client: bigquery.Client, engine: BigQuery, systems: list[str]
) -> None:
    sql = "\nUNION ALL\n".join(BRANCH.format(name) for name in systems)
    rows(client, sql, *parameters())
    engine.delete_table(TableRef("acme", "raw", "s33"))
    with pytest.raises(
        exceptions.NotFound, match=r"Not found: Table acme:raw\.s33 was not found in location us-central1"
    ):
        rows(client, sql, *parameters())


def test_ordering_holds_for_the_whole_union(client: bigquery.Client) -> None:
    sql = "SELECT 2 AS x UNION ALL SELECT 3 UNION ALL SELECT 1 ORDER BY x DESC LIMIT 2"
    assert rows(client, sql) == [(3,), (2,)]


def test_branches_find_a_common_type(client: bigquery.Client) -> None:
    table = client.query_and_wait("SELECT 1 AS x, NULL AS y, [1] AS z UNION ALL SELECT 1.5, 'a', [2.5]")
    assert [(field.field_type, field.mode) for field in table.schema] == [
        ("FLOAT", "NULLABLE"),
        ("STRING", "NULLABLE"),
        ("FLOAT", "REPEATED"),
    ]
    assert sorted(tuple(row) for row in table) == [(1.0, None, [1.0]), (1.5, "a", [2.5])]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("SELECT 1 UNION ALL SELECT 2", 2),
        (
            "SELECT 'x UNION ALL y' UNION ALL SELECT \"UNION ALL\" -- UNION ALL\n UNION  ALL SELECT `UNION ALL` FROM t",
            3,
        ),
        ("SELECT (SELECT 1 UNION ALL SELECT 2)", 1),
        ("SELECT * EXCEPT (a) FROM t UNION ALL SELECT 2", 2),
        ("SELECT 1 UNION ALL SELECT 2 ORDER BY 1", 1),
        ("SELECT 1 UNION ALL SELECT 2 LIMIT 1", 1),
        ("WITH a AS (SELECT 1) SELECT 1 UNION ALL SELECT 2", 1),
        ("SELECT 1 UNION ALL SELECT 2 EXCEPT DISTINCT SELECT 3", 1),
        ("SELECT 1 UNION DISTINCT SELECT 2 UNION ALL SELECT 3", 1),
        ("(SELECT 1) UNION ALL SELECT 2", 1),
        ("SELECT 1; SELECT 2", 1),
    ],
)
def test_only_plain_unions_are_taken_apart(text: str, count: int) -> None:
    parts = branches(text)
    assert len(parts) == count
    assert all(part.text in text for part in parts)


def test_translations_are_made_once(engine: BigQuery, systems: list[str]) -> None:
    text = "\nUNION ALL\n".join(BRANCH.format(name) for name in systems)
    request = Request(text, location="us-central1", parameters=[item.to_api_repr() for item in parameters()])
    first, again = (engine.execution.analyse("acme", request, us(NOW)).translation for _ in range(2))
    assert first is again
    engine.add_column(TableRef("acme", "raw", "s07"), {"name": "extra", "type": "STRING"})
    assert engine.execution.analyse("acme", request, us(NOW)).translation is not first
