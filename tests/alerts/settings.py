"""Scenarios of what measures: the exporter itself, owners, objectives and backends."""

from __future__ import annotations

from dataclasses import replace

from exporter.model import Tier
from exporter.rendering.backends import Backend
from tests.alerts.exporting import Setting
from tests.alerts.policies import some
from tests.alerts.scenarios import (
    BUSY,
    HOUR_S,
    Book,
    Scenario,
    expect,
    fault,
    hours,
    late,
    mixed,
    story,
)
from tests.alerts.traffic import Ill, Pipeline

BOOK = Book()


@BOOK.add
def the_exporter_is_deployed() -> Scenario:
    """Three cycles are left out."""
    down = [(4 * HOUR_S, 4 * HOUR_S + 200)]
    return story(some(6, Tier.CRITICAL), {}, hours(3.9, 4.4, 60, setting=Setting(down)))


@BOOK.add
def the_exporter_ends() -> Scenario:
    """Too few systems for an incident of the fleet: none of them may be called unmeasured."""
    since_s = 4 * HOUR_S
    return story(
        [*some(2, Tier.CRITICAL, "c"), *some(2)],
        {},
        hours(3.9, 4.5, 60, setting=Setting([(since_s, 99 * HOUR_S)])),
        expect("exporter-absent", "exporter", what="the exporter ends", since_s=since_s),
    )


@BOOK.add
def the_exporter_of_standard_systems_ends() -> Scenario:
    since_s = 4 * HOUR_S
    return story(
        some(6),
        {},
        hours(3.8, 9, 300, setting=Setting([(since_s, 99 * HOUR_S)])),
        expect("exporter-absent", "exporter", what="the exporter ends", since_s=since_s),
    )


@BOOK.add
def the_exporter_is_back_and_catches_up() -> Scenario:
    return story(
        mixed(),
        {},
        hours(3.8, 7.5, setting=Setting([(4 * HOUR_S, 6 * HOUR_S)])),
        expect("exporter-absent", "exporter", ends=True),
    )


@BOOK.add
def the_table_of_one_system_cannot_be_read() -> Scenario:
    return story(
        some(3),
        {"s0": [fault(Ill.UNREAD, 4, 9)]},
        hours(3, 6.5),
        expect("unmeasured", "s0", what="the table cannot be read", since_s=4 * HOUR_S, ends=False),
    )


def a_shard_ends(tier: Tier, end_h: float, step_s: int) -> Scenario:
    """Two of a tier's four systems are measured by a shard that ends just before its next collection; the others go on."""
    since_s = 4 * HOUR_S
    gone = some(2, tier, "gone")
    setting = Setting(ended_s={each.id: since_s for each in gone})
    return story(
        [*gone, *some(2, tier, "kept")],
        {},
        hours(3, end_h, step_s, setting=setting),
        expect("unmeasured", *(each.id for each in gone), what="the table cannot be read", since_s=since_s),
    )


@BOOK.add
def a_shard_of_critical_systems_ends() -> Scenario:
    return a_shard_ends(Tier.CRITICAL, 6, 300)


@BOOK.add
def a_shard_of_standard_systems_ends() -> Scenario:
    return a_shard_ends(Tier.STANDARD, 6, 300)


@BOOK.add
def a_shard_of_batch_systems_ends() -> Scenario:
    return a_shard_ends(Tier.BATCH, 9.5, 600)


@BOOK.add
def the_metrics_of_pubsub_cannot_be_read_for_a_while() -> Scenario:
    return story(some(2), {"s0": [fault(Ill.UNWATCHED, 4, 4.5)]}, hours(3, 6))


@BOOK.add
def the_monitoring_is_over_its_budget() -> Scenario:
    setting = Setting(observer_usd=30.0, budget_usd=25.0)
    return story(some(2), {}, hours(1, 6, setting=setting), expect("exporter-over-budget"))


@BOOK.add
def the_monitoring_keeps_its_budget() -> Scenario:
    return story(some(2), {}, hours(1, 6, setting=Setting(observer_usd=24.0, budget_usd=25.0)))


@BOOK.add
def the_systems_of_one_owner() -> Scenario:
    systems = [*some(3, name="sales", owner="Sales.EMEA"), *some(3, owner="data-platform")]
    return story(
        systems,
        {"sales1": [fault(Ill.STALLED, 4, 9)], "sales2": [fault(Ill.STALLED, 4, 9)]},
        hours(3, 6),
        expect("backlog", "sales1", "sales2", what="nothing is delivered", since_s=4 * HOUR_S),
        owner="sales_emea",
    )


@BOOK.add
def an_objective_becomes_stricter() -> Scenario:
    """One message in twenty is late: half of what was allowed, and fifty times as much as is allowed now."""
    (usual,) = some(1)
    lax, strict = (
        replace(usual, objectives=replace(usual.objectives, latency_target=target)) for target in (0.9, 0.999)
    )
    setting = Setting(changes=[(round(5.5 * HOUR_S), strict)])
    watch = hours(3, 8, setting=setting)
    pipeline = Pipeline(lax, watch.end_s, BUSY, [late(0, 9, 0.05)])
    return Scenario([pipeline], watch, [expect("latency-burn", "s0"), expect("latency-slow-burn", "s0")])


@BOOK.add
def a_subscription_is_broken_for_one_collection() -> Scenario:
    """What is over by the next collection pages nobody."""
    return story(some(2), {"s0": [fault(Ill.BROKEN, 3.99, 4.05)]}, hours(3.5, 5.5, 60))


@BOOK.add
def a_system_is_collected_more_seldom() -> Scenario:
    """For three hours it is known by its old class, too, whose measuring it does not keep up with."""
    moved, stays = some(2, Tier.CRITICAL)
    setting = Setting(changes=[(4 * HOUR_S, replace(moved, interval_s=900))])
    watch = hours(3, 8, 600, setting=setting)
    return Scenario([Pipeline(each, watch.end_s, BUSY) for each in (moved, stays)], watch, [])


@BOOK.add
def a_stop_seen_through_otlp() -> Scenario:
    return story(
        some(2),
        {"s0": [fault(Ill.STALLED, 4, 9)]},
        hours(3, 5.5, backend=Backend.OTLP),
        expect("backlog", "s0", what="nothing is delivered", since_s=4 * HOUR_S),
    )
