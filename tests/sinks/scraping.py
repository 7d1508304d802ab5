"""Prometheus as the sink sees it: what it serves, read by the client library, or scraped by the real server."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from exporter.metrics.catalog import CATALOG, EXPORTER_JOB, FLEET_JOB, Kind, Metric
from exporter.model import LATENCY_BOUNDS_S, Distribution, Family, Point
from exporter.sinks.prometheus import PrometheusSink

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
WINDOW = timedelta(minutes=5)
SYSTEMS = ("departures", "arrivals")
JOBS = (*SYSTEMS, EXPORTER_JOB, FLEET_JOB)
LIMIT_S = 2400.0
HOURLY_S = 7200.0

Series = tuple[str, frozenset[tuple[str, str]]]
"""Name of a sample and its labels."""


def made(now: Callable[[], datetime] = lambda: NOW) -> PrometheusSink:
    """A sink of a small fleet."""
    return PrometheusSink(
        prefix="custom.googleapis.com/pipeline",
        fleet="flights",
        locations={**dict.fromkeys(SYSTEMS, "us-central1"), EXPORTER_JOB: "europe-west1", FLEET_JOB: "europe-west1"},
        limits_s=dict.fromkeys(JOBS, LIMIT_S),
        hourly_s=HOURLY_S,
        now=now,
    )


def series(name: str, job: str = SYSTEMS[0], **labels: str) -> Series:
    """A sample of a system, with the labels that each of them has."""
    return name, frozenset({"fleet": "flights", "location": "us-central1", "system": job, **labels}.items())


DELIVERED = series("pipeline_messages_total", outcome="delivered")
"""What ``count`` makes grow."""


def served(sink: PrometheusSink) -> dict[Series, float]:
    """What a scrape gets; a sample that is served twice is a mistake."""
    found: dict[Series, float] = {}
    for family in text_string_to_metric_families(sink.exposition("")[0].decode()):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found
            found[key] = sample.value
    return found


def distribution(counts: Mapping[int, int], total: float) -> Distribution:
    """A distribution of which some buckets, by number, hold something."""
    return Distribution(
        sum(counts.values()), total, tuple(counts.get(place, 0) for place in range(len(LATENCY_BOUNDS_S) + 1))
    )


def gauge(metric: str, value: float, end: datetime = NOW, **labels: str) -> Point:
    """A value of the first system at a moment."""
    return Point(metric, SYSTEMS[0], end, value, labels)


def count(value: float, end: datetime = NOW, length: timedelta = WINDOW) -> Point:
    """Messages that the first system delivered in a window."""
    return Point("messages", SYSTEMS[0], end, value, {"outcome": "delivered"}, end - length)


def latency(counts: Mapping[int, int], total: float, end: datetime = NOW) -> Point:
    """Latency of a window of the first system; ``counts`` are those of some buckets, by number."""
    return Point("latency", SYSTEMS[0], end, distribution(counts, total), {}, end - WINDOW)


def everything(end: datetime = NOW) -> list[Point]:
    """A point of every metric of the catalogue, all values different."""
    return [_point(metric, end, number) for number, metric in enumerate(CATALOG.values(), start=2)]


def _point(metric: Metric, end: datetime, number: int) -> Point:
    own = {Family.EXPORTER: EXPORTER_JOB, Family.FLEET: FLEET_JOB}
    job = SYSTEMS[0] if metric.name == "exporter/watermark" else own.get(metric.family, SYSTEMS[0])
    labels = {name: f"{name}-{number}" for name in metric.labels}
    if metric.kind is Kind.GAUGE:
        return Point(metric.name, job, end, number + 0.5, labels)
    value = float(number) if metric.kind is Kind.COUNT else distribution({0: 1, 7: number, 38: 2}, 100.0 * number)
    return Point(metric.name, job, end, value, labels, end - WINDOW)


@contextmanager
def serving(sink: PrometheusSink) -> Iterator[str]:
    """Serve a sink at an address ``HOST:PORT``, as the exporter's own web server does."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, content_type = sink.exposition(self.headers.get("Accept", ""))
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Prometheus:
    """A running Prometheus that scrapes one address every second."""

    def __init__(self, address: str) -> None:
        self._address = address

    def api(self, path: str, **parameters: str) -> Any:
        """The data of an answer of its HTTP API."""
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"http://{self._address}/api/v1/{path}?{query}", timeout=30) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> dict[Series, float]:
        """The vector to which an expression comes now; labels that tell the target are left out."""
        found = {}
        for each in self.api("query", query=expression)["result"]:
            name = each["metric"].pop("__name__", "")
            target = {each["metric"].pop(label, None) for label in ("job", "instance")}
            assert target <= {"pipelines", "exporter:1", None}
            found[name, frozenset(each["metric"].items())] = float(each["value"][1])
        return found

    def eventually(self, holds: Callable[[], bool], timeout_s: float = 120.0) -> None:
        """Wait for scrapes until something holds."""
        deadline = time.monotonic() + timeout_s
        while not holds():
            assert time.monotonic() < deadline, self.api("targets")
            time.sleep(0.2)


_CONFIGURATION = """
scrape_configs:
  - job_name: pipelines
    scrape_interval: 1s
    static_configs:
      - targets: ["{target}"]
    relabel_configs:
      - {{target_label: instance, replacement: "exporter:1"}}
"""


@contextmanager
def prometheus(program: str, target: str, folder: Path) -> Iterator[Prometheus]:
    """Run Prometheus on a target ``HOST:PORT``."""
    configuration = folder / "prometheus.yml"
    configuration.write_text(_CONFIGURATION.format(target=target), encoding="utf-8")
    with (folder / "prometheus.log").open("w") as log:
        process, address = _started(program, configuration, folder / "data", log)
        try:
            yield Prometheus(address)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _started(program: str, configuration: Path, data: Path, log: Any) -> tuple[subprocess.Popen[bytes], str]:
    """Start it until it serves: another process may take the free port first."""
    for _ in range(5):
        address = f"127.0.0.1:{_free_port()}"
        process = subprocess.Popen(
            [
                program,
                f"--config.file={configuration}",
                f"--storage.tsdb.path={data}",
                f"--web.listen-address={address}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        if _is_ready(process, address):
            return process, address
    raise AssertionError(Path(log.name).read_text(encoding="utf-8"))


def _is_ready(process: subprocess.Popen[bytes], address: str) -> bool:
    deadline = time.monotonic() + 60
    while process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://{address}/-/ready", timeout=30):
                return True
        except OSError:
            if time.monotonic() > deadline:
                process.kill()
                process.wait()
            time.sleep(0.1)
    return False


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
