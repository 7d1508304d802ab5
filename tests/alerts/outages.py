"""Scenarios of many systems: an outage of a region is told of once, not once for each system."""

from __future__ import annotations

from exporter.model import Tier
from tests.alerts.exporting import Setting
from tests.alerts.policies import some
from tests.alerts.scenarios import HOUR_S, Book, Scenario, expect, fault, hours, late, shifted, story, together
from tests.alerts.traffic import Ill

BOOK = Book()
WHAT = "nothing is delivered to many systems"
ONCE = (1, 2)
"""At most twice: when it comes, and when it goes."""


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
        expect("fleet-incident", times=ONCE, what=WHAT, since_s=stop.begin_s),
    )


@BOOK.add
def fifty_critical_systems_stop_and_recover() -> Scenario:
    systems = some(50, Tier.CRITICAL)
    stop = fault(Ill.STALLED, 1.5, 1.9)
    return story(
        systems,
        together(systems, lambda skew_s: [shifted(stop, skew_s)]),
        hours(1.5, 2.5, 120),
        expect("fleet-incident", times=ONCE, what=WHAT, since_s=stop.begin_s),
    )


@BOOK.add
def fifty_batch_systems_stop_and_recover() -> Scenario:
    systems = [*some(50, Tier.BATCH), *some(1, name="frequent")]
    stop = fault(Ill.STALLED, 9 - 6 / 60, 11)
    return story(
        systems,
        together(systems[:50], lambda skew_s: [shifted(stop, skew_s)]),
        hours(8.5, 17, 1200),
        expect("fleet-incident", times=ONCE, what=WHAT, since_s=stop.begin_s),
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
        expect("fleet-incident", times=ONCE),
    )


@BOOK.add
def fifty_systems_are_late() -> Scenario:
    systems = some(50)
    return story(
        systems,
        together(systems, lambda skew_s: [shifted(late(3.1, 9), skew_s)]),
        hours(3, 5, 600),
        expect("fleet-incident", times=ONCE),
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
