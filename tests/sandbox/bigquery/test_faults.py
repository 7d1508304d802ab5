from __future__ import annotations

import gzip
import json
import time
from typing import Any

import pytest
import requests
from google.api_core import exceptions
from google.cloud import bigquery

from exporter.model import TableRef
from exporter.sandbox.bigquery import BigQuery, Server
from exporter.sandbox.bigquery.rest import Face
from exporter.sandbox.clock import Clock
from exporter.sandbox.faults import Fault, Faults
from exporter.sandbox.iam import Iam
from tests.sandbox.bigquery.conftest import NOW, Standing, rows

NO_RETRY: dict[str, Any] = {"retry": None, "job_retry": None}

SHAPES = [
    ("UNAVAILABLE", exceptions.ServiceUnavailable, "backendError"),
    ("RESOURCE_EXHAUSTED", exceptions.TooManyRequests, "rateLimitExceeded"),
    ("RATE_LIMIT_EXCEEDED", exceptions.Forbidden, "rateLimitExceeded"),
    ("QUOTA_EXCEEDED", exceptions.Forbidden, "quotaExceeded"),
    ("INTERNAL", exceptions.InternalServerError, "internalError"),
    ("PERMISSION_DENIED", exceptions.Forbidden, "accessDenied"),
    ("DEADLINE_EXCEEDED", exceptions.GatewayTimeout, "backendError"),
]


@pytest.mark.parametrize(("status", "error", "reason"), SHAPES)
def test_injected_errors_have_their_shape(
    client: bigquery.Client, faults: Faults, status: str, error: type[Exception], reason: str
) -> None:
    faults.add(Fault("bigquery", "jobs.query", status=status))
    with pytest.raises(error) as raised:
        client.query_and_wait("SELECT 1", **NO_RETRY)
    assert isinstance(raised.value, exceptions.GoogleAPICallError)
    assert raised.value.errors[0]["reason"] == reason


