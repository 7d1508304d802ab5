"""Scenarios of many systems: an outage of a region is told of once, not once for each system."""

from __future__ import annotations

from dataclasses import replace

from exporter.model import System, Tier
from tests.alerts.exporting import Setting
from tests.alerts.policies import some
from tests.alerts.scenarios import HOUR_S, Book, Scenario, expect, fault, hours, late, shifted, story, together
from tests.alerts.traffic import Ill

BOOK = Book()
WHAT = "nothing is delivered to many systems"
AFTERWARDS = expect("fleet-incident", "latency-burn", times=(0, 1))
"""What had waited is late when it arrives: the second of two incidents at most, one when an outage comes and one when it goes."""


@BOOK.add
def fifty_standard_systems_stop_and_recover() -> Scenario:
    """Four wait for longer than five minutes at 3:15, the others do not yet. The four have attention from then on."""
    systems = some(50)
    stop = fault(Ill.STALLED, 3 + 9 / 60, 4.25)
    attention = {each.id: stop.begin_s + 900 for each in systems[:4]}
    return story(
        systems,
        together(systems, lambda skew_s: [shifted(stop, skew_s)]),
        hours(3, 6.25, 300, setting=Setting(attention_s=attention)),
        expect("fleet-incident", "backlog", what=WHAT, since_s=stop.begin_s),
        AFTERWARDS,
    )


@BOOK.add
def fifty_critical_systems_stop_and_recover() -> Scenario:
    systems = some(50, Tier.CRITICAL)
    stop = fault(Ill.STALLED, 1.5, 1.9)
    return story(
        systems,
        together(systems, lambda skew_s: [shifted(stop, skew_s)]),
        hours(1.5, 2.5, 120),
        expect("fleet-incident", "backlog", what=WHAT, since_s=stop.begin_s),
        AFTERWARDS,
    )


@BOOK.add
def fifty_batch_systems_stop_and_recover() -> Scenario:
    systems = [*some(50, Tier.BATCH), *some(1, name="frequent")]
    stop = fault(Ill.STALLED, 9 - 6 / 60, 11)
    return story(
        systems,
        together(systems[:50], lambda skew_s: [shifted(stop, skew_s)]),
        hours(8.5, 17, 1200),
        expect("fleet-incident", "backlog", what=WHAT, since_s=stop.begin_s),
        AFTERWARDS,
    )


@BOOK.add
def fifty_subscriptions_break() -> Scenario:
    systems = some(50)
    return story(
        systems,
        together(
            systems, lambda skew_s: [shifted(fault(ill, 3 + 14 / 60, 9), skew_s) for ill in (Ill.BROKEN, Ill.STALLED)]
        ),
        hours(3, 5, 600),
        expect("fleet-incident", "subscription-broken"),
    )


@BOOK.add
def fifty_systems_are_late() -> Scenario:
    """The first collection after six minutes shows a slow burn, the second a fast one: only that is told of."""
    systems = some(50)
    return story(
        systems,
        together(systems, lambda skew_s: [shifted(late(3.15, 9), skew_s)]),
        hours(3, 4.5),
        expect("fleet-incident", "latency-burn"),
    )


@BOOK.add
def four_systems_of_ten_stop() -> Scenario:
    systems = some(10)
    four = systems[:4]
    stop = fault(Ill.STALLED, 4, 9)
    return story(
        systems,
        together(four, lambda skew_s: [shifted(stop, skew_s)]),
        hours(3, 6),
        expect("backlog", *(each.id for each in four), what="nothing is delivered", since_s=4 * HOUR_S),
    )


@BOOK.add
def five_systems_of_different_classes_stop() -> Scenario:
    systems = [*some(3), *some(3, Tier.BATCH, "batch")]
    names = ["s0", "s1", "s2", "batch0", "batch1"]
    return story(
        systems,
        {name: [fault(Ill.STALLED, 5, 10)] for name in names},
        hours(4, 8),
        expect("backlog", *names, what="nothing is delivered", since_s=5 * HOUR_S),
    )


def thrifty(number: int) -> list[System]:
    """Systems whose messages cost what they may."""
    return [replace(each, objectives=replace(each.objectives, cost_per_message_usd=0.000_02)) for each in some(number)]


@BOOK.add
def an_outage_beside_a_warning_of_all_day() -> Scenario:
    """Five systems cost too much for hours: one warning. Then six subscriptions break, which is told of all the same."""
    systems = thrifty(12)
    dear = {each.id: [fault(Ill.DEAR, 1, 12, amount=100)] for each in systems[:5]}
    broken = {each.id: [fault(ill, 6.1, 12) for ill in (Ill.BROKEN, Ill.STALLED)] for each in systems[6:]}
    return story(
        systems,
        {**dear, **broken},
        hours(1, 8, 600),
        expect("fleet-warning", "cost", ends=False),
        expect("fleet-incident", "subscription-broken", ends=False),
    )


