"""Scenarios of single systems: what goes wrong with one must be said of that one, and nothing where nothing is wrong."""

from __future__ import annotations

from dataclasses import replace

from exporter.model import Tier
from tests.alerts.policies import some
from tests.alerts.scenarios import (
    HOUR_S,
    OFFICE,
    Book,
    Scenario,
    at_night,
    every,
    expect,
    fault,
    hours,
    late,
    mixed,
    story,
)
from tests.alerts.traffic import Ill

BOOK = Book()


@BOOK.add
def a_quiet_day_in_three_tiers() -> Scenario:
    return story(mixed(), {}, hours(3, 7, 600))


@BOOK.add
def no_traffic_at_night() -> Scenario:
    systems = some(2, active_hours=OFFICE)
    return story(systems, {}, hours(17, 33, 1800), rate=at_night(60))


@BOOK.add
def nothing_is_published_in_active_hours() -> Scenario:
    return story(some(2), {"s0": [fault(Ill.SILENT, 4, 8)]}, hours(3, 8, 600))


@BOOK.add
def one_message_in_forty_minutes() -> Scenario:
    """Between messages the data is older than its objective, and nothing is wrong."""
    systems = [replace(each, objectives=replace(each.objectives, data_age_s=300)) for each in some(2)]
    return story(systems, {}, hours(3, 7), rate=every(40))


@BOOK.add
def published_messages_vanish_in_active_hours() -> Scenario:
    what, since_s = "every message is lost", 4 * HOUR_S
    return story(
        some(3),
        {"s1": [fault(Ill.LOST, 4, 9)]},
        hours(3, 6),
        expect("stale", "s1", what=what, since_s=since_s, ends=False),
        expect("silent-loss", "s1", what=what, since_s=since_s, ends=False),
    )


@BOOK.add
def published_messages_vanish_outside_active_hours() -> Scenario:
    systems = some(2, active_hours=OFFICE)
    return story(
        systems,
        {"s0": [fault(Ill.LOST, 3, 8)]},
        hours(3, 6, 600),
        expect("silent-loss", "s0", what="every message is lost", since_s=3 * HOUR_S),
    )


@BOOK.add
def nothing_is_delivered_outside_active_hours() -> Scenario:
    systems = some(2, active_hours=OFFICE)
    return story(
        systems,
        {"s0": [fault(Ill.STALLED, 3, 7)]},
        hours(2, 5),
        expect("backlog", "s0", what="nothing is delivered", since_s=3 * HOUR_S),
    )


@BOOK.add
def one_late_message_where_there_are_few() -> Scenario:
    return story(some(2, Tier.CRITICAL), {"s0": [late(4, 4.4)]}, hours(3.9, 5, 120), rate=every(30))


@BOOK.add
def one_late_message_in_an_hourly_window() -> Scenario:
    return story(some(2, Tier.BATCH), {"s0": [late(5, 5.4)]}, hours(4, 10, 600), rate=every(30))


@BOOK.add
def one_dead_letter_where_there_are_few() -> Scenario:
    return story(
        some(2, Tier.CRITICAL),
        {"s0": [fault(Ill.DEAD, 4, 4.4)]},
        hours(3.9, 6.5, 120),
        expect("dead-letters", "s0", ends=True),
        # It was published, and for a while there was no other that could have arrived.
        expect("stale", "s0", times=(0, 1)),
        rate=every(30),
    )


@BOOK.add
def late_for_an_hour() -> Scenario:
    return story(
        some(3),
        {"s2": [late(4, 5)]},
        hours(3.5, 7),
        expect("latency-burn", "s2", what="every message is late", since_s=4 * HOUR_S, ends=True),
        expect("latency-slow-burn", "s2"),
    )


@BOOK.add
def one_message_in_ten_is_late() -> Scenario:
    return story(
        some(1),
        {"s0": [late(12, 20, 0.1)]},
        hours(12, 18, 600),
        expect("latency-burn", "s0", what="one message in ten is late", since_s=12 * HOUR_S),
        expect("latency-slow-burn", "s0"),
    )


@BOOK.add
def twice_the_budget_for_days() -> Scenario:
    """The second and third burn a little less than their budgets; four days, of which the last two are bad."""
    since_s = 72 * HOUR_S
    return story(
        some(4),
        {
            "s0": [late(72, 130, 0.02)],
            "s1": [late(72, 130, 0.009)],
            "s2": [fault(Ill.DEAD, 72, 130, 0.0009)],
            "s3": [fault(Ill.DEAD, 72, 130, 0.002)],
        },
        hours(104, 112, 3600),
        expect("latency-slow-burn", "s0", what="twice as many messages are late as allowed", since_s=since_s),
        expect("errors-slow-burn", "s3", what="twice as many messages fail as allowed", since_s=since_s),
        expect("dead-letters", "s2", "s3"),
    )


