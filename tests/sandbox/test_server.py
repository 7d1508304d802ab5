"""The sandbox as a process: its addresses, its configuration, its delays, and how it ends."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.monitoring_v3 import ListTimeSeriesRequest, MetricServiceClient, TimeInterval
from google.cloud.monitoring_v3.services.metric_service.transports.grpc import MetricServiceGrpcTransport
from google.pubsub_v1 import SubscriberClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from exporter import config
from exporter.sandbox.scenario import ScenarioError
from exporter.sandbox.server import Sandbox, SandboxOptions, parse_latency
from exporter.sandboxing import address_line
from tests.sandbox.running import NOW, ask, still


def test_the_address_line_is_what_outside_programs_read() -> None:
    with still(2, history_s=0) as sandbox:
        line = address_line(sandbox.addresses)
        assert len(line.splitlines()) == 1
        addresses = json.loads(line)
        assert addresses.keys() == {"bigquery", "pubsub", "monitoring", "control", "project", "config"}
        assert addresses["project"] == "flights-sandbox"
        for name in ("bigquery", "control"):
            assert addresses[name].startswith("http://127.0.0.1:")
        for name in ("pubsub", "monitoring"):
            assert addresses[name].startswith("127.0.0.1:")
        endpoints = config.load(Path(addresses["config"])).endpoints
        assert endpoints.bigquery == addresses["bigquery"]
        assert endpoints.pubsub == addresses["pubsub"]
        assert endpoints.monitoring == addresses["monitoring"]
        assert endpoints.clock == f"{addresses['control']}/clock"


def test_all_three_services_answer_the_genuine_clients() -> None:
    with still(2) as sandbox, ExitStack() as stack:
        addresses = sandbox.addresses
        options = ClientOptions(api_endpoint=addresses.bigquery)
        queries = stack.enter_context(
            bigquery.Client(project=addresses.project, credentials=AnonymousCredentials(), client_options=options)
        )
        pipeline = sandbox.world.pipelines[0]
        rows = list(queries.query_and_wait(f"SELECT carrier, dest FROM `{pipeline.view}`", location=pipeline.location))
        assert len(rows) > 100
        assert all(len(row["dest"]) == 3 for row in rows)

        channel = stack.enter_context(grpc.insecure_channel(addresses.pubsub))
        subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
        assert subscriber.get_subscription(subscription=pipeline.subscription).bigquery_config.table == str(
            pipeline.table
        )

        metrics = stack.enter_context(grpc.insecure_channel(addresses.monitoring))
        monitoring = MetricServiceClient(transport=MetricServiceGrpcTransport(channel=metrics))
        request = ListTimeSeriesRequest(
            name=f"projects/{addresses.project}",
            filter='metric.type = "pubsub.googleapis.com/topic/send_request_count"',
            interval=TimeInterval(start_time=NOW.replace(minute=0), end_time=NOW),
        )
        found = {series.resource.labels["topic_id"] for series in monitoring.list_time_series(request=request)}
        assert {each.id for each in sandbox.world.pipelines} <= found


def test_nothing_is_left_of_a_sandbox_that_has_ended() -> None:
    threads = set(threading.enumerate())
    with Sandbox(SandboxOptions(systems=2, history_s=0)) as sandbox:
        addresses = sandbox.addresses
        assert Path(addresses.config).exists()
    assert not Path(addresses.config).parent.exists()
    for address in (addresses.bigquery, addresses.pubsub, addresses.monitoring, addresses.control):
        host, _, port = address.rpartition("/")[2].rpartition(":")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, int(port)), timeout=5)
    left = [each for each in threading.enumerate() if each not in threads and not each.daemon]
    assert left == []


def test_two_sandboxes_live_side_by_side() -> None:
    with still(1, history_s=0) as one, still(2, history_s=0) as other:
        assert ask(one, "POST", "/clock", {"advance_s": 60})[0] == 200
        assert ask(other, "GET", "/clock")[1]["now"] == "2026-11-24T12:30:00Z"
        assert {one.addresses.control, one.addresses.config}.isdisjoint(
            {other.addresses.control, other.addresses.config}
        )


def test_a_scenario_that_cannot_be_played_is_refused() -> None:
    with pytest.raises(ScenarioError, match="latency-spike"):
        still(2, scenario="latency-spikes")
    with pytest.raises(ScenarioError, match="there are 2"):
        still(2, scenario="regional-outage")


def test_the_bar_moves_from_nothing_to_all() -> None:
    seen: list[float] = []
    options = SandboxOptions(systems=2, history_s=1800, now=NOW, speed=0, live=False)
    with Sandbox(options, progress=seen.append):
        assert seen == sorted(seen)
        assert 0 < seen[0] < 0.2
        assert seen[-1] == 1
        assert len(seen) > 20


@pytest.mark.parametrize(
    ("text", "delays"),
    [
        ("bigquery=300ms", {"bigquery": 300}),
        ("bigquery=300ms,monitoring=30ms", {"bigquery": 300, "monitoring": 30}),
        ("bigquery=3s", {"bigquery": 3000}),
        ("pubsub=0.25s", {"pubsub": 250}),
    ],
)
def test_delays_are_read(text: str, delays: dict[str, int]) -> None:
    assert parse_latency(text) == delays


@pytest.mark.parametrize(
    "text", ["", "bigquery", "bigquery=", "bigquery=300", "storage=3s", "bigquery=-3ms", "bigquery=1s,"]
)
def test_delays_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="--latency"):
        parse_latency(text)
