"""``exporter check`` against a sandbox: what each system was found to be, and what its monitoring costs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest

from exporter import checking, document, pricing
from exporter.checking import Assessment, Finding, Level
from exporter.observer.estimate import Terms, estimate
from exporter.observer.facts import Facts
from tests.builders import system
from tests.end_to_end.conftest import NOON, Run, running


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with running(3, scenario="odd-systems", history_s=2 * 3600) as started:
        yield started


@pytest.fixture(scope="module")
def assessed(run: Run) -> dict[str, Assessment]:
    return {each.system.id: each for each in checking.assess(run.parts, NOON)}


def check(run: Run, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "exporter", "check", "-c", run.sandbox.addresses.config, *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "COLUMNS": "80", "NO_COLOR": "1"},
    )


def test_the_level_is_that_of_the_worst_finding() -> None:
    def level(*found: Level) -> Level:
        return Assessment(system(), tuple(Finding(each, "") for each in found), None, None, Facts()).level

    assert level() is level(Level.OK) is level(Level.NOTE, Level.OK) is Level.OK
    assert level(Level.NOTE, Level.PARTLY, Level.OK) is Level.PARTLY
    assert level(Level.PARTLY, Level.NOT) is Level.NOT


def test_rows_of_others_are_a_note_and_no_fault(assessed: dict[str, Assessment]) -> None:
    found = assessed["odd-loaded-rows"]
    notes = [finding.what for finding in found.findings if finding.level is Level.NOTE]
    assert any("500 rows of the last day do not count" in note for note in notes)
    assert found.level is Level.OK


def test_busy_and_idle_tables_are_told_apart(assessed: dict[str, Assessment]) -> None:
    busy, idle = assessed["jfk-lax"].facts, assessed["odd-empty"].facts
    assert busy.busy > Fraction(9, 10)
    assert busy.queried > 0
    assert busy.bytes_per_s > 0
    assert idle.busy == idle.queried == 0
    assert idle.reads_per_day == 0


def test_where_the_timeline_says_nothing_a_system_is_taken_to_be_busy(
    run: Run, assessed: dict[str, Assessment]
) -> None:
    unreadable = assessed["odd-unreadable"]
    assert unreadable.bytes_per_month is None
    assert unreadable.facts.bytes_per_s == 0


def test_an_idle_system_costs_less_than_a_busy_one(run: Run, assessed: dict[str, Assessment]) -> None:
    prices = pricing.load({}, systems=1)
    facts = {name: each.facts for name, each in assessed.items()}
    found = estimate(run.parts.config.systems, Terms(prices), facts)
    standard = next(
        each for each in run.parts.config.systems if each.interval_s == 900 and not each.id.startswith("odd-")
    )
    assert found.by_owner["odd-empty"].total < found.by_owner[standard.id].total / 3
    assert found.bill.total < estimate(run.parts.config.systems, Terms(prices)).bill.total


def test_it_prints_only_what_there_is_to_do(run: Run, assessed: dict[str, Assessment]) -> None:
    done = check(run)
    assert done.returncode == 1, done.stderr
    assert "rows of the last day do not count" in " ".join(done.stdout.split())
    assert "latency, messages and duplicates can be measured" not in done.stdout
    whole = [name for name, each in assessed.items() if each.level is Level.OK]
    text = " ".join(done.stdout.split())
    assert f"{len(whole)} of {len(assessed)} systems can be measured wholly" in text
    for name in assessed:
        assert name in text
    assert "The monitoring costs about $" in text


def test_machines_are_told_everything(run: Run, assessed: dict[str, Assessment]) -> None:
    found: dict[str, Any] = json.loads(check(run, "--json").stdout)
    assert {each["id"] for each in found["systems"]} == set(assessed)
    assert found["systems"] == document.assessments(list(assessed.values()))["systems"]
    assert found["mistakes"] == []
    levels = {finding["level"] for each in found["systems"] for finding in each["findings"]}
    assert levels == {"ok", "note", "partly", "not"}
    assert {each["id"] for each in found["cost"]["systems"]} == set(assessed)
    facts = {name: each.facts for name, each in assessed.items()}
    prices = run.parts.prices
    expected = estimate(run.parts.config.systems, Terms(prices), facts).bill
    assert found["cost"]["monthly_usd"] == pytest.approx(float(expected.total), rel=0.02)
    assert found["cost"]["plan"] is None
