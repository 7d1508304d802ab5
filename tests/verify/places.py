"""Where runs of tests take place: a sandbox, what is in it, and runs there, in this process or in one of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from exporter import verifying
from exporter.config.types import Endpoints
from exporter.sandbox.server import Sandbox, SandboxOptions
from exporter.verify import steps
from exporter.verify.questions import Check, Result
from exporter.verify.runner import Progress
from exporter.verify.services import services
from tests.verify.program import CHECKS

NOW = datetime(2026, 11, 4, 12, 0, tzinfo=UTC)
_TIMEOUT_S = 120.0
_POLL_S = 0.01


def standing() -> Sandbox:
    """A sandbox with one small system, whose clock stands still."""
    return Sandbox(SandboxOptions(systems=1, history_s=0, speed=0, now=NOW, live=False))


def endpoints(sandbox: Sandbox) -> Endpoints:
    found = sandbox.addresses
    return Endpoints(found.bigquery, found.pubsub, found.monitoring, f"{found.control}/clock")


def conduct(sandbox: Sandbox, **values: object) -> None:
    """Let the sandbox's services behave differently."""
    request = urllib.request.Request(
        f"{sandbox.addresses.control}/conduct", json.dumps(values).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request):
        pass


def contents(sandbox: Sandbox) -> dict[str, list[str]]:
    """Everything that the sandbox holds, by kind: what a run must leave as it was."""
    project = sandbox.addresses.project
    with services(project, endpoints(sandbox), sandbox.addresses.control) as found:
        parent = f"projects/{project}"
        kinds = found.monitoring.list_metric_descriptors(name=parent)
        return {
            "topics": [each.name for each in found.publisher.list_topics(project=parent)],
            "subscriptions": [each.name for each in found.subscriber.list_subscriptions(project=parent)],
            "datasets": [each.dataset_id for each in found.bigquery.list_datasets()],
            "metrics": [each.type for each in kinds if each.type.startswith("custom.googleapis.com/")],
            "policies": _listed(found.rest, f"v3/{parent}/alertPolicies", "alertPolicies"),
            "dashboards": _listed(found.rest, f"v1/{parent}/dashboards", "dashboards"),
        }


def _listed(rest: Any, path: str, key: str) -> list[str]:
    return [each["name"] for each in rest.call("monitoring", "GET", path).get(key, ())]


@dataclass
class Told:
    """A screen that remembers."""

    lines: list[str] = field(default_factory=list)
    shown: dict[str, Result] = field(default_factory=dict)
    answer: bool = True
    asked: int = 0

    def tell(self, text: str) -> None:
        self.lines += text.splitlines()

    def ask(self, question: str) -> bool:
        self.asked += 1
        return self.answer

    def progress(self, progress: Progress) -> None:
        pass

    def stop(self) -> None:
        pass

    def results(self, checks: Sequence[Check], results: Any, out: Path) -> None:
        self.shown = dict(results)


def options(sandbox: Sandbox, out: Path, **changes: Any) -> verifying.Options:
    """A run with the questions of ``program.py``."""
    given: dict[str, Any] = {"yes": True, "steps": steps.STEPS, "checks": CHECKS, "endpoints": endpoints(sandbox)}
    return verifying.Options(sandbox.addresses.project, out=out, **{**given, **changes})


class Run:
    """A run in a process of its own, whose output is read as it comes."""

    def __init__(self, sandbox: Sandbox, directory: Path, *arguments: str) -> None:
        self.directory = directory
        self._errors = directory / "errors.txt"
        command = [sys.executable, "-m", "tests.verify.program", "verify", "--project", sandbox.addresses.project]
        command += ["-c", sandbox.addresses.config, "--out", str(directory / "report.json"), *arguments]
        with self._errors.open("w", encoding="utf-8") as file:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=file, text=True
            )

    @property
    def said(self) -> str:
        """What it has said on standard error so far."""
        return self._errors.read_text(encoding="utf-8")

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something, or for its end."""
        give_up = time.monotonic() + _TIMEOUT_S
        while not condition() and self._process.poll() is None:
            assert time.monotonic() < give_up, self.said
            time.sleep(_POLL_S)

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def end(self) -> tuple[int, str]:
        """Its exit status and what it printed, when it has ended."""
        printed, _ = self._process.communicate(timeout=_TIMEOUT_S)
        return self._process.returncode, printed


def call_count(sandbox: Sandbox) -> int:
    """How many calls the sandbox has answered."""
    return sum(sandbox.world.engines.faults.calls().values())
