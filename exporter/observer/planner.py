"""Longer intervals for the least critical systems, so that the month's estimate fits the budget: pure and deterministic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from exporter.config.parser import MAX_CLASSES
from exporter.model import System, Tier
from exporter.observer.estimate import Estimate, Terms, estimate
from exporter.observer.facts import Facts

CANDIDATES_S = (60, 300, 900, 1800, 3600)
"""Intervals that a plan chooses among, where they are multiples of a system's window."""

SLOWED_FIRST = (Tier.BATCH, Tier.STANDARD, Tier.CRITICAL)
"""Tiers in the order in which they are slowed down; each only when the one before is as slow as may be."""

Levels = Mapping[Tier, int]
"""The shortest interval that the systems of each tier may have, in seconds."""


@dataclass(frozen=True, slots=True)
class Change:
    """A longer interval for one system, what it saves a month in US dollars, and how much later trouble is seen."""

    system: System
    interval_s: int
    saved_usd: Fraction

    @property
    def later_s(self) -> int:
        """How much later at worst."""
        return self.interval_s - self.system.interval_s


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes in the order of the file; without any the budget is kept already, or cannot be kept by longer intervals at all."""

    budget_usd: Fraction
    before: Estimate
    after: Estimate
    changes: tuple[Change, ...]

    @property
    def fits(self) -> bool:
        """Whether the month's estimate keeps the budget once the changes are made."""
        return self.after.bill.total <= self.budget_usd


def plan(systems: Sequence[System], terms: Terms, budget_usd: float, facts: Mapping[str, Facts] | None = None) -> Plan:
    """Choose intervals: the first step of slowing down with which the estimate fits the budget, else the cheapest."""
    budget = Fraction(repr(budget_usd))
    before = estimate(systems, terms, facts)
    chosen, cheapest = tuple(systems), before
    for levels in _steps():
        if cheapest.bill.total <= budget:
            break
        slowed = tuple(replace(system, interval_s=interval_s(system, levels)) for system in systems)
        if slowed == chosen or len({(system.window_s, system.interval_s) for system in slowed}) > MAX_CLASSES:
            continue
        found = estimate(slowed, terms, facts)
        if found.bill.total < cheapest.bill.total:
            chosen, cheapest = slowed, found
    return Plan(budget, before, cheapest, _changes(systems, chosen, before, cheapest))


def interval_s(system: System, levels: Levels) -> int:
    """A system's interval with the given levels: never shorter than the configured one."""
    least = levels[system.tier]
    if system.interval_s >= least:
        return system.interval_s
    return next(each for each in CANDIDATES_S if each >= least and each % system.window_s == 0)


def _steps() -> Iterator[Levels]:
    """Levels from as configured to as slow as may be: one tier after the other, all systems of a tier alike."""
    levels = dict.fromkeys(SLOWED_FIRST, 0)
    for tier in SLOWED_FIRST:
        for candidate in CANDIDATES_S:
            levels[tier] = candidate
            yield dict(levels)


def _changes(
    systems: Sequence[System], chosen: Sequence[System], before: Estimate, after: Estimate
) -> tuple[Change, ...]:
    return tuple(
        Change(old, new.interval_s, before.by_owner[old.id].total - after.by_owner[old.id].total)
        for old, new in zip(systems, chosen, strict=True)
        if old.interval_s != new.interval_s
    )
