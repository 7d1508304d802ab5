"""Every answer of the REST face tells the sandbox's time, by which a caller can see that its own clock is wrong."""

from __future__ import annotations

import http.client
from contextlib import closing
from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest

from exporter.sandbox.bigquery import BigQuery, Server
from exporter.sandbox.clock import Clock
from exporter.sandbox.faults import Fault, Faults
from exporter.sandbox.iam import Iam
from tests.sandbox.bigquery.conftest import NOW, Standing

TABLE = "/bigquery/v2/projects/acme/datasets/raw/tables/departures"


def dates(server: Server, verb: str, path: str, body: str | None = None) -> tuple[int, list[str]]:
    """Status of an answer, and its ``Date`` headers as they came over the wire."""
    connection = http.client.HTTPConnection(str(server.host), int(server.port), timeout=20)
    try:
        connection.request(verb, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status, [value for name, value in answer.getheaders() if name.lower() == "date"]
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("verb", "path", "body", "status"),
    [
        ("GET", "/bigquery/v2/projects", None, 200),
        ("POST", "/bigquery/v2/projects/acme/queries", '{"query": "SELECT 1", "useLegacySql": false}', 200),
        ("POST", "/bigquery/v2/projects/acme/queries", '{"query": "SELEKT", "useLegacySql": false}', 400),
        ("POST", "/bigquery/v2/projects/acme/queries", "no JSON", 400),
        ("GET", TABLE, None, 404),
        ("GET", "/nothing/here", None, 404),
        ("GET", "/bigquery/v2/projects/acme/routines", None, 501),
        ("DELETE", "/bigquery/v2/projects/acme/queries", None, 501),
        ("TRACE", "/bigquery/v2/projects", None, 405),
    ],
)
def test_every_answer_tells_the_virtual_time_once(
    server: Server, clock: Clock, verb: str, path: str, body: str | None, status: int
) -> None:
    clock.advance(86_400)
    assert dates(server, verb, path, body) == (status, ["Mon, 02 Nov 2026 12:00:00 GMT"])


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault("bigquery", status="UNAVAILABLE"), 503),
        (Fault("bigquery", status="RESOURCE_EXHAUSTED"), 429),
        (Fault("bigquery", status="RATE_LIMIT_EXCEEDED"), 403),
        (Fault("bigquery", garbage=True), 200),
    ],
)
def test_injected_answers_tell_it_too(server: Server, faults: Faults, fault: Fault, status: int) -> None:
    faults.add(fault)
    assert dates(server, "GET", "/bigquery/v2/projects") == (status, ["Sun, 01 Nov 2026 12:00:00 GMT"])


def test_it_goes_with_the_clock_and_has_whole_seconds(server: Server, clock: Clock) -> None:
    for moved_s, told in ((0.9, NOW), (0.2, NOW + timedelta(seconds=1)), (3600, NOW + timedelta(seconds=3601))):
        clock.advance(moved_s)
        (date,) = dates(server, "GET", "/bigquery/v2/projects")[1]
        assert parsedate_to_datetime(date) == told


def test_the_time_is_that_of_the_answer_not_of_the_question(faults: Faults, iam: Iam) -> None:
    clock = Clock(NOW, speed=1000)
    faults.add(Fault("bigquery", "projects.list", delay_ms=300))
    engine = BigQuery(clock, faults, iam)
    with closing(engine), Server(engine, Standing(clock)) as server:
        asked = clock.now()
        (date,) = dates(server, "GET", "/bigquery/v2/projects")[1]
        assert asked + timedelta(seconds=299) <= parsedate_to_datetime(date) <= clock.now()
