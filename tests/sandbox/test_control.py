"""The sandbox's control plane: what it takes, what it refuses and how it says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import grpc
import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.monitoring_v3 import MetricServiceClient
from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcTransport
from google.cloud.pubsub_v1 import PublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

from exporter.sandbox import scenario
from exporter.sandbox.fleet import PROJECT
from exporter.sandbox.server import Sandbox
from tests.sandbox.running import NOW, ask, eventually, still


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    """One sandbox for all tests that change nothing, or undo it."""
    with still(3, history_s=0) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared: Sandbox) -> Iterator[Sandbox]:
    """The shared sandbox, without faults at the end."""
    yield shared
    assert ask(shared, "DELETE", "/faults") == (200, {"faults": []})


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[bigquery.Client]:
    with bigquery.Client(
        project=PROJECT,
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": sandbox.addresses.bigquery},
    ) as client:
        yield client


def one(client: Any) -> None:
    """A query that is asked once, whatever comes back."""
    rows = client.query_and_wait("SELECT 1 AS x", location="us-central1", retry=None, job_retry=None)
    assert [row.x for row in rows] == [1]


def test_it_says_that_it_lives(sandbox: Sandbox) -> None:
    assert ask(sandbox, "GET", "/healthz") == (200, {"status": "ok"})


def test_the_clock_can_be_read_and_moved_on() -> None:
    with still(1, history_s=0) as sandbox:
        assert ask(sandbox, "GET", "/clock") == (200, {"now": "2026-11-24T12:30:00Z", "speed": 0})
        assert ask(sandbox, "POST", "/clock", {"advance_s": 90.25}) == (
            200,
            {"now": "2026-11-24T12:31:30.250000Z", "speed": 0},
        )
        assert ask(sandbox, "POST", "/clock", {"advance_s": 0})[1]["now"] == "2026-11-24T12:31:30.250000Z"
        assert sandbox.world.engines.pubsub.now_us == sandbox.world.engines.clock.now_us()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"advance_s": -1},
        {"advance_s": "60"},
        {"advance_s": True},
        {"advance_s": None},
        {"advance_s": [1]},
        {"advance_s": 2_592_001},
        {"advance_s": float("nan")},
        {"advance_s": float("inf")},
        {"advance": 60},
        {"advance_s": 60, "speed": 2},
    ],
)
def test_a_step_that_is_no_step_is_refused(sandbox: Sandbox, body: dict[str, Any]) -> None:
    status, answer = ask(sandbox, "POST", "/clock", body)
    assert status == 400
    assert answer == {"error": 'give {"advance_s": N}, N from 0 to 2592000 seconds'}
    assert sandbox.world.engines.clock.now() == NOW


@pytest.mark.parametrize("path", ["/clock", "/faults"])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "the body is not JSON: "),
        (b"advance", "the body is not JSON: "),
        (b"\xff\xfe\xfa", "the body is not JSON: "),
        (b"[" * 100_000, "the body is not JSON: "),
        (b"[]", "the body must be a JSON object"),
        (b"3", "the body must be a JSON object"),
        (b"null", "the body must be a JSON object"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(sandbox: Sandbox, path: str, body: bytes, message: str) -> None:
    status, answer = ask(sandbox, "POST", path, body)
    assert status == 400
    assert answer["error"].startswith(message)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("POST", "/", 404),
        ("POST", "/scenario/", 404),
        ("GET", "/scenario/duplicates", 405),
        ("GET", "/faults", 405),
        ("DELETE", "/clock", 405),
        ("POST", "/stats", 405),
    ],
)
def test_calls_that_there_are_not_are_answered_in_json(sandbox: Sandbox, method: str, path: str, status: int) -> None:
    code, answer = ask(sandbox, method, path)
    assert code == status
    assert answer["error"].startswith(f"{method} {path}: ")


REFUSED_FAULTS: list[tuple[dict[str, Any], str]] = [
    ({}, "a fault has api and, if need be, after, count, delay_ms, garbage, method, probability, series, status"),
    ({"method": "jobs.query"}, "a fault has api and"),
    ({"api": "pubsub", "status": "INTERNAL", "code": 3}, "a fault has api and"),
    ({"api": 3, "status": "INTERNAL"}, "api must be a string, not 3"),
    ({"api": "gcs", "status": "INTERNAL"}, "api must be one of bigquery, pubsub, monitoring, not 'gcs'"),
    ({"api": "pubsub", "method": None, "status": "INTERNAL"}, "method must be a string, not null"),
    ({"api": "pubsub", "status": 14}, "status must be a string or null, not 14"),
    ({"api": "pubsub", "status": "BROKEN"}, "status must be one of CANCELLED"),
    ({"api": "pubsub", "delay_ms": "300ms"}, 'delay_ms must be a whole number, not "300ms"'),
    ({"api": "pubsub", "delay_ms": 0.5}, "delay_ms must be a whole number, not 0.5"),
    ({"api": "pubsub", "delay_ms": True}, "delay_ms must be a whole number, not true"),
    ({"api": "pubsub", "delay_ms": -300}, "delay_ms must lie between 0 and 3600000, not -300"),
    ({"api": "pubsub", "garbage": 1}, "garbage must be true or false, not 1"),
    (
        {"api": "pubsub", "garbage": True, "probability": "high"},
        'probability must be a whole number or a number, not "high"',
    ),
    ({"api": "pubsub", "garbage": True, "probability": 1.5}, "probability must lie between 0 and 1, not 1.5"),
    ({"api": "pubsub", "garbage": True, "probability": -0.5}, "probability must lie between 0 and 1, not -0.5"),
    ({"api": "pubsub", "garbage": True, "count": 0}, "count must be at least 1, not 0"),
    ({"api": "pubsub", "garbage": True, "count": 1.0}, "count must be a whole number or null, not 1.0"),
    ({"api": "pubsub", "garbage": True, "status": "INTERNAL"}, "not with both"),
    ({"api": "pubsub"}, "or it does nothing"),
    ({"api": "pubsub", "status": None}, "or it does nothing"),
    ({"api": "monitoring", "status": "INTERNAL", "series": 2}, "series belongs to the api monitoring"),
]


@pytest.mark.parametrize(("body", "message"), REFUSED_FAULTS)
def test_a_fault_that_makes_no_sense_is_refused(
    sandbox: Sandbox, client: bigquery.Client, body: dict[str, Any], message: str
) -> None:
    status, answer = ask(sandbox, "POST", "/faults", body)
    assert status == 400
    assert message in answer["error"]
    assert "\n" not in answer["error"]
    one(client)


def test_a_fault_takes_effect_and_ends_after_its_count(sandbox: Sandbox, client: bigquery.Client) -> None:
    fault = {"api": "bigquery", "method": "jobs.query", "status": "UNAVAILABLE", "count": 2}
    assert ask(sandbox, "POST", "/faults", fault) == (200, {"fault": fault})
    for _ in range(2):
        with pytest.raises(exceptions.ServiceUnavailable):
            one(client)
    one(client)


def test_a_fault_ends_when_all_are_deleted(sandbox: Sandbox, client: bigquery.Client) -> None:
    for status in ("PERMISSION_DENIED", "RESOURCE_EXHAUSTED"):
        assert ask(sandbox, "POST", "/faults", {"api": "bigquery", "status": status})[0] == 200
    for _ in range(3):
        with pytest.raises(exceptions.Forbidden):
            one(client)
    assert ask(sandbox, "DELETE", "/faults") == (200, {"faults": []})
    one(client)


def test_a_fault_of_one_api_leaves_the_others_alone(sandbox: Sandbox, client: bigquery.Client) -> None:
    ask(sandbox, "POST", "/faults", {"api": "pubsub", "status": "UNAUTHENTICATED"})
    one(client)
    with grpc.insecure_channel(sandbox.addresses.pubsub) as channel:
        publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        with pytest.raises(exceptions.Unauthenticated):
            publisher.get_topic(topic=sandbox.world.pipelines[0].topic)


def test_statistics_count_calls_by_api_method_and_code() -> None:
    with still(1, history_s=0) as sandbox:
        before = ask(sandbox, "GET", "/stats")[1]
        billed = {"bytes_billed", "points_stored", "distribution_points_stored", "series_returned"}
        assert before.keys() == {"calls", "live_failures", *billed}
        assert (before["calls"], before["points_stored"], before["live_failures"]) == ({}, 0, {})
        with bigquery.Client(
            project=PROJECT,
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": sandbox.addresses.bigquery},
        ) as client:
            table = sandbox.world.pipelines[0].table
            count = list(client.query_and_wait(f"SELECT COUNT(*) AS n FROM `{table}`", location="us-central1"))
            assert count[0].n > 0
            data = list(client.query_and_wait(f"SELECT MAX(message_id) AS n FROM `{table}`", location="us-central1"))
            assert data[0].n
            with pytest.raises(exceptions.NotFound):
                client.get_table("flights-sandbox.raw.absent", retry=None)
        with grpc.insecure_channel(sandbox.addresses.monitoring) as channel:
            monitoring = MetricServiceClient(transport=MetricServiceGrpcTransport(channel=channel))
            monitoring.create_time_series(name=f"projects/{PROJECT}", time_series=[point()])
        after = ask(sandbox, "GET", "/stats")[1]
    assert after["calls"]["bigquery"] == {"jobs.query": {"OK": 2}, "tables.get": {"NOT_FOUND": 1}}
    assert after["calls"]["monitoring"] == {"CreateTimeSeries": {"OK": 1}}
    assert after["points_stored"] == 1
    assert after["bytes_billed"] - before["bytes_billed"] == 2 * 10 * 2**20


def point() -> Any:
    """One point of a gauge at the sandbox's time."""
    return {
        "metric": {"type": "custom.googleapis.com/test/gauge"},
        "resource": {"type": "global", "labels": {"project_id": PROJECT}},
        "points": [{"interval": {"end_time": NOW}, "value": {"double_value": 1.5}}],
    }


