"""In each scenario exactly those incidents open that should, for the right systems, within the time that docs/alerts.md promises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.alerts import outages, settings, stories
from tests.alerts.promises import promised_s
from tests.alerts.running import Incident, incidents
from tests.alerts.scenarios import Expected, Scenario
from tests.torture.length import LONG

SCENARIOS = {**stories.BOOK.made, **settings.BOOK.made, **outages.BOOK.made}
ALIKE = (
    "fifty_batch_systems_stop_and_recover",
    "the_exporter_of_standard_systems_ends",
    "a_shard_of_critical_systems_ends",
    "a_shard_of_standard_systems_ends",
    "one_late_message_in_an_hourly_window",
    "six_tables_cannot_be_read_beside_a_backlog_of_all_day",
    "six_systems_lose_every_message_beside_dead_letters_of_all_day",
)
"""Scenarios that differ from others in a tier or a kind only: `make torture` plays them, too."""


def unexpected(opened: Sequence[Incident], expected: Sequence[Expected]) -> list[str]:
    """In which way incidents differ from what is expected: too few, too many, or of something else."""
    numbers = Counter((incident.kind, incident.job) for incident in opened)
    wanted = {(each.kind, job): each.times for each in expected for job in each.jobs}
    return [
        f"{kind} of {job or 'the fleet'}: {numbers[kind, job]}, not {wanted.get((kind, job), (0, 0))}"
        for kind, job in sorted(numbers.keys() | wanted.keys())
        if not wanted.get((kind, job), (0, 0))[0] <= numbers[kind, job] <= wanted.get((kind, job), (0, 0))[1]
    ]


def belated(opened: Sequence[Incident], scenario: Scenario) -> list[str]:
    """Incidents that open before the failure, or later than is promised.

    With steps between evaluations the first that finds something, and the one at which it has lasted, are each late by a step at most.
    """
    slack_s = 2 * (scenario.watch.step_s - 60)
    tiers = {pipeline.system.id: pipeline.system.tier for pipeline in scenario.pipelines}
    found = []
    for each in scenario.expected:
        for incident in opened if each.what else ():
            if incident.kind != each.kind or incident.job not in each.jobs:
                continue
            tier = tiers.get(incident.job, scenario.pipelines[0].system.tier)
            took_s = incident.opened_s - each.since_s
            if not 0 <= took_s <= promised_s()[each.what, each.kind][tier] + slack_s:
                found.append(f"{incident.kind} of {incident.job}: after {took_s} s")
    return found


@pytest.mark.parametrize("name", [name for name in SCENARIOS if LONG or name not in ALIKE])
def test_exactly_the_right_incidents_open(name: str, tmp_path: Path) -> None:
    scenario = SCENARIOS[name]()
    opened = incidents(scenario.pipelines, scenario.watch, tmp_path)
    assert unexpected(opened, scenario.expected) == [], opened
    assert belated(opened, scenario) == []
    for each in scenario.expected:
        for incident in opened:
            if incident.kind == each.kind and each.ends is not None:
                assert (incident.closed_s is not None) == each.ends, incident
    assert {incident.owner for incident in opened} <= {scenario.owner, ""}


def test_there_are_enough_scenarios() -> None:
    assert len(SCENARIOS) == sum(len(each.BOOK.made) for each in (stories, settings, outages)) >= 30
