from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import pricing
from exporter.metrics import spend
from exporter.metrics.spend import HourInputs
from exporter.model import LATENCY_BOUNDS_S
from exporter.snapshots import COST_COMPONENTS, Delivery, HourCost, Landing, PublishMinute, Storage, TableQueries
from tests.builders import T0, system, window

PRICES = pricing.load({}, systems=1)
HOUR = window(0, 3600)
QUARTERS = [window(at, 900) for at in range(0, 3600, 900)]
TIB = 2**40


def inputs(
    minutes: Sequence[Sequence[PublishMinute]],
    rows: Sequence[int],
    dead: Sequence[int] = (0, 0, 0, 0),
    queries: Sequence[TableQueries] | None = (),
    written: int | None = 0,
    storage: Storage | None = Storage(0, 0, T0),  # noqa: B008 - frozen
) -> HourInputs:
    return HourInputs(
        hour=HOUR,
        landings=[Landing("s", q, landed_rows=n, delivered=n) for q, n in zip(QUARTERS, rows, strict=True)],
        deliveries=[
            Delivery("s", q, publishes=tuple(m), dead_lettered=d)
            for q, m, d in zip(QUARTERS, minutes, dead, strict=True)
        ],
        queries=queries,
        written_bytes=written,
        storage=storage,
    )


MINUTES = st.lists(
    st.lists(st.builds(PublishMinute, st.integers(1, 999), st.integers(0, 10**6), st.integers(1, 99)), max_size=5),
    min_size=4,
    max_size=4,
)
FOUR = st.lists(st.integers(0, 5000), min_size=4, max_size=4)


@given(MINUTES, FOUR, FOUR)
def test_an_hour_costs_what_its_bytes_cost(
    minutes: list[list[PublishMinute]], rows: list[int], dead: list[int]
) -> None:
    cost = spend.hour_cost(inputs(minutes, rows, dead), PRICES)
    billed = sum(max(m.message_bytes + 36 * m.messages, 1000 * m.requests) for quarter in minutes for m in quarter)
    published = sum(m.messages for quarter in minutes for m in quarter)
    assert math.isclose(cost.components["pubsub_publish"], billed * 40 / TIB, rel_tol=1e-12)
    if published:
        mean = billed / published
        assert math.isclose(cost.components["pubsub_delivery"], sum(rows) * mean * 50 / TIB, rel_tol=1e-12)
        assert math.isclose(cost.components["pubsub_dead_letter"], sum(dead) * mean * 40 / TIB, rel_tol=1e-12)
    elif sum(rows) + sum(dead):
        assert not cost.complete
    else:
        assert cost.components["pubsub_delivery"] == 0.0


def test_storage_is_prorated_and_queries_are_shared() -> None:
    jobs = TableQueries(2, 3, 1, 4 * TIB, 2 * TIB, 0, 0, (0,) * (len(LATENCY_BOUNDS_S) + 1))
    cost = spend.hour_cost(inputs([[]] * 4, [0] * 4, queries=[jobs], storage=Storage(730 * 2**30, 0, T0)), PRICES)
    assert cost.components["bigquery_storage"] == pytest.approx(0.02)
    assert cost.components["bigquery_query"] == pytest.approx(6.25)
    assert set(cost.components) == set(COST_COMPONENTS)


def test_what_no_source_answered_is_missing_not_zero() -> None:
    cost = spend.hour_cost(inputs([[]] * 4, [0] * 4, queries=None, storage=None, written=None), PRICES)
    assert "bigquery_query" not in cost.components
    assert "bigquery_storage" not in cost.components
    assert cost.ingest_usd is None
    assert spend.cost_per_message([cost]) is None


def hours(costs: Sequence[float], delivered: Sequence[int]) -> list[HourCost]:
    return [
        HourCost(
            window(at * 3600, 3600), {name: c / len(COST_COMPONENTS) for name in COST_COMPONENTS}, n, ingest_storage=0.0
        )
        for at, (c, n) in enumerate(zip(costs, delivered, strict=True))
    ]


def test_cost_per_message_is_a_ratio_of_sums_over_the_horizon() -> None:
    day = hours([1.0, 3.0], [10, 30])
    assert spend.cost_per_message(day) == pytest.approx(0.1)
    found = {(p.metric, p.labels["horizon"]): p.value for p in spend.gauges(system(), day)}
    assert found["cost_per_message", "1h"] == pytest.approx(0.1)
    assert found["cost_per_message", "24h"] == pytest.approx(0.1)
    assert found["ingest_cost_per_message", "24h"] == pytest.approx(4.0 * 4 / 6 / 40)


def test_without_a_delivered_message_there_is_no_cost_per_message() -> None:
    assert spend.gauges(system(), hours([1.0], [0])) == []


def test_query_points_split_bytes_but_count_every_query() -> None:
    buckets = (4, *([0] * len(LATENCY_BOUNDS_S)))
    jobs = [TableQueries(1, 2, 1, 300, 300, 0, 1_500_000, buckets), TableQueries(3, 1, 0, 10, 10, 0, 500_000, buckets)]
    points = spend.points(
        system(),
        inputs([[]] * 4, [0] * 4, queries=jobs),
        spend.hour_cost(inputs([[]] * 4, [0] * 4, queries=jobs), PRICES),
    )
    found = {(p.metric, *p.labels.values()): p.value for p in points}
    assert found["queries", "ok"] == 3.0
    assert found["queries", "error"] == 1.0
    assert found["query_bytes", "billed"] == pytest.approx(300 + 10 / 3)
    duration = found["query_duration",]
    assert not isinstance(duration, float)
    assert (duration.count, duration.total, duration.bucket_counts[0]) == (4, 2.0, 8)
    assert all(p.start == HOUR.start and p.end - timedelta(hours=1) == p.start for p in points)
