"""Real processes: a sandbox whose clock stands still until it is moved, and exporters that are killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TIMEOUT_S = 120.0
_POLL_S = 0.01

FAILED = b"the cycle could not be done"
"""What the daemon's log says of a cycle that failed as a whole."""


class SandboxProcess:
    """A sandbox in a process of its own, and questions to its control plane."""

    def __init__(self, popen: subprocess.Popen[str], addresses: Mapping[str, str]) -> None:
        self.popen = popen
        self.config = Path(addresses["config"])
        self._control = addresses["control"]

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """JSON of a request to the control plane."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._control + path, data=data, method=method)
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return json.load(answer)

    def advance(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.ask("POST", "/clock", {"advance_s": seconds})

    def faults(self, *faults: Mapping[str, Any]) -> None:
        """Put these faults in force, and no others."""
        self.ask("DELETE", "/faults")
        for fault in faults:
            self.ask("POST", "/faults", fault)

    def calls(self) -> int:
        """How many calls were answered so far, by whatever API."""
        calls = self.ask("GET", "/stats")["calls"]
        return sum(count for methods in calls.values() for codes in methods.values() for count in codes.values())

    def dump(self, directory: Path) -> Path:
        """Write what happened into a directory."""
        self.ask("POST", f"/dump?dir={directory}")
        return directory


@contextmanager
def sandbox(*, systems: int, history: str, now: str, seed: int = 1) -> Iterator[SandboxProcess]:
    """Start a sandbox, and end it."""
    options = {"systems": str(systems), "history": history, "now": now, "seed": str(seed), "speed": "0"}
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    popen = subprocess.Popen(
        [sys.executable, "-m", "exporter", "sandbox", "--json", *arguments], stdout=subprocess.PIPE, text=True
    )
    try:
        assert popen.stdout is not None
        yield SandboxProcess(popen, json.loads(popen.stdout.readline()))
    finally:
        popen.terminate()
        popen.communicate(timeout=TIMEOUT_S)


class ExporterProcess:
    """An exporter in a process of its own; what it says goes to files, with ``--json`` a line for each cycle."""

    def __init__(self, where: SandboxProcess, directory: Path, *arguments: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._where = where
        self.out, self.err = directory / "out", directory / "err"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.popen = subprocess.Popen([sys.executable, "-m", "exporter", *arguments], stdout=out, stderr=err)
        self._calls, self._cycles = where.calls(), 0

    def wait(self) -> int:
        """Wait for its end, and return its exit status."""
        return self.popen.wait(TIMEOUT_S)

    def kill(self) -> None:
        """End it at once, wherever it is."""
        self.popen.send_signal(signal.SIGKILL)
        self.popen.wait(TIMEOUT_S)

    def cycles(self) -> int:
        """How many cycles it has finished, those that failed as a whole included."""
        return self.out.read_bytes().count(b"\n") + self.err.read_bytes().count(FAILED)

    def note(self) -> None:
        """Note how far it is: what comes after is counted from here, and not from its start."""
        self._calls, self._cycles = self._where.calls(), self.cycles()

    def after_cycles(self, more: int) -> bool:
        """Wait until it has finished so many more cycles; says whether it has."""
        return self._await(lambda: self.cycles() >= self._cycles + more, lambda: False)

    def after_calls(self, more: int) -> bool:
        """Wait until the sandbox has answered so many more calls; says whether it has before a cycle was finished."""
        return self._await(lambda: self._where.calls() >= self._calls + more, lambda: self.cycles() > self._cycles)

    def _await(self, holds: Callable[[], bool], in_vain: Callable[[], bool]) -> bool:
        deadline_s = time.monotonic() + TIMEOUT_S
        while self.popen.poll() is None and time.monotonic() < deadline_s:
            if holds():
                return True
            if in_vain():
                return False
            time.sleep(_POLL_S)
        return False
