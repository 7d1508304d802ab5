"""Exporters that live for one cycle each, as with cron, where what was written can be read only later: nothing is lost or doubled."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest

from exporter.errors import ExporterError
from exporter.model import Tier
from exporter.sandbox.faults import Fault
from exporter.sandbox.monitoring.limits import Settings
from tests.torture import weather
from tests.torture.fleets import Fleet, caught_up, fleet
from tests.torture.length import LONG, rounds

TIERS = (Tier.CRITICAL, Tier.STANDARD, *[Tier.CRITICAL] * 4)
"""The last of the six systems counts its errors in attempts."""

LAG = timedelta(minutes=9)


PARTIAL = Fault("monitoring", "CreateTimeSeries", status="UNAVAILABLE", series=2, probability=0.7)
"""Most requests lose two series: one window of a system is not whole while the next one could be."""


def bad_weather(source: random.Random) -> list[Fault]:
    """Some faults, that of single series always among them."""
    return [*(Fault(**fault) for fault in weather.draw(source)), PARTIAL]


def once(running: Fleet) -> None:
    """One cycle of an exporter that remembers nothing; whether it can be done or not."""
    try:
        running.cycle(running.exporter())
    except ExporterError as error:
        print("no cycle:", error)


@pytest.mark.parametrize("read_delay_s", [0, 150, *([45] if LONG else [])])
@pytest.mark.parametrize("bad", [True, *([False] if LONG else [])], ids=lambda bad: "bad" if bad else "fair")
def test_every_cycle_by_an_exporter_of_its_own(tmp_path: Path, read_delay_s: float, bad: bool) -> None:
    draw = random.Random(f"{read_delay_s} {bad}")
    with fleet(6, tiers=TIERS, monitoring=Settings(read_delay_s=read_delay_s)) as running:
        running.advance(4500)
        for _ in range(rounds(8, 120)):
            running.faults(*bad_weather(draw) if bad else ())
            once(running)
            running.advance(draw.choice((60, 60, 60, 300)))
        running.faults()
        for _ in range(4):
            running.advance(200)
            once(running)
        dump = running.dump(tmp_path)
        assert caught_up(running, running.marks(dump), LAG) == []
        verdict = running.judge(dump)
        assert verdict.deviations == [], str(verdict)
