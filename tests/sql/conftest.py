"""One GoogleSQL analyser and one sandboxed BigQuery a process."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from exporter.sandbox.bigquery.engine import BigQuery
from exporter.sandbox.bigquery.rest import Server
from exporter.sandbox.clock import Clock
from exporter.sandbox.faults import Faults
from exporter.sandbox.iam import Iam
from tests.builders import T0
from tests.sql.analyser import Evaluator, GoogleSQL
from tests.sql.sandboxed import Sandbox


class _StandingWorld:
    """A world in which nothing happens by itself."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def settle(self) -> int:
        return self._clock.now_us()


@pytest.fixture(scope="session")
def googlesql() -> GoogleSQL:
    return GoogleSQL()


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    clock = Clock(T0 + timedelta(days=1), speed=0)
    engine = BigQuery(clock, Faults(), Iam())
    with Server(engine, _StandingWorld(clock)) as server:
        options = ClientOptions(api_endpoint=server.url)
        client = bigquery.Client(project="acme-data", credentials=AnonymousCredentials(), client_options=options)
        yield Sandbox(engine, client)
        client.close()
    engine.close()


@pytest.fixture(params=["googlesql", "sandbox"])
def evaluator(request: pytest.FixtureRequest) -> Evaluator:
    found: Evaluator = request.getfixturevalue(request.param)
    return found
