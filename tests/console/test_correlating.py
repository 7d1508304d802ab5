"""How measures go together: pairs by hand, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from exporter.console import correlating
from exporter.console.correlating import Pair
from exporter.console.lines import Measuring
from exporter.console.measures import MEASURES
from exporter.console.series.model import Range
from exporter.console.statistics import Fit
from exporter.sandbox.faults import Fault
from tests.console.fleets import count, fleet, gauge, reader
from tests.sandbox.monitoring.cloud import NOW, Cloud

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SPAN = Range(NOW - HOUR, NOW)
AGE, BACKLOG, DELIVERED = MEASURES["data_age"], MEASURES["backlog_messages"], MEASURES["delivered_per_s"]
COST = MEASURES["cost_per_hour"]


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with Cloud() as made:
        yield made


def measuring(cloud: Cloud, *ids: str) -> Measuring:
    """Systems like the critical one, under these names; without names the usual two."""
    config = fleet()
    if ids:
        config = replace(config, systems=tuple(replace(config.systems[0], id=each) for each in ids))
    return Measuring(reader(cloud), config, lambda: NOW)


def test_over_systems_each_has_its_means(cloud: Cloud) -> None:
    for job, ages, backlog in (("a", (1, 3), 10), ("b", (4, 4), 30), ("c", (5, 7), 50), ("d", (9, 9), None)):
        gauge(cloud, job, "data_age", {2: float(ages[0]), 1: float(ages[1])})
        if backlog is not None:
            gauge(cloud, job, "backlog_messages", {5: float(backlog)})
    found = correlating.over_systems(measuring(cloud, "a", "b", "c", "d", "e"), AGE, BACKLOG, SPAN)
    assert found.pairs == (Pair("a", 2.0, 10.0), Pair("b", 4.0, 30.0), Pair("c", 6.0, 50.0))
    assert found.missing == ("d", "e")
    assert (found.relation.n, found.relation.fit) == (3, Fit(10.0, -10.0))
    assert found.relation.pearson == pytest.approx(1.0)
    assert found.problem is None


def test_over_time_both_end_at_the_same_step(cloud: Cloud) -> None:
    """A fast system's gauge, each minute, against a slow one's counts of five minutes: by its interval of a quarter of an hour."""
    gauge(cloud, "fast", "data_age", {float(ago): float(ago) for ago in range(1, 60)})
    quarters = {50: 9.0, 35: 18.0, 20: 27.0}
    for ago, value in quarters.items():
        count(cloud, "slow", "messages", 5 * MINUTE, {ago: value, ago - 5: value}, {"outcome": "delivered"})
    both = measuring(cloud)
    fast, slow = both.systems["fast"], both.systems["slow"]
    found = correlating.over_time(both, (AGE, fast), (BACKLOG, slow), SPAN)
    assert (found.pairs, found.missing) == ((), ("slow",))
    found = correlating.over_time(both, (AGE, fast), (DELIVERED, slow), Range(NOW - HOUR, NOW + 7 * MINUTE))
    ends = [NOW.timestamp() - 60 * ago for ago in (50, 45, 35, 30, 20, 15)]
    assert [pair.at_s for pair in found.pairs] == ends
    # The mean of the five ages of the step against the count of its window.
    assert [pair.x for pair in found.pairs] == [52.0, 47.0, 37.0, 32.0, 22.0, 17.0]
    assert [pair.y for pair in found.pairs] == pytest.approx([0.03, 0.03, 0.06, 0.06, 0.09, 0.09], rel=1e-4)
    assert {pair.system for pair in found.pairs} == {"fast"}


def test_over_time_a_system_against_itself(cloud: Cloud) -> None:
    gauge(cloud, "fast", "data_age", {3: 1.0, 2: 2.0, 1: 4.0})
    gauge(cloud, "fast", "backlog_messages", {3: 5.0, 2: 4.0})
    both = measuring(cloud)
    fast = both.systems["fast"]
    found = correlating.over_time(both, (AGE, fast), (BACKLOG, fast), SPAN)
    assert [(pair.x, pair.y) for pair in found.pairs] == [(1.0, 5.0), (2.0, 4.0)]
    assert (found.relation.n, found.relation.pearson, found.relation.fit) == (2, None, Fit(-1.0, 6.0))


def test_hourly_and_minutely_measures_meet_at_full_hours(cloud: Cloud) -> None:
    gauge(cloud, "fast", "data_age", {float(ago): 2.0 if ago >= 120 else 6.0 for ago in range(1, 240)})
    count(cloud, "fast", "cost", HOUR, {180: 1.0, 120: 1.0, 60: 3.0}, {"component": "pubsub_publish"})
    both = measuring(cloud)
    fast = both.systems["fast"]
    found = correlating.over_time(both, (AGE, fast), (COST, fast), Range(NOW - 5 * HOUR, NOW + 20 * MINUTE))
    assert [pair.at_s for pair in found.pairs] == [(NOW - hours * HOUR).timestamp() for hours in (3, 2, 1)]
    assert [pair.x for pair in found.pairs] == [2.0, 2.0, 6.0]
    assert [pair.y for pair in found.pairs] == pytest.approx([1.0, 1.0, 3.0])


def test_between_measures_each_two_count_the_systems_that_have_both(cloud: Cloud) -> None:
    for place, job in enumerate(("a", "b", "c", "d")):
        gauge(cloud, job, "data_age", {1: float(place)})
        gauge(cloud, job, "backlog_age", {5: 7.0})
        if job != "d":
            gauge(cloud, job, "backlog_messages", {5: -(float(place) ** 3)})
    chosen = [AGE, BACKLOG, MEASURES["backlog_age"]]
    found = correlating.between_measures(measuring(cloud, "a", "b", "c", "d"), chosen, SPAN)
    assert found.names == ("data_age", "backlog_messages", "backlog_age")
    assert found.n == ((4, 3, 4), (3, 3, 3), (4, 3, 4))
    assert found.spearman[0][:2] == pytest.approx((1.0, -1.0))
    assert found.spearman[0][2] is None
    assert found.pearson[0][1] == pytest.approx(-8 / 76**0.5)  # 0, 1, 2 against 0, -1, -8
    assert found.pearson[1][0] == found.pearson[0][1]
    assert found.pearson[1][1] == pytest.approx(1.0)
    assert found.pearson[2] == (None, None, None)


def test_between_systems_each_two_count_the_steps_that_both_have(cloud: Cloud) -> None:
    gauge(cloud, "a", "data_age", {4: 1.0, 3: 2.0, 2: 3.0, 1: 9.0})
    gauge(cloud, "b", "data_age", {4: 30.0, 3: 20.0, 2: 10.0})
    several = measuring(cloud, "a", "b", "c")
    found = correlating.between_systems(several, AGE, list(several.systems.values()), SPAN)
    assert found.names == ("a", "b", "c")
    assert found.n == ((4, 3, 0), (3, 3, 0), (0, 0, 0))
    assert found.pearson[0][1] == found.spearman[1][0] == pytest.approx(-1.0)
    assert found.pearson[2] == (None, None, None)


def test_a_matrix_has_only_so_many_systems(cloud: Cloud) -> None:
    several = measuring(cloud, *(f"s{place}" for place in range(61)))
    gauge(cloud, "s0", "data_age", {1: 1.0})
    found = correlating.between_systems(several, AGE, list(several.systems.values()), SPAN)
    assert len(found.names) == 60
    assert found.problem == "only the first 60 of 61 systems are compared: name those that matter"


def test_problems_are_told(cloud: Cloud) -> None:
    cloud.faults.add(Fault("monitoring", "ListTimeSeries", "PERMISSION_DENIED"))
    found = correlating.over_systems(measuring(cloud), AGE, BACKLOG, SPAN)
    assert (found.pairs, found.missing) == ((), ("fast", "slow"))
    assert str(found.problem).count("monitoring.timeSeries.list") == 1
