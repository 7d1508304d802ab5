"""The plan fits the budget or says that nothing does; who is slowed down, and how far."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.model import System, Tier
from exporter.observer.estimate import estimate
from exporter.observer.planner import CANDIDATES_S, SLOWED_FIRST, Plan, plan
from tests.observer.test_estimate import FACTS, TERMS, fleet

TIMES = {Tier.CRITICAL: (60, 60), Tier.STANDARD: (300, 900), Tier.BATCH: (900, 900)}


def mixed(*tiers: Tier) -> list[System]:
    return [
        replace(each, tier=tier, window_s=TIMES[tier][0], interval_s=TIMES[tier][1])
        for each, tier in zip(fleet(len(tiers)), tiers, strict=True)
    ]


def intervals(systems: list[System], found: Plan) -> list[int]:
    changed = {change.system.id: change.interval_s for change in found.changes}
    return [changed.get(each.id, each.interval_s) for each in systems]


def cost(systems: list[System], **interval_s: int) -> float:
    """What the fleet costs when systems of a tier have another interval."""
    changed = [replace(each, interval_s=interval_s.get(each.tier.value, each.interval_s)) for each in systems]
    return float(estimate(changed, TERMS).bill.total)


def test_a_fleet_within_its_budget_stays_as_it_is() -> None:
    found = plan(mixed(Tier.CRITICAL, Tier.BATCH), TERMS, 1000)
    assert found.fits
    assert found.changes == ()
    assert found.before == found.after


def test_batch_goes_first_then_standard_and_critical_last() -> None:
    systems = mixed(Tier.CRITICAL, Tier.STANDARD, Tier.STANDARD, Tier.BATCH)
    cent = 0.01
    for slowed, expected in (
        ({"batch": 1800}, [60, 900, 900, 1800]),
        ({"batch": 3600}, [60, 900, 900, 3600]),
        ({"batch": 3600, "standard": 1800}, [60, 1800, 1800, 3600]),
        ({"batch": 3600, "standard": 3600}, [60, 3600, 3600, 3600]),
        ({"batch": 3600, "standard": 3600, "critical": 300}, [300, 3600, 3600, 3600]),
    ):
        found = plan(systems, TERMS, cost(systems, **slowed) + cent)
        assert found.fits
        assert intervals(systems, found) == expected


def test_a_change_says_what_it_saves_and_how_much_later_trouble_is_seen() -> None:
    systems = mixed(Tier.STANDARD, Tier.STANDARD)
    found = plan(systems, TERMS, cost(systems, standard=1800) + 0.01)
    assert [(change.system.id, change.interval_s, change.later_s) for change in found.changes] == [
        ("s0", 1800, 900),
        ("s1", 1800, 900),
    ]
    saved = sum(change.saved_usd for change in found.changes)
    # The exporter itself has less to do, too.
    assert Fraction(0) < saved < found.before.bill.total - found.after.bill.total


def test_where_no_interval_fits_it_says_so_and_shows_the_cheapest() -> None:
    systems = mixed(Tier.CRITICAL, Tier.STANDARD)
    found = plan(systems, TERMS, 1)
    assert not found.fits
    assert intervals(systems, found) == [3600, 3600]


def test_intervals_that_are_longer_already_stay() -> None:
    slow = [replace(each, interval_s=21_600) for each in mixed(Tier.BATCH)]
    assert plan(slow, TERMS, 0.5).changes == ()


def test_an_interval_is_a_multiple_of_the_window() -> None:
    odd = [replace(each, window_s=720, interval_s=720) for each in mixed(Tier.BATCH)]
    # A quarter of an hour would do, but twelve minutes do not divide it.
    found = plan(odd, TERMS, cost(odd) - 0.01)
    assert intervals(odd, found) == [3600]


def test_there_are_never_more_than_six_classes() -> None:
    windows = (60, 120, 180, 240, 300, 600)
    systems = [
        replace(each, window_s=windows[place % 6], interval_s=1200 if place % 6 else 60, tier=tier)
        for place, (each, tier) in enumerate(zip(fleet(12), [Tier.BATCH] * 6 + [Tier.STANDARD] * 6, strict=True))
    ]
    systems = [replace(each, interval_s=each.window_s) for each in systems]
    for budget in (20, 40, 60, 80, 100):
        found = plan(systems, TERMS, budget)
        chosen = zip(systems, intervals(systems, found), strict=True)
        assert len({(each.window_s, interval) for each, interval in chosen}) <= 6


SHAPES = st.lists(
    st.tuples(st.sampled_from(list(Tier)), st.sampled_from([(60, 60), (60, 300), (300, 900), (3600, 3600)])),
    min_size=1,
    max_size=6,
)


@settings(deadline=None, max_examples=60)
@given(SHAPES, st.floats(0.5, 60), st.lists(FACTS, min_size=6, max_size=6))
def test_a_plan_keeps_the_budget_or_is_the_cheapest(
    shapes: list[tuple[Tier, tuple[int, int]]], budget: float, known: list[object]
) -> None:
    systems = [
        replace(each, tier=tier, window_s=window, interval_s=interval)
        for each, (tier, (window, interval)) in zip(fleet(len(shapes)), shapes, strict=True)
    ]
    facts = dict(zip([each.id for each in systems], known, strict=False))
    found = plan(systems, TERMS, budget, facts)  # type: ignore[arg-type]
    chosen = [replace(each, interval_s=value) for each, value in zip(systems, intervals(systems, found), strict=True)]
    assert estimate(chosen, TERMS, facts).bill == found.after.bill  # type: ignore[arg-type]
    assert found == plan(systems, TERMS, budget, facts)  # type: ignore[arg-type]
    assert found.fits == (found.after.bill.total <= Fraction(repr(budget)))
    slowest = [replace(each, interval_s=max(each.interval_s, 3600)) for each in systems]
    if not found.fits:
        assert found.after.bill.total == estimate(slowest, TERMS, facts).bill.total  # type: ignore[arg-type]
    for change in found.changes:
        assert change.interval_s in CANDIDATES_S
        assert change.interval_s > change.system.interval_s
        assert change.interval_s % change.system.window_s == 0
        assert change.saved_usd >= 0
    _no_more_than_needed(systems, found)


def _no_more_than_needed(systems: list[System], found: Plan) -> None:
    """A tier is slowed down only when the one before is as slow as may be, and its systems alike."""
    after = dict(zip([each.id for each in systems], intervals(systems, found), strict=True))
    changed = {change.system.tier for change in found.changes}
    for place, tier in enumerate(SLOWED_FIRST):
        if tier in changed:
            earlier = [each for each in systems if each.tier in SLOWED_FIRST[:place]]
            assert all(after[each.id] >= 3600 for each in earlier)
        least = {change.interval_s for change in found.changes if change.system.tier is tier}
        assert len(least) <= 1


@settings(deadline=None, max_examples=30)
@given(SHAPES, st.floats(0.5, 60))
def test_a_fleet_that_follows_its_plan_has_nothing_left_to_change(
    shapes: list[tuple[Tier, tuple[int, int]]], budget: float
) -> None:
    systems = [
        replace(each, tier=tier, window_s=window, interval_s=interval)
        for each, (tier, (window, interval)) in zip(fleet(len(shapes)), shapes, strict=True)
    ]
    found = plan(systems, TERMS, budget)
    followed = [replace(each, interval_s=value) for each, value in zip(systems, intervals(systems, found), strict=True)]
    assert plan(followed, TERMS, budget).changes == ()
