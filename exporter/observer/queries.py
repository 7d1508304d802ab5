"""Bytes that BigQuery bills the exporter a month, by system and family; what one query does for many is split evenly."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from fractions import Fraction

from exporter.model import Family, System
from exporter.observer import cycles
from exporter.observer.facts import Facts
from exporter.pricing import HOURS_PER_MONTH

DAYS_PER_MONTH = Fraction(HOURS_PER_MONTH, 24)

BytesBilled = Mapping[tuple[str, Family], Fraction]
"""Bytes of a month by system id and family."""


def bytes_billed(systems: Sequence[System], facts: Mapping[str, Facts], minimum: Fraction) -> BytesBilled:
    """Bytes billed for every system; ``minimum`` is what a query bills at least per table, in bytes."""
    found: defaultdict[tuple[str, Family], Fraction] = defaultdict(Fraction)
    sharers = Counter((system.table, system.interval_s) for system in systems)
    for system in systems:
        known = facts.get(system.id, Facts())
        sharing = sharers[system.table, system.interval_s]
        found[system.id, Family.LANDING] = _read_bytes(system, known, minimum) / sharing
    for place in _grouped(systems, lambda system: [(system.project, system.table.project, system.location)]):
        _split(found, Family.SPEND, place, minimum * _spend_cycles(place))
        _split(found, Family.STATE, place, minimum * HOURS_PER_MONTH)
        _add_timeline(found, place, facts, minimum)
    for place in _grouped(systems, lambda system: [(name, system.location) for name in _projects(system)]):
        _split(found, Family.SPEND, place, minimum * _spend_cycles(place))
    return found


def places(systems: Iterable[System]) -> int:
    """How many jobs one question to all systems takes."""
    return len({(system.project, system.table.project, system.location) for system in systems})


def _projects(system: System) -> set[str]:
    return {system.project, *system.query_projects}


def _reads(system: System, known: Facts) -> Fraction:
    """Readings of a table a month; one that was idle at some collections may be busy at each of fewer ones."""
    most = cycles.collections(system.interval_s)
    return most if known.reads_per_day is None else min(most, known.reads_per_day * DAYS_PER_MONTH)


def _read_bytes(system: System, known: Facts, minimum: Fraction) -> Fraction:
    """Bytes billed for a month's readings: between them they cover the time with rows, and each looks back for duplicates."""
    reads = _reads(system, known)
    covered_s = cycles.MONTH_S * known.busy + reads * system.duplicate_lookback_s
    return max(reads * minimum, known.bytes_per_s * covered_s if reads else Fraction(0))


def _spend_cycles(systems: Sequence[System]) -> int:
    return cycles.spend_cycles(frozenset(system.interval_s for system in systems))


def _add_timeline(
    found: defaultdict[tuple[str, Family], Fraction],
    place: Sequence[System],
    facts: Mapping[str, Facts],
    minimum: Fraction,
) -> None:
    """The write timeline, which is asked once for all idle tables of a place, in place of reading them."""
    idle = {}
    for system in place:
        share = 1 - _reads(system, facts.get(system.id, Facts())) / cycles.collections(system.interval_s)
        if share:
            idle[system.id] = share, system
    if idle:
        asked = cycles.of(system for _, system in idle.values()).landing
        most = max(share for share, _ in idle.values())
        _split(found, Family.LANDING, [system for _, system in idle.values()], minimum * asked * most)


def _split(
    found: defaultdict[tuple[str, Family], Fraction], family: Family, systems: Sequence[System], amount: Fraction
) -> None:
    share = amount / len(systems)
    for system in systems:
        found[system.id, family] += share


def _grouped(systems: Sequence[System], keys: Callable[[System], Iterable[Hashable]]) -> list[list[System]]:
    groups: defaultdict[Hashable, list[System]] = defaultdict(list)
    for system in systems:
        for key in keys(system):
            groups[key].append(system)
    return list(groups.values())
