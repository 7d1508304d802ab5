"""The command ``sandbox`` as outside programs meet it: a process that prints its addresses, serves and ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.monitoring_v3 import ListTimeSeriesRequest, MetricServiceClient, TimeInterval
from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcTransport
from google.cloud.pubsub_v1 import PublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from pyarrow import parquet

from exporter import config, sandboxing
from exporter.errors import UsageError
from exporter.sandbox.dump import write_dump
from exporter.sandbox.server import Sandbox, SandboxOptions
from tests.sandbox.running import NOW, eventually, lines

COMMAND = [sys.executable, "-m", "exporter", "sandbox", "--json"]
TIMEOUT_S = 120.0


@dataclass
class Process:
    """A running sandbox, and what it printed first."""

    popen: subprocess.Popen[str]
    line: str

    @property
    def addresses(self) -> dict[str, str]:
        """Where it serves."""
        found: dict[str, str] = json.loads(self.line)
        return found

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """JSON of a request to the control plane."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.addresses["control"] + path, data=data, method=method)
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return json.load(answer)

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        """Exit status, and what was printed since the first line."""
        self.popen.send_signal(number)
        out, err = self.popen.communicate(timeout=TIMEOUT_S)
        return self.popen.returncode, out, err


def begin(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start the command."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


@pytest.fixture(scope="module")
def start() -> Iterator[Callable[..., Process]]:
    """Start sandboxes, which are gone at the end whatever happens."""
    started: list[subprocess.Popen[str]] = []

    def one(*arguments: str, **environment: str) -> Process:
        popen = begin(*arguments, **environment)
        started.append(popen)
        assert popen.stdout is not None
        return Process(popen, popen.stdout.readline())

    yield one
    for popen in started:
        if popen.poll() is None:
            popen.kill()
        popen.communicate()


@pytest.fixture(scope="module")
def sandbox(start: Callable[..., Process]) -> Process:
    """A sandbox with live traffic, in which one system's view is read all the time."""
    return start(
        *(
            "--systems",
            "12",
            "--history",
            "10m",
            "--scenario",
            "cost-spike",
            "--latency",
            "bigquery=20ms,monitoring=10ms",
        )
    )


def test_it_prints_its_addresses_on_one_line(sandbox: Process) -> None:
    assert sandbox.line.endswith("}\n")
    assert sandbox.addresses.keys() == {"bigquery", "pubsub", "monitoring", "control", "project", "config"}
    loaded = config.load(Path(sandbox.addresses["config"]))
    assert len(loaded.systems) == 12
    assert loaded.endpoints.clock == f"{sandbox.addresses['control']}/clock"
    for name in ("bigquery", "pubsub", "monitoring"):
        assert getattr(loaded.endpoints, name) == sandbox.addresses[name]


def test_what_another_process_publishes_is_in_the_table_soon(sandbox: Process) -> None:
    system = config.load(Path(sandbox.addresses["config"])).systems[0]
    with (
        grpc.insecure_channel(sandbox.addresses["pubsub"]) as channel,
        bigquery.Client(
            project=sandbox.addresses["project"],
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": sandbox.addresses["bigquery"]},
        ) as client,
    ):
        publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        message_id = publisher.publish(system.topic, b'{"carrier":"ZZ"}', origin="XXX").result(timeout=TIMEOUT_S)
        publisher.stop()
        settings = bigquery.QueryJobConfig(
            query_parameters=[
                bigquery.ScalarQueryParameter("id", "STRING", message_id),
                bigquery.ScalarQueryParameter("since", "TIMESTAMP", datetime.now(UTC) - timedelta(hours=1)),
            ]
        )
        text = f"SELECT data, attributes FROM `{system.table}` WHERE message_id = @id AND publish_time > @since"
        found: list[Any] = []

        def arrived() -> bool:
            found[:] = client.query_and_wait(text, job_config=settings, location=system.location)
            return bool(found)

        eventually(arrived, timeout_s=60)
    assert found[0].data == b'{"carrier":"ZZ"}'
    assert json.loads(found[0].attributes) == {"origin": "XXX"}


def test_another_process_writes_and_reads_time_series(sandbox: Process) -> None:
    project = f"projects/{sandbox.addresses['project']}"
    now = datetime.fromisoformat(sandbox.ask("GET", "/clock")["now"])
    point = {"interval": {"end_time": now}, "value": {"double_value": 2.5}}
    series: Any = {
        "metric": {"type": "custom.googleapis.com/outside/gauge"},
        "resource": {"type": "global", "labels": {"project_id": sandbox.addresses["project"]}},
        "points": [point],
    }
    with grpc.insecure_channel(sandbox.addresses["monitoring"]) as channel:
        client = MetricServiceClient(transport=MetricServiceGrpcTransport(channel=channel))
        client.create_time_series(name=project, time_series=[series])
        request = ListTimeSeriesRequest(
            name=project,
            filter='metric.type = "custom.googleapis.com/outside/gauge"',
            interval=TimeInterval(start_time=now - timedelta(minutes=5), end_time=now + timedelta(minutes=5)),
        )
        (read,) = client.list_time_series(request=request)
    assert [each.value.double_value for each in read.points] == [2.5]


def test_messages_go_through_the_genuine_client_and_reads_are_noted(sandbox: Process, tmp_path: Path) -> None:
    def reads() -> int:
        sandbox.ask("POST", f"/dump?dir={tmp_path}")
        return sum(job["job_id"].startswith("read_") for job in lines(tmp_path / "jobs.jsonl"))

    def publishes() -> int:
        return int(sandbox.ask("GET", "/stats")["calls"].get("pubsub", {}).get("Publish", {}).get("OK", 0))

    sent, before = publishes(), reads()
    eventually(lambda: publishes() >= sent + 5, timeout_s=60)
    eventually(lambda: reads() > before, timeout_s=60)
    assert sandbox.ask("GET", "/stats")["live_failures"] == {}


def test_it_ends_on_sigterm_without_a_word(sandbox: Process) -> None:
    config_file = Path(sandbox.addresses["config"])
    assert config_file.exists()
    assert sandbox.end() == (0, "", "")
    assert not config_file.exists()


def test_it_ends_though_every_call_of_its_traffic_fails(start: Callable[..., Process]) -> None:
    sandbox = start("--systems", "8", "--history", "0s")
    sandbox.ask("POST", "/faults", {"api": "pubsub", "status": "UNAVAILABLE"})

    def struck() -> bool:
        return "UNAVAILABLE" in sandbox.ask("GET", "/stats")["calls"].get("pubsub", {}).get("Publish", {})

    eventually(struck, timeout_s=60)
    assert sandbox.ask("GET", "/stats")["calls"].keys() == {"pubsub"}
    assert sandbox.end(signal.SIGINT) == (0, "", "")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="what a process does on a signal is read from /proc")
