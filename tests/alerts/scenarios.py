"""What may happen to a fleet, and which incidents it must lead to: exactly these, for these systems, and no others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from exporter.model import ActiveHours, System, Tier
from tests.alerts.policies import some
from tests.alerts.running import Watch
from tests.alerts.traffic import Fault, Ill, Pipeline, Rate, steady

HOUR_S = 3600
BUSY = steady(60)
OFFICE = ActiveHours(frozenset(range(5)), 8 * 60, 18 * 60)


@dataclass(frozen=True, slots=True)
class Expected:
    """Incidents of one kind: one for each of the systems (of the fleet: for each kind of trouble), or as many as ``times`` says, at most.

    They open within what docs/alerts.md promises for ``what`` happens at ``since_s``, and are over at the end where ``ends``.
    """

    kind: str
    jobs: frozenset[str]
    what: str = ""
    since_s: int = 0
    times: tuple[int, int] = (1, 1)
    ends: bool | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """A fleet, what happens to it, when alerts are watched, and what they must say; ``owner`` is whose incidents these are."""

    pipelines: Sequence[Pipeline]
    watch: Watch
    expected: Sequence[Expected] = ()
    owner: str = "data-platform"


def expect(kind: str, *jobs: str, **more: Any) -> Expected:
    """Incidents of a kind for these systems; of the fleet, for these kinds of trouble; without any, of the whole fleet."""
    return Expected(kind, frozenset(jobs or ("",)), **more)


def story(
    systems: Sequence[System],
    faults: Mapping[str, Sequence[Fault]],
    watch: Watch,
    *expected: Expected,
    rate: Rate = BUSY,
    owner: str = "data-platform",
) -> Scenario:
    """A scenario of systems with the same traffic; faults are by system."""
    pipelines = [Pipeline(each, watch.end_s, rate, faults.get(each.id, ())) for each in systems]
    return Scenario(pipelines, watch, expected, owner)


def hours(begin: float, end: float, step_s: int = 300, **more: Any) -> Watch:
    """Watch from an hour to another."""
    return Watch(round(begin * HOUR_S), round(end * HOUR_S), step_s, **more)


def fault(ill: Ill, begin: float, end: float, share: float = 1.0, amount: int = 0) -> Fault:
    """A fault from an hour to another."""
    return Fault(ill, round(begin * HOUR_S), round(end * HOUR_S), share, amount)


def late(begin: float, end: float, share: float = 1.0) -> Fault:
    """Messages that take two minutes."""
    return fault(Ill.LATE, begin, end, share, 120)


def at_night(rate: int) -> Rate:
    """No messages between 18:00 and 8:00."""
    return lambda at_s: rate if 8 <= at_s // HOUR_S % 24 < 18 else 0


def every(minutes: int, number: int = 1) -> Rate:
    """Some messages, once in so many minutes."""
    return lambda at_s: number if at_s // 60 % minutes == 0 else 0


def together(systems: Sequence[System], make: Callable[[int], Sequence[Fault]]) -> dict[str, Sequence[Fault]]:
    """Faults of systems that fail together: four at once, the others one to two minutes later.

    Four are not enough for an incident of the fleet: they must not page before the others are seen.
    """
    late_s = [0, 0, 0, 0, *(60 + number * 60 // len(systems) for number in range(len(systems)))]
    return {each.id: make(skew_s) for each, skew_s in zip(systems, late_s, strict=False)}


def shifted(fault_: Fault, skew_s: int) -> Fault:
    """The same fault, later."""
    return replace(fault_, begin_s=fault_.begin_s + skew_s, end_s=fault_.end_s + skew_s)


@dataclass(slots=True)
class Book:
    """Scenarios by name; each is made when it is asked for."""

    made: dict[str, Callable[[], Scenario]] = field(default_factory=dict)

    def add(self, make: Callable[[], Scenario]) -> Callable[[], Scenario]:
        """Take in a scenario under the name of its function."""
        self.made[make.__name__] = make
        return make


def mixed() -> list[System]:
    """Two systems of each tier."""
    return [each for tier in Tier for each in some(2, tier, tier.value)]
