"""Everything that one run of the bench measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.bench.candidates import Sample
from tests.bench.comparison import Comparison
from tests.bench.processes import Taken
from tests.bench.simulation import Day, Growth
from tests.bench.spread import Spread, spread


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it was measured, in general terms."""

    date: str
    cores: int
    python: str
    system: str


@dataclass(frozen=True, slots=True)
class Results:
    """What the tables are made of; ``skipped`` says what was not measured and why, ``prices`` are as in ``exporter/prices.yaml``."""

    machine: Machine
    command: str
    comparison: Comparison
    slow: Sequence[Sample]
    offline: Sequence[Taken]
    demo: Sequence[Taken]
    growth: Sequence[Growth]
    day: Day
    prices: Mapping[str, float]
    skipped: Sequence[str] = ()

    def of(self, candidate: str, value: Callable[[Sample], float]) -> Spread:
        """One quantity over all runs of a candidate."""
        return spread([value(sample) for sample in self.comparison.samples[candidate]])


def wall_s(sample: Sample) -> float:
    """Wall time."""
    return sample.taken.wall_s


def cpu_s(sample: Sample) -> float:
    """CPU, user and system."""
    return sample.taken.cpu_s


def peak_rss_mib(sample: Sample) -> float:
    """The most memory that was resident since the process began."""
    return sample.taken.peak_rss_mib


def calls(sample: Sample) -> float:
    """Remote calls."""
    return sample.used.calls
