"""Function by function, the sandbox computes what Google's reference implementation of GoogleSQL computes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from exporter.sandbox.bigquery import BigQuery, Server
from exporter.sandbox.clock import Clock
from exporter.sandbox.faults import Faults
from exporter.sandbox.iam import Iam
from tests.sandbox.bigquery.conftest import NOW, Standing
from tests.sandbox.bigquery.expressions import EXPRESSIONS, ORDERED, QUERIES
from tests.sql.analyser import GoogleSQL


@pytest.fixture(scope="module")
def reference() -> GoogleSQL:
    return GoogleSQL()


@pytest.fixture(scope="module")
def shared() -> Iterator[bigquery.Client]:
    clock = Clock(NOW, speed=0)
    engine = BigQuery(clock, Faults(), Iam())
    with Server(engine, Standing(clock)) as server:
        options = {"api_endpoint": server.url}
        client = bigquery.Client(project="acme", credentials=AnonymousCredentials(), client_options=options)
        yield client
        client.close()
    engine.close()


def same(mine: Any, theirs: Any) -> bool:
    """Equality, but for the last digits of floats; the reference gives an empty array as NULL."""
    if isinstance(mine, float) and isinstance(theirs, float):
        return math.isclose(mine, theirs, rel_tol=1e-12) or mine == theirs
    if isinstance(mine, list):
        found = theirs or []
        return len(mine) == len(found) and all(map(same, mine, found))
    return type(mine) is type(theirs) and bool(mine == theirs)


def answers(client: bigquery.Client, reference: GoogleSQL, sql: str) -> tuple[list[list[Any]], list[list[Any]]]:
    """What both make of a query."""
    mine = [list(row) for row in client.query_and_wait(sql)]
    return mine, [list(row.values()) for row in reference.evaluate(sql)]


@pytest.mark.parametrize("group", EXPRESSIONS)
def test_expressions(shared: bigquery.Client, reference: GoogleSQL, group: str) -> None:
    lines = EXPRESSIONS[group].strip().splitlines()
    sql = "SELECT " + ", ".join(f"{line} AS x{place}" for place, line in enumerate(lines))
    (mine,), (theirs,) = answers(shared, reference, sql)
    different = {line: pair for line, *pair in zip(lines, mine, theirs, strict=True) if not same(*pair)}
    assert different == {}


def test_queries(shared: bigquery.Client, reference: GoogleSQL) -> None:
    lines = QUERIES.strip().split("\n\n")
    sql = " UNION ALL ".join(
        f"SELECT {place} AS place, TO_JSON_STRING(t) AS found FROM ({line}) AS t" for place, line in enumerate(lines)
    )
    mine, theirs = answers(shared, reference, sql)
    assert {lines[row[0]] for row in mine} == set(lines)
    different = {lines[row[0]]: row[1] for row in (*mine, *theirs) if mine.count(row) != theirs.count(row)}
    assert different == {}


@pytest.mark.parametrize("sql", ORDERED.strip().splitlines())
def test_orders(shared: bigquery.Client, reference: GoogleSQL, sql: str) -> None:
    mine, theirs = answers(shared, reference, sql)
    assert mine == theirs
