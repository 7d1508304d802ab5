from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery
from hypothesis import given
from hypothesis import strategies as st

from exporter.model import TableRef
from exporter.sandbox.bigquery import BigQuery
from exporter.sandbox.bigquery.billing import billed
from exporter.sandbox.clock import Clock
from exporter.sandbox.conduct import MIB
from tests.sandbox.bigquery.conftest import MESSAGES, NOW, deliver, one

MINIMUM_BYTES = 10 * MIB
SIZES = TableRef("acme", "raw", "sizes")
COLUMNS = [
    ("i", "INT64", "1", 8),
    ("f", "FLOAT64", "1.5", 8),
    ("n", "NUMERIC", "NUMERIC '1.5'", 16),
    ("b", "BOOL", "TRUE", 1),
    ("s", "STRING", "'h\u00e9'", 2 + 3),
    ("y", "BYTES", "b'abc'", 2 + 3),
    ("d", "DATE", "DATE '2026-01-01'", 8),
    ("m", "DATETIME", "DATETIME '2026-01-01 00:00:00'", 8),
    ("h", "TIME", "TIME '01:02:03'", 8),
    ("t", "TIMESTAMP", "TIMESTAMP '2026-01-01'", 8),
    ("j", "JSON", "JSON '{\"a\":1}'", 2 + 7),
]


def run(client: bigquery.Client, sql: str, **options: Any) -> Any:
    job = client.query(sql, job_config=bigquery.QueryJobConfig(**options))
    job.result()
    return job


@pytest.fixture
def sizes(client: bigquery.Client, engine: BigQuery) -> TableRef:
    """One row of values and one of NULLs."""
    engine.create_table(SIZES, [{"name": name, "type": kind} for name, kind, _, _ in COLUMNS])
    client.query(f"INSERT INTO raw.sizes VALUES ({', '.join(value for _, _, value, _ in COLUMNS)})").result()
    client.query(f"INSERT INTO raw.sizes VALUES ({', '.join('NULL' for _ in COLUMNS)})").result()
    return SIZES


@pytest.mark.parametrize(("name", "size"), [(name, size) for name, _, _, size in COLUMNS])
def test_logical_bytes_are_those_of_the_price_list(
    client: bigquery.Client, sizes: TableRef, name: str, size: int
) -> None:
    assert run(client, f"SELECT {name} FROM raw.sizes").total_bytes_processed == size


def test_only_columns_that_are_needed_count(client: bigquery.Client, engine: BigQuery, sizes: TableRef) -> None:
    engine.create_view(TableRef("acme", "raw", "v"), "SELECT i, s, UPPER(s) AS u, t FROM acme.raw.sizes WHERE b")
    cases = {
        "SELECT COUNT(*) FROM raw.sizes": 0,
        "SELECT 1 FROM raw.sizes WHERE b": 1,
        "SELECT i FROM (SELECT i, s FROM raw.sizes)": 8,
        "SELECT x FROM (SELECT i AS x, s FROM raw.sizes) WHERE s = 'a'": 8 + 5,
        "WITH c AS (SELECT * FROM raw.sizes) SELECT i FROM c": 8,
        "SELECT i FROM raw.v": 8 + 1,
        "SELECT u FROM raw.v": 5 + 1,
        "SELECT i FROM raw.sizes UNION ALL SELECT i FROM raw.sizes": 8,
        "SELECT COUNT(DISTINCT i), MAX(t) FROM raw.sizes GROUP BY s": 8 + 8 + 5,
        "SELECT ROW_NUMBER() OVER (ORDER BY t) FROM raw.sizes": 8,
        "SELECT 1 FROM raw.sizes ORDER BY i": 8,
        "SELECT a.i FROM raw.sizes AS a JOIN raw.sizes AS b ON a.s = b.s": 8 + 5,
        "SELECT (SELECT MAX(f) FROM raw.sizes)": 8,
        "SELECT 1 FROM UNNEST([1]) AS x WHERE x IN (SELECT i FROM raw.sizes)": 8,
        "SELECT * EXCEPT (s, y, j) FROM raw.sizes": sum(size for name, _, _, size in COLUMNS if name not in "syj"),
    }
    assert {sql: run(client, sql).total_bytes_processed for sql in cases} == cases


def test_no_table_costs_nothing(client: bigquery.Client) -> None:
    job = run(client, "SELECT 1")
    assert (job.total_bytes_processed, job.total_bytes_billed) == (0, 0)


def test_each_referenced_table_costs_ten_mib(client: bigquery.Client, engine: BigQuery, sizes: TableRef) -> None:
    engine.create_table(TableRef("acme", "raw", "other"), MESSAGES)
    sql = "SELECT i FROM raw.sizes UNION ALL SELECT 1 FROM raw.other"
    assert run(client, sql).total_bytes_billed == 20 * MIB
    assert run(client, "SELECT i FROM raw.sizes UNION ALL SELECT i + 1 FROM raw.sizes").total_bytes_billed == 10 * MIB


