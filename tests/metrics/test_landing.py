from __future__ import annotations

from datetime import timedelta

from exporter.metrics import landing
from exporter.model import LATENCY_BOUNDS_S, Distribution
from exporter.snapshots import Landing
from tests.builders import T0, system, window

BUCKETS = (0, 2, *([0] * 37))


def test_an_empty_window_counts_nothing_and_has_no_latency() -> None:
    points = landing.points(system(), Landing("departures", window(0)))
    assert [(p.metric, dict(p.labels), p.value) for p in points] == [("messages", {"outcome": "delivered"}, 0.0)]
    assert (points[0].start, points[0].end) == (T0, T0 + timedelta(minutes=5))


def test_a_window_with_rows_has_latency_quantiles_and_events() -> None:
    assert len(BUCKETS) == len(LATENCY_BOUNDS_S) + 1
    measured = Landing(
        "departures",
        window(0),
        landed_rows=2,
        delivered=1,
        duplicate=1,
        measured_rows=2,
        latency_sum_us=250_001,
        within_threshold=2,
        bucket_counts=BUCKETS,
        quantiles_us=(("0.5", 110_000), ("0.95", 140_001), ("0.99", 140_001)),
    )
    found = {(p.metric, *sorted(p.labels.values())): p.value for p in landing.points(system(), measured)}
    assert found == {
        ("messages", "delivered"): 1.0,
        ("messages", "duplicate"): 1.0,
        ("latency",): Distribution(2, 0.250001, BUCKETS),
        ("slo_events", "good", "latency"): 2.0,
        ("slo_events", "bad", "latency"): 0.0,
    }
    gauges = landing.gauges(system(), measured, T0)
    assert {p.labels["quantile"]: p.value for p in gauges if p.metric == "latency_quantile"} == {
        "0.5": 0.11,
        "0.95": 0.140001,
        "0.99": 0.140001,
    }


def test_rows_without_publish_time_are_counted_and_have_no_latency() -> None:
    measured = Landing("departures", window(0), landed_rows=5, delivered=5, duplicate=None, measurable=False)
    assert [p.metric for p in landing.points(system(), measured)] == ["messages"]


def test_the_age_of_the_data_is_never_negative_and_unknown_without_messages() -> None:
    empty = Landing("departures", window(-300))
    assert landing.gauges(system(), empty, None) == []
    assert landing.data_age_s(T0, T0 + timedelta(seconds=3)) == 0.0
    (point,) = landing.gauges(system(), empty, T0 - timedelta(hours=30))
    assert point.value == 108_000.0
