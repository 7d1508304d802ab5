"""Rounds in which every candidate has its turn, so that what else the machine does falls on all of them alike."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import candidates
from tests.bench.candidates import Floor, Sample, Warm
from tests.bench.peers import environments, queries, slo
from tests.bench.sandbox import QUARTER_S, QUARTERS, Sandbox, sandbox

SYSTEMS = 50
_HISTORY_HOURS = 2

ONE_WINDOW = "exporter, warm, all families, one window"
WARM, QUARTER, COLD = "exporter, warm, all families", "exporter, warm, a quarter of an hour", "exporter once, cold"
FLOOR, SLO = "floor", "slo-generator 2.6.0"
QUERIES_COLD, QUERIES_WARM = "query-exporter 5.2.2, cold", "query-exporter 5.2.2, warm"


@dataclass(slots=True)
class Comparison:
    """Samples by candidate, in the order of the table; ``skipped`` says who is missing and why."""

    samples: dict[str, list[Sample]] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)

    def add(self, name: str, sample: Sample) -> None:
        """Keep one run."""
        self.samples.setdefault(name, []).append(sample)


def compare(rounds: int) -> Comparison:
    """Let all candidates run so many rounds on one sandbox."""
    found = Comparison()
    with TemporaryDirectory() as scratch, sandbox(SYSTEMS, f"{_HISTORY_HOURS}h") as cloud, ExitStack() as stack:
        python = environments.exporter()
        contest = _Contest(
            cloud=cloud,
            directory=Path(scratch),
            python=python,
            warm=stack.enter_context(candidates.warm(python, cloud, cloud.config, _HISTORY_HOURS)),
            one_window=stack.enter_context(
                candidates.warm(python, cloud, cloud.other_prefix("single", window="15m"), _HISTORY_HOURS)
            ),
            floor=stack.enter_context(candidates.floor(python, cloud)),
            cold_config=cloud.other_prefix("cold"),
        )
        contest.prepare(found)
        for number in range(1, rounds + 1):
            print(f"comparison: round {number} of {rounds}", file=sys.stderr)
            contest.round(found)
    return found


@dataclass(slots=True)
class _Contest:
    """The candidates of one comparison; a peer without a Python has none."""

    cloud: Sandbox
    directory: Path
    python: Path
    warm: Warm
    one_window: Warm
    floor: Floor
    cold_config: Path
    slo_python: Path = field(init=False)
    queries_python: Path | None = field(init=False)
    queries_config: Path = field(init=False)

    @property
    def _log(self) -> Path:
        return self.directory / "log"

    def prepare(self, found: Comparison) -> None:
        """Set up what is compared, and let our two exporters catch up, unmeasured."""
        self.slo_python = environments.slo_generator()
        slo.configure(self.cloud, self.directory)
        self.queries_python = environments.query_exporter()
        self.queries_config = queries.configure(self.cloud, self.directory)
        if self.queries_python is None:
            found.skipped.append("query-exporter 5.2.2 needs Python 3.12 or newer, and none was found")
        self.warm.begin()
        self.one_window.begin()
        candidates.once(self.python, self.cloud, self.cold_config, self._log)

    def round(self, found: Comparison) -> None:
        """An hour of the exporter's quarters, the last of which has all families due; then the others at the same time."""
        for quarter in range(1, QUARTERS + 1):
            self.cloud.advance(QUARTER_S)
            warm = self.warm.collect()
            one_window = self.one_window.collect()
            cold = candidates.once(self.python, self.cloud, self.cold_config, self._log)
            if quarter < QUARTERS:
                found.add(QUARTER, warm)
        found.add(WARM, warm)
        found.add(ONE_WINDOW, one_window)
        found.add(COLD, cold)
        found.add(FLOOR, self.floor.send(warm.used))
        found.add(SLO, slo.compute(self.slo_python, self.cloud, self.directory, self._log))
        if self.queries_python is not None:
            first, second = queries.scrape_twice(self.queries_python, self.cloud, self.queries_config, self._log)
            found.add(QUERIES_COLD, first)
            found.add(QUERIES_WARM, second)