def test_scenarios_are_listed_with_their_titles(sandbox: Sandbox) -> None:
    status, answer = ask(sandbox, "GET", "/scenarios")
    assert status == 200
    assert [each["name"] for each in answer["scenarios"]] == scenario.names()
    assert all(each["title"] and each["description"] for each in answer["scenarios"])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent", "no scenario 'absent': choose one of api-429, "),
        ("..%2Fworld", "Not Found"),
        ("publisher-silent", "publisher-silent: needs at least 5 systems, there are 3"),
        ("odd-systems", "odd-systems adds systems: start the sandbox with --scenario odd-systems"),
    ],
)
def test_a_scenario_that_cannot_be_played_is_refused(sandbox: Sandbox, name: str, message: str) -> None:
    status, answer = ask(sandbox, "POST", f"/scenario/{name}")
    assert status in (400, 404)
    assert message in answer["error"]


def test_a_scenario_of_the_apis_acts_at_once_and_for_good(sandbox: Sandbox, client: bigquery.Client) -> None:
    status, answer = ask(sandbox, "POST", "/scenario/api-429")
    assert (status, answer) == (200, {"scenario": "api-429", "title": scenario.load("api-429").title})

    def struck() -> bool:
        try:
            one(client)
        except exceptions.TooManyRequests:
            return True
        return False

    eventually(struck)
    eventually(lambda: not struck())
    eventually(struck)


def test_a_dump_goes_where_it_is_told_to(sandbox: Sandbox, tmp_path: Path) -> None:
    folder = tmp_path / "new folder" / "dump"
    assert ask(sandbox, "POST", f"/dump?dir={quote(str(folder))}") == (200, {"dir": str(folder)})
    assert sorted(each.name for each in folder.iterdir()) == [
        "jobs.jsonl",
        "pubsub.jsonl",
        "storage.jsonl",
        "tables",
        "timeseries.jsonl",
    ]


def test_a_dump_that_cannot_be_written_says_why(sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    assert ask(sandbox, "POST", "/dump") == (400, {"error": "say where to: POST /dump?dir=DIRECTORY"})
    assert ask(sandbox, "POST", "/dump?dir=")[0] == 400
    status, answer = ask(sandbox, "POST", f"/dump?dir={quote(str(file))}")
    assert (status, answer["error"]) == (400, f"{file} cannot be written: Not a directory")
    status, answer = ask(sandbox, "POST", "/dump?dir=%00")
    assert status == 400
