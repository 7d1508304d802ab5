"""What the Prometheus sink keeps: counts and distributions that grow, gauges that are replaced and age."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.metrics.catalog import CATALOG, Kind, Written
from exporter.model import LATENCY_BOUNDS_S, Outcome, Point
from exporter.sinks.prometheus import name_of
from tests.sinks.scraping import (
    DELIVERED,
    HOURLY_S,
    LIMIT_S,
    NOW,
    SYSTEMS,
    WINDOW,
    count,
    everything,
    gauge,
    latency,
    made,
    series,
    served,
)


def test_counts_grow_window_by_window() -> None:
    sink = made()
    for number, value in enumerate((5.0, 0.0, 2.5)):
        sink.export([count(value, NOW + WINDOW * number)])
    assert served(sink) == {DELIVERED: 7.5}


def test_a_window_counts_once_however_often_it_comes() -> None:
    sink = made()
    points = [count(3), latency({0: 1, 4: 2}, 1.5)]
    assert sink.export(points) == sink.export(points) == Outcome(written=tuple(points))
    sink.export([count(3), count(3)])
    found = served(sink)
    assert found[DELIVERED] == 3
    assert found[series("pipeline_latency_seconds_count")] == 3


def test_series_count_apart() -> None:
    sink = made()
    sink.export(
        [Point("messages", job, NOW, 1, {"outcome": outcome}, NOW - WINDOW) for job in SYSTEMS for outcome in "ab"]
    )
    sink.export([Point("messages", SYSTEMS[1], NOW + WINDOW, 4, {"outcome": "b"}, NOW)])
    assert served(sink) == {
        series("pipeline_messages_total", job, outcome=outcome): 5 if (job, outcome) == (SYSTEMS[1], "b") else 1
        for job in SYSTEMS
        for outcome in "ab"
    }


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 287), max_size=40), max_size=6))
def test_windows_of_a_day_count_once_in_any_order(exports: list[list[int]]) -> None:
    sink = made()
    for windows in exports:
        sink.export([count(float(2 * number + 1), NOW + WINDOW * number) for number in windows])
    expected = sum(2 * number + 1 for number in set().union(*exports))
    assert served(sink).get(DELIVERED, 0) == expected


def test_short_windows_with_gaps_count_each() -> None:
    sink = made()
    moments = [NOW + timedelta(minutes=number) for number in (0, 1, 7, 3, 0, 7)]
    sink.export([count(1, moment, timedelta(milliseconds=2)) for moment in moments])
    assert served(sink) == {DELIVERED: 4}


def test_what_is_too_old_to_be_told_is_not_counted_again() -> None:
    sink = made()
    sink.export([count(1), count(2, NOW + timedelta(hours=30))])
    sink.export([count(1), count(4, NOW + timedelta(hours=5)), count(8, NOW + timedelta(hours=3))])
    assert served(sink) == {DELIVERED: 7}


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.integers(0, len(LATENCY_BOUNDS_S)), st.integers(1, 9), min_size=1), st.integers(0, 99)
        ),
        min_size=1,
        max_size=8,
    )
)
def test_distributions_accumulate(windows: list[tuple[dict[int, int], int]]) -> None:
    sink = made()
    points = [latency(counts, float(total), NOW + WINDOW * place) for place, (counts, total) in enumerate(windows)]
    sink.export(points[::-1])
    sink.export(points)
    found = served(sink)
    name = "pipeline_latency_seconds"
    everywhere = [(place, number) for counts, _ in windows for place, number in counts.items()]
    for place, bound in enumerate(LATENCY_BOUNDS_S):
        below = sum(number for bucket, number in everywhere if bucket <= place)
        assert found[series(f"{name}_bucket", le=str(bound))] == below
    whole = sum(number for _, number in everywhere)
    assert found[series(f"{name}_bucket", le="+Inf")] == found[series(f"{name}_count")] == whole
    assert found[series(f"{name}_sum")] == sum(total for _, total in windows)
    assert len(found) == len(LATENCY_BOUNDS_S) + 3


def test_gauges_age_and_counts_do_not() -> None:
    now = NOW
    sink = made(lambda: now)
    sink.export(everything())
    whole = served(sink)
    now = NOW + timedelta(seconds=LIMIT_S)
    assert served(sink) == whole
    now += timedelta(seconds=1)
    hourly = {name for name, metric in CATALOG.items() if metric.written is Written.HOUR}
    gauges = {name for name, metric in CATALOG.items() if metric.kind is Kind.GAUGE}
    assert {"objective", "storage_bytes"} <= hourly & gauges
    old = {name_of("pipeline", CATALOG[name]) for name in gauges - hourly - {"exporter/watermark"}}
    assert {"pipeline_data_age_seconds", "pipeline_health", "pipeline_exporter_up"} <= old
    assert served(sink) == {key: value for key, value in whole.items() if key[0] not in old}
    now = NOW + timedelta(seconds=LIMIT_S + HOURLY_S + 1)
    old = {name_of("pipeline", CATALOG[name]) for name in gauges - {"exporter/watermark"}}
    assert served(sink) == {key: value for key, value in whole.items() if key[0] not in old}


def test_a_state_does_not_outlive_the_next() -> None:
    sink = made()
    sink.export([gauge("subscription_active", 1, state="ACTIVE")])
    sink.export(
        [gauge("subscription_active", 0, NOW + WINDOW, state="RESOURCE_ERROR"), gauge("health", 0, NOW + WINDOW)]
    )
    assert served(sink) == {
        series("pipeline_subscription_active", state="RESOURCE_ERROR"): 0,
        series("pipeline_health"): 0,
    }


def test_sets_of_other_metrics_and_systems_are_left_alone() -> None:
    sink = made()
    sink.export([gauge("error_ratio", 0.1, basis="messages"), gauge("data_age", 7)])
    other = Point("error_ratio", SYSTEMS[1], NOW + WINDOW, 0.2, {"basis": "attempts"})
    sink.export([other])
    assert served(sink) == {
        series("pipeline_error_ratio", basis="messages"): 0.1,
        series("pipeline_error_ratio", SYSTEMS[1], basis="attempts"): 0.2,
        series("pipeline_data_age_seconds"): 7,
    }


def quantiles(end: datetime, **values: float) -> list[Point]:
    return [gauge("latency_quantile", value, end, quantile=name) for name, value in values.items()]


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (2, 1, 0), (1, 0, 2)])
def test_the_newest_set_is_served_whole_in_whatever_order_it_comes(order: Sequence[int]) -> None:
    # The second and third are parts of one set: some of its points had to be sent again.
    parts = [
        quantiles(NOW - WINDOW, p50=1, p95=2, p99=3),
        quantiles(NOW, p50=4),
        quantiles(NOW, p95=5),
    ]
    sink = made()
    for place in order:
        sink.export(parts[place])
    name = "pipeline_latency_quantile_seconds"
    assert served(sink) == {series(name, q="p50"): 4, series(name, q="p95"): 5}


def test_watermarks_of_families_move_by_themselves() -> None:
    sink = made()
    sink.export(
        [gauge("exporter/watermark", 10, NOW, family="landing"), gauge("exporter/watermark", 5, NOW, family="spend")]
    )
    sink.export([gauge("exporter/watermark", 20, NOW + WINDOW, family="landing")])
    sink.export([gauge("exporter/watermark", 10, NOW, family="landing")])
    name = "pipeline_exporter_watermark_seconds"
    assert served(sink) == {series(name, family="landing"): 20, series(name, family="spend"): 5}


@pytest.mark.parametrize("apart", [WINDOW, 2 * WINDOW])
def test_memory_does_not_grow_with_windows(apart: timedelta) -> None:
    sink = made()

    def held_bytes(windows: range) -> int:
        for number in windows:
            sink.export([count(1, NOW + apart * (number ^ 1))])
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        # Windows that touch are one stretch, in whatever order they came; with gaps between them, a day of them is kept.
        settled = 10 if apart == WINDOW else 1000
        before = held_bytes(range(settled))
        grown = held_bytes(range(settled, settled + 2000)) - before
    finally:
        tracemalloc.stop()
    assert grown < 8000
    assert served(sink) == {DELIVERED: settled + 2000}
