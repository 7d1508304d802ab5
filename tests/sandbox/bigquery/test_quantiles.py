"""APPROX_QUANTILES, which the reference implementation lacks: its shape, and how far a value may be from its rank."""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right

import pytest
from google.cloud import bigquery
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.model import TableRef
from exporter.sandbox.bigquery import BigQuery
from tests.sandbox.bigquery.conftest import one, rows

VALUES = TableRef("acme", "raw", "values")


def asked(client: bigquery.Client, values: list[int | None], number: int) -> list[int] | None:
    array = bigquery.ArrayQueryParameter("values", "INT64", [value for value in values if value is not None])
    nulls = bigquery.ScalarQueryParameter("nulls", "INT64", sum(value is None for value in values))
    source = "SELECT x FROM UNNEST(@values) AS x UNION ALL SELECT NULL FROM UNNEST(GENERATE_ARRAY(1, @nulls))"
    sql = f"SELECT APPROX_QUANTILES(x, {number}) FROM ({source})"
    found: list[int] = one(client, sql, array, nulls)
    return found or None


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(st.none(), st.integers(-1000, 1000)), max_size=60), st.sampled_from([1, 2, 4, 10, 100]))
def test_quantiles_are_values_from_least_to_greatest(
    client: bigquery.Client, values: list[int | None], number: int
) -> None:
    present = sorted(value for value in values if value is not None)
    found = asked(client, values, number)
    if not present:
        assert found is None
        return
    assert found is not None
    assert len(found) == number + 1
    assert (found[0], found[-1]) == (present[0], present[-1])
    assert found == sorted(found)
    assert set(found) <= set(present)


@pytest.mark.parametrize("count", [300, 20_000, 100_000])
def test_ranks_are_right(client: bigquery.Client, engine: BigQuery, count: int) -> None:
    draw = random.Random(count)
    values = sorted(round(draw.lognormvariate(8, 2)) for _ in range(count))
    engine.create_table(VALUES, [{"name": "x", "type": "INT64"}])
    engine.insert(VALUES, ["x"], [[value] for value in values])
    single = "APPROX_QUANTILES(x, 100)[OFFSET(50)], APPROX_QUANTILES(x, 100)[OFFSET(99)]"
    sql = f"SELECT APPROX_QUANTILES(x, 1000), {single} FROM raw.values"
    ((permilles, median, last),) = rows(client, sql)
    for place, value in [*enumerate(permilles), (500, median), (990, last)]:
        rank = place / 1000 * (count - 1)
        assert bisect_left(values, value) - 1 <= rank <= bisect_right(values, value)
