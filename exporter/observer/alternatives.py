"""What the month would cost done otherwise: longer intervals, OTLP in place of custom metrics, always on in place of scheduled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from exporter.model import System
from exporter.observer.estimate import Terms, estimate
from exporter.observer.facts import Facts
from exporter.observer.usage import OTLP

LONGEST_INTERVAL_S = 6 * 3600
"""The configuration takes no longer interval."""

HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another way, and what a month costs with it in US dollars."""

    name: str
    monthly_usd: Fraction


def alternatives(
    systems: Sequence[System], terms: Terms, facts: Mapping[str, Facts] | None = None
) -> tuple[Alternative, ...]:
    """The ways that differ from the present one."""
    doubled = [_at_least(system, min(2 * system.interval_s, LONGEST_INTERVAL_S)) for system in systems]
    hourly = [_at_least(system, HOUR_S) for system in systems]
    ways: list[tuple[str, Sequence[System], Terms]] = [
        ("every interval doubled", doubled, terms),
        ("every interval at least 1 h", hourly, terms),
        ("OTLP in place of custom metrics", systems, replace(terms, sinks=(OTLP,))),
        ("always on in place of scheduled", systems, replace(terms, always_on=True)),
    ]
    return tuple(
        Alternative(name, estimate(changed, other, facts).bill.total)
        for name, changed, other in ways
        if (tuple(changed), other) != (tuple(systems), terms)
    )


def _at_least(system: System, interval_s: int) -> System:
    """A system with a longer interval; one that is slower already stays so. Windows divide an hour, so an hour is a multiple of each."""
    return replace(system, interval_s=max(system.interval_s, interval_s))
