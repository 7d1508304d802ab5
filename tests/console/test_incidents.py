"""Incidents: what belongs together, what health's transitions are, and both read over the wire."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import config
from exporter.config import Config
from exporter.console import incidents_health
from exporter.console.incidents import Incidents
from exporter.console.incidents_grouping import MARGIN, group
from exporter.console.incidents_health import Stretch, promise, stretches
from exporter.console.incidents_model import Cause, Group, Incident
from exporter.console.series.execution import Reader
from exporter.console.series.model import Answer, Question, Range
from exporter.errors import Permanent, Transient
from exporter.model import System, TableRef
from exporter.sandbox.faults import Fault
from tests.builders import T0, system
from tests.end_to_end.conftest import running
from tests.sandbox.monitoring.cloud import NOW, PROJECT, TASK, Cloud, series

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def made(place: int, location: str = "us-central1", dataset: str = "raw", interval_s: int = 900) -> System:
    table = TableRef("acme-data", dataset, f"table_{place}")
    return system(id=f"s{place}", location=location, table=table, interval_s=interval_s)


def incident(place: int | None, minutes: float, lasts: float | None = 10, what: str = "failing") -> Incident:
    start = T0 + timedelta(minutes=minutes)
    end = None if lasts is None else start + timedelta(minutes=lasts)
    return Incident(None if place is None else f"s{place}", what, "critical", start, end)


def members(groups: Sequence[Group]) -> list[set[str | None]]:
    return [{each.system for each in found.incidents} for found in groups]


# Grouping

SYSTEMS = {
    each.id: each
    for each in (
        *(made(place, interval_s=60 if place % 3 == 0 else 900) for place in range(6)),
        *(made(place, dataset="other") for place in range(6, 8)),
        *(made(place, location="europe-west1", interval_s=3600) for place in range(8, 10)),
    )
}
INCIDENTS = st.lists(
    st.builds(
        incident,
        st.one_of(st.none(), st.integers(0, 11)),
        st.integers(0, 300),
        st.one_of(st.none(), st.integers(1, 90)),
        st.sampled_from(["failing", "degraded"]),
    ),
    max_size=25,
)


@given(INCIDENTS)
def test_every_incident_is_in_exactly_one_group(found: list[Incident]) -> None:
    groups = group(found, SYSTEMS)
    assert Counter(each for one in groups for each in one.incidents) == Counter(found)
    assert len({one.id for one in groups}) == len(groups)


@given(INCIDENTS, st.randoms())
def test_the_order_of_the_incidents_is_irrelevant(found: list[Incident], shuffle: random.Random) -> None:
    shuffled = list(found)
    shuffle.shuffle(shuffled)
    assert group(shuffled, SYSTEMS) == group(found, SYSTEMS)


@given(INCIDENTS)
def test_what_is_together_is_of_one_place_and_began_together(found: list[Incident]) -> None:
    for one in group(found, SYSTEMS):
        own = [SYSTEMS.get(each.system or "") for each in one.incidents]
        assert one.start == min(each.start for each in one.incidents)
        assert (one.end is None) == any(each.end is None for each in one.incidents)
        if one.end is not None:
            assert one.end == max(each.end for each in one.incidents if each.end is not None)
        assert one.systems == len({each.system for each in one.incidents} - {None})
        if None in own:
            assert len({(each.system, each.start) for each in one.incidents}) == 1
            assert one.cause == Cause()
        else:
            places = {(each.project, each.location) for each in own if each is not None}
            assert places == {(one.cause.project, one.cause.location)}
            longest_s = max(each.interval_s for each in own if each is not None)
            assert max(each.start for each in one.incidents) - one.start <= timedelta(seconds=longest_s) + MARGIN


@given(INCIDENTS)
def test_open_ones_come_first_and_then_the_newest(found: list[Incident]) -> None:
    order = [(one.end is None, one.start) for one in group(found, SYSTEMS)]
    assert order == sorted(order, reverse=True)


def test_systems_of_different_tiers_see_one_cause_up_to_an_interval_apart() -> None:
    outage = [incident(0, 0), incident(1, 14), incident(2, 19), incident(3, 1)]
    later = [incident(4, 21), incident(5, 30)]
    assert members(group([*later, *outage], SYSTEMS)) == [{"s4", "s5"}, {"s0", "s1", "s2", "s3"}]


def test_a_critical_system_is_not_held_to_what_began_long_before() -> None:
    """It looks every minute: what it sees now was not there a quarter of an hour ago."""
    assert members(group([incident(1, 0), incident(3, 15)], SYSTEMS)) == [{"s3"}, {"s1"}]
    assert members(group([incident(1, 0), incident(2, 15)], SYSTEMS)) == [{"s1", "s2"}]


def test_titles_and_causes() -> None:
    one_dataset = group([incident(place, 0) for place in range(6)], SYSTEMS)
    assert (one_dataset[0].title, one_dataset[0].cause) == (
        "6 systems in us-central1, dataset raw",
        Cause("acme-data", "us-central1", "raw"),
    )
    two_datasets = group([incident(5, 0), incident(6, 0)], SYSTEMS)
    assert (two_datasets[0].title, two_datasets[0].cause.dataset) == ("2 systems in us-central1", None)
    abroad = group([incident(0, 0), incident(8, 0)], SYSTEMS)
    assert sorted(each.title for each in abroad) == ["s0: failing", "s8: failing"]
    twice = group([incident(0, 0), incident(0, 1, what="degraded")], SYSTEMS)
    assert (twice[0].title, twice[0].systems) == ("s0: 2 incidents", 1)
    (fleet,) = group([incident(None, 0, what="5 systems or more are failing at once")], SYSTEMS)
    assert (fleet.title, fleet.systems) == ("the whole fleet: 5 systems or more are failing at once", 0)


def test_a_group_keeps_its_id_when_more_systems_join() -> None:
    (small,), (large,) = group([incident(0, 0)], SYSTEMS), group([incident(0, 0), incident(1, 3)], SYSTEMS)
    assert small.id == large.id


# Transitions of health

POINTS = st.lists(
    st.tuples(st.integers(0, 500), st.sampled_from(["healthy", "degraded", "failing"])), unique_by=lambda each: each[0]
).map(lambda found: [(T0 + each[0] * MINUTE, each[1]) for each in sorted(found)])


@given(POINTS, st.integers(1, 120))
def test_at_any_minute_the_stretch_is_the_last_point_or_unknown(
    points: list[tuple[datetime, str]], patience: int
) -> None:
    longest, end = patience * MINUTE, T0 + 600 * MINUTE
    found = stretches(points, longest, end)
    assert all(one.start < other.start and one.state != other.state for one, other in pairwise(found))
    for minute in range(600):
        now = T0 + minute * MINUTE + MINUTE / 2
        known = [state for at, state in points if at <= now]
        newest = max((at for at, _ in points if at <= now), default=None)
        expected = None if newest is None else "unknown" if now - newest > longest else known[-1]
        shown = [each.state for each in found if each.start <= now]
        assert (shown[-1] if shown else None) == expected


def test_a_gap_begins_when_the_promise_is_broken() -> None:
    own = made(1)
    assert promise(own) == timedelta(seconds=3 * 900 + 360)
    found = stretches([(T0, "healthy"), (T0 + 3 * HOUR, "healthy")], promise(own), T0 + 3 * HOUR)
    assert found == [
        Stretch(T0, "healthy"),
        Stretch(T0 + promise(own), "unknown"),
        Stretch(T0 + 3 * HOUR, "healthy"),
    ]


# Over the wire


def fleet(**settings: Any) -> Config:
    """Three standard systems in one dataset and one of another location."""
    entry = {"project": "acme-data", "location": "us-central1"}
    names: dict[str, dict[str, str]] = {
        "departures": {},
        "arrivals": {},
        "gates": {},
        "abroad": {"location": "europe-west1"},
    }
    document = {
        "fleet": "flights",
        "exporter": {"monitoring_project": PROJECT, "fleet_incident_systems": 2, **settings},
        "systems": [
            {**entry, "id": name, "topic": name, "subscription": f"{name}-bq", "table": f"raw.{name}", **more}
            for name, more in names.items()
        ],
    }
    return config.parse(json.dumps(document), "systems.yaml")


FLEET = fleet()
SPAN = Range(NOW - 3 * HOUR, NOW)


def write(cloud: Cloud, job: str, minutes: Sequence[int], values: Sequence[float]) -> None:
    """Health of a system, or the number of failing ones, so many minutes before the present."""
    of_fleet = job == "fleet"
    metric = f"custom.googleapis.com/pipeline/{'fleet/systems' if of_fleet else 'health'}"
    for minute, value in zip(minutes, values, strict=True):
        labels = {"health": "failing"} if of_fleet else {}
        cloud.write(
            series(
                float(value),
                NOW - minute * MINUTE,
                metric=metric,
                labels=labels,
                resource=("generic_task", {**TASK, "job": job}),
            )
        )


def read(cloud: Cloud, fleet: Config = FLEET, span: Range = SPAN) -> Any:
    reader = Reader(cloud.client, PROJECT)
    try:
        return Incidents(fleet, reader).read(span)
    finally:
        reader.close()


def test_transitions_become_incidents_and_one_group() -> None:
    minutes = [170, 155, 140, 125, 110, 95, 80, 65, 50, 35, 20, 5]
    with Cloud() as cloud:
        write(cloud, "departures", minutes, [2, 2, 1, 0, 0, 2, 2, 2, 2, 2, 2, 2])
        write(cloud, "arrivals", minutes, [2, 2, 2, 0, 0, 0, 2, 2, 2, 2, 2, 2])
        write(cloud, "gates", minutes, [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1])
        write(cloud, "abroad", minutes[:4], [2, 2, 2, 2])
        write(cloud, "fleet", minutes, [0, 0, 0, 2, 2, 1, 0, 0, 0, 0, 0, 0])
        found = read(cloud)
    assert (found.source, found.problem) == ("health", None)
    assert "no alerting here" in found.note
    ago = {each: NOW - each * MINUTE for each in range(181)}
    rows = [
        (each.system, each.what, each.severity, each.start, each.end) for one in found.groups for each in one.incidents
    ]
    assert rows == [
        ("gates", "degraded", "warning", ago[5], None),
        ("abroad", "unknown", "unknown", ago[125] + promise(FLEET.systems[3]), None),
        (None, "2 systems or more are failing at once", "critical", ago[125], ago[95]),
        ("departures", "degraded, then failing", "critical", ago[140], ago[95]),
        ("arrivals", "failing", "critical", ago[125], ago[80]),
    ]
    assert [one.title for one in found.groups] == [
        "gates: degraded",
        "abroad: unknown",
        "the whole fleet: 2 systems or more are failing at once",
        "2 systems in us-central1, dataset raw",
    ]


def test_what_was_over_before_the_range_is_left_out_and_what_was_open_is_not() -> None:
    with Cloud() as cloud:
        write(cloud, "departures", [100, 85, 70, 55, 40, 25, 10], [0, 2, 2, 2, 2, 2, 2])
        write(cloud, "arrivals", [100, 85, 70, 55, 40, 25, 10], [2, 0, 0, 0, 2, 2, 2])
        found = read(cloud, span=Range(NOW - HOUR, NOW))
    ((only,),) = [one.incidents for one in found.groups]
    assert (only.system, only.start, only.end) == ("arrivals", NOW - 85 * MINUTE, NOW - 40 * MINUTE)


def test_a_fleet_that_was_never_measured_has_no_incidents_and_says_what_it_could_not_read() -> None:
    with Cloud() as cloud:
        found = read(cloud)
    assert found.groups == ()
    assert found.source == "health"
    assert "pipeline/health" in (found.problem or "")


def test_monitoring_that_cannot_be_asked_is_a_problem_and_no_peace() -> None:
    with Cloud() as cloud:
        write(cloud, "departures", [10], [0])
        cloud.faults.add(Fault("monitoring", "ListTimeSeries", "PERMISSION_DENIED"))
        found = read(cloud)
    assert found.groups == ()
    assert found.problem


def test_a_fleet_that_writes_nothing_to_cloud_monitoring_says_so() -> None:
    found = Incidents(fleet(sinks=["prometheus"]), _Silent()).read(SPAN)
    assert (found.groups, "exporter.sinks" in (found.problem or "")) == ((), True)


class _Silent:
    """A reader without series; it notes what it is asked."""

    def __init__(self, truncated: bool = False) -> None:
        self.asked: list[tuple[Sequence[Question], Range]] = []
        self._answer = Answer(truncated=truncated)

    def ask(self, questions: Sequence[Question], span: Range) -> list[Answer]:
        self.asked.append((questions, span))
        return [self._answer for _ in questions]


def test_more_than_the_range_is_read_and_what_is_cut_off_is_said() -> None:
    reader = _Silent(truncated=True)
    found = Incidents(FLEET, reader).read(SPAN)
    assert "shorter range" in (found.problem or "")
    ((questions, span),) = reader.asked
    assert span == Range(SPAN.start - promise(FLEET.systems[0]), SPAN.end)
    assert [question.numerator.filter.partition(" AND ")[0] for question in questions] == [
        'metric.type = "custom.googleapis.com/pipeline/health"',
        'metric.type = "custom.googleapis.com/pipeline/fleet/systems"',
    ]


def test_otlp_is_read_by_its_own_names() -> None:
    health, failing = incidents_health.questions(fleet(sinks=["otlp"]))
    assert health.numerator.filter.startswith('metric.type = "prometheus.googleapis.com/pipeline_health/gauge"')
    assert 'resource.type = "prometheus_target"' in failing.numerator.filter


class _Alerts:
    """Alerts that are given, or cannot be."""

    def __init__(self, *found: Incident | Exception) -> None:
        self._found = found

    def incidents(self, span: Range) -> list[Incident]:
        for each in self._found:
            if isinstance(each, Exception):
                raise each
        return [each for each in self._found if isinstance(each, Incident)]


def test_alerts_are_preferred_to_health() -> None:
    reader = _Silent()
    alert = Incident("departures", "latency-burn", "critical", NOW - HOUR, None, "flights: messages arrive late")
    found = Incidents(FLEET, reader, _Alerts(alert)).read(SPAN)
    assert (found.source, [one.incidents for one in found.groups], reader.asked) == ("alerts", [(alert,)], [])


@pytest.mark.parametrize("error", [Permanent("denied", "they are denied"), Transient("timeout", "no answer")])
def test_alerts_that_cannot_be_read_leave_health_and_the_note_says_why(error: Exception) -> None:
    found = Incidents(FLEET, _Silent(), _Alerts(error)).read(SPAN)
    assert (found.source, str(error) in found.note) == ("health", True)


def test_an_outage_of_a_region_is_one_group() -> None:
    """The whole way: a sandbox with an outage, the exporter's cycle, and the question afterwards."""
    with running(12, scenario="regional-outage") as run:
        run.cycle()
        now = run.parts.clients.now()
        reader = Reader(run.parts.clients.monitoring, run.parts.config.exporter.monitoring_project)
        found = Incidents(run.parts.config, reader).read(Range(now - HOUR, now))
        reader.close()
        ill = {each.id for place, each in enumerate(run.parts.config.systems) if place <= 10 and place != 7}
    largest = max(found.groups, key=lambda one: one.systems)
    assert {each.system for each in largest.incidents} == ill
    assert largest.title == "10 systems in us-central1, dataset raw"
    assert largest.end is None
    assert {None} in members(found.groups)


def test_what_may_have_begun_before_all_that_was_read_says_so() -> None:
    older = " (since then or before: nothing older was read)"
    minutes = [110, 95, 80, 65, 50, 35, 20, 5]
    with Cloud() as cloud:
        write(cloud, "departures", minutes, [0] * 6 + [2, 2])
        write(cloud, "arrivals", minutes[4:], [0, 0, 2, 2])  # began to be measured within the range
        write(cloud, "gates", minutes, [2] * 6 + [0, 2])
        write(cloud, "fleet", minutes, [2] * 6 + [0, 0])
        found = read(cloud, span=Range(NOW - HOUR, NOW))
    assert {each.system: each.what for one in found.groups for each in one.incidents} == {
        "departures": "failing" + older,
        "arrivals": "failing",
        "gates": "failing",
        None: "2 systems or more are failing at once" + older,
    }
