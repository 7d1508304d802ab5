"""After an outage all windows since are there, in order and within the spacing rule; what is too old to be sent is counted."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from exporter.model import Family, Tier
from exporter.sandbox.faults import Fault
from exporter.sandbox.monitoring.limits import Settings
from exporter.windows import align_up
from tests.end_to_end.recomputation import to_us
from tests.torture import stored
from tests.torture.fleets import Fleet, Waiting, caught_up, fleet
from tests.torture.length import rounds
from tests.torture.stored import series

TIERS = (Tier.CRITICAL, Tier.STANDARD, Tier.BATCH)
LAG = timedelta(minutes=7)
"""How late delivery's metrics are, and two minutes."""


def in_order(dump: Path) -> list[str]:
    """Series whose points arrived in another order than that of their times."""
    found = []
    for job, by_series in stored.read(dump).items():
        for each, points in by_series.items():
            if any(later.end_us <= earlier.end_us for earlier, later in pairwise(points)):
                found.append(f"{job} {each}")
    return found


def closest_us(dump: Path, *, by_clock: bool) -> int:
    """The shortest time between two points of a series, by their end times or by when they arrived."""
    gaps = [
        (later.received_us - earlier.received_us) if by_clock else (later.end_us - earlier.end_us)
        for by_series in stored.read(dump).values()
        for points in by_series.values()
        for earlier, later in pairwise(points)
    ]
    return min(gaps)


@pytest.mark.parametrize("restarted", [True, False])
def test_after_a_day_every_window_is_there_in_order(tmp_path: Path, restarted: bool) -> None:
    with fleet(3, tiers=TIERS) as running:
        exporter = running.exporter()
        running.cycle(exporter)
        running.advance(rounds(6, 24) * 3600 - 600)
        report = running.cycle(running.exporter() if restarted else exporter)
        assert report.windows_expired == 0
        assert report.retryable == ()
        dump = running.dump(tmp_path)
        assert caught_up(running, running.marks(dump), LAG) == []
        verdict = running.judge(dump)
        assert verdict.deviations == [], str(verdict)
        assert verdict.windows[Family.LANDING] >= rounds(6, 24) * 72
        assert in_order(dump) == []
        assert closest_us(dump, by_clock=False) >= 5_000_000


@pytest.mark.parametrize("restarted", [True, False])
def test_what_is_older_than_a_day_is_counted_once_and_everything_since_is_there(
    tmp_path: Path, restarted: bool
) -> None:
    with fleet(2, tiers=(Tier.STANDARD, Tier.BATCH)) as running:
        exporter = running.exporter()
        running.cycle(exporter)
        running.advance(3600)
        running.cycle(exporter)
        before = running.marks(running.dump(tmp_path / "before"))
        running.advance(30 * 3600)
        now = running.now()
        exporter = running.exporter() if restarted else exporter
        report = running.cycle(exporter)
        expected = 0
        for system in running.systems:
            length = timedelta(seconds=system.window_s)
            for family in (Family.LANDING, Family.DELIVERY):
                first = align_up(now - timedelta(hours=24), length) - length
                expected += (first - before[system.id, family]) // length
        assert report.windows_expired == expected
        running.advance(900)
        assert running.cycle(exporter).windows_expired == 0
        dump = running.dump(tmp_path / "after")
        assert caught_up(running, running.marks(dump), LAG) == []
        assert counted(dump, "exporter/windows_expired") == expected
        _only_expired_are_missing(running, dump, before, now)


def counted(dump: Path, metric: str) -> float:
    """Sum of a count of the exporter's own."""
    points = stored.read(dump)["exporter"]
    return sum(
        point.value
        for each, found in points.items()
        if each.metric == metric
        for point in found
        if isinstance(point.value, float)
    )


def _only_expired_are_missing(
    running: Fleet, dump: Path, before: dict[tuple[str, Family], datetime], now: datetime
) -> None:
    verdict = running.judge(dump)
    missing: dict[tuple[str, str], set[str]] = defaultdict(set)
    for each in verdict.deviations:
        assert (each.expected, each.found) == ("1 point", "0 points"), each
        missing[each.system, each.family].add(each.window.partition("/")[2])
    for system in running.systems:
        for family, outcome in ((Family.LANDING, "delivered"), (Family.DELIVERY, "published")):
            length = timedelta(seconds=system.window_s)
            first = align_up(now - timedelta(hours=24), length) - length
            gap = {
                to_us(before[system.id, family] + n * length)
                for n in range(1, (first - before[system.id, family]) // length + 1)
            }
            ends = {point.end_us for point in stored.read(dump)[system.id][series("messages", outcome=outcome)]}
            assert gap.isdisjoint(ends)
            after = {to_us(first + n * length) for n in range(1, (running.now() - LAG - first) // length)}
            assert after - ends == set()
            assert all(datetime.fromisoformat(end) <= first for end in missing[system.id, family])


@pytest.mark.parametrize("down", ["bigquery", "monitoring"])
def test_what_landing_and_delivery_tell_together_is_told_when_a_restart_lies_between_them(
    tmp_path: Path, down: str
) -> None:
    """Of the systems, the last counts its errors in attempts, which are nowhere stored by themselves."""
    method = {"bigquery": "jobs.query", "monitoring": "ListTimeSeries"}[down]
    with fleet(6, tiers=[Tier.CRITICAL] * 6) as running:
        exporter = running.exporter()
        running.advance(4500)  # All of the hour before is known: nothing asks for it again.
        for _ in range(3):
            running.cycle(exporter)
            running.advance(600)
            running.faults(Fault(down, method, status="UNAVAILABLE"))
            running.cycle(exporter)  # Only one of the two goes on.
            running.faults()
            exporter = running.exporter()
            running.advance(60)
        running.cycle(exporter)
        verdict = running.judge(running.dump(tmp_path), families=(Family.LANDING, Family.DELIVERY))
        assert verdict.deviations == [], str(verdict)


def test_where_the_spacing_rule_goes_by_the_clock_catching_up_takes_its_time_and_loses_nothing(tmp_path: Path) -> None:
    hours = rounds(1, 23)
    with fleet(2, tiers=(Tier.CRITICAL, Tier.STANDARD), monitoring=Settings(spacing="clock")) as running:
        exporter = running.exporter()
        for _ in range(5):
            running.cycle(exporter, Waiting(running, 50))
            running.advance(10)
        running.advance(hours * 3600)
        windows, cycles = 0, 0
        while cycles % 8 or caught_up(running, running.marks(running.dump(tmp_path / "now")), LAG):
            report = running.cycle(exporter, Waiting(running, 50))
            windows += report.windows
            cycles += 1
            assert report.rejected == ()
            assert cycles < hours * 12
            running.advance(60 - running.now().second)
        assert windows >= hours * 2 * 60
        assert windows > cycles * 8, "several windows of a series in a cycle, five seconds and a little apart"
        dump = running.dump(tmp_path / "then")
        verdict = running.judge(dump)
        assert verdict.deviations == [], str(verdict)
        assert in_order(dump) == []
        assert closest_us(dump, by_clock=True) >= 5_000_000