@BOOK.add
def an_outage_beside_another_of_a_different_kind() -> Scenario:
    """Both are critical, and each has its incident."""
    systems = some(12)
    slow = {each.id: [late(3.1, 12)] for each in systems[:5]}
    broken = {each.id: [fault(ill, 5.1, 12) for ill in (Ill.BROKEN, Ill.STALLED)] for each in systems[6:]}
    return story(
        systems,
        {**slow, **broken},
        hours(3, 7, 600),
        expect("fleet-incident", "latency-burn", "subscription-broken", ends=False),
    )


def dead_letters_in(number: int) -> Scenario:
    """Some of fifty systems have one dead letter in twenty minutes each: no more than their budgets allow."""
    systems = some(50)
    ill = {each.id: [fault(Ill.DEAD, 4 + place / 10, 6.5, 1 / 1200)] for place, each in enumerate(systems[:number])}
    told = ["dead-letters", *ill] if number < 5 else ["fleet-warning", "dead-letters"]
    return story(systems, ill, hours(3.5, 6.5, 600), expect(*told, ends=False))


@BOOK.add
def four_systems_of_fifty_have_dead_letters() -> Scenario:
    return dead_letters_in(4)


@BOOK.add
def eight_systems_of_fifty_have_dead_letters() -> Scenario:
    """Those that are alone in it have been told of singly before; all of them are one warning, and none is a page."""
    found = dead_letters_in(8)
    return replace(found, expected=[*found.expected, expect("dead-letters", "s0", "s1", "s2", "s3", times=(0, 1))])


@BOOK.add
def everything_is_dead_lettered_in_fifty_systems_and_recovers() -> Scenario:
    """One page: neither the dead letters nor the old data are told of again, while it lasts or afterwards."""
    systems = some(50)
    return story(
        systems,
        together(systems, lambda skew_s: [shifted(fault(Ill.DEAD, 3.1, 4.6), skew_s)]),
        hours(3, 7.5, 600),
        expect("fleet-incident", "errors-burn", ends=True),
    )


@BOOK.add
def bigquery_is_down_for_fifty_systems_and_recovers() -> Scenario:
    """Nothing is delivered, and the tables cannot be read either."""
    systems = some(50)
    return story(
        systems,
        together(systems, lambda skew_s: [shifted(fault(ill, 3.1, 5.6), skew_s) for ill in (Ill.STALLED, Ill.UNREAD)]),
        hours(3, 7.5, 600),
        expect("fleet-incident", "backlog", ends=True),
        AFTERWARDS,
    )


@BOOK.add
def six_tables_of_twelve_cannot_be_read() -> Scenario:
    systems = some(12)
    return story(
        systems,
        {each.id: [fault(Ill.UNREAD, 4, 9)] for each in systems[:6]},
        hours(3, 6.5),
        expect("fleet-error", "unmeasured", ends=False),
    )


@BOOK.add
def six_systems_of_twelve_lose_every_message() -> Scenario:
    systems = some(12)
    return story(
        systems,
        {each.id: [fault(Ill.LOST, 4, 9)] for each in systems[:6]},
        hours(3, 6.5),
        expect("fleet-error", "stale", "silent-loss", ends=False),
    )


@BOOK.add
def six_tables_cannot_be_read_beside_a_backlog_of_all_day() -> Scenario:
    """Five systems that are not read either have a backlog: that explains them, and not the other six."""
    systems = some(12)
    waiting = {each.id: [fault(ill, 1.1, 12) for ill in (Ill.STALLED, Ill.UNREAD)] for each in systems[:5]}
    unread = {each.id: [fault(Ill.UNREAD, 4, 9)] for each in systems[6:]}
    return story(
        systems,
        {**waiting, **unread},
        hours(1, 6.5, 600),
        expect("fleet-incident", "backlog", ends=False),
        expect("fleet-error", "unmeasured", ends=False),
    )


@BOOK.add
def six_systems_lose_every_message_beside_dead_letters_of_all_day() -> Scenario:
    systems = some(12)
    dead = {each.id: [fault(Ill.DEAD, 1.1, 12)] for each in systems[:5]}
    lost = {each.id: [fault(Ill.LOST, 4, 9)] for each in systems[6:]}
    return story(
        systems,
        {**dead, **lost},
        hours(1, 6.5, 600),
        expect("fleet-incident", "errors-burn", ends=False),
        expect("fleet-error", "stale", "silent-loss", ends=False),
    )


@BOOK.add
def six_systems_have_warnings_beside_others_that_burn() -> Scenario:
    """What explains the warnings of the five explains none of the six."""
    systems = some(12)
    burning = {each.id: [late(3.1, 12), fault(Ill.DEAD, 3.1, 12, 0.5)] for each in systems[:5]}
    slow = {each.id: [late(3.1, 12, 0.03), fault(Ill.DEAD, 3.1, 12, 0.003)] for each in systems[6:]}
    return story(
        systems,
        {**burning, **slow},
        hours(3, 6.5, 600),
        expect("fleet-incident", "latency-burn", "errors-burn", ends=False),
        expect("fleet-warning", "dead-letters", "latency-slow-burn", "errors-slow-burn", ends=False),
    )