def test_more_than_ten_mib_is_rounded_up(client: bigquery.Client, engine: BigQuery, departures: TableRef) -> None:
    engine.insert(departures, ["data"], [[bytes(MIB)]] * 11)
    job = run(client, "SELECT LENGTH(data) FROM raw.departures")
    assert job.total_bytes_processed == 11 * (MIB + 2)
    assert job.total_bytes_billed == 12 * MIB


@given(st.dictionaries(st.text(min_size=1), st.integers(0, 2**45), max_size=60), st.integers(0, 5))
def test_billed_is_whole_mib_per_table(tables: dict[str, int], views: int) -> None:
    sizes = {TableRef("p", "d", name): size for name, size in tables.items()}
    total = billed(sizes, views)
    assert total % MIB == 0
    assert total >= max(sum(sizes.values()), MINIMUM_BYTES * (len(sizes) + views))
    assert total <= sum(sizes.values()) + (MINIMUM_BYTES + MIB) * len(sizes) + MINIMUM_BYTES * views


def test_information_schema_costs_ten_mib_and_is_never_cached(client: bigquery.Client) -> None:
    sql = "SELECT COUNT(*) FROM `region-us-central1`.INFORMATION_SCHEMA.TABLES"
    for _ in range(2):
        job = run(client, sql)
        assert (job.total_bytes_billed, job.cache_hit) == (10 * MIB, False)


def test_a_dry_run_tells_and_does_nothing(client: bigquery.Client, engine: BigQuery, sizes: TableRef) -> None:
    before = len(list(engine.jobs()))
    job = run(client, "SELECT i, s FROM raw.sizes", dry_run=True)
    assert job.total_bytes_processed == 8 + 5
    assert [(field.name, field.field_type) for field in job.schema] == [("i", "INTEGER"), ("s", "STRING")]
    assert [str(table) for table in job.referenced_tables] == ["acme.raw.sizes"]
    assert (
        list(client.query_and_wait("SELECT i FROM raw.sizes", job_config=bigquery.QueryJobConfig(dry_run=True))) == []
    )
    assert len(list(engine.jobs())) == before
    with pytest.raises(exceptions.BadRequest, match="Unrecognized name: nosuch"):
        client.query("SELECT nosuch FROM raw.sizes", job_config=bigquery.QueryJobConfig(dry_run=True))


def test_a_cap_refuses_before_it_costs(client: bigquery.Client, engine: BigQuery, sizes: TableRef) -> None:
    message = r"Query exceeded limit for bytes billed: 10485759\. 10485760 or higher required\."
    capped = bigquery.QueryJobConfig(maximum_bytes_billed=MINIMUM_BYTES - 1)
    with pytest.raises(exceptions.BadRequest, match=message) as refused:
        client.query_and_wait("SELECT i FROM raw.sizes", job_config=capped)
    assert refused.value.errors[0]["reason"] == "bytesBilledLimitExceeded"
    with pytest.raises(exceptions.InternalServerError, match=message):
        client.query("SELECT i FROM raw.sizes", job_config=capped).result(job_retry=None)
    assert list(engine.jobs())[-1]["bytes_billed"] == 0
    assert (
        run(client, "SELECT i FROM raw.sizes", maximum_bytes_billed=MINIMUM_BYTES).total_bytes_billed == MINIMUM_BYTES
    )


def test_results_are_cached_while_the_table_stays_as_it_is(
    client: bigquery.Client, engine: BigQuery, sizes: TableRef, clock: Clock
) -> None:
    sql = "SELECT i FROM raw.sizes WHERE i = 1"
    assert not run(client, sql).cache_hit
    hit = run(client, sql)
    assert (hit.cache_hit, hit.total_bytes_billed, next(iter(hit.result())).i) == (True, 0, 1)
    assert not run(client, sql, use_query_cache=False).cache_hit
    engine.insert(sizes, ["i"], [[1]])
    assert not run(client, sql).cache_hit
    assert run(client, sql).cache_hit
    clock.advance(86_401)
    assert not run(client, sql).cache_hit


@pytest.mark.parametrize("sql", ["SELECT RAND() FROM raw.sizes", "SELECT CURRENT_TIMESTAMP() FROM raw.sizes"])
def test_what_changes_by_itself_is_not_cached(client: bigquery.Client, sizes: TableRef, sql: str) -> None:
    run(client, sql)
    assert not run(client, sql).cache_hit


def test_cache_tells_parameters_apart(client: bigquery.Client, sizes: TableRef) -> None:
    sql = "SELECT COUNT(*) FROM raw.sizes WHERE i = @i"
    assert [one(client, sql, bigquery.ScalarQueryParameter("i", "INT64", value)) for value in (1, 2, 1)] == [1, 0, 1]


def test_a_window_of_history_costs_its_own_bytes(
    client: bigquery.Client, engine: BigQuery, departures: TableRef
) -> None:
    for minutes in range(10):
        deliver(engine, departures, minutes, NOW - timedelta(minutes=30), NOW - timedelta(minutes=10 - minutes))
    sql = "SELECT publish_time FROM APPENDS(TABLE raw.departures, TIMESTAMP '2026-11-01 11:55:00+00', TIMESTAMP '2026-11-01 11:58:00+00')"
    assert run(client, sql).total_bytes_processed == 3 * 8
