"""A day of cycles holds no more memory at its end than at its beginning, and loses nothing."""

from __future__ import annotations

import statistics
from datetime import timedelta
from pathlib import Path

import pytest

from exporter import config, pricing
from exporter.model import Family, Tier
from tests.torture.accounting import judge
from tests.torture.fleets import NOW, START, caught_up, fleet
from tests.torture.length import LONG, rounds
from tests.torture.memory import held_bytes
from tests.torture.processes import ExporterProcess, sandbox

MINUTES = rounds(90, 1440)
FILLED_HOURS = 25
"""So long the past is that is remembered: after it, whatever comes in has to replace what goes out."""

GROWTH = 0.01
"""Share of what is held after the first hour that may be held more at the end."""


def test_a_day_of_cycles_holds_the_memory_of_an_hour(tmp_path: Path) -> None:
    with fleet(1, tiers=[Tier.CRITICAL]) as running:
        exporter = running.exporter()
        running.cycle(exporter)
        for _ in range(2):
            running.advance(FILLED_HOURS / 2 * 3600)
            running.cycle(exporter)
        sizes = []
        for minute in range(MINUTES):
            running.advance(60)
            running.cycle(exporter)
            if minute % 5 == 0:
                sizes.append(held_bytes(exporter))
        dump = running.dump(tmp_path)
        assert caught_up(running, running.marks(dump), timedelta(minutes=7)) == []
        verdict = running.judge(dump)
    assert verdict.deviations == [], str(verdict)
    third = len(sizes) // 3
    before, after = (statistics.median(part) for part in (sizes[:third], sizes[-third:]))
    assert after <= before * (1 + GROWTH), f"{before:.0f} bytes at first, {after:.0f} in the end"


def resident_kib(pid: int) -> int:
    """Memory of a process that lies in RAM."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


@pytest.mark.skipif(not LONG, reason="a process for a day takes a quarter of an hour: make torture")
def test_the_process_does_not_grow_within_a_day(tmp_path: Path) -> None:
    with sandbox(systems=10, history="30m", now=f"{NOW:%Y-%m-%dT%H:%M:%SZ}") as where:
        since = ("--since", f"{START:%Y-%m-%dT%H:%M:%SZ}")
        daemon = ExporterProcess(where, tmp_path / "daemon", "run", "-c", str(where.config), *since, "--json")
        assert daemon.after_cycles(1)
        for _ in range(2):
            daemon.note()
            where.advance(FILLED_HOURS / 2 * 3600)
            assert daemon.after_cycles(1)
        sizes = []
        for _ in range(1440):
            daemon.note()
            where.advance(60)
            assert daemon.after_cycles(1)
            sizes.append(resident_kib(daemon.popen.pid))
        daemon.popen.terminate()
        assert daemon.wait() == 0
        systems = config.load(where.config).systems
        dump = where.dump(tmp_path / "dump")
    verdict = judge(dump, systems, START, pricing.load({}, systems=10).values)
    assert verdict.deviations == [], str(verdict)
    assert verdict.windows[Family.LANDING] >= 1440
    before, after = (statistics.median(part) for part in (sizes[60:180], sizes[-120:]))
    assert after <= before * (1 + GROWTH), f"{before:.0f} KiB at first, {after:.0f} KiB in the end"
