"""Our exporter and the floor, as the bench runs them; peers are in ``peers``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.processes import Driver, Taken, driver, run
from tests.bench.sandbox import Sandbox
from tests.bench.usage import Usage

_BEGINNINGS = 3


class Failed(RuntimeError):
    """A candidate did not do what was to be measured."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of a candidate: what it took of this machine, and what it used of the services."""

    taken: Taken
    used: Usage
    rss_mib: float | None = None


class Measured:
    """A candidate that is measured from within, by a driver."""

    def __init__(self, driver: Driver, sandbox: Sandbox) -> None:
        self._driver = driver
        self._sandbox = sandbox

    def _ask(self, *, collecting: bool = False, **asked: Any) -> Mapping[str, Any]:
        answer = self._driver.ask(now=self._sandbox.now().isoformat(), **asked)
        if collecting and not answer["windows"]:
            raise Failed("a cycle that stores no window measures nothing")
        if answer.get("failed"):
            raise Failed(f"a cycle that failed measures nothing: {answer['failed'][:3]}")
        return answer

    def _counted(self, *, collecting: bool = False, **asked: Any) -> Sample:
        before = self._sandbox.used()
        answer = self._ask(collecting=collecting, **asked)
        taken = Taken(answer["wall_s"], answer["cpu_s"], answer["peak_rss_mib"])
        return Sample(taken, self._sandbox.used() - before, answer["rss_mib"])


class Warm(Measured):
    """Our exporter as a daemon runs it: one process, a cycle at a time."""

    def collect(self) -> Sample:
        """Do what is due now; raises ``Failed`` where a cycle did not do all of it."""
        return self._counted(collecting=True)

    def idle(self) -> Sample:
        """A cycle at a time when nothing is to be collected."""
        return self._counted()

    def begin(self) -> None:
        """Do first cycles, unmeasured, until one did everything; raises ``Failed`` where none of a few did."""
        for attempt in range(_BEGINNINGS):
            try:
                self._ask(collecting=True)
            except Failed:
                if attempt == _BEGINNINGS - 1:
                    raise
            else:
                return

    def uncounted(self) -> tuple[float, float]:
        """Do what is due now; returns CPU in seconds and resident memory in MiB, and asks the sandbox nothing."""
        answer = self._ask()
        return answer["cpu_s"], answer["rss_mib"]


class Floor(Measured):
    """One query and the same series through the plain clients, and nothing else."""

    def send(self, like: Usage) -> Sample:
        """Send as many series as another candidate did."""
        return self._counted(series=int(like.points), distributions=int(like.distribution_points))


@contextmanager
def warm(python: Path, sandbox: Sandbox, config: Path, hours: float, limit_s: float | None = None) -> Iterator[Warm]:
    """Start our exporter, which begins so many hours before now; a limit stands in place of its own time-outs."""
    limits = [] if limit_s is None else [str(limit_s)]
    with driver([python, "-m", "tests.bench.drivers.ours", config, str(hours), *limits]) as started:
        yield Warm(started, sandbox)


@contextmanager
def floor(python: Path, sandbox: Sandbox) -> Iterator[Floor]:
    """Start the floor."""
    addresses = [sandbox.bigquery, sandbox.monitoring, sandbox.project]
    with driver([python, "-m", "tests.bench.drivers.floor", *addresses]) as started:
        yield Floor(started, sandbox)


def once(python: Path, sandbox: Sandbox, config: Path, log: Path) -> Sample:
    """Our exporter as cron runs it: a process that starts, does what is due, and ends."""
    before = sandbox.used()
    taken = run([python, "-m", "exporter", "once", "-c", config, "--json"], {}, log)
    return Sample(taken, sandbox.used() - before)
