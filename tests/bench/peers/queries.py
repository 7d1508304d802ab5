"""query-exporter on the same fleet: one query per system, which counts what landed and how late it was."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import yaml

from tests.bench.candidates import Sample
from tests.bench.processes import Taken, cpu_s, memory_mib
from tests.bench.sandbox import QUARTER_S, Sandbox
from tests.bench.usage import Usage

_PROGRAM = Path(__file__).with_name("query_exporter_at.py")
_METRICS = ("landed_rows", "latency_mean_s", "latency_p99_s")
_LATENCY = "TIMESTAMP_DIFF(_CHANGE_TIMESTAMP, publish_time, MICROSECOND)"
_TIMEOUT_S = 120


def configure(sandbox: Sandbox, directory: Path) -> Path:
    """Write what its users would; all queries may run at once, which is as fast as it can be."""
    systems = sandbox.systems()
    database = {
        "dsn": f"bigquery://{sandbox.project}?location=us-central1",
        "connection-pool": {"size": len(systems), "max-overflow": 0},
    }
    queries = {
        system["id"].replace("-", "_"): {
            "databases": ["fleet"],
            "metrics": list(_METRICS),
            "sql": f"SELECT '{system['id']}' AS system, COUNT(*) AS landed_rows, AVG({_LATENCY}) / 1000000 AS latency_mean_s, "
            f"APPROX_QUANTILES({_LATENCY}, 1000)[SAFE_OFFSET(990)] / 1000000 AS latency_p99_s "
            f"FROM APPENDS(TABLE `{sandbox.project}.{system['table']}`, "
            f"TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL {QUARTER_S} SECOND), NULL)",
        }
        for system in systems
    }
    metrics = {name: {"type": "gauge", "labels": ["system"]} for name in _METRICS}
    path = directory / "query-exporter.yaml"
    content = {"databases": {"fleet": database}, "metrics": metrics, "queries": queries}
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def scrape_twice(python: Path, sandbox: Sandbox, config: Path, log: Path) -> tuple[Sample, Sample]:
    """Start it and let it answer twice: from its start to the first answer, and the second answer alone.

    Queries without an interval run when they are scraped, so that a scrape is a whole round. Raises ``RuntimeError`` unless every query
    succeeded.
    """
    port = _free_port()
    address = {"BIGQUERY_EMULATOR_HOST": sandbox.bigquery, "GOOGLE_CLOUD_PROJECT": sandbox.project}
    command = [str(python), str(_PROGRAM), "--config", str(config), "-H", "127.0.0.1", "-p", str(port)]
    before = sandbox.used()
    begun_s = time.monotonic()
    with (
        log.open("wb") as output,
        subprocess.Popen(command, env=os.environ | address, stdout=output, stderr=output) as process,
    ):
        try:
            _await_start(process, port)
            first = _scrape(process, port, sandbox, before, begun_s, 0.0)
            second = _scrape(process, port, sandbox, sandbox.used(), time.monotonic(), cpu_s(process.pid))
        finally:
            process.terminate()
    return first, second


def _scrape(
    process: subprocess.Popen[bytes], port: int, sandbox: Sandbox, before: Usage, begun_s: float, cpu_begun_s: float
) -> Sample:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=_TIMEOUT_S) as answer:
        text = answer.read().decode()
    wall_s = time.monotonic() - begun_s
    taken = Taken(wall_s, cpu_s(process.pid) - cpu_begun_s, memory_mib(process.pid, "VmHWM"))
    found = text.count(f"\n{_METRICS[-1]}{{")
    failed = [line for line in text.splitlines() if line.startswith("queries_total") and 'status="success"' not in line]
    if found != len(sandbox.systems()) or failed:
        raise RuntimeError(f"query-exporter measured {found} systems: {failed[:3]}")
    return Sample(taken, sandbox.used() - before)


def _await_start(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.01)
        else:
            return
    raise RuntimeError("query-exporter did not start")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
