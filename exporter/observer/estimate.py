"""What monitoring a fleet will use and cost a month, by system and family: at list prices, while nothing fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import TypeVar

from exporter.metrics.catalog import EXPORTER_JOB, FLEET_JOB, Written
from exporter.model import Family, System
from exporter.observer import alerting, cycles, queries, runtime
from exporter.observer.facts import Facts
from exporter.observer.series import HEARTBEAT, OF_CYCLES, OF_SYSTEMS, Needs, Series
from exporter.observer.usage import CLOUD_MONITORING, MIB, OTLP, Bill, Usage, bill, total
from exporter.pricing import HOURS_PER_MONTH, Prices

WATCH, ALERTING = "watch", "alerting"
"""What costs beside the families of the catalogue: looks between collections, and alert policies."""

SERIES_READ, SERIES_READ_IDLE = 6, 3
"""Series that Cloud Monitoring returns for a system and collection: with traffic, and without (only of its backlog)."""

STARTS_PER_MONTH = 30
"""The exporter starts about once a day: it then looks tables up, and reads watermarks and its last day of results back."""

SERIES_RESTORED = 24
"""Series of a system that a start reads back."""

SCHEMA_TABLES = 2
"""Views of INFORMATION_SCHEMA that looking tables up refers to."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What an estimate is made for besides the systems: prices, where points go, and how the exporter runs."""

    prices: Prices
    sinks: tuple[str, ...] = (CLOUD_MONITORING,)
    always_on: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A month's usage of one family of one system; ``owner`` may be ``fleet`` or ``exporter`` too."""

    owner: str
    family: str
    usage: Usage


Key = TypeVar("Key")


@dataclass(frozen=True)
class Estimate:
    """A month of monitoring, line by line."""

    lines: tuple[Line, ...]
    prices: Prices

    @cached_property
    def bill(self) -> Bill:
        """All of it."""
        return bill(total(line.usage for line in self.lines), self.prices)

    @cached_property
    def by_family(self) -> Mapping[str, Bill]:
        """Bills by family."""
        return self._by(lambda line: line.family)

    @cached_property
    def by_owner(self) -> Mapping[str, Bill]:
        """Bills by system, and of ``fleet`` and ``exporter``."""
        return self._by(lambda line: line.owner)

    @cached_property
    def by_owner_and_family(self) -> Mapping[tuple[str, str], Bill]:
        """Bills by both."""
        return self._by(lambda line: (line.owner, line.family))

    def _by(self, key: Callable[[Line], Key]) -> dict[Key, Bill]:
        grouped: dict[Key, list[Usage]] = {}
        for line in self.lines:
            grouped.setdefault(key(line), []).append(line.usage)
        return {name: bill(total(usages), self.prices) for name, usages in grouped.items()}


@dataclass(frozen=True, slots=True)
class _Profile:
    """What the number of a system's points depends on: window and interval, and how often there are rows and queries."""

    window_s: int
    interval_s: int
    rows: Fraction
    queries: Fraction
    has_cost_objective: bool

    def times(self, written: Written) -> Fraction:
        """How often a month something is written."""
        if written is Written.WINDOW:
            return cycles.windows(self.window_s)
        if written is Written.COLLECTION:
            return cycles.collections(self.interval_s)
        return Fraction(HOURS_PER_MONTH)

    def share(self, needs: Needs) -> Fraction:
        """How often there is something to write."""
        if needs is Needs.ROWS:
            return self.rows
        if needs is Needs.QUERIES:
            return self.queries
        return Fraction(self.has_cost_objective or needs is Needs.NOTHING)


_SYSTEM_FAMILIES = (Family.LANDING, Family.DELIVERY, Family.SPEND, Family.STATE)


def estimate(systems: Sequence[System], terms: Terms, facts: Mapping[str, Facts] | None = None) -> Estimate:
    """Estimate a month; systems without facts are taken to be busy."""
    known = facts or {}
    minimum = terms.prices["query_minimum_mib_per_table"] * MIB
    billed = queries.bytes_billed(systems, known, minimum)
    lines = [line for system in systems for line in _system_lines(system, known.get(system.id, Facts()), terms, billed)]
    return Estimate((*lines, *_common_lines(systems, terms, minimum)), terms.prices)


def _system_lines(system: System, known: Facts, terms: Terms, billed: queries.BytesBilled) -> Iterator[Line]:
    has_cost_objective = system.objectives.cost_per_message_usd is not None
    profile = _Profile(system.window_s, system.interval_s, known.busy, known.queried, has_cost_objective)
    for family in _SYSTEM_FAMILIES:
        read = cycles.collections(system.interval_s) * _series_read(known) if family is Family.DELIVERY else 0
        own = Usage(bytes_billed=billed.get((system.id, family), 0), series_read=read)
        yield Line(system.id, family.value, _points_of(family, profile, terms.sinks) + own)
    if system.interval_s > system.window_s:
        # The age of the oldest message, in windows that are not measured at once; failed attempts have no series where there are none.
        looks = cycles.windows(system.window_s) - cycles.collections(system.interval_s)
        yield Line(system.id, WATCH, Usage(series_read=looks))


def _common_lines(systems: Sequence[System], terms: Terms, minimum: Fraction) -> Iterator[Line]:
    made = cycles.of(systems)
    for owner, family in ((FLEET_JOB, Family.FLEET), (EXPORTER_JOB, Family.EXPORTER)):
        usages = [_stored(series, made.collecting, terms.sinks) for series in OF_CYCLES if series.family is family]
        if family is Family.EXPORTER:
            usages += [
                _stored(HEARTBEAT, made.all, terms.sinks),
                Usage(
                    bytes_billed=minimum * SCHEMA_TABLES * queries.places(systems),
                    series_read=SERIES_RESTORED * len(systems),
                )
                * STARTS_PER_MONTH,
                runtime.usage(systems, always_on=terms.always_on),
            ]
        yield Line(owner, family.value, total(usages))
    yield Line(EXPORTER_JOB, ALERTING, alerting.usage(systems))


@lru_cache(1024)
def _points_of(family: Family, profile: _Profile, sinks: tuple[str, ...]) -> Usage:
    """A month of one family's points; systems of a fleet differ little, so it is remembered."""
    return total(
        _stored(series, profile.times(series.written) * profile.share(series.needs), sinks)
        for series in OF_SYSTEMS
        if series.family is family
    )


def _stored(series: Series, times: Fraction | int, sinks: tuple[str, ...]) -> Usage:
    """Storing a series' points so many times in each sink."""
    points = series.points * times
    custom, otlp = (int(name in sinks) for name in (CLOUD_MONITORING, OTLP))
    if series.is_distribution:
        return Usage(distribution_points=points * custom, otlp_samples=points * (2 + series.buckets) * otlp)
    return Usage(scalar_points=points * custom, otlp_samples=points * otlp)


def _series_read(known: Facts) -> Fraction:
    return SERIES_READ_IDLE + (SERIES_READ - SERIES_READ_IDLE) * known.busy
