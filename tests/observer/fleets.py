"""A fleet of equal systems in a sandbox, and the exporter that measures it minute by minute."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from exporter import assembly, config
from exporter.assembly import Parts
from exporter.cycle import Exporter
from exporter.model import System
from exporter.observer.usage import Amount
from exporter.sandbox.server import Sandbox, SandboxOptions
from tests.sandbox.running import advance, ask

BEGIN = datetime(2026, 11, 24, 12, 6, 20, tzinfo=UTC)
"""A moment at which everything up to 12:00 is collected: whole hours from here on hold whole collections."""


@dataclass
class Account:
    """What the sandbox says of some time: bytes that it billed, points that it stored, by metric too; series are what its answers held."""

    bytes_billed: int
    series_read: Amount
    points_stored: int
    points: Counter[str]


@dataclass
class Fleet:
    """A sandbox whose clock stands still, and an exporter that has done its first cycle."""

    sandbox: Sandbox
    parts: Parts
    exporter: Exporter

    @property
    def systems(self) -> tuple[System, ...]:
        """The measured systems."""
        return self.parts.config.systems

    def run(self, hours: int, directory: Path) -> Account:
        """Let hours pass with a cycle a minute, and ask the sandbox for its account of them."""
        before = self._stats()
        begun, read = self.parts.clients.now(), self.exporter.meter.used.series_read
        for _ in range(hours * 12):
            advance(self.sandbox, 300)
            report = self.exporter.cycle(self.parts.clients.now())
            assert not report.failures
            assert not report.rejected
            assert not report.retryable
        after = self._stats()
        return Account(
            after["bytes_billed"] - before["bytes_billed"],
            self.exporter.meter.used.series_read - read,
            after["points_stored"] - before["points_stored"],
            self._points_since(begun, directory),
        )

    def _stats(self) -> dict[str, int]:
        status, stats = ask(self.sandbox, "GET", "/stats")
        assert status == 200
        return dict(stats)

    def _points_since(self, begun: datetime, directory: Path) -> Counter[str]:
        status, _ = ask(self.sandbox, "POST", f"/dump?dir={directory}")
        assert status == 200
        prefix = self.parts.config.exporter.metric_prefix + "/"
        found: Counter[str] = Counter()
        with (directory / "timeseries.jsonl").open(encoding="utf-8") as lines:
            for line in lines:
                series = json.loads(line)
                if datetime.fromisoformat(series["receivedAt"]) > begun:
                    found[series["metric"]["type"].removeprefix(prefix)] += len(series["points"])
        return found


@contextmanager
def fleet(systems: int, *, tier: str = "standard") -> Iterator[Fleet]:
    """Serve a fleet whose systems are all of one tier, and collect what is there."""
    options = SandboxOptions(systems=systems, history_s=2 * 3600, seed=1, now=BEGIN, speed=0, live=False)
    with Sandbox(options) as sandbox:
        text = Path(sandbox.addresses.config).read_text(encoding="utf-8")
        loaded = config.parse(re.sub(r"tier: \w+", f"tier: {tier}", text), "systems.yaml")
        with assembly.parts(loaded) as parts:
            exporter = assembly.exporter(parts)
            exporter.cycle(parts.clients.now())
            yield Fleet(sandbox, parts, exporter)
