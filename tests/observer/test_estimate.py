"""A month by hand, and what must hold for every fleet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter import pricing
from exporter.model import System, TableRef, Tier
from exporter.observer import cycles
from exporter.observer.alternatives import alternatives
from exporter.observer.estimate import Terms, estimate
from exporter.observer.facts import Facts
from exporter.observer.usage import Usage
from tests.builders import BASE, system

PRICES = pricing.load({}, systems=50)
TERMS = Terms(PRICES)
OTLP = Terms(PRICES, ("otlp",))
MIB, TIB = 2**20, 2**40
WINDOWS, COLLECTIONS, HOURS = 8760, 2920, 730


def fleet(count: int, **changes: object) -> list[System]:
    promised = replace(BASE.objectives, cost_per_message_usd=0.00002)
    tables = [TableRef("acme-data", "raw", f"t{place}") for place in range(count)]
    return [
        system(**{"id": f"s{place}", "table": table, "objectives": promised, **changes})
        for place, table in enumerate(tables)
    ]


def usage(systems: Sequence[System], owner: str, family: str, terms: Terms = TERMS) -> Usage:
    (line,) = [each for each in estimate(systems, terms).lines if (each.owner, each.family) == (owner, family)]
    return line.usage


def test_landing_of_one_standard_system_by_hand() -> None:
    found = usage(fleet(1), "s0", "landing")
    # Ten MiB for each of 2,920 collections; a window has a histogram, two slo_events, delivered and, one time in 25, duplicates;
    # a collection has three quantiles, the age of the data and its watermark.
    assert found.bytes_billed == COLLECTIONS * 10 * MIB
    assert found.distribution_points == WINDOWS
    assert found.scalar_points == WINDOWS * (2 + 1 + Fraction(1, 25)) + COLLECTIONS * (3 + 1 + 1)
    assert found.series_read == 0


def test_delivery_of_one_standard_system_by_hand() -> None:
    found = usage(fleet(1), "s0", "delivery")
    # A window has two slo_events and published; a collection the share of errors, the backlog twice and its watermark; an hour the balance.
    assert found.scalar_points == WINDOWS * 3 + COLLECTIONS * 4 + HOURS * 2
    assert found.series_read == COLLECTIONS * 6
    assert found.bytes_billed == 0


def test_spend_and_state_of_one_standard_system_by_hand() -> None:
    spend, state = (usage(fleet(1), "s0", family) for family in ("spend", "state"))
    # An hour asks the write timeline and the jobs; it has 4 costs, 2 + 2 costs per message, 2 bytes, attempts, queries, 2 query_bytes.
    assert spend.bytes_billed == HOURS * 2 * 10 * MIB
    assert spend.scalar_points == HOURS * (4 + 4 + 2 + 1 + 1 + 2 + 1)
    assert spend.distribution_points == HOURS
    # An hour asks what is stored; it has 6 objectives, info, storage twice, the subscription's state, a watermark, and four times health.
    assert state.bytes_billed == HOURS * 10 * MIB
    assert state.scalar_points == HOURS * (6 + 1 + 2 + 1 + 1 + 4)


def test_a_look_reads_one_series_a_window_that_is_not_measured_at_once() -> None:
    assert usage(fleet(1), "s0", "watch") == Usage(series_read=WINDOWS * Fraction(2, 3))
    critical = estimate(fleet(1, window_s=60, interval_s=60), TERMS)
    assert "watch" not in critical.by_family


def test_the_exporter_itself_by_hand() -> None:
    found = usage(fleet(50), "exporter", "exporter")
    seconds = 2920 * (Fraction("4.2") + Fraction("1.5")) + 2920 * Fraction("0.3")
    seconds += 50 * 2 * COLLECTIONS * Fraction("0.005")
    assert (found.requests, found.request_vcpu_s, found.request_gib_s) == (8760, seconds, seconds / 2)
    assert found.scheduler_jobs == 1
    # The sign of life each cycle; of a cycle that collected: duration, three lags, attention, four calls, points, bytes, four of money.
    assert found.scalar_points == 8760 + 5840 * (1 + 3 + 1 + 4 + 1 + 1 + 4)
    assert found.series_read == 30 * 24 * 50


def test_a_fleet_of_fifty_standard_systems_costs_what_is_promised() -> None:
    systems = fleet(50)
    assert estimate(systems, TERMS).bill.total <= 30
    assert estimate(systems, OTLP).bill.total <= 13
    queries = estimate(systems, TERMS).bill.components["bigquery_query"]
    landing = Fraction(50 * COLLECTIONS * 10 * MIB, TIB) * Fraction("6.25")
    assert landing < queries < landing * Fraction("1.02")


def test_idle_systems_cost_next_to_nothing() -> None:
    systems = fleet(50)
    idle = {each.id: Facts(Fraction(0), Fraction(0), Fraction(0), Fraction(0)) for each in systems}
    busy, quiet = estimate(systems, TERMS), estimate(systems, TERMS, idle)
    # One question to the write timeline takes the place of fifty tables.
    assert quiet.by_family["landing"].components["bigquery_query"] == Fraction(COLLECTIONS * 10 * MIB, TIB) * Fraction(
        "6.25"
    )
    assert sum(quiet.by_owner[each.id].total for each in systems) < sum(
        busy.by_owner[each.id].total for each in systems
    ) / Fraction(3)


def test_a_large_table_is_billed_for_what_is_read_of_it() -> None:
    (one,) = fleet(1)
    # 1 MiB a second: fifteen minutes and ten minutes of looking back.
    big = estimate([one], TERMS, {"s0": Facts(bytes_per_s=Fraction(MIB))})
    assert big.by_owner_and_family["s0", "landing"].components["bigquery_query"] == Fraction(
        COLLECTIONS * 1500 * MIB, TIB
    ) * Fraction("6.25")


def test_systems_that_share_a_table_share_the_least_that_is_billed_for_it() -> None:
    shared = [replace(each, table=BASE.table) for each in fleet(2)]
    assert usage(shared, "s0", "landing").bytes_billed == COLLECTIONS * 5 * MIB


def test_each_place_is_asked_by_itself() -> None:
    far = [*fleet(1), *fleet(1, id="far", location="EU"), *fleet(1, id="other", project="acme-sales")]
    assert usage(far, "s0", "state").bytes_billed == HOURS * 10 * MIB
    together = fleet(2)
    assert usage(together, "s0", "state").bytes_billed == HOURS * 5 * MIB
    watched = [replace(far[0], query_projects=("acme-reports", "acme-sales"))]
    assert usage(watched, "s0", "spend").bytes_billed == HOURS * (1 + 3) * 10 * MIB


def test_otlp_counts_samples_and_both_sinks_are_paid_for() -> None:
    (one,) = fleet(1)
    custom, otlp, both = (
        estimate([one], terms).bill for terms in (TERMS, OTLP, Terms(PRICES, ("cloud_monitoring", "otlp")))
    )
    assert custom.components["otlp_samples"] == otlp.components["monitoring_points"] == 0
    assert both.components["monitoring_points"] == custom.components["monitoring_points"]
    assert both.components["otlp_samples"] == otlp.components["otlp_samples"]
    landing = usage([one], "s0", "landing", OTLP)
    assert landing.otlp_samples == WINDOWS * (2 + 8 + 3 + Fraction(1, 25)) + COLLECTIONS * 5


def test_alerting_of_three_systems_by_hand() -> None:
    systems = [*fleet(2), *fleet(1, id="other", owner="sales")]
    found = usage(systems, "exporter", "alerting")
    # 34 metrics per owner and class, 22 per class, three once. Each minute 21 are asked for a system and eighteen for the fleet;
    # every five minutes thirteen, and seven.
    assert found.alert_references == 2 * 34 + 22 + 3
    assert found.alert_points == 3 * (21 * 43_800 + 13 * 8760) + 18 * 43_800 + 7 * 8760
    assert estimate(systems, TERMS).bill.alerting == found.alert_references * Fraction(
        "0.35"
    ) + found.alert_points * Fraction("0.0000005")


def test_cycles_of_a_month() -> None:
    standard = cycles.cycles(frozenset({900}), 300)
    assert standard == cycles.Cycles(landing=2920, delivery=2920, all=8760)
    assert (standard.collecting, standard.idle) == (5840, 2920)
    assert cycles.of(fleet(3)) == standard
    assert cycles.cycles(frozenset({900}), 60).idle == 37_960
    # A delivery that is complete after five minutes waits for the next cycle.
    assert cycles.cycles(frozenset({1800}), 900) == cycles.Cycles(landing=1460, delivery=1460, all=2920)
    # With an interval of five minutes delivery is complete when the next landing is.
    assert cycles.cycles(frozenset({300}), 300) == cycles.Cycles(landing=8760, delivery=0, all=8760)
    assert cycles.cycles(frozenset({60, 900}), 60) == cycles.Cycles(landing=43_800, delivery=0, all=43_800)
    assert cycles.cycles(frozenset({900, 3600}), 300) == cycles.Cycles(landing=2920, delivery=2920, all=8760)
    assert cycles.cycles(frozenset({3600}), 60) == cycles.Cycles(landing=730, delivery=730, all=43_800)
    assert cycles.spend_cycles(frozenset({300, 900, 3600})) == 730
    assert cycles.spend_cycles(frozenset({7200})) == 365


def test_alternatives_are_estimates_of_their_own() -> None:
    systems = fleet(50)
    found = {each.name: each.monthly_usd for each in alternatives(systems, TERMS)}
    assert found["OTLP in place of custom metrics"] == estimate(systems, OTLP).bill.total
    doubled = [replace(each, interval_s=1800) for each in systems]
    assert found["every interval doubled"] == estimate(doubled, TERMS).bill.total
    hourly = [replace(each, interval_s=3600) for each in systems]
    assert found["every interval at least 1 h"] == estimate(hourly, TERMS).bill.total
    always_on = estimate(systems, TERMS).bill.total + Fraction("49.932")
    assert found["always on in place of scheduled"] == pytest.approx(float(always_on), abs=1.0)
    assert [each.name for each in alternatives(hourly, OTLP)] == [
        "every interval doubled",
        "always on in place of scheduled",
    ]


INTERVALS = (60, 300, 900, 1800, 3600, 7200)
SYSTEMS = st.lists(
    st.tuples(
        st.sampled_from([60, 300, 900, 3600]),
        st.sampled_from(INTERVALS),
        st.sampled_from(["us-central1", "EU"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=6,
)
FACTS = st.builds(
    Facts,
    busy=st.fractions(0, 1, max_denominator=20),
    reads_per_day=st.none() | st.fractions(0, 200, max_denominator=1),
    bytes_per_s=st.fractions(0, 10**6, max_denominator=1),
    queried=st.fractions(0, 1, max_denominator=24),
)


def drawn(shapes: Sequence[tuple[int, int, str, bool]]) -> list[System]:
    made = fleet(len(shapes))
    return [
        replace(
            each,
            window_s=window,
            interval_s=max(interval, window),
            location=location,
            tier=Tier.CRITICAL if critical else Tier.BATCH,
        )
        for each, (window, interval, location, critical) in zip(made, shapes, strict=True)
    ]


@settings(deadline=None, max_examples=60)
@given(SYSTEMS, st.lists(FACTS, min_size=6, max_size=6), st.data())
def test_a_longer_interval_never_costs_more(
    shapes: list[tuple[int, int, str, bool]], known: list[Facts], data: st.DataObject
) -> None:
    systems = drawn(shapes)
    facts = {each.id: fact for each, fact in zip(systems, known, strict=False)}
    place = data.draw(st.integers(0, len(systems) - 1))
    slower = list(systems)
    longer = data.draw(st.sampled_from([each for each in INTERVALS if each >= systems[place].interval_s]))
    slower[place] = replace(systems[place], interval_s=longer)
    for terms in (TERMS, OTLP):
        before, after = estimate(systems, terms, facts).bill, estimate(slower, terms, facts).bill
        assert after.total <= before.total
        assert all(after.components[name] <= before.components[name] for name in before.components)


@settings(deadline=None, max_examples=40)
@given(SYSTEMS, st.lists(FACTS, min_size=6, max_size=6))
def test_the_parts_add_up_to_the_whole(shapes: list[tuple[int, int, str, bool]], known: list[Facts]) -> None:
    systems = drawn(shapes)
    found = estimate(systems, TERMS, {each.id: fact for each, fact in zip(systems, known, strict=False)})
    for parts in (found.by_family, found.by_owner, found.by_owner_and_family):
        assert sum(each.total for each in parts.values()) == found.bill.total
        assert sum(each.alerting for each in parts.values()) == found.bill.alerting
    assert all(amount >= 0 for each in found.by_owner_and_family.values() for amount in each.components.values())


@settings(deadline=None, max_examples=30)
@given(SYSTEMS)
def test_one_more_system_never_costs_less(shapes: list[tuple[int, int, str, bool]]) -> None:
    systems = drawn(shapes)
    assert estimate(systems, TERMS).bill.total >= estimate(systems[:-1] or systems, TERMS).bill.total
