"""The commands as a user runs them: in a process of their own, judged by output and exit status."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from exporter.sandbox.faults import Fault
from tests.end_to_end.conftest import Run, running


def command(*words: str, columns: int = 80, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": str(columns), "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, "-m", "exporter", *words],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        env=environment,
    )


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with running(5, history_s=3600) as started:
        yield started


@pytest.fixture(scope="module")
def first(run: Run) -> dict[str, Any]:
    done = command("once", "-c", run.sandbox.addresses.config, "--since", "1h", "--json")
    assert done.returncode == 0, done.stderr
    parsed: dict[str, Any] = json.loads(done.stdout)
    return parsed


SYSTEM_KEYS = {
    *("id", "tier", "health", "collected", "windows", "messages", "latency_s", "on_time_ratio", "error_ratio"),
    *("error_basis", "loss_ratio", "unaccounted_messages", "cost_per_message_usd", "ingest_cost_per_message_usd"),
    *("data_age_s", "backlog_messages", "backlog_age_s", "problem"),
}


def test_json_has_exactly_the_promised_form(first: dict[str, Any]) -> None:
    assert set(first) == {"window_end", "systems", "cycle"}
    assert first["window_end"] == "2026-11-24T12:29:00Z"
    for system in first["systems"]:
        assert set(system) == SYSTEM_KEYS
        assert set(system["windows"]) == {"landing", "delivery", "spend"}
        assert set(system["messages"]) == {"published", "delivered", "duplicate", "dead_lettered", "rejected"}
        assert set(system["latency_s"]) == {"p50", "p95", "p99"}
    cycle = first["cycle"]
    assert set(cycle["calls"]) == {"bigquery", "monitoring_read", "monitoring_write", "pubsub"}
    assert set(cycle["points"]) == {"written", "already_written", "rejected"}
    assert cycle["failures"] == cycle["rejected"] == []
    assert cycle["points"]["written"] > 500


def test_once_again_finds_nothing_due_and_says_the_same(run: Run, first: dict[str, Any]) -> None:
    again = json.loads(command("once", "-c", run.sandbox.addresses.config, "--json").stdout)
    assert again["cycle"]["windows"] == 0
    assert [each["collected"] for each in again["systems"]] == [False] * 5
    for before, after in zip(first["systems"], again["systems"], strict=True):
        assert after["windows"] == before["windows"]
        assert after["messages"] == before["messages"]


@pytest.mark.parametrize("columns", [80, 140])
def test_tables_fit_the_terminal(run: Run, first: dict[str, Any], columns: int) -> None:
    for words in (["once"], ["check"], ["report", "--from", "30m"]):
        done = command(words[0], "-c", run.sandbox.addresses.config, *words[1:], columns=columns)
        assert done.returncode == 0, done.stderr
        assert max(len(line.rstrip()) for line in done.stdout.splitlines()) <= columns
        assert "…" not in done.stdout
        for system in first["systems"]:
            assert system["id"] in done.stdout


def test_report_agrees_in_every_form(run: Run, first: dict[str, Any], tmp_path: Path) -> None:
    config = run.sandbox.addresses.config
    base = ["report", "-c", config, "--from", "2026-11-24T11:00:00Z", "--to", "2026-11-24T12:00:00Z"]
    as_json = json.loads(command(*base, "--json").stdout)["rows"]
    as_csv = list(csv.DictReader(io.StringIO(command(*base, "--csv").stdout)))
    assert command(*base, "--parquet", str(tmp_path / "r.parquet")).returncode == 0
    as_parquet = parquet.read_table(tmp_path / "r.parquet").to_pylist()
    assert as_parquet == as_json
    assert len(as_csv) == len(as_json) > 60
    assert [int(row["delivered"]) for row in as_csv] == [row["delivered"] for row in as_json]
    assert {row["system"] for row in as_json} == {each["id"] for each in first["systems"]}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["once", "-c", "nowhere.yaml"], "nowhere.yaml: no such file"),
        (["once", "-c", "CONFIG", "--since", "soon"], "'soon' is no time"),
        (["report", "-c", "CONFIG", "--from", "1h", "--to", "2h"], "must lie before"),
        (["report", "-c", "CONFIG", "--from", "1h", "--to", "2036-01-01"], "up to where the sources are complete"),
        (["sandbox", "--scenario", "doom"], "no scenario 'doom'"),
        (["sandbox", "--latency", "bigtable=3ms"], "'bigtable' is no API"),
        (["demo", "--history", "yesterday"], "'yesterday' is no duration"),
        (["demo", "--systems", "0"], "greater than or equal to 1"),
        (["frobnicate"], "No such command"),
    ],
)
def test_mistakes_get_one_clear_message_and_status_two(run: Run, words: list[str], says: str) -> None:
    done = command(*(run.sandbox.addresses.config if word == "CONFIG" else word for word in words))
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unreachable_sandbox_is_named_not_a_traceback(run: Run, tmp_path: Path) -> None:
    text = Path(run.sandbox.addresses.config).read_text(encoding="utf-8")
    broken = tmp_path / "systems.yaml"
    broken.write_text(text.replace(run.sandbox.addresses.control, "http://127.0.0.1:9"), encoding="utf-8")
    done = command("once", "-c", str(broken))
    assert done.returncode == 1
    assert "no time from http://127.0.0.1:9/clock" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demo_measures_a_fleet_and_dumps_what_happened(tmp_path: Path) -> None:
    done = command("demo", "--once", "--json", "--systems", "3", "--dump", str(tmp_path / "d"))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert [each["health"] for each in found["systems"]] == ["healthy"] * 3
    assert all(each["cost_per_message_usd"] is not None for each in found["systems"])
    names = {path.name for path in (tmp_path / "d").iterdir()}
    assert names == {"tables", "pubsub.jsonl", "storage.jsonl", "jobs.jsonl", "timeseries.jsonl", "prices.json"}
    assert len(list((tmp_path / "d" / "tables").iterdir())) == 3


def test_a_demo_that_cannot_start_says_why() -> None:
    done = command("demo", "--once", "--systems", "2", "--scenario", "latency-spike")
    assert done.returncode == 2
    assert "needs at least 3 systems" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_credentials_it_says_how_to_get_some(tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "systems.example.yaml"
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "NO_GCE_CHECK": "true"}
    for words in (["once"], ["check"], ["report", "--from", "1h"]):
        done = subprocess.run(
            [sys.executable, "-m", "exporter", *words, "-c", str(example)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=environment,
        )
        assert done.returncode == 1
        assert "gcloud auth application-default login" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_full_disk_is_named(run: Run) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "exporter", "once", "-c", run.sandbox.addresses.config, "--json"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "standard output cannot be written: No space left on device\n"


def test_a_refused_reading_of_watermarks_names_what_to_do(run: Run) -> None:
    faults = run.sandbox.world.engines.faults
    faults.add(Fault("monitoring", "ListTimeSeries", status="PERMISSION_DENIED"))
    try:
        done = command("once", "-c", run.sandbox.addresses.config)
    finally:
        faults.clear()
    assert done.returncode == 1
    assert "series of flights-sandbox could not be read back" in done.stderr
    assert "grant roles/monitoring.viewer" in done.stderr


def test_a_terminated_demo_takes_its_sandbox_along() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "exporter", "demo", "--systems", "1", "--history", "0s", "--json"],
        stdout=subprocess.PIPE,
        text=True,
    ) as demo:
        assert demo.stdout is not None
        demo.stdout.readline()
        children = Path(f"/proc/{demo.pid}/task/{demo.pid}/children").read_text(encoding="ascii").split()
        assert children
        demo.terminate()
        assert demo.wait(timeout=60) == 143
    assert not any(Path(f"/proc/{child}").exists() for child in children)
