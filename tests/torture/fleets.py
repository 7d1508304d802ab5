"""Small fleets in a sandbox of this process, with exporters that tests run cycle by cycle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from exporter import assembly, config
from exporter.assembly import Parts, Role
from exporter.config import Config
from exporter.cycle import Exporter
from exporter.model import CycleReport, Family, System, Tier
from exporter.patience import Patience
from exporter.sandbox.dump import write_dump
from exporter.sandbox.faults import Fault
from exporter.sandbox.monitoring.limits import Settings
from exporter.sandbox.server import Sandbox, SandboxOptions
from tests.torture.accounting import FAMILIES, Verdict, judge, watermarks

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
NOW = START + timedelta(minutes=30)

TIERS = {Tier.CRITICAL: (60, 60), Tier.STANDARD: (300, 900), Tier.BATCH: (3600, 3600)}


@dataclass
class Fleet:
    """A sandbox whose clock stands still, and what is needed to make exporters for it."""

    sandbox: Sandbox
    config: Config
    _stack: ExitStack = field(default_factory=ExitStack)

    @property
    def systems(self) -> Sequence[System]:
        """The systems that are measured."""
        return self.config.systems

    def parts(self) -> Parts:
        """Clients and collector of another exporter, closed when the fleet is."""
        return self._stack.enter_context(assembly.parts(self.config))

    def exporter(self, role: Role | None = None, *, parts: Parts | None = None) -> Exporter:
        """An exporter that has just been started, by itself: its clients are its own."""
        return assembly.exporter(parts or self.parts(), since=START, role=role or Role())

    def now(self) -> datetime:
        """The time of the sandbox."""
        return self.sandbox.world.engines.clock.now()

    def cycle(self, exporter: Exporter, patience: Patience | None = None) -> CycleReport:
        """One cycle at the sandbox's time."""
        return exporter.cycle(self.now(), patience)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.sandbox.world.engines.clock.advance(seconds)

    def faults(self, *faults: Fault) -> None:
        """Put these faults in force, and no others."""
        self.sandbox.world.engines.faults.clear()
        for fault in faults:
            self.sandbox.world.engines.faults.add(fault)

    def calls(self) -> int:
        """How many calls the sandbox answered so far."""
        return sum(self.sandbox.world.engines.faults.calls().values())

    def dump(self, directory: Path) -> Path:
        """Write what happened into a directory."""
        write_dump(self.sandbox.world, directory)
        return directory

    def marks(self, dump: Path) -> dict[tuple[str, Family], datetime]:
        """Up to where each system's family is stored."""
        return {(system, family): end for system, family, end in watermarks(dump)}

    def judge(self, dump: Path, **options: Any) -> Verdict:
        """Judge a dump."""
        prices = self.parts().prices.values
        return judge(dump, self.systems, START, prices, **options)


class Waiting(Patience):
    """Patience in the sandbox's time: whoever waits lets virtual time pass."""

    def __init__(self, fleet: Fleet, limit_s: float) -> None:
        super().__init__(3600)
        self._fleet = fleet
        self._end = fleet.now() + timedelta(seconds=limit_s)

    @property
    def is_over(self) -> bool:
        """Whether there is no time left."""
        return self._fleet.now() >= self._end

    def wait(self, seconds: float) -> bool:
        """Let time pass, where there is so much."""
        if self._fleet.now() + timedelta(seconds=seconds) > self._end:
            return False
        self._fleet.advance(seconds)
        return True


@contextmanager
def fleet(
    systems: int = 3,
    *,
    tiers: Sequence[Tier] | None = None,
    seed: int = 1,
    monitoring: Settings | None = None,
    scenario: str | None = None,
    history_s: float = 1800,
) -> Iterator[Fleet]:
    """Build, serve and stop a sandbox; its fleet began at ``START``, half an hour ago. ``tiers`` replaces the tiers of its systems."""
    options = SandboxOptions(
        systems=systems,
        history_s=history_s,
        scenario=scenario,
        seed=seed,
        now=NOW,
        speed=0,
        live=False,
        monitoring=monitoring or Settings(),
    )
    with Sandbox(options) as sandbox, ExitStack() as stack:
        loaded = config.load(Path(sandbox.addresses.config))
        chosen = zip(loaded.systems, tiers or [system.tier for system in loaded.systems], strict=True)
        tiered = tuple(_tiered(system, tier) for system, tier in chosen)
        yield Fleet(sandbox, replace(loaded, systems=tiered), stack)


def _tiered(system: System, tier: Tier) -> System:
    window_s, interval_s = TIERS[tier]
    return replace(system, tier=tier, window_s=window_s, interval_s=interval_s)


def caught_up(fleet: Fleet, marks: dict[tuple[str, Family], datetime], lag: timedelta) -> list[str]:
    """Systems and families that are further behind than ``lag`` and their interval."""
    late = []
    for system in fleet.systems:
        for family in FAMILIES:
            interval = timedelta(hours=1) if family is Family.SPEND else timedelta(seconds=system.interval_s)
            mark = marks.get((system.id, family))
            if mark is None or mark < fleet.now() - lag - interval:
                late.append(f"{system.id} {family}: {mark}")
    return late
