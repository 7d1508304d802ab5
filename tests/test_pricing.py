from __future__ import annotations

import math
from decimal import Decimal, getcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import pricing
from exporter.errors import ConfigError
from exporter.snapshots import PublishMinute, TableQueries

PRICES = pricing.load({}, systems=50)
getcontext().prec = 50

MINUTES = st.lists(
    st.builds(PublishMinute, st.integers(0, 10**6), st.integers(0, 10**10), st.integers(0, 10**5)), max_size=20
)


def queries(table_count: int, bytes_billed: int = 0, slot_ms: int = 0) -> TableQueries:
    return TableQueries(table_count, 1, 0, bytes_billed, bytes_billed, slot_ms, 0, ())


@given(MINUTES)
def test_publishing_bills_messages_or_requests_whichever_is_more_each_minute(minutes: list[PublishMinute]) -> None:
    expected = 0
    for minute in minutes:
        by_message = minute.message_bytes + 36 * minute.messages
        by_request = 1000 * minute.requests
        expected += max(by_request, by_message)
    assert pricing.billed_publish_bytes(PRICES, minutes) == expected


@given(st.integers(0, 10**15))
def test_costs_agree_with_decimal_arithmetic(size: int) -> None:
    tib, gib = Decimal(2**40), Decimal(2**30)
    expected = {
        "publish": Decimal(size) * 40 / tib,
        "query": Decimal(size) / 3 * Decimal("6.25") / tib,
        "storage": Decimal(size) * Decimal("0.02") / gib / 730,
        "retention": Decimal(size) * 60 / 3600 * Decimal("0.27") / gib / 730,
    }
    computed = {
        "publish": pricing.publish_usd(PRICES, size),
        "query": pricing.query_usd(PRICES, [queries(3, size)]),
        "storage": pricing.storage_usd(PRICES, size, 0),
        "retention": pricing.retention_usd(PRICES, [size]),
    }
    for name, value in expected.items():
        assert math.isclose(float(computed[name]), float(value), rel_tol=1e-12)


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 10**12)), max_size=30), st.randoms())
def test_the_order_of_jobs_does_not_change_their_cost(jobs: list[tuple[int, int]], random: object) -> None:
    forwards = [queries(count, size) for count, size in jobs]
    assert pricing.query_usd(PRICES, forwards) == pricing.query_usd(PRICES, forwards[::-1])


def test_slot_hours_replace_bytes_where_they_have_a_price() -> None:
    editions = pricing.load({"slot_hour": 0.06}, systems=1)
    assert float(pricing.query_usd(editions, [queries(2, 10**12, slot_ms=7_200_000)])) == pytest.approx(0.06)


def test_free_tiers_are_off_unless_configured() -> None:
    size = 50 * pricing.GIB
    assert float(pricing.publish_usd(PRICES, size)) == pytest.approx(50 / 1024 * 40)
    generous = pricing.load({"pubsub_free_gib_per_month": 730}, systems=2)
    assert float(pricing.publish_usd(generous, pricing.GIB)) == pytest.approx(0.5 / 1024 * 40)
    assert pricing.publish_usd(generous, pricing.GIB // 4) == 0


def test_an_unknown_price_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="did you mean on_demand_per_tib") as caught:
        pricing.load({"on_demand_per_tb": 5.0}, systems=1)
    assert caught.value.mistakes[0].key == "exporter.prices.on_demand_per_tb"


def test_every_price_has_a_source_and_the_table_a_date() -> None:
    assert PRICES.as_of.year >= 2026
    assert PRICES.values["on_demand_per_tib"] == 6.25