@BOOK.add
def late_for_five_minutes_of_every_thirty() -> Scenario:
    """Flapping: one incident, not one each time."""
    faults = [late(4 + number / 2, 4 + number / 2 + 5 / 60) for number in range(10)]
    return story(
        some(1, Tier.CRITICAL),
        {"s0": faults},
        hours(4.5, 7, 120),
        expect("latency-burn", "s0"),
        expect("latency-slow-burn", "s0"),
    )


@BOOK.add
def nothing_is_delivered_for_eight_minutes() -> Scenario:
    return story(some(2), {"s0": [fault(Ill.STALLED, 16, 16 + 8 / 60)]}, hours(15.5, 18))


@BOOK.add
def failed_attempts_without_dead_letter_topic() -> Scenario:
    systems = [replace(each, dead_letter_subscription=None) for each in some(2)]
    return story(
        systems,
        {"s0": [fault(Ill.FAILED, 4, 9, 0.5)]},
        hours(3, 6),
        expect("errors-burn", "s0"),
        expect("errors-slow-burn", "s0"),
    )


@BOOK.add
def everything_fails_in_one_noisy_system() -> Scenario:
    return story(
        some(6),
        {"s3": [late(4, 9), fault(Ill.DEAD, 4, 9, 0.2), fault(Ill.LOST, 4, 9, 0.2)]},
        hours(3.5, 7, 600),
        expect("latency-burn", "s3"),
        expect("errors-burn", "s3"),
        expect("latency-slow-burn", "s3"),
        expect("errors-slow-burn", "s3"),
        expect("dead-letters", "s3"),
        expect("silent-loss", "s3"),
    )


@BOOK.add
def a_table_is_deleted() -> Scenario:
    faults = [fault(ill, 4, 9) for ill in (Ill.BROKEN, Ill.STALLED, Ill.UNREAD)]
    since_s = 4 * HOUR_S
    return story(
        some(3),
        {"s0": faults},
        hours(3, 6.5),
        expect("subscription-broken", "s0", what="the subscription is not active", since_s=since_s, ends=False),
        expect("unmeasured", "s0", what="the table cannot be read", since_s=since_s),
    )


@BOOK.add
def the_right_to_write_is_lost_and_given_back() -> Scenario:
    """What had waited is late when it arrives."""
    return story(
        some(3),
        {"s0": [fault(ill, 4, 6) for ill in (Ill.BROKEN, Ill.STALLED)]},
        hours(3.5, 8),
        expect("subscription-broken", "s0", ends=True),
        expect("latency-burn", "s0", times=(0, 1)),
        expect("latency-slow-burn", "s0"),
    )


@BOOK.add
def a_stop_and_recovery() -> Scenario:
    return story(
        some(3),
        {"s0": [fault(Ill.STALLED, 4, 5.5)]},
        hours(3.5, 8),
        expect("backlog", "s0", what="nothing is delivered", since_s=4 * HOUR_S, ends=True),
        expect("latency-burn", "s0", times=(0, 1)),
        expect("latency-slow-burn", "s0"),
    )


@BOOK.add
def a_poisoned_message_now_and_then() -> Scenario:
    """One dead letter an hour: one incident that stays open, not one each hour."""
    return story(
        some(2),
        {"s0": [fault(Ill.DEAD, 4, 12, 1 / 3600)]},
        hours(3.5, 10, 900),
        expect("dead-letters", "s0", ends=False),
    )


@BOOK.add
def a_flood_of_dead_letters() -> Scenario:
    return story(
        some(3),
        {"s1": [fault(Ill.DEAD, 4, 9, 0.5)]},
        hours(3, 6),
        expect("errors-burn", "s1", what="every message is dead-lettered", since_s=4 * HOUR_S),
        expect("dead-letters", "s1", what="every message is dead-lettered", since_s=4 * HOUR_S),
        expect("errors-slow-burn", "s1"),
    )


@BOOK.add
def one_message_in_ten_vanishes() -> Scenario:
    return story(
        some(3), {"s1": [fault(Ill.LOST, 4, 12, 0.1)]}, hours(3.5, 8, 600), expect("silent-loss", "s1", ends=False)
    )


@BOOK.add
def a_loss_within_the_tolerance() -> Scenario:
    return story(some(2), {"s1": [fault(Ill.LOST, 4, 12, 0.02)]}, hours(3.5, 8, 900))


@BOOK.add
def a_message_becomes_dear() -> Scenario:
    systems = [replace(each, objectives=replace(each.objectives, cost_per_message_usd=0.000_02)) for each in some(2)]
    return story(
        [*systems, *some(1, name="free")],
        {name: [fault(Ill.DEAR, 4, 9, amount=100)] for name in ("s0", "free0")},
        hours(3, 7),
        expect("cost", "s0", what="a message costs a hundred times as much", since_s=4 * HOUR_S),
    )


@BOOK.add
def one_system_of_each_tier_stops() -> Scenario:
    names = [f"{tier.value}0" for tier in Tier]
    return story(
        mixed(),
        {name: [fault(Ill.STALLED, 5, 9)] for name in names},
        hours(4.5, 8),
        expect("backlog", *names, what="nothing is delivered", since_s=5 * HOUR_S),
    )
