"""A collector that is not ours stands between the sink and the receiver: what goes through it is what was sent.

That is ``rotel``, a small collector, where its package is installed (``pip install rotel``).
"""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from exporter.sinks.otlp_messages import metric_name
from tests.sinks.cloud import NOW, PREFIX, SYSTEMS, WINDOW, gauge, window_of
from tests.sinks.otlp_receiver import Receiver
from tests.sinks.test_otlp import make

_SPEC = find_spec("rotel")
pytestmark = pytest.mark.skipif(_SPEC is None, reason="needs the collector of the package rotel")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


@pytest.fixture
def collector(receiver: Receiver, tmp_path: Path) -> Iterator[str]:
    """A collector that passes on to the receiver; its address."""
    assert _SPEC is not None
    assert _SPEC.origin is not None
    with socket.socket() as http, socket.socket() as grpc:
        for each in (http, grpc):
            each.bind(("127.0.0.1", 0))
        ports = [each.getsockname()[1] for each in (http, grpc)]
    arguments = {
        "otlp-http-endpoint": f"127.0.0.1:{ports[0]}",
        "otlp-grpc-endpoint": f"127.0.0.1:{ports[1]}",
        "otlp-exporter-endpoint": receiver.endpoint,
        "otlp-exporter-protocol": "http",
        "pid-file": str(tmp_path / "pid"),
        "log-file": str(tmp_path / "log"),
    }
    options = [f"--{name}={value}" for name, value in arguments.items()]
    process = subprocess.Popen([Path(_SPEC.origin).parent / "rotel-agent", "start", *options])
    try:
        _wait_for(ports[0])
        yield f"http://127.0.0.1:{ports[0]}"
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(port: int) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < until, "the collector does not listen"
            time.sleep(0.05)
        else:
            return


def test_a_collector_passes_everything_on(receiver: Receiver, collector: str) -> None:
    with Receiver() as direct:
        sent = [
            *window_of(SYSTEMS[:30]),
            *window_of(SYSTEMS[:3], NOW + WINDOW),
            gauge(job="exporter", metric="exporter/up"),
        ]
        sink = make(direct.endpoint)
        assert len(sink.export(sent).written) == len(sent)
        sink.close()
        through = make(collector)
        assert through.export(sent).retryable == ()
        through.close()
        until = time.monotonic() + 30
        while len(receiver.stored) < len(sent):
            assert time.monotonic() < until, "the collector does not pass everything on"
            time.sleep(0.05)
        found = {(*each.series, each.end): each for each in receiver.stored}
        expected = {(*each.series, each.end): each for each in direct.stored}
    assert found == expected
    assert {metric_name(PREFIX, point.metric) for point in sent} == {name for name, *_ in found}
