from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from exporter.model import TableRef
from exporter.sandbox.bigquery import BigQuery, Server
from exporter.sandbox.clock import Clock
from exporter.sandbox.faults import Faults
from exporter.sandbox.iam import Iam

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
DEPARTURES = TableRef("acme", "raw", "departures")
MESSAGES = [
    {"name": "data", "type": "BYTES", "mode": "REQUIRED"},
    {"name": "subscription_name", "type": "STRING"},
    {"name": "message_id", "type": "STRING"},
    {"name": "publish_time", "type": "TIMESTAMP"},
    {"name": "attributes", "type": "STRING"},
]
METADATA = ("data", "subscription_name", "message_id", "publish_time", "attributes")


class Standing:
    """A world in which nothing happens by itself."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def settle(self) -> int:
        return self._clock.now_us()


def us(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def message(number: int, published: datetime, data: bytes = b"{}") -> tuple[object, ...]:
    return (data, "projects/acme/subscriptions/departures-bq", str(number), us(published), "{}")


def deliver(engine: BigQuery, ref: TableRef, number: int, published: datetime, committed: datetime) -> None:
    """One message that was published and became queryable at these times."""
    assert engine.append(str(ref), METADATA, [message(number, published)], us(committed)) == {}


def rows(client: bigquery.Client, sql: str, *parameters: Any, **options: Any) -> list[tuple[Any, ...]]:
    config = bigquery.QueryJobConfig(query_parameters=parameters, **options)
    return [tuple(row) for row in client.query_and_wait(sql, job_config=config)]


def one(client: bigquery.Client, sql: str, *parameters: Any, **options: Any) -> Any:
    ((value,),) = rows(client, sql, *parameters, **options)
    return value


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW, speed=0)


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def iam() -> Iam:
    return Iam()


@pytest.fixture
def engine(clock: Clock, faults: Faults, iam: Iam) -> Iterator[BigQuery]:
    """A BigQuery with one empty dataset, acme.raw in us-central1, a day old."""
    made = BigQuery(clock, faults, iam)
    made.create_dataset("acme", "raw", "us-central1", created_us=us(NOW - timedelta(days=1)))
    yield made
    made.close()


@pytest.fixture
def server(engine: BigQuery, clock: Clock) -> Iterator[Server]:
    with Server(engine, Standing(clock)) as started:
        yield started


@pytest.fixture
def client(server: Server) -> Iterator[bigquery.Client]:
    made = bigquery.Client(
        project="acme", credentials=AnonymousCredentials(), client_options={"api_endpoint": server.url}
    )
    yield made
    made.close()


@pytest.fixture
def departures(engine: BigQuery) -> TableRef:
    """A table as a BigQuery subscription writes to, an hour old."""
    engine.create_table(DEPARTURES, MESSAGES, partitioned="DAY", created_us=us(NOW - timedelta(hours=1)))
    return DEPARTURES
