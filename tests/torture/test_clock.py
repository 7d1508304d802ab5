"""Clocks that are set, and processes that are stopped for hours: no window is lost, doubled, or taken for empty before it is over."""

from __future__ import annotations

import random
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from exporter import config, pricing
from exporter.assembly import Role
from exporter.clocks import ServiceClock
from exporter.cycle import Exporter
from exporter.errors import ExporterError
from exporter.model import CycleReport, Family, Tier
from exporter.sandbox.faults import Fault
from tests.torture.accounting import judge, watermarks
from tests.torture.clocks import WrongClock, wrong_clock
from tests.torture.fleets import NOW, START, Fleet, caught_up, fleet
from tests.torture.length import LONG, rounds, some
from tests.torture.processes import ExporterProcess, sandbox

TIERS = (Tier.CRITICAL, Tier.STANDARD)
LAG = timedelta(minutes=7)
MINUTE_S = 60


@dataclass
class Wrong:
    """A fleet, and an exporter that goes by a clock of the test's."""

    running: Fleet
    clock: WrongClock
    exporter: Exporter

    def restart(self) -> None:
        """Go on with an exporter that remembers nothing."""
        self.exporter = started(self.running)

    def cycles(self, number: int) -> list[CycleReport]:
        """Cycles a minute apart, those that could be done."""
        reports = []
        for _ in range(number):
            try:
                reports.append(self.exporter.cycle(self.clock.now()))
            except ExporterError as error:
                print("no cycle:", error)
            self.running.advance(MINUTE_S)
        return reports

    def judge(self, directory: Path) -> None:
        """With the right clock and another hour over, everything is there, once, right and up to date."""
        self.clock.offset = timedelta(0)
        self.running.advance(3600)
        self.cycles(3)
        dump = self.running.dump(directory)
        verdict = self.running.judge(dump)
        assert verdict.deviations == [], str(verdict)
        assert caught_up(self.running, self.running.marks(dump), LAG) == []


def started(running: Fleet) -> Exporter:
    """An exporter for which steady time, which nobody can set, goes as time in the sandbox does."""
    parts = running.parts()
    exporter = running.exporter(parts=parts)
    exporter.clock = ServiceClock(steady=lambda: running.now().timestamp())
    parts.clients.bigquery._http.hooks["response"].append(exporter.clock.observe)
    return exporter


@contextmanager
def wrong(tiers: tuple[Tier, ...] = TIERS) -> Iterator[Wrong]:
    with fleet(len(tiers), tiers=tiers) as running, wrong_clock(running.now) as clock:
        endpoints = replace(running.config.endpoints, clock=clock.url)
        running.config = replace(running.config, endpoints=endpoints)
        running.advance(20)
        yield Wrong(running, clock, started(running))


def hours(step: timedelta) -> str:
    """A step for the name of a test."""
    return f"{step.total_seconds() / 3600:+.3g}h"


STEPS = [
    timedelta(hours=26),
    timedelta(hours=1),
    timedelta(hours=-1),
    timedelta(minutes=4),
    timedelta(seconds=90),
    timedelta(seconds=45),
]


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("step", some(STEPS, 3), ids=hours)
def test_a_clock_that_is_set_and_set_back(tmp_path: Path, step: timedelta, restarted: bool) -> None:
    with wrong() as found:
        found.cycles(3)
        found.clock.offset = step
        if restarted:
            found.restart()
        found.cycles(12)
        found.clock.offset = timedelta(0)
        if restarted:
            found.restart()
        found.cycles(8)
        found.judge(tmp_path)


@pytest.mark.parametrize("step", some(STEPS, 3), ids=hours)
def test_a_clock_that_is_wrong_from_the_start(tmp_path: Path, step: timedelta) -> None:
    with wrong() as found:
        found.clock.offset = step
        found.cycles(12)
        found.judge(tmp_path)


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(minutes=4)], ids=hours)
def test_while_the_clock_is_wrong_the_exporter_goes_on_by_the_services_time(tmp_path: Path, step: timedelta) -> None:
    with wrong() as found:
        found.cycles(3)
        found.clock.offset = step
        found.cycles(20)
        dump = found.running.dump(tmp_path)
        marks = found.running.marks(dump)
        assert [each for each in caught_up(found.running, marks, LAG) if "spend" not in each] == []
        verdict = found.running.judge(dump, families=(Family.LANDING, Family.DELIVERY))
        assert verdict.deviations == [], str(verdict)


