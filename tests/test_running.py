"""The daemon as a process: it starts at once, answers, shares the work, and ends when it is told to."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from exporter.sandbox.faults import Fault
from tests.end_to_end.conftest import Run, running

WAIT_S = 60.0


class Process:
    """A running `exporter`: its cycles as JSON, and what it logs."""

    def __init__(self, config: str, *arguments: str) -> None:
        command = [sys.executable, "-m", "exporter", *arguments, "--json", "-c", config]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.logged: list[str] = []
        self._address = threading.Event()
        threading.Thread(target=self._read_log, daemon=True).start()

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.logged.append(line)
            if "serving at" in line:
                self._address.set()

    def cycle(self) -> dict[str, Any]:
        """Wait for a cycle."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.logged
        found: dict[str, Any] = json.loads(line)
        return found

    @property
    def address(self) -> str:
        assert self._address.wait(WAIT_S), self.logged
        found = re.search(r"http://127\.0\.0\.1:\d+", "".join(self.logged))
        assert found is not None
        return found[0]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Signal it, and return its exit status."""
        self.process.send_signal(number)
        return self.process.wait(WAIT_S)


@contextmanager
def started(run: Run, *arguments: str) -> Iterator[Process]:
    process = Process(run.sandbox.addresses.config, *arguments)
    try:
        yield process
    finally:
        if process.process.poll() is None:
            process.process.kill()
        process.process.wait()
        for stream in (process.process.stdout, process.process.stderr):
            assert stream is not None
            stream.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_starts_at_once_answers_and_stops(number: int) -> None:
    with running(3, history_s=600) as run, started(run, "run") as process:
        first = process.cycle()
        assert len(first["systems"]) == 3
        assert first["cycle"]["points"]["written"] > 0
        for path in ("/healthz", "/readyz"):
            with urllib.request.urlopen(process.address + path, timeout=WAIT_S) as answer:
                assert json.load(answer) == {"status": "ok"}
        run.advance(60)
        assert process.cycle()["cycle"]["windows"] > 0
        assert process.stop(number) == 0


def test_a_cycle_that_hangs_does_not_keep_it_from_stopping() -> None:
    with running(2, history_s=600) as run, started(run, "run") as process:
        process.cycle()
        run.sandbox.world.engines.faults.add(Fault("bigquery", delay_ms=60_000, count=4))
        run.advance(900)
        while ("bigquery", "jobs.query", "OK") not in run.sandbox.world.engines.faults.calls():
            pass
        assert process.stop() == 0


def test_cycles_on_request_do_what_is_due() -> None:
    with running(2, history_s=600) as run, started(run, "serve") as process:
        request = urllib.request.Request(f"{process.address}/cycle", method="POST")
        with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
            found = json.load(answer)
        assert found["cycle"]["windows"] > 0
        assert process.cycle() == found
        assert process.stop() == 0


def test_an_address_that_is_taken_is_one_clear_message() -> None:
    with running(1, history_s=0) as run, started(run, "serve") as first:
        taken = first.address.removeprefix("http://")
        with started(run, "serve", "--listen", taken) as second:
            assert second.process.wait(WAIT_S) == 1
        assert any(f"cannot listen on {taken}" in line for line in second.logged)
        assert not any("Traceback" in line for line in second.logged)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["run", "--shard", "3/2"], "--shard"),
        (["run", "--replica", "a b"], "--replica"),
        (["run", "--listen", "here"], "--listen"),
        (["run", "--listen", "0.0.0.0:0"], "exporter.auth"),
        (["run", "--since", "yesterday"], "yesterday"),
    ],
)
def test_bad_usage_is_one_clear_message(arguments: list[str], named: str, tmp_path: Path) -> None:
    with running(1, history_s=0) as run, started(run, *arguments) as process:
        assert process.process.wait(WAIT_S) == 2
    assert named in "".join(process.logged)
    assert "Traceback" not in "".join(process.logged)
