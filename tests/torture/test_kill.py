"""An exporter that is killed again and again, at whatever moment, while the APIs fail, has stored every window exactly once in the end."""

from __future__ import annotations

import random
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from exporter import config, pricing
from exporter.model import Family
from exporter.windows import align_down
from tests.torture import weather
from tests.torture.accounting import judge, watermarks
from tests.torture.length import rounds
from tests.torture.processes import ExporterProcess, SandboxProcess, sandbox

SYSTEMS = 8
START = datetime(2026, 11, 24, 12, tzinfo=UTC)
NOW = "2026-11-24T12:30:00Z"
SINCE = ("--since", "2026-11-24T12:00:00Z")
CALLS = 40
"""More than a cycle that catches up a few minutes makes."""


class Torturer:
    """Runs and kills one exporter process after the other."""

    def __init__(self, where: SandboxProcess, directory: Path, seed: int) -> None:
        self._where = where
        self._directory = directory
        self._random = random.Random(seed)
        self.killed = 0
        self.amid = 0

    def round(self, number: int) -> None:
        """One life of a daemon: born into bad weather, killed at whatever moment."""
        draw = self._random
        self._where.faults(*weather.draw(draw))
        victim = ExporterProcess(
            self._where, self._directory / str(number), "run", "-c", str(self._where.config), *SINCE, "--json"
        )
        if draw.random() < 0.3:  # it lives through a cycle, and dies in a later one
            victim.after_cycles(1)
            victim.note()
            self._where.advance(draw.choice((75.0, 300.0, 900.0)))
        calls = draw.randint(0, CALLS)
        self.amid += victim.after_calls(calls) and calls > 0
        self.killed += victim.popen.poll() is None
        victim.kill()
        self._where.advance(draw.choice((0.0, 5.0, 60.0, 240.0, 900.0)))

    def recover(self) -> None:
        """Fair weather, and time enough for everything: cycles until nothing is left to do."""
        self._where.faults()
        self._where.advance(4 * 3600 - 300)
        for number in range(4):
            last = ExporterProcess(
                self._where, self._directory / f"last{number}", "once", "-c", str(self._where.config), *SINCE
            )
            assert last.wait() == 0, last.err.read_text()
            self._where.advance(120)


def test_every_window_is_stored_exactly_once_however_often_the_exporter_is_killed(tmp_path: Path) -> None:
    total = rounds(12, 200)
    with sandbox(systems=SYSTEMS, history="30m", now=NOW) as where:
        torturer = Torturer(where, tmp_path / "lives", seed=5)
        for number in range(total):
            torturer.round(number)
        torturer.recover()
        now = datetime.fromisoformat(where.ask("GET", "/clock")["now"])
        loaded = config.load(where.config)
        dump = where.dump(tmp_path / "dump")
    assert torturer.killed >= total * 0.9, "they were killed, and did not end by themselves"
    assert torturer.amid >= total // 3, "they were killed in the middle of cycles"
    marks = {(system, family): end for system, family, end in watermarks(dump)}
    for system in loaded.systems:
        for family in (Family.LANDING, Family.DELIVERY, Family.SPEND):
            reached = align_down(now - timedelta(minutes=10), timedelta(hours=1))
            assert marks[system.id, family] >= reached, f"{system.id} has caught up"
    verdict = judge(dump, loaded.systems, START, pricing.load({}, systems=SYSTEMS).values)
    assert verdict.deviations == [], str(verdict)
    assert verdict.windows[Family.LANDING] >= 4 * 60


@pytest.mark.parametrize("calls", [0, 3, 12])
def test_an_exporter_that_is_told_to_stop_ends_well_and_loses_nothing(tmp_path: Path, calls: int) -> None:
    """Whether it is told before, amid or after a cycle, and though BigQuery takes its time."""
    with sandbox(systems=3, history="30m", now=NOW) as where:
        where.faults({"api": "bigquery", "method": "jobs.query", "delay_ms": 3000})
        stopped = ExporterProcess(where, tmp_path / "stopped", "run", "-c", str(where.config), *SINCE, "--json")
        stopped.after_calls(calls)
        stopped.popen.terminate()
        stopped.popen.wait(timeout=20)
        assert stopped.popen.returncode in (0, -signal.SIGTERM if calls == 0 else 0), stopped.err.read_text()
        where.faults()
        where.advance(3900)
        again = ExporterProcess(where, tmp_path / "again", "once", "-c", str(where.config), *SINCE)
        assert again.wait() == 0, again.err.read_text()
        systems = config.load(where.config).systems
        dump = where.dump(tmp_path / "dump")
    verdict = judge(dump, systems, START, pricing.load({}, systems=3).values)
    assert verdict.deviations == [], str(verdict)
