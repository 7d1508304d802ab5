"""One system that hangs, one without its table and one without permission cost the other 47 nothing, and say what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

import pytest

from exporter.model import CycleReport, Family, System, Tier
from exporter.plan import LANDING_SETTLE
from exporter.sandbox.iam import EXPORTER
from exporter.windows import align_down
from tests.end_to_end.recomputation import parse_us, to_us
from tests.torture.fleets import Fleet, fleet

SYSTEMS = 50
CYCLES = 20
DELIVERY_DELAY = timedelta(seconds=300)
TIMEOUT_S = 2.0
"""Instead of the usual quarter of a minute, once it is known which system hangs: its query is really waited for."""

HUNG, DELETED, DENIED = 11, 22, 33


@dataclass
class Ordeal:
    """What happened in twenty cycles with three broken systems."""

    running: Fleet
    cycles: list[datetime] = field(default_factory=list)
    reports: list[CycleReport] = field(default_factory=list)

    def broken(self, place: int) -> System:
        return self.running.systems[place]

    def sound(self) -> list[System]:
        broken = {self.broken(place).id for place in (HUNG, DELETED, DENIED)}
        return [system for system in self.running.systems if system.id not in broken]

    def problems(self, place: int) -> list[str]:
        """What was said of a broken system, cycle by cycle."""
        told = [{each.id: each.problem for each in report.systems} for report in self.reports]
        return [problems[self.broken(place).id] or "" for problems in told]

    @cached_property
    def arrivals(self) -> dict[tuple[str, str, int], int]:
        """When a count of messages arrived, by outcome, system and end of the window, in microseconds."""
        found = {}
        for line in self.running.sandbox.world.engines.monitoring.accepted():
            if line["metric"]["type"].endswith("pipeline/messages"):
                end_us = parse_us(line["points"][0]["interval"]["endTime"])
                key = (line["metric"]["labels"]["outcome"], line["resource"]["labels"]["job"], end_us)
                found[key] = parse_us(line["receivedAt"])
        return found


@pytest.fixture(scope="module")
def ordeal() -> Iterator[Ordeal]:
    with fleet(SYSTEMS, tiers=[Tier.CRITICAL] * SYSTEMS) as running:
        parts = running.parts()
        exporter = running.exporter(parts=parts)
        running.advance(20)
        running.cycle(exporter)
        ordeal = Ordeal(running)
        engines = running.sandbox.world.engines
        engines.bigquery.hang(ordeal.broken(HUNG).table)
        engines.bigquery.delete_table(ordeal.broken(DELETED).table)
        engines.iam.revoke(EXPORTER, "bigquery.tables.getData", str(ordeal.broken(DENIED).table))
        for _ in range(CYCLES):
            running.advance(60)
            ordeal.cycles.append(running.now())
            ordeal.reports.append(running.cycle(exporter))
            parts.collector.runner.timeout_s = TIMEOUT_S
        yield ordeal


@pytest.mark.parametrize(
    ("family", "outcome", "settle"),
    [(Family.LANDING, "delivered", LANDING_SETTLE), (Family.DELIVERY, "published", DELIVERY_DELAY)],
)
def test_the_others_are_on_time_in_every_cycle(ordeal: Ordeal, family: Family, outcome: str, settle: timedelta) -> None:
    late = []
    for now in ordeal.cycles:
        for system in ordeal.sound():
            end = align_down(now - settle, timedelta(minutes=1))
            if ordeal.arrivals.get((outcome, system.id, to_us(end))) != to_us(now):
                late.append(f"{family} of {system.id} at {now:%H:%M:%S}")
    assert late == []


def test_nobody_else_is_said_to_have_a_problem_with_being_measured(ordeal: Ordeal) -> None:
    broken = {ordeal.broken(place).id for place in (HUNG, DELETED, DENIED)}
    for report in ordeal.reports:
        assert {failure.system for failure in report.failures} - {None} <= broken
        assert {refusal.point.job for refusal in (*report.rejected, *report.retryable)} <= broken


@pytest.mark.parametrize(
    ("place", "words"),
    [(HUNG, "no answer|timed out"), (DELETED, "Not found"), (DENIED, "getData|[Aa]ccess [Dd]enied|permission")],
)
def test_the_three_say_why(ordeal: Ordeal, place: int, words: str) -> None:
    said = ordeal.problems(place)
    assert [bool(re.search(words, each)) for each in said] == [True] * CYCLES, said


def test_what_can_be_known_of_the_broken_ones_is_stored_too(ordeal: Ordeal) -> None:
    """What Pub/Sub says does not depend on their tables; and rows of a table that may not be read can be counted."""
    last = ordeal.cycles[-1]
    for place in (HUNG, DELETED, DENIED):
        end = align_down(last - DELIVERY_DELAY, timedelta(minutes=1))
        assert ("published", ordeal.broken(place).id, to_us(end)) in ordeal.arrivals
    counted = [
        end
        for outcome, system, end in ordeal.arrivals
        if (outcome, system) == ("delivered", ordeal.broken(DENIED).id) and end > to_us(ordeal.cycles[0])
    ]
    assert len(counted) >= 5


def test_the_broken_ones_are_asked_ever_more_seldom(ordeal: Ordeal) -> None:
    jobs = ordeal.running.sandbox.world.engines.bigquery.jobs()
    own = [
        job for job in jobs if job["labels"].get("app") == "exporter" and job["created_us"] > to_us(ordeal.cycles[0])
    ]
    asked = [job for job in own if str(ordeal.broken(HUNG).table) in job["referenced_tables"]]
    assert 2 <= len(asked) <= 6
