"""What is published and read in a minute depends on seed, system and minute, and on nothing else."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.sandbox.clock import to_us
from exporter.sandbox.ledger import MINUTE_US
from exporter.sandbox.traffic import schedule
from exporter.sandbox.traffic.flights import flights, routes

MONDAY_US = to_us(datetime(2026, 11, 23, tzinfo=UTC))
DAY_MINUTES = 24 * 60

minutes = st.integers(0, 40_000).map(lambda number: MONDAY_US + number * MINUTE_US)
seeds = st.integers(0, 2**32)
rates = st.floats(0.5, 120)


@given(seeds, rates, minutes)
@settings(max_examples=60, deadline=None)
def test_requests_lie_in_their_minute_in_order_and_are_not_empty(seed: int, rate: float, minute_us: int) -> None:
    requests = schedule.publishes(seed, "jfk-lax", rate, minute_us)
    times = [request.at_us for request in requests]
    assert times == sorted(times)
    assert all(minute_us <= at < minute_us + MINUTE_US for at in times)
    assert all(request.messages for request in requests)
    assert requests == schedule.publishes(seed, "jfk-lax", rate, minute_us)


@given(seeds, minutes, st.floats(0, 50))
@settings(max_examples=60, deadline=None)
def test_reads_lie_in_their_minute(seed: int, minute_us: int, factor: float) -> None:
    reads = schedule.reads(seed, "jfk-lax", minute_us, factor)
    assert all(minute_us <= read.at_us < minute_us + MINUTE_US for read in reads)
    assert math.floor(factor / 2) <= len(reads) <= math.floor(factor / 2) + 1
    assert reads == schedule.reads(seed, "jfk-lax", minute_us, factor)


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_systems_and_minutes_do_not_repeat_each_other(seed: int) -> None:
    drawn = [
        tuple(
            request.at_us % MINUTE_US for request in schedule.publishes(seed, system, 20, MONDAY_US + place * MINUTE_US)
        )
        for system in ("jfk-lax", "lga-atl")
        for place in range(4)
    ]
    assert len(set(drawn)) == len(drawn)


def test_a_day_brings_the_rate_on_average_and_has_its_rhythm() -> None:
    counts = [
        sum(len(request.messages) for request in schedule.publishes(1, "jfk-lax", 20, MONDAY_US + place * MINUTE_US))
        for place in range(DAY_MINUTES)
    ]
    assert math.isclose(sum(counts) / DAY_MINUTES, 20, rel_tol=0.03)
    hours = [sum(counts[hour * 60 : hour * 60 + 60]) for hour in range(24)]
    assert max(hours) > 2 * min(hours)


def test_flights_are_real_records_of_realistic_size() -> None:
    records = flights()
    assert 2000 <= len(records) <= 4000
    for flight in records:
        fields = json.loads(flight.data)
        assert fields["year"] == 2013
        assert f"{fields['origin']}-{fields['dest']}".lower() == flight.route
        assert fields["origin"] in ("EWR", "JFK", "LGA")
        assert flight.attributes == {"origin": fields["origin"], "carrier": fields["carrier"]}
        assert 150 <= len(flight.data) <= 600
    assert {flight.route for flight in records} == set(routes())