FAILING = [
    ("unavailable", Fault("bigquery", status="UNAVAILABLE")),
    ("garbage", Fault("bigquery", garbage=True)),
    ("now and then", Fault("bigquery", status="UNAVAILABLE", probability=0.7)),
]


@pytest.mark.parametrize(
    "step", [timedelta(minutes=4), *([timedelta(hours=1), timedelta(seconds=90)] if LONG else [])], ids=hours
)
@pytest.mark.parametrize("fault", [fault for _, fault in some(FAILING, 1)], ids=[name for name, _ in some(FAILING, 1)])
def test_a_clock_that_is_ahead_while_bigquery_fails(tmp_path: Path, step: timedelta, fault: Fault) -> None:
    """Only delivery can go on then, and nothing may be stored for windows that are not over."""
    with wrong() as found:
        found.cycles(3)
        found.clock.offset = step
        found.running.faults(fault)
        found.cycles(rounds(4, 8))
        found.running.faults()
        found.cycles(3)
        found.judge(tmp_path)


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(minutes=4), timedelta(seconds=90)], ids=hours)
def test_a_clock_that_is_ahead_while_bigquery_is_not_asked(tmp_path: Path, step: timedelta) -> None:
    """With a window of an hour, most cycles have nothing to ask BigQuery: no answer of it tells the time."""
    with wrong((Tier.STANDARD, Tier.BATCH)) as found:
        found.cycles(3)
        found.clock.offset = step
        found.cycles(40)
        found.judge(tmp_path)


def test_a_clock_that_is_ahead_while_bigquery_cannot_be_reached(tmp_path: Path) -> None:
    """Then nobody tells the time."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with wrong() as found:
        found.cycles(3)
        right = found.running.config
        nobody = replace(right.endpoints, bigquery=f"http://127.0.0.1:{port}")
        found.running.config = replace(right, endpoints=nobody)
        found.clock.offset = timedelta(minutes=4)
        found.restart()
        found.cycles(2)
        found.running.config = right
        found.restart()
        found.judge(tmp_path)


@pytest.mark.parametrize("seed", range(rounds(2, 20)))
def test_a_clock_that_is_set_again_and_again(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    with wrong() as found:
        for _ in range(12):
            found.clock.offset = timedelta(seconds=draw.choice((-3600, -300, -70, 0, 0, 30, 70, 200, 290, 310, 3600)))
            if draw.random() < 0.3:
                found.restart()
            found.cycles(draw.randint(1, 6))
        found.judge(tmp_path)


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(minutes=4)], ids=hours)
def test_a_replica_with_a_wrong_clock_does_the_other_no_harm(tmp_path: Path, step: timedelta) -> None:
    with wrong() as found:
        right = found.running.exporter(Role(replica="right"))
        found.clock.offset = step
        for _ in range(12):
            right.cycle(found.running.now())
            found.cycles(1)
        found.judge(tmp_path)


def test_a_process_that_is_stopped_for_hours_goes_on_where_it_was(tmp_path: Path) -> None:
    draw = random.Random(7)
    with sandbox(systems=3, history="30m", now=f"{NOW:%Y-%m-%dT%H:%M:%SZ}") as where:
        since = ("--since", f"{START:%Y-%m-%dT%H:%M:%SZ}")
        sleeper = ExporterProcess(where, tmp_path / "sleeper", "run", "-c", str(where.config), *since, "--json")
        assert sleeper.after_cycles(1)
        for _ in range(rounds(3, 30)):
            sleeper.note()
            where.advance(120)
            sleeper.after_calls(draw.randint(0, 20))
            sleeper.popen.send_signal(signal.SIGSTOP)
            where.advance(draw.choice((120, 1800, 7200)))
            sleeper.popen.send_signal(signal.SIGCONT)
            assert sleeper.after_cycles(1)
        for seconds in (3700, 60):
            sleeper.note()
            where.advance(seconds)
            assert sleeper.after_cycles(1)
        sleeper.popen.terminate()
        assert sleeper.wait() == 0
        now = datetime.fromisoformat(where.ask("GET", "/clock")["now"])
        systems = config.load(where.config).systems
        dump = where.dump(tmp_path / "dump")
    verdict = judge(dump, systems, START, pricing.load({}, systems=3).values)
    assert verdict.deviations == [], str(verdict)
    marks = {(system, family): end for system, family, end in watermarks(dump)}
    for system in systems:
        behind = now - marks[system.id, Family.LANDING]
        assert behind <= timedelta(seconds=system.interval_s) + LAG
