"""What fails is logged when it begins, while it lasts and when it is over, and never often."""

from __future__ import annotations

import io
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.logs import FailureLog, configure
from exporter.model import CycleReport, Failure, Point, Refusal, SystemSummary, Tier, Window
from tests.builders import T0
from tests.test_logs import entries, kept

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture(autouse=True)
def _kept() -> Iterator[None]:
    with kept():
        yield


def cycle(at: datetime, *failures: Failure, systems: Sequence[SystemSummary] = (), **more: Any) -> CycleReport:
    empty = CycleReport(at, tuple(systems), 1.25, 0.2, 4, 0, {}, 8, 0, (), (), (), 0)
    return replace(empty, failures=failures, **more)


def summary(name: str, end: datetime, family: str = "landing") -> SystemSummary:
    windows: dict[str, Any] = {family: Window(end - MINUTE, end)}
    return replace(SystemSummary(name, Tier.CRITICAL, "healthy", collected=True), **windows)


def gone(system: str | None, source: str = "landing", reason: str = "notFound") -> Failure:
    return Failure(source, system, reason, "it is gone", "make it anew")


class Listening:
    """A failure log, and what it wrote beside the line of each cycle."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        configure(self.stream, as_json=True)
        self._log = FailureLog(logging.getLogger("exporter.cycle"))

    def report(self, report: CycleReport) -> list[dict[str, Any]]:
        """Lines about failures that one report gave."""
        self.stream.seek(0)
        self.stream.truncate()
        self._log.report(report)
        own, *others = entries(self.stream)
        assert own["cycle"]["at"] == report.at.isoformat().replace("+00:00", "Z")
        return others


def states(lines: Sequence[dict[str, Any]]) -> list[str]:
    return [line["logging.googleapis.com/labels"]["state"] for line in lines]


def test_a_cycle_is_one_line() -> None:
    listening = Listening()
    assert listening.report(cycle(T0)) == []
    (line,) = entries(listening.stream)
    assert line["severity"] == "INFO"
    assert line["message"] == "cycle 2026-11-02T12:00:00Z: 1.2 s, 4 windows, 8 points, 0 failures"
    assert line["cycle"]["points"] == 8


def test_a_failure_is_logged_when_it_begins_hourly_while_it_lasts_and_when_it_is_over() -> None:
    listening = Listening()
    (begun,) = listening.report(cycle(T0, gone("a"), systems=[summary("a", T0)]))
    assert begun["severity"] == "ERROR"
    assert begun["message"] == "landing a notFound began: it is gone; make it anew"
    assert begun["logging.googleapis.com/labels"] == {
        "state": "began",
        "source": "landing",
        "reason": "notFound",
        "system": "a",
    }
    for minute in range(1, 60):
        assert listening.report(cycle(T0 + minute * MINUTE, gone("a"), systems=[summary("a", T0)])) == []
    (lasting,) = listening.report(cycle(T0 + HOUR, gone("a"), systems=[summary("a", T0)]))
    assert (
        lasting["message"] == "landing a notFound lasts (since 2026-11-02 12:00Z, 61 times): it is gone; make it anew"
    )
    assert lasting["times"] == 61
    (over,) = listening.report(cycle(T0 + 61 * MINUTE, systems=[summary("a", T0 + HOUR)]))
    assert over["severity"] == "INFO"
    assert over["message"] == "landing a notFound is over (since 2026-11-02 12:00Z, 61 times)"
    assert listening.report(cycle(T0 + 62 * MINUTE, systems=[summary("a", T0 + HOUR)])) == []


def test_a_failure_is_not_over_because_nothing_was_asked() -> None:
    """Of a system with an interval of 15 minutes 14 cycles of 15 say nothing."""
    listening = Listening()
    lines = []
    for minute in range(56):
        failures = [gone("a")] if minute % 15 == 0 else []
        lines += listening.report(cycle(T0 + minute * MINUTE, *failures, systems=[summary("a", T0)]))
    assert states(lines) == ["began"]


def test_rows_that_are_counted_all_the_same_do_not_end_a_failure() -> None:
    """A table that may not be read moves on by its row counts, and goes on failing."""
    listening = Listening()
    lines = []
    for minute in range(30):
        at = T0 + minute * MINUTE
        lines += listening.report(cycle(at, gone("a"), systems=[summary("a", at)]))
    assert states(lines) == ["began"]


def test_another_project_that_answers_does_not_end_a_failure() -> None:
    listening = Listening()
    calls = {("pubsub", "ListSubscriptions", "OK"): 1, ("pubsub", "ListSubscriptions", "PERMISSION_DENIED"): 1}
    lines = [
        line
        for minute in range(30)
        for line in listening.report(cycle(T0 + minute * MINUTE, gone(None, "pubsub"), calls=calls))
    ]
    assert states(lines) == ["began"]


@pytest.mark.parametrize(
    ("failure", "proof"),
    [
        (gone(None, "monitoring"), {"systems": [summary("b", T0 + MINUTE, "delivery")]}),
        (gone("b", "monitoring"), {"systems": [summary("b", T0 + MINUTE, "delivery")]}),
        (gone(None, "jobs"), {"systems": [summary("b", T0 + MINUTE, "spend")]}),
        (gone(None, "pubsub"), {"calls": {("pubsub", "ListSubscriptions", "OK"): 1}}),
    ],
)
def test_what_proves_that_a_failure_is_over(failure: Failure, proof: dict[str, Any]) -> None:
    listening = Listening()
    before = [summary("b", T0, family) for family in ("delivery", "spend")][:1]
    assert states(listening.report(cycle(T0, failure, systems=before))) == ["began"]
    assert listening.report(cycle(T0 + MINUTE, systems=before)) == []
    assert states(listening.report(cycle(T0 + 2 * MINUTE, **proof))) == ["is over"]


def test_what_is_heard_of_no_more_is_over_after_two_hours() -> None:
    listening = Listening()
    listening.report(cycle(T0, gone(None, "elsewhere")))
    lines = [line for minute in range(1, 200) for line in listening.report(cycle(T0 + minute * MINUTE))]
    assert [line["message"] for line in lines] == ["elsewhere notFound is over (since 2026-11-02 12:00Z, 1 times)"]


def test_many_at_a_time_are_one_line() -> None:
    listening = Listening()
    failures = [gone(f"s{number}") for number in range(30)]
    failures += [gone(f"t{number}", reason="timeout") for number in range(20)]
    (line,) = listening.report(cycle(T0, *failures))
    assert line["message"] == "50 failures: began: landing notFound 30, landing timeout 20"
    assert line["severity"] == "ERROR"
    assert len(listening.report(cycle(T0, *(gone(f"u{number}") for number in range(20))))) == 20


def test_refused_points_are_summed_up_by_code() -> None:
    listening = Listening()
    refused = tuple(
        Refusal(Point("latency", f"s{number}", T0, 1.0), "INVALID_ARGUMENT", "no such label") for number in range(40)
    )
    held = (Refusal(Point("messages", "s1", T0, 1.0), "circuitOpen", "asked again later"),)
    first = listening.report(cycle(T0, rejected=refused, retryable=held))
    assert sorted(line["message"] for line in first) == [
        "held points circuitOpen began: 1 points of 1 metrics are sent again, such as messages of s1: asked again later",
        "rejected points INVALID_ARGUMENT began: 40 points of 1 metrics are not stored, such as latency of s39: no such label",
    ]
    (over,) = listening.report(cycle(T0 + MINUTE, rejected=refused))
    assert over["logging.googleapis.com/labels"]["source"] == "held points"
    (lasting,) = listening.report(cycle(T0 + HOUR, rejected=refused))
    assert lasting["times"] == 120


def test_fifty_broken_systems_for_a_day_are_few_lines() -> None:
    listening = Listening()
    failures = [gone(f"s{number}", reason=("timeout", "notFound")[number % 2]) for number in range(50)]
    lines = [line for minute in range(1440) for line in listening.report(cycle(T0 + minute * MINUTE, *failures))]
    assert len(lines) == 24


NAMES = [f"s{number}" for number in range(30)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sets(st.sampled_from(NAMES)), st.integers(1, 40), st.booleans()), max_size=80))
def test_whatever_fails_is_said_at_once_and_never_often(course: list[tuple[set[str], int, bool]]) -> None:
    """However failures come and go: each is told when it first is there, and takes two lines an hour at most."""
    listening = Listening()
    at, told = T0, Counter[str]()
    first: dict[str, datetime] = {}
    for broken, minutes, moved in course:
        at += minutes * MINUTE
        ends = {name: at if moved and name not in broken else T0 for name in NAMES}
        failures = [gone(name) for name in sorted(broken)]
        lines = listening.report(cycle(at, *failures, systems=[summary(name, end) for name, end in ends.items()]))
        said = Counter(line["logging.googleapis.com/labels"].get("system", "many") for line in lines)
        assert len(lines) <= 60
        for name in broken - first.keys():
            first[name] = at
            assert said[name] == 1 or said["many"]
        told += said
    for name, since in first.items():
        hours = (at - since) // HOUR + 1
        assert told[name] <= 2 * hours


def test_windows_that_are_lost_are_a_warning() -> None:
    listening = Listening()
    found = listening.report(replace(cycle(T0), windows_expired=7))
    assert [line["severity"] for line in found] == ["WARNING"]
    assert found[0]["message"].startswith("7 windows are lost")
