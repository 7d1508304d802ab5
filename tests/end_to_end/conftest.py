from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from exporter import assembly, config, document
from exporter.assembly import Parts
from exporter.cycle import Exporter
from exporter.model import CycleReport
from exporter.sandbox.dump import write_dump
from exporter.sandbox.server import Sandbox, SandboxOptions

NOON = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)


@dataclass
class Run:
    """A sandbox whose clock stands still, and an exporter that measures it over the wire."""

    sandbox: Sandbox
    parts: Parts
    history: timedelta

    def exporter(self) -> Exporter:
        """An exporter that has just been started."""
        return assembly.exporter(self.parts, history=self.history + timedelta(minutes=10))

    def cycle(self, exporter: Exporter | None = None) -> CycleReport:
        """One cycle at the sandbox's time."""
        return (exporter or self.exporter()).cycle(self.parts.clients.now())

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.sandbox.world.engines.clock.advance(seconds)

    def dump(self, directory: Path) -> Path:
        """Write what happened into a directory."""
        write_dump(self.sandbox.world, directory)
        return directory


@contextmanager
def running(
    systems: int = 6,
    *,
    scenario: str | None = None,
    history_s: float = 3600,
    now: datetime = NOON,
    seed: int = 1,
    live: bool = False,
) -> Iterator[Run]:
    """Build, serve and stop a sandbox."""
    options = SandboxOptions(
        systems=systems, history_s=history_s, scenario=scenario, seed=seed, now=now, speed=0, live=live
    )
    with Sandbox(options) as sandbox:
        loaded = config.load(Path(sandbox.addresses.config))
        with assembly.parts(loaded) as parts:
            yield Run(sandbox, parts, timedelta(seconds=history_s))


def lines(path: Path) -> list[dict[str, Any]]:
    """Records of a JSON lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def by_id(report: CycleReport) -> dict[str, dict[str, Any]]:
    """Systems of a report in their JSON form, by id."""
    return {each["id"]: each for each in document.cycle(report)["systems"]}


@pytest.fixture
def start() -> Callable[..., Any]:
    """Start sandboxes with options of the test's own."""
    return running
