"""The local Google Cloud that all candidates are measured against: a process of its own, whose clock only the bench moves."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from tests.bench.usage import Usage, of_stats

NOW = "2026-11-24T12:05:20Z"
"""A little after the delay of Pub/Sub's metrics past a full hour: every fourth quarter of an hour from here on, all families are due."""

HALF_PAST = "2026-11-24T12:35:20Z"
"""Two quarters before all families are due."""

QUARTER_S = 900
QUARTERS = 4

LATENCY = "bigquery=300ms,monitoring=30ms"
SLOW_LATENCY = "bigquery=3s,monitoring=30ms"

_TIMEOUT_S = 1200


class Sandbox:
    """Questions to a running sandbox; ``config`` is its file, with systems that are all of the tier ``standard``."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self.bigquery = addresses["bigquery"]
        self.monitoring = addresses["monitoring"]
        self.project = addresses["project"]
        self.config = Path(addresses["config"])
        self.control = addresses["control"]
        self._make_standard()

    def _make_standard(self) -> None:
        content = yaml.safe_load(self.config.read_text(encoding="utf-8"))
        for system in content["systems"]:
            system["tier"] = "standard"
        self.config.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")

    def systems(self) -> list[dict[str, Any]]:
        """The systems as the file has them."""
        found: list[dict[str, Any]] = yaml.safe_load(self.config.read_text(encoding="utf-8"))["systems"]
        return found

    def other_prefix(self, prefix: str, window: str | None = None) -> Path:
        """A copy of the file for an exporter that writes, and so keeps its watermarks, elsewhere; all systems may have another window."""
        content = yaml.safe_load(self.config.read_text(encoding="utf-8"))
        for system in content["systems"] if window is not None else ():
            system["window"] = window
        content.setdefault("exporter", {})["metric_prefix"] = f"custom.googleapis.com/{prefix}"
        path = self.config.with_name(f"{prefix}.yaml")
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return path

    def advance(self, seconds: float) -> None:
        """Let virtual time pass."""
        self._ask("POST", "/clock", {"advance_s": seconds})

    def now(self) -> datetime:
        """The virtual time."""
        return datetime.fromisoformat(self._ask("GET", "/clock")["now"])

    def used(self) -> Usage:
        """Everything that was used of the services so far."""
        return of_stats(self._ask("GET", "/stats"))

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.control + path, data=data, method=method)
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
            return json.load(answer)


@contextmanager
def sandbox(systems: int, history: str, *, latency: str | None = LATENCY, now: str = NOW) -> Iterator[Sandbox]:
    """Start a sandbox, and end it by its process id."""
    command = [sys.executable, "-m", "exporter", "sandbox", "--json", "--speed", "0", "--now", now]
    command += ["--systems", str(systems), "--history", history]
    if latency is not None:
        command += ["--latency", latency]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the sandbox did not start: {' '.join(command)}")
        yield Sandbox(json.loads(line))
    finally:
        process.terminate()
        process.wait()
