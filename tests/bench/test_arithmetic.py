from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.document import table
from tests.bench.spread import Spread, ratio, spread
from tests.bench.usage import Usage, monthly, of_stats

MEASURED = st.lists(st.floats(0, 1e9), min_size=1)
AMOUNTS = st.builds(Usage, *(st.integers(0, 10**12) for _ in range(8)))

PRICES = {
    "scalar_point_bytes": 8,
    "distribution_point_bytes": 80,
    "on_demand_per_tib": 6.25,
    "custom_metrics_per_mib": 0.258,
    "monitoring_read_per_million_series": 0.5,
}


@given(MEASURED)
def test_a_median_lies_between_the_least_and_the_greatest(measured: list[float]) -> None:
    found = spread(measured)
    assert found.least == min(measured)
    assert found.greatest == max(measured)
    assert found.least <= found.median <= found.greatest


@given(MEASURED)
def test_the_order_of_runs_does_not_matter(measured: list[float]) -> None:
    assert spread(measured) == spread(measured[::-1])


def test_nothing_measured_is_no_spread() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        spread([])


@pytest.mark.parametrize(
    ("found", "digits", "text"),
    [
        (Spread(1.0, 1.0, 1.0), 2, "1.00"),
        (Spread(1.204, 1.2, 1.196), 2, "1.20"),
        (Spread(1.2, 1.0, 1.5), 1, "1.2 (1.0 - 1.5)"),
        (Spread(12345.0, 12000.0, 13000.0), 0, "12,345 (12,000 - 13,000)"),
    ],
)
def test_a_spread_shows_its_range_where_there_is_one(found: Spread, digits: int, text: str) -> None:
    assert found.text(digits) == text


def test_a_multiple_of_nothing_is_no_value() -> None:
    assert ratio(3.0, 0.0) is None
    assert ratio(3.0, 2.0) == 1.5


@given(AMOUNTS, AMOUNTS)
def test_usage_between_two_moments_is_what_was_added(before: Usage, more: Usage) -> None:
    assert (before + more) - before == more


@given(AMOUNTS)
def test_twice_the_usage_costs_twice_as_much(used: Usage) -> None:
    once, twice = monthly(used, 1, PRICES), monthly(used * 2, 1, PRICES)
    assert twice.total_usd == pytest.approx(2 * once.total_usd)
    assert twice.total_usd == pytest.approx(monthly(used, 0.5, PRICES).total_usd)


def test_a_month_by_hand() -> None:
    hour = Usage(bytes_billed=2**40 / 730, points=110, distribution_points=10, series_read=1000)
    bill = monthly(hour, 1, PRICES)
    assert bill.queries_usd == pytest.approx(6.25)
    assert bill.points_usd == pytest.approx((100 * 8 + 10 * 80) * 730 / 2**20 * 0.258)
    assert bill.reads_usd == pytest.approx(0.365)
    assert bill.total_usd == pytest.approx(bill.queries_usd + bill.points_usd + bill.reads_usd)


def test_the_sandbox_counts_by_api_and_method() -> None:
    stats = {
        "calls": {
            "bigquery": {"jobs.query": {"OK": 2, "NOT_FOUND": 1}, "tables.get": {"OK": 1}},
            "monitoring": {
                "ListTimeSeries": {"OK": 9},
                "ListMetricDescriptors": {"OK": 1},
                "CreateTimeSeries": {"OK": 17, "INVALID_ARGUMENT": 1},
                "CreateMetricDescriptor": {"OK": 30},
            },
            "pubsub": {"ListSubscriptions": {"OK": 1}},
        },
        "bytes_billed": 10485760,
        "points_stored": 3400,
        "distribution_points_stored": 200,
        "series_returned": 450,
    }
    used = of_stats(stats)
    assert (used.bigquery_calls, used.monitoring_reads, used.monitoring_writes, used.pubsub_calls) == (4, 10, 48, 1)
    assert used.calls == 63
    assert (used.bytes_billed, used.points, used.distribution_points, used.series_read) == (10485760, 3400, 200, 450)


def test_a_table_is_as_wide_as_its_cells() -> None:
    drawn = table(("", "wall, s"), iter([("ours", "1.20"), ("a peer", "12.00 (11.00 - 13.00)")]))
    assert drawn.splitlines() == [
        "|        |               wall, s |",
        "|--------|----------------------:|",
        "| ours   |                  1.20 |",
        "| a peer | 12.00 (11.00 - 13.00) |",
    ]
