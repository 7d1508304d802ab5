"""All systems now: what the report says, as long as it is new enough."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from exporter.config import Config
from exporter.console.glance import Glance, Overview
from exporter.console.series.execution import Reader
from exporter.sandbox.faults import Fault
from tests.console.fleets import count, fleet, gauge, reader
from tests.end_to_end.conftest import Run, by_id, running
from tests.sandbox.monitoring.cloud import NOW, Cloud

MINUTE = timedelta(minutes=1)
KINDS = 8


def seen(overview: Overview) -> dict[str, Glance]:
    return {each.system.id: each for each in overview.all().systems}


@pytest.fixture(scope="module")
def measured() -> Iterator[Run]:
    with running(9, scenario="dead-letter-flood", history_s=2 * 3600) as run:
        yield run


def test_every_system_is_as_the_report_says_with_few_calls(measured: Run) -> None:
    report = by_id(measured.cycle())
    parts = measured.parts
    asking = Reader(parts.clients.monitoring, parts.config.exporter.monitoring_project, keep_s=0.0)
    found = Overview(asking, parts.config, parts.clients.now).all()
    assert found.problem is None
    assert [each.system.id for each in found.systems] == [system.id for system in parts.config.systems]
    # Two groups of intervals (a minute; a quarter and a whole hour), and costs, which are hourly for all.
    assert asking.calls == 2 * (KINDS - 1) + 1
    for each in found.systems:
        told = report[each.system.id]
        assert (each.latency_p50_s, each.latency_p95_s, each.latency_p99_s) == tuple(told["latency_s"].values())
        assert each.error_ratio == told["error_ratio"]
        assert each.cost_per_message_usd == told["cost_per_message_usd"]
        assert each.data_age_s == told["data_age_s"]
        assert (each.backlog_messages, each.backlog_age_s) == (told["backlog_messages"], told["backlog_age_s"])
        assert each.health == told["health"]
        windows = {
            name: [datetime.fromisoformat(at) for at in told["windows"][name]] for name in ("landing", "delivery")
        }
        length_s = {name: (end - start).total_seconds() for name, (start, end) in windows.items()}
        assert each.delivered_per_s == told["messages"]["delivered"] / length_s["landing"]
        assert each.published_per_s == told["messages"]["published"] / length_s["delivery"]
        assert each.as_of is not None
        assert each.as_of >= windows["landing"][1]
    assert {each.health for each in found.systems} >= {"healthy"}
    assert len({each.health for each in found.systems}) > 1
    one = Overview(asking, parts.config, parts.clients.now).one(parts.config.systems[0])
    assert one.systems == found.systems[:1]
    assert asking.calls == 2 * (KINDS - 1) + 1 + KINDS
    asking.close()


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with Cloud() as made:
        yield made


def overview(cloud: Cloud, config: Config | None = None) -> Overview:
    return Overview(reader(cloud), config or fleet(), lambda: NOW + timedelta(seconds=59))


def test_a_value_that_is_too_old_is_none(cloud: Cloud) -> None:
    """Three intervals and the delay: 255 s for landing of a critical system, 2775 s of a standard one; 540 s for its delivery."""
    gauge(cloud, "fast", "data_age", {255 / 60: 1.0})
    gauge(cloud, "slow", "data_age", {2774 / 60: 2.0})
    gauge(cloud, "fast", "backlog_messages", {539 / 60: 3.0})
    gauge(cloud, "fast", "health", {4: 2.0})
    gauge(cloud, "slow", "health", {2776 / 60: 0.0})
    gauge(cloud, "fast", "cost_per_message", {187: 4.0}, {"horizon": "24h"})
    gauge(cloud, "slow", "cost_per_message", {185: 5.0}, {"horizon": "24h"})
    found = seen(overview(cloud))
    fast, slow = found["fast"], found["slow"]
    assert (fast.data_age_s, fast.backlog_messages, fast.health, fast.cost_per_message_usd) == (
        None,
        3.0,
        "healthy",
        None,
    )
    assert (slow.data_age_s, slow.backlog_messages, slow.health, slow.cost_per_message_usd) == (
        2.0,
        None,
        "unknown",
        5.0,
    )
    assert (fast.as_of, slow.as_of) == (NOW - 4 * MINUTE, NOW - timedelta(seconds=2774))


def test_how_old_a_value_may_be_is_each_systems_own(cloud: Cloud) -> None:
    """Systems with intervals of one and of five minutes are asked for together."""
    config = fleet()
    fast, slow = config.systems
    for job in ("fast", "slow"):
        gauge(cloud, job, "data_age", {10: 7.0})
    close = replace(config, systems=(fast, replace(slow, interval_s=300)))
    found = seen(overview(cloud, close))
    assert (found["fast"].data_age_s, found["slow"].data_age_s) == (None, 7.0)


def test_a_silent_fleet_is_unknown_and_no_problem(cloud: Cloud) -> None:
    found = overview(cloud).all()
    assert found.systems == tuple(Glance(system) for system in fleet().systems)
    assert found.problem is None


def test_the_newest_of_several_series_counts(cloud: Cloud) -> None:
    gauge(cloud, "fast", "error_ratio", {5: 0.5}, {"basis": "attempts"})
    gauge(cloud, "fast", "error_ratio", {4: 0.25}, {"basis": "messages"})
    for quantile, value in (("0.5", 1.0), ("0.95", 2.0), ("0.99", 3.0)):
        gauge(cloud, "fast", "latency_quantile", {3: value + 1, 2: value}, {"quantile": quantile})
    fast = seen(overview(cloud))["fast"]
    assert fast.error_ratio == 0.25
    gauge(cloud, "fast", "error_ratio", {3: 0.125}, {"basis": "attempts"})
    assert seen(overview(cloud))["fast"].error_ratio == 0.125
    assert (fast.latency_p50_s, fast.latency_p95_s, fast.latency_p99_s) == (1.0, 2.0, 3.0)
    assert fast.health == "unknown"


def test_rates_are_of_the_newest_window_whether_or_not_counts_reset(cloud: Cloud) -> None:
    count(cloud, "fast", "messages", MINUTE, {3: 600.0, 2: 30.0}, {"outcome": "published"})
    for ago, total in ((12, 100.0), (7, 160.0), (2, 460.0)):  # from the same start on
        start = timedelta(minutes=17 - ago)
        count(cloud, "slow", "messages", start, {ago: total}, {"outcome": "delivered"})
    found = seen(overview(cloud))
    assert (found["fast"].published_per_s, found["fast"].delivered_per_s) == (0.5, None)
    assert found["slow"].delivered_per_s == 1.0


def test_what_could_not_be_asked_is_told_and_the_rest_is_there(cloud: Cloud) -> None:
    gauge(cloud, "fast", "data_age", {1: 1.0})
    gauge(cloud, "fast", "backlog_age", {1: 1.0})
    cloud.faults.add(Fault("monitoring", "ListTimeSeries", "PERMISSION_DENIED", count=1))
    found = overview(cloud).all()
    assert "monitoring.timeSeries.list" in str(found.problem)
    cloud.faults.add(Fault("monitoring", "ListTimeSeries", "PERMISSION_DENIED"))
    found = overview(cloud).all()
    assert str(found.problem).count("monitoring.timeSeries.list") == 1
    assert {each.health for each in found.systems} == {"unknown"}


def test_many_systems_are_asked_for_in_filters_of_a_hundred(cloud: Cloud) -> None:
    config = fleet()
    fast, slow = config.systems
    many = [replace(slow, id=f"s{place}") for place in range(150)]
    for place in (0, 99, 100, 149):
        gauge(cloud, f"s{place}", "data_age", {20: float(place)})
    asking = reader(cloud)
    found = Overview(asking, replace(config, systems=(fast, *many)), lambda: NOW).all()
    values = {each.system.id: each.data_age_s for each in found.systems if each.data_age_s is not None}
    assert values == {"s0": 0.0, "s99": 99.0, "s100": 100.0, "s149": 149.0}
    assert asking.calls == (1 + 2) * (KINDS - 1) + 1
    asking.close()
