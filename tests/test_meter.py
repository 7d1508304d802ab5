from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import pricing
from exporter.meter import Meter
from exporter.model import Distribution, Point
from exporter.observer.usage import Usage
from exporter.pricing import TIB
from exporter.windows import HOUR, MINUTE
from tests.builders import T0

PRICES = pricing.load({}, systems=1)
SCALAR = Point("data_age", "departures", T0, 1.0)
HISTOGRAM = Point("latency", "departures", T0, Distribution(1, 1.0, (1, *[0] * 38)), start=T0 - MINUTE)


def test_a_rate_becomes_a_month() -> None:
    meter = Meter(PRICES, ["cloud_monitoring"])
    meter.add(T0, Usage.of_points([SCALAR] * 1000), 10**12, 10**6)  # the first cycle: it has a day to catch up with
    for minute in range(1, 121):
        meter.add(T0 + minute * MINUTE, Usage.of_points([SCALAR] * 3 + [HISTOGRAM]), 10 * 2**20, 8)
    found = meter.monthly_usd(T0 + 2 * HOUR)
    assert found["bigquery_query"] == pytest.approx(730 * 60 * 10 * 2**20 / TIB * 6.25)
    assert found["monitoring_points"] == pytest.approx(730 * 60 * (3 * 8 + 80) / 2**20 * 0.258)
    assert found["monitoring_reads"] == pytest.approx(730 * 60 * 8 / 10**6 * 0.5)
    assert set(found) == {"bigquery_query", "monitoring_points", "monitoring_reads"}


def test_before_an_hour_nothing_is_said() -> None:
    meter = Meter(PRICES, ["cloud_monitoring"], 0.01)
    meter.add(T0, Usage.of_points([SCALAR]), 0, 0)
    meter.add(T0 + 59 * MINUTE, Usage.of_points([SCALAR] * 10**4), 0, 0)
    assert meter.monthly_usd(T0 + 59 * MINUTE) == {}
    assert not meter.is_over_budget(T0 + 59 * MINUTE)
    assert meter.is_over_budget(T0 + HOUR)
    assert not Meter(PRICES, ["cloud_monitoring"]).is_over_budget(T0 + HOUR)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 10**9), st.integers(0, 100)), min_size=1, max_size=200))
def test_nothing_that_is_used_is_lost(cycles: list[tuple[int, int, int]]) -> None:
    meter = Meter(PRICES, ["cloud_monitoring"])
    for number, (points, billed, series) in enumerate(cycles):
        meter.add(T0 + number * 15 * MINUTE, Usage.of_points([SCALAR] * points), billed, series)
    assert meter.used.scalar_points == sum(each[0] for each in cycles)
    assert meter.used.bytes_billed == sum(each[1] for each in cycles)
    assert meter.used.series_read == sum(each[2] for each in cycles)


def test_only_the_last_day_counts() -> None:
    meter = Meter(PRICES, ["cloud_monitoring"])
    now = T0
    for hour in range(60):
        now = T0 + hour * HOUR
        meter.add(now, Usage(), 2**30 if hour > 30 else 2**40, 0)
    expected = 730 * 2**30 / TIB * 6.25
    assert meter.monthly_usd(now)["bigquery_query"] == pytest.approx(expected, rel=0.05)
    assert meter.monthly_usd(now + timedelta(minutes=30))["bigquery_query"] == pytest.approx(expected, rel=0.05)