@pytest.mark.parametrize("status", ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED"])
def test_the_client_gets_over_what_passes(client: bigquery.Client, faults: Faults, status: str) -> None:
    faults.add(Fault("bigquery", "jobs.query", status=status, count=1))
    assert rows(client, "SELECT 1") == [(1,)]
    assert sorted(code for _, _, code in faults.calls()) == sorted(
        ["OK", {"RATE_LIMIT_EXCEEDED": "PERMISSION_DENIED"}.get(status, status)]
    )


def test_garbage_is_no_json(server: Server, client: bigquery.Client, faults: Faults) -> None:
    faults.add(Fault("bigquery", "jobs.query", garbage=True))
    answer = requests.post(f"{server.url}/bigquery/v2/projects/acme/queries", json={"query": "SELECT 1"}, timeout=10)
    assert answer.status_code == 200
    assert answer.text.startswith("<html>")
    with pytest.raises(ValueError, match="Expecting value"):
        client.query_and_wait("SELECT 1", **NO_RETRY)


def test_the_fixed_delay_applies_where_a_query_starts(clock: Clock, iam: Iam, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    engine = BigQuery(clock, Faults({"bigquery": 300}), iam)
    face = Face(engine, Standing(clock))

    def call(verb: str, path: str, body: Any = None) -> Any:
        sent = json.dumps(body).encode() if body is not None else b""
        return json.loads(face.answer(verb, f"/bigquery/v2/projects/acme/{path}", {}, {}, sent).body)

    query = {"query": "SELECT 1", "useLegacySql": False}
    job = call("POST", "queries", query)["jobReference"]["jobId"]
    assert slept == [0.3]
    call("POST", "jobs", {"configuration": {"query": query}})
    assert slept == [0.3, 0.3]
    for path in (f"jobs/{job}", f"queries/{job}", "jobs", "datasets"):
        call("GET", path)
    assert slept == [0.3, 0.3]
    engine.faults.add(Fault("bigquery", "jobs.get", delay_ms=50))
    call("GET", f"jobs/{job}")
    assert slept == [0.3, 0.3, 0.05]
    engine.close()


def test_calls_are_counted_by_method(client: bigquery.Client, faults: Faults, departures: TableRef) -> None:
    rows(client, "SELECT 1")
    client.get_table("acme.raw.departures")
    with pytest.raises(exceptions.NotFound):
        client.get_table("acme.raw.nosuch")
    assert faults.calls() == {
        ("bigquery", "jobs.query", "OK"): 1,
        ("bigquery", "tables.get", "OK"): 1,
        ("bigquery", "tables.get", "NOT_FOUND"): 1,
    }


# HTTP


def post(server: Server, path: str, data: bytes, **headers: str) -> requests.Response:
    return requests.post(f"{server.url}/{path}", data=data, headers=headers, timeout=10)


def test_bodies_may_be_compressed(server: Server) -> None:
    body = gzip.compress(json.dumps({"query": "SELECT 'é' AS x", "useLegacySql": False}).encode())
    answer = post(server, "bigquery/v2/projects/acme/queries", body, **{"Content-Encoding": "gzip"}).json()
    assert answer["rows"] == [{"f": [{"v": "é"}]}]


def test_the_prefix_may_be_missing(server: Server) -> None:
    body = json.dumps({"query": "SELECT 1", "useLegacySql": False}).encode()
    assert post(server, "projects/acme/queries", body).json()["rows"] == [{"f": [{"v": "1"}]}]


@pytest.mark.parametrize(
    ("path", "data", "headers", "code", "reason"),
    [
        ("bigquery/v2/projects/acme/queries", b"{", {}, 400, "parseError"),
        ("bigquery/v2/projects/acme/queries", b"[]", {}, 400, "parseError"),
        ("bigquery/v2/projects/acme/queries", b"x", {"Content-Encoding": "gzip"}, 400, "badRequest"),
        ("bigquery/v2/projects/acme/queries", b"{}", {}, 400, "invalid"),
        ("bigquery/v2/projects/acme/queries", b'{"query": "SELECT 1", "useLegacySql": true}', {}, 400, "invalid"),
        ("bigquery/v2/projects/acme/datasets/raw/routines", b"{}", {}, 501, "notImplemented"),
        ("bigquery/v2/nosuch", b"{}", {}, 404, "notFound"),
        ("nosuch", b"{}", {}, 404, "notFound"),
        ("upload/bigquery/v2/projects/acme/jobs?uploadType=multipart", b"x", {}, 400, "badRequest"),
        ("upload/bigquery/v2/projects/acme/jobs?uploadType=nosuch", b"x", {}, 400, "invalid"),
        ("bigquery/v2/projects/acme/jobs", b'{"configuration": {"copy": {}}}', {}, 501, "notImplemented"),
    ],
)
def test_what_is_wrong_is_said_in_json(
    server: Server, path: str, data: bytes, headers: dict[str, str], code: int, reason: str
) -> None:
    answer = post(server, path, data, **headers)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["errors"][0]["reason"]) == (code, code, reason)
    assert error["message"]


def test_timestamps_come_as_numbers_of_either_kind(server: Server) -> None:
    query = {"query": "SELECT TIMESTAMP '2026-01-02 03:04:05.678901+00' AS t", "useLegacySql": False}
    path = "bigquery/v2/projects/acme/queries"
    plain = post(server, path, json.dumps(query).encode()).json()["rows"][0]["f"][0]["v"]
    exact = post(server, path, json.dumps(query | {"formatOptions": {"useInt64Timestamp": True}}).encode()).json()
    assert plain == "1.767323045678901E9"
    assert exact["rows"][0]["f"][0]["v"] == "1767323045678901"


def test_time_is_the_sandbox_s(client: bigquery.Client, clock: Clock) -> None:
    assert rows(client, "SELECT CURRENT_TIMESTAMP()") == [(NOW,)]
    clock.advance(90)
    ((found,),) = rows(client, "SELECT CURRENT_TIMESTAMP()")
    assert (found - NOW).total_seconds() == 90