def test_it_ends_on_sigterm_while_history_is_laid_down() -> None:
    with begin("--systems", "300", "--history", "366d") as popen:

        def listens() -> bool:
            status = Path(f"/proc/{popen.pid}/status").read_text()
            (caught,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
            return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)

        eventually(listens, timeout_s=60)
        popen.send_signal(signal.SIGTERM)
        out, err = popen.communicate(timeout=TIMEOUT_S)
    assert (popen.returncode, out, err) == (0, "", "")


def test_another_process_makes_the_same_data(start: Callable[..., Process], tmp_path: Path) -> None:
    other = start(
        *("--systems", "4", "--history", "20m", "--seed", "3", "--now", NOW.isoformat(), "--speed", "0"),
        PYTHONHASHSEED="1",
    )
    other.ask("POST", f"/dump?dir={tmp_path / 'other'}")
    assert other.end() == (0, "", "")
    with Sandbox(SandboxOptions(systems=4, history_s=1200, seed=3, now=NOW, speed=0)) as own:
        write_dump(own.world, tmp_path / "own")
    for name in ("pubsub.jsonl", "jobs.jsonl", "storage.jsonl", "timeseries.jsonl"):
        assert (tmp_path / "other" / name).read_bytes() == (tmp_path / "own" / name).read_bytes()
    names = sorted(each.name for each in (tmp_path / "own" / "tables").iterdir())
    assert len(names) == 4
    for name in names:
        found, expected = (parquet.read_table(tmp_path / each / "tables" / name) for each in ("other", "own"))
        assert found.num_rows > 100
        assert found.equals(expected)
    assert len(lines(tmp_path / "own" / "pubsub.jsonl")) == 4 * 30


BAD: list[tuple[list[str], str]] = [
    (["--systems", "0"], "--systems: from 1 to 5000, not 0"),
    (["--scenario", "absent"], "no scenario 'absent': choose one of api-429, "),
    (["--systems", "4", "--scenario", "publisher-silent"], "publisher-silent: needs at least 5 systems, there are 4"),
    (["--now", "yesterday"], "'yesterday' is no time: write a time such as 2026-03-04T12:00:00Z, or how long ago"),
]


def test_bad_options_are_refused_in_one_clear_line() -> None:
    for arguments, message in BAD:
        finished = subprocess.run(
            [*COMMAND, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        assert (finished.returncode, finished.stdout) == (2, ""), arguments
        assert finished.stderr.startswith(message)
        assert finished.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"systems": -1}, "--systems"),
        ({"systems": 5001}, "--systems"),
        ({"history": timedelta(days=367)}, "--history: at most 366d"),
        ({"speed": -0.1}, "--speed"),
        ({"speed": float("nan")}, "--speed"),
        ({"speed": float("inf")}, "--speed"),
        ({"now": datetime(1960, 1, 1, tzinfo=UTC)}, "--now: from 2000-01-01 to 2200-01-01, not 1960-01-01"),
        ({"now": datetime(9999, 1, 1, tzinfo=UTC)}, "--now"),
        ({"latency": "storage=3ms"}, "--latency: 'storage' is no API: use bigquery, pubsub, monitoring"),
        ({"latency": "bigquery=soon"}, "--latency: 'soon' is no delay"),
        ({"latency": "bigquery=1s,bigquery=2s"}, "--latency: bigquery stands there twice"),
    ],
)
def test_options_out_of_range_are_refused(given: dict[str, Any], message: str) -> None:
    usual: dict[str, Any] = {
        "systems": 1,
        "history": timedelta(0),
        "scenario": None,
        "latency": None,
        "seed": 1,
        "now": None,
        "speed": 1.0,
    }
    with pytest.raises(UsageError, match=message):
        sandboxing.options(**{**usual, **given})


def test_the_smallest_sandbox_works() -> None:
    with Sandbox(SandboxOptions(systems=1, history_s=0, now=NOW, speed=0)) as sandbox:
        assert len(config.load(Path(sandbox.addresses.config)).systems) == 1
        (pipeline,) = sandbox.world.pipelines
        assert sandbox.world.engines.bigquery.table_rows(pipeline.table).num_rows > 0


def test_of_more_systems_than_one_machine_can_publish_for_the_traffic_is_made_up() -> None:
    with Sandbox(SandboxOptions(systems=300, history_s=0, now=NOW.replace(minute=15))) as sandbox:
        sandbox.world.engines.clock.advance(120)
        sandbox.world.settle()
        topics = sandbox.world.engines.ledger.topics()
        busy = sum(bool(topics.get(pipeline.topic)) for pipeline in sandbox.world.pipelines)
        assert busy == 300
        assert sandbox.world.engines.faults.calls() == {}
