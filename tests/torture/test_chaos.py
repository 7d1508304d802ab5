"""APIs that fail in every way, in whatever order: nothing is lost, and the exporter neither hammers them, nor grows, nor floods its log."""

from __future__ import annotations

import logging
import random
import time
from datetime import timedelta
from pathlib import Path

import pytest

from exporter.cycle import Exporter
from exporter.errors import ExporterError
from exporter.model import CycleReport, Family, Tier
from exporter.sandbox.faults import Fault
from tests.torture import weather
from tests.torture.fleets import Fleet, caught_up, fleet
from tests.torture.length import rounds
from tests.torture.memory import held_bytes

CYCLES = rounds(24, 100)
TIERS = (Tier.CRITICAL, Tier.CRITICAL, Tier.STANDARD, Tier.STANDARD, Tier.STANDARD, Tier.BATCH)
LAG = timedelta(minutes=7)
RECOVERY = 40
"""Cycles after the end of the chaos: all must be caught up with fewer."""

WAITING_BYTES = 150_000
"""What may be held more at the end than in the middle beside the results of the minutes between: points that wait."""


def cycle(running: Fleet, exporter: Exporter) -> CycleReport | None:
    """A cycle, None where nothing could be done."""
    try:
        return running.cycle(exporter)
    except ExporterError:
        return None


def endure(running: Fleet, exporter: Exporter, source: random.Random | None) -> tuple[int, int]:
    """Cycles a minute apart, each in weather of its own; bytes held more at the end than in the middle, and cycles that failed."""
    middle = failed = 0
    running.advance(20)
    for number in range(CYCLES):
        if source is not None:
            running.faults(*(Fault(**fault) for fault in weather.draw(source, at_most=5)))
        failed += cycle(running, exporter) is None
        running.advance(60)
        if number == CYCLES // 2:
            middle = held_bytes(exporter)
    return held_bytes(exporter) - middle, failed


def recover(running: Fleet, exporter: Exporter, directory: Path) -> int:
    """Cycles in fair weather until all is caught up; returns how many."""
    running.faults()
    for number in range(RECOVERY):
        report = cycle(running, exporter)
        if report is not None and not report.failures and not late(running, directory):
            return number
        time.sleep(0.5)  # An API that is left alone for a while is left alone in real time.
        running.advance(60)
    raise AssertionError(f"not caught up: {late(running, directory)}")


def late(running: Fleet, directory: Path) -> list[str]:
    """What is not caught up yet."""
    return caught_up(running, running.marks(running.dump(directory)), LAG)


@pytest.fixture(scope="module")
def quiet() -> tuple[int, int]:
    """Calls of the same cycles, and bytes that come to be held, when nothing fails."""
    with fleet(6, tiers=TIERS) as running:
        exporter = running.exporter()
        growth_bytes, _ = endure(running, exporter, None)
        return running.calls(), growth_bytes


@pytest.mark.parametrize("seed", range(rounds(1, 3)))
def test_nothing_is_lost_and_nothing_is_flooded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, quiet: tuple[int, int], seed: int
) -> None:
    with caplog.at_level(logging.INFO), fleet(6, tiers=TIERS) as running:
        exporter = running.exporter()
        growth_bytes, failed = endure(running, exporter, random.Random(seed))
        calls = running.calls()
        recover(running, exporter, tmp_path / "now")
        dump = running.dump(tmp_path / "then")
        verdict = running.judge(dump)
    assert verdict.deviations == [], str(verdict)
    assert verdict.windows[Family.LANDING] >= CYCLES
    quiet_calls, quiet_growth_bytes = quiet
    assert calls <= 2 * quiet_calls
    assert growth_bytes <= quiet_growth_bytes + WAITING_BYTES
    own = [record for record in caplog.records if record.name.startswith("exporter") and ".sandbox" not in record.name]
    assert len(own) <= 3 * CYCLES, [record.getMessage()[:120] for record in own]
    assert failed < CYCLES
