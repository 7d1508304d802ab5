"""Usage and its bill: what is counted of points, and hand-calculated sums."""

from __future__ import annotations

from dataclasses import fields
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import pricing
from exporter.metrics import landing
from exporter.model import LATENCY_BOUNDS_S, Distribution, Point
from exporter.observer.usage import COMPONENTS, Bill, Usage, bill, samples_of, total
from exporter.snapshots import Landing
from exporter.sources.bigquery.runner import MINIMUM_BILLED_BYTES
from tests.builders import T0, system, window

PRICES = pricing.load({}, systems=1)
AMOUNTS = st.builds(Usage, *[st.integers(0, 10**12) for _ in fields(Usage)])


def histogram(*filled: int) -> Distribution:
    counts = [0] * (len(LATENCY_BOUNDS_S) + 1)
    for place in filled:
        counts[place] += 1
    return Distribution(len(filled), 1.0, tuple(counts))


def point(value: float | Distribution) -> Point:
    return Point("latency", "departures", T0, value)


def test_points_are_counted_by_kind_and_sink() -> None:
    points = [point(1.0), point(2.0), point(histogram(0, 0, 5, 38))]
    assert Usage.of_points(points).only(["cloud_monitoring"]) == Usage(scalar_points=2, distribution_points=1)
    assert Usage.of_points(points).only(["otlp"]) == Usage(otlp_samples=2 + 2 + 3)
    both = Usage.of_points(points).only(["cloud_monitoring", "otlp", "prometheus"])
    assert both == Usage(scalar_points=2, distribution_points=1, otlp_samples=7)
    assert Usage.of_points(points).only(["prometheus"]) == Usage()


def test_a_sample_is_counted_for_count_sum_and_each_bucket_that_holds_something() -> None:
    assert samples_of(3.0) == 1
    assert samples_of(histogram(1)) == 3
    assert samples_of(histogram(*range(39))) == 41


def test_points_as_the_exporter_makes_them_are_counted() -> None:
    counts = [0] * (len(LATENCY_BOUNDS_S) + 1)
    counts[4] = counts[6] = 5
    landed = Landing(
        "departures",
        window(0),
        landed_rows=10,
        delivered=10,
        duplicate=0,
        measured_rows=10,
        bucket_counts=tuple(counts),
    )
    made = landing.points(system(), landed)
    assert Usage.of_points(made).only(["cloud_monitoring", "otlp"]) == Usage(
        scalar_points=3, distribution_points=1, otlp_samples=3 + 4
    )


@pytest.mark.parametrize(
    ("usage", "component", "usd"),
    [
        (Usage(bytes_billed=2**40), "bigquery_query", "6.25"),
        # A series of scalars every minute for a month: 43,800 x 8 bytes = 0.334 MiB.
        (Usage(scalar_points=43_800), "monitoring_points", Fraction(43_800 * 8, 2**20) * Fraction("0.258")),
        (Usage(distribution_points=2**20), "monitoring_points", Fraction(80) * Fraction("0.258")),
        (Usage(otlp_samples=1_000_000), "otlp_samples", "0.06"),
        (Usage(series_read=3_000_000), "monitoring_reads", "1.5"),
        (Usage(requests=1_000_000), "cloud_run", "0.4"),
        (Usage(request_vcpu_s=100_000, request_gib_s=50_000), "cloud_run", "2.525"),
        # One vCPU and 512 MiB for 730 hours.
        (Usage(instance_vcpu_s=2_628_000, instance_gib_s=1_314_000), "cloud_run", "49.932"),
        (Usage(scheduler_jobs=1), "cloud_run", "0.1"),
    ],
)
def test_each_amount_has_its_price(usage: Usage, component: str, usd: str | Fraction) -> None:
    found = bill(usage, PRICES)
    assert found.components[component] == Fraction(usd)
    assert found.total == Fraction(usd)
    assert found.alerting == 0


def test_alerting_is_told_apart_and_not_in_the_total() -> None:
    found = bill(Usage(alert_references=10, alert_points=4_000_000), PRICES)
    assert found.alerting == Fraction("5.5")
    assert found.total == 0


def test_where_slots_have_a_price_bytes_have_none() -> None:
    slots = pricing.load({"slot_hour": 0.04}, systems=1)
    assert bill(Usage(bytes_billed=2**40, slot_hours=3), slots).total == Fraction("0.12")
    assert bill(Usage(bytes_billed=2**40, slot_hours=3), PRICES).total == Fraction("6.25")


def test_the_least_that_a_query_bills_is_the_same_everywhere() -> None:
    assert PRICES["query_minimum_mib_per_table"] * 2**20 == MINIMUM_BILLED_BYTES


@given(AMOUNTS, AMOUNTS, st.fractions(0, 100))
def test_the_bill_of_a_sum_is_the_sum_of_the_bills(one: Usage, other: Usage, factor: Fraction) -> None:
    whole = bill(one + other * factor, PRICES)
    parts = bill(one, PRICES), bill(other, PRICES)
    assert set(whole.components) == set(COMPONENTS)
    assert whole.total == parts[0].total + parts[1].total * factor
    assert whole.alerting == parts[0].alerting + parts[1].alerting * factor
    assert total([one, other * factor]) == one + other * factor


def test_nothing_costs_nothing() -> None:
    assert bill(total([]), PRICES) == Bill(dict.fromkeys(COMPONENTS, Fraction(0)))
