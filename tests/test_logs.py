"""What is logged: fields that Cloud Logging knows, no secrets, and few lines whatever fails."""

from __future__ import annotations

import io
import json
import logging
import warnings
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
from exporter.redaction import redacted
from tests.builders import T0

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
log = logging.getLogger("exporter.test")


class Steady:
    """Seconds that move only when they are told to."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """The process's logging as it was."""
    root, own = logging.getLogger(), logging.getLogger("exporter")
    before = (list(root.handlers), root.level, own.level)
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    own.setLevel(before[2])


def entries(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_has_the_fields_that_cloud_logging_takes_out() -> None:
    stream = io.StringIO()
    configure(stream, as_json=True)
    log.error("%s failed\nbadly", "everything", extra={"labels": {"system": "a"}, "fields": {"times": 3}})
    (entry,) = entries(stream)
    assert entry["severity"] == "ERROR"
    assert entry["message"] == "everything failed\nbadly"
    assert entry["logging.googleapis.com/labels"] == {"system": "a"}
    assert entry["times"] == 3
    assert entry["time"].endswith("Z")
    assert datetime.fromisoformat(entry["time"]).tzinfo is not None


def test_a_stack_is_a_field_of_its_line() -> None:
    stream = io.StringIO()
    configure(stream, as_json=True)
    try:
        int("token=abcdefghijkl")
    except ValueError:
        log.exception("it broke")
    (entry,) = entries(stream)
    assert entry["message"] == "it broke"
    assert entry["stack_trace"].startswith("Traceback")
    assert "abcdefghijkl" not in stream.getvalue()


def test_a_terminal_gets_one_short_line_that_cannot_move_its_cursor() -> None:
    stream = io.StringIO()
    configure(stream, as_json=False)
    log.warning("two\n  lines \x1b[2J")
    log.info("plain")
    first, second = stream.getvalue().splitlines()
    assert first[8:] == "Z warning: two lines ?[2J"
    assert second[8:] == "Z plain"


def test_warnings_of_python_and_of_libraries_go_the_same_way_and_their_chatter_does_not() -> None:
    stream = io.StringIO()
    configure(stream, as_json=True)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        # Inside, for catching warnings undoes what captures them.
        logging.captureWarnings(capture=False)
        configure(stream, as_json=True)
        warnings.warn("old ways", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(capture=False)
    logging.getLogger("urllib3.connectionpool").warning("pool is full")
    logging.getLogger("urllib3.connectionpool").info("starting a connection")
    log.debug("details")
    assert [(entry["logger"], entry["severity"]) for entry in entries(stream)] == [
        ("py.warnings", "WARNING"),
        ("urllib3.connectionpool", "WARNING"),
    ]


def test_configured_twice_each_line_is_written_once() -> None:
    first, second = io.StringIO(), io.StringIO()
    configure(first, as_json=True)
    configure(second, as_json=True)
    log.info("once")
    assert (len(entries(first)), len(entries(second))) == (0, 1)


def test_a_warning_that_repeats_is_written_once_an_hour_with_how_often() -> None:
    stream, steady = io.StringIO(), Steady()
    configure(stream, as_json=True, steady=steady)
    noisy = logging.getLogger("library")
    for minute in range(121):
        steady.seconds = 60.0 * minute
        noisy.warning("pool %d is full", minute)
        noisy.warning("something else") if minute == 5 else None
    assert [entry["message"] for entry in entries(stream)] == [
        "pool 0 is full",
        "something else",
        "pool 60 is full (and 59 times more before)",
        "pool 120 is full (and 59 times more before)",
    ]


def test_warnings_of_which_no_two_are_alike_do_not_fill_the_memory() -> None:
    stream = io.StringIO()
    configure(stream, as_json=True)
    for number in range(3000):
        logging.getLogger("library").warning(f"number {number}")  # noqa: G004 - as careless libraries do
    (handler,) = [each for each in logging.getLogger().handlers if each.filters]
    (repeats,) = handler.filters
    assert len(entries(stream)) == 3000
    assert len(repeats._seen) <= 1000  # type: ignore[union-attr]


SECRETS = [
    ("Authorization: Bearer ya29.a0AfB_byC", "ya29.a0AfB_byC"),
    ("{'authorization': 'Basic dXNlcjpwYXNzd29yZA=='}", "dXNlcjpwYXNzd29yZA=="),
    ("headers={'Authorization': 'opaque-token-1'}", "opaque-token-1"),
    ("got bearer abcdefghijklmnop from", "abcdefghijklmnop"),
    ("https://h/x?access_token=SECRET1&alt=json", "SECRET1"),
    ("https://h/x?alt=json&key=AIzaSyA-1", "AIzaSyA-1"),
    ("https://h/x?X-Goog-Signature=00ff", "00ff"),
    ("https://user:hunter2@example.com/", "hunter2"),
    ('{"refresh_token": "1//0gAbC", "client_secret": "shh"}', "1//0gAbC"),
    ('{"client_secret": "shh-1"}', "shh-1"),
    ("jwt eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln end", "eyJpc3MiOiJ4In0"),
    ("-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----", "MIIEvQ"),
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_secrets_are_hidden(text: str, secret: str) -> None:
    assert secret in text
    assert secret not in redacted(text)
    assert "[hidden]" in redacted(text)


@pytest.mark.parametrize(
    "text",
    [
        "Not found: Table acme-data:raw.departures was not found in location US",
        "Access Denied: Permission bigquery.tables.getData denied on table acme-data:raw.departures",
        "bad label key: quantile=0.5; primary key, token bucket, basic tier; https://cloud.google.com/bigquery/docs?hl=en",
        "projects/acme-data/subscriptions/departures-bq at 12:03:20Z",
        "the authorization of roles/monitoring.viewer",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redacted(text) == text


# The failure log.


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


def test_refused_points_are_summed_up_by_metric_and_code() -> None:
    listening = Listening()
    refused = tuple(
        Refusal(Point("latency", f"s{number}", T0, 1.0), "INVALID_ARGUMENT", "no such label") for number in range(40)
    )
    held = (Refusal(Point("messages", "s1", T0, 1.0), "circuitOpen", "asked again later"),)
    first = listening.report(cycle(T0, rejected=refused, retryable=held))
    assert sorted(line["message"] for line in first) == [
        "held points messages circuitOpen began: 1 points, as one of s1: asked again later",
        "rejected points latency INVALID_ARGUMENT began: 40 points, as one of s39: no such label",
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
