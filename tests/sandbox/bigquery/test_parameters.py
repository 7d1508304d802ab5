from __future__ import annotations

import datetime as dt
import decimal
import math
from collections.abc import Iterator
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.bigquery import ArrayQueryParameter, ScalarQueryParameter, StructQueryParameter
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.sandbox.bigquery import BigQuery, Server
from exporter.sandbox.clock import Clock
from exporter.sandbox.faults import Faults
from exporter.sandbox.iam import Iam
from tests.sandbox.bigquery.conftest import NOW, Standing, one, rows

CIVIL = st.datetimes(dt.datetime(1000, 1, 1), dt.datetime(9999, 12, 30))  # noqa: DTZ001 - civil times
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "INT64": st.integers(-(2**63), 2**63 - 1),
    "FLOAT64": st.floats(allow_nan=False),
    "BOOL": st.booleans(),
    "STRING": st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    "BYTES": st.binary(),
    "DATE": st.dates(dt.date(1000, 1, 1), dt.date(9999, 12, 30)),
    "DATETIME": CIVIL,
    "TIME": st.times(),
    "TIMESTAMP": CIVIL.map(lambda moment: moment.replace(tzinfo=dt.UTC)),
    "NUMERIC": st.decimals(-(10**20), 10**20, places=9, allow_nan=False),
}
ANY = st.sampled_from(sorted(VALUES)).flatmap(lambda kind: st.tuples(st.just(kind), VALUES[kind]))
ARRAYS = st.sampled_from(sorted(VALUES)).flatmap(
    lambda kind: st.tuples(st.just(kind), st.lists(VALUES[kind], max_size=4))
)


@pytest.fixture(scope="module")
def shared() -> Iterator[bigquery.Client]:
    """One client for the many examples of a property."""
    clock = Clock(NOW, speed=0)
    engine = BigQuery(clock, Faults(), Iam())
    with Server(engine, Standing(clock)) as server:
        yield bigquery.Client(
            project="acme", credentials=AnonymousCredentials(), client_options={"api_endpoint": server.url}
        )
    engine.close()


@settings(max_examples=150, deadline=None)
@given(ANY)
def test_scalars_come_back_as_they_went(shared: bigquery.Client, typed: tuple[str, Any]) -> None:
    kind, value = typed
    assert one(shared, "SELECT @x AS x", ScalarQueryParameter("x", kind, value)) == value


@settings(max_examples=60, deadline=None)
@given(ARRAYS)
def test_arrays_come_back_as_they_went(shared: bigquery.Client, typed: tuple[str, list[Any]]) -> None:
    kind, values = typed
    assert one(shared, "SELECT @x AS x", ArrayQueryParameter("x", kind, values)) == values


@settings(max_examples=40, deadline=None)
@given(ANY, ARRAYS)
def test_structs_come_back_as_they_went(
    shared: bigquery.Client, single: tuple[str, Any], many: tuple[str, list[Any]]
) -> None:
    parameter = StructQueryParameter(
        "x",
        ScalarQueryParameter("one", *single),
        ArrayQueryParameter("many", *many),
        StructQueryParameter("inner", ScalarQueryParameter("one", *single)),
    )
    found = one(shared, "SELECT @x AS x", parameter)
    assert found == {"one": single[1], "many": many[1], "inner": {"one": single[1]}}


@pytest.mark.parametrize("kind", sorted(VALUES))
def test_null_is_null_of_its_type(client: bigquery.Client, kind: str) -> None:
    config = bigquery.QueryJobConfig(query_parameters=[ScalarQueryParameter("x", kind, None)])
    table = client.query_and_wait("SELECT @x AS x", job_config=config)
    assert [tuple(row) for row in table] == [(None,)]
    assert table.schema[0].field_type == {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN"}.get(kind, kind)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_floats_that_are_no_numbers(client: bigquery.Client, value: float) -> None:
    found = one(client, "SELECT @x AS x", ScalarQueryParameter("x", "FLOAT64", value))
    assert found == value or math.isnan(found) == math.isnan(value) is True


def test_positional_parameters_count_from_the_left(client: bigquery.Client) -> None:
    parameters = [ScalarQueryParameter(None, "STRING", "a"), ScalarQueryParameter(None, "INT64", 7)]
    assert rows(client, "SELECT ? AS s, ? + 1 AS n, 'x?' AS q", *parameters) == [("a", 8, "x?")]


def test_names_do_not_mind_case(client: bigquery.Client) -> None:
    assert one(client, "SELECT @START", ScalarQueryParameter("start", "INT64", 5)) == 5


def test_values_are_never_part_of_the_text(client: bigquery.Client) -> None:
    assert one(client, "SELECT @x", ScalarQueryParameter("x", "STRING", "'; DROP TABLE t --")) == "'; DROP TABLE t --"


@pytest.mark.parametrize(
    "text",
    [
        "2020-01-01 00:00:00.5",
        "2020-01-01T00:00:00.500Z",
        "2020-01-01 00:00:00.500000 UTC",
        "2020-01-01 05:30:00.5+05:30",
        "2019-12-31 16:00:00.5-8",
    ],
)
def test_forms_of_a_timestamp(client: bigquery.Client, text: str) -> None:
    expected = dt.datetime(2020, 1, 1, 0, 0, 0, 500_000, dt.UTC)
    assert one(client, "SELECT @x", ScalarQueryParameter("x", "TIMESTAMP", text)) == expected


def test_missing_and_unreadable_parameters(client: bigquery.Client) -> None:
    with pytest.raises(BadRequest, match=r"Query parameter 'nosuch' not found at \[1:8\]"):
        rows(client, "SELECT @nosuch")
    with pytest.raises(BadRequest, match="Unparseable query parameter"):
        rows(client, "SELECT @x", ScalarQueryParameter("x", "TIMESTAMP", "soon"))


def test_array_membership_keeps_three_valued_logic(client: bigquery.Client) -> None:
    sql = "SELECT x IN UNNEST(@ids) FROM UNNEST([1, 2, NULL]) AS x WITH OFFSET AS o ORDER BY o"
    assert rows(client, sql, ArrayQueryParameter("ids", "INT64", [1])) == [(True,), (False,), (None,)]
    assert rows(client, sql, ArrayQueryParameter("ids", "INT64", [])) == [(False,), (False,), (False,)]


def test_numeric_is_exact(client: bigquery.Client) -> None:
    value = decimal.Decimal("12345678901234567890.123456789")
    assert one(client, "SELECT @x + 0", ScalarQueryParameter("x", "NUMERIC", value)) == value
