"""Runs the bench, prints its tables, and writes ``docs/benchmarks.md``."""

from __future__ import annotations

import argparse
import os
import pickle
import platform
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import TypeVar

import yaml

from tests.bench import commands, comparison, document, simulation, slow
from tests.bench.candidates import Failed
from tests.bench.peers import environments
from tests.bench.peers.environments import ROOT
from tests.bench.results import Machine, Results
from tests.bench.simulation import Growth

Part = TypeVar("Part")

KEPT = environments.DIRECTORY / "kept"
"""Parts of a run that is not over."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured."""

    rounds: int
    slow_hours: int
    sizes: tuple[int, ...]
    before_hours: int
    hours: int


FULL = Scale(rounds=5, slow_hours=3, sizes=(50, 500, 5000), before_hours=25, hours=24)
QUICK = Scale(rounds=2, slow_hours=1, sizes=(50, 500), before_hours=2, hours=4)


def main() -> None:
    """Measure everything; a quick run writes no document unless it is told where."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a few minutes: fewer rounds, smaller fleets, hours in place of a day"
    )
    parser.add_argument("--resume", action="store_true", help="go on with a run that was interrupted")
    parser.add_argument("--output", type=Path, help="where to write the document; docs/benchmarks.md unless --quick")
    arguments = parser.parse_args()
    if not Path("/proc/self/status").exists():
        sys.exit("the bench reads the memory of processes from /proc: run it on Linux")
    if not arguments.resume:
        shutil.rmtree(KEPT, ignore_errors=True)
    scale = QUICK if arguments.quick else FULL
    output = arguments.output or (None if arguments.quick else ROOT / "docs" / "benchmarks.md")
    text = document.text(measure(scale, "make bench" + (' ARGS="--quick"' if arguments.quick else "")))
    print(text)
    if output is not None:
        output.write_text(text, encoding="utf-8")
    shutil.rmtree(KEPT, ignore_errors=True)


def measure(scale: Scale, command: str) -> Results:
    """Do all of it, one part after another."""
    python = environments.exporter()
    with TemporaryDirectory() as scratch:
        log = Path(scratch) / "log"
        offline = _part("check", lambda: [commands.check_offline(python, log) for _ in range(5)])
        demo = _part(
            "demo", lambda: [commands.demo_once(Path(sys.executable), comparison.SYSTEMS, log) for _ in range(2)]
        )
    compared = _part(f"comparison, {scale.rounds} rounds", lambda: comparison.compare(scale.rounds))
    late = _part(
        f"BigQuery at 3 s, {scale.slow_hours} h",
        lambda: list(slow.cycles(python, comparison.SYSTEMS, scale.slow_hours)),
    )
    day = _part(
        f"{scale.hours} simulated hours",
        lambda: simulation.day(python, comparison.SYSTEMS, scale.before_hours, scale.hours),
    )
    grown, too_large = _growth(python, scale.sizes)
    skipped = (*compared.skipped, *too_large)
    return Results(_machine(), command, compared, late, offline, demo, grown, day, _prices(), skipped)


def _growth(python: Path, sizes: Sequence[int]) -> tuple[list[Growth], list[str]]:
    """Measure fleets of these sizes; one that the sandbox is too slow for on this machine is named."""
    measured, skipped = [], []
    for systems in sizes:
        try:
            measured.append(_part(f"{systems} systems", partial(simulation.growth, python, systems)))
        except Failed as failed:
            skipped.append(f"{systems:,} systems: {failed}")
    return measured, skipped


def _part(name: str, measured: Callable[[], Part]) -> Part:
    """One part, a second time where the exporter failed, as it may on a busy machine; kept until the run is over, for ``--resume``."""
    kept = KEPT / f"{name}.pickle"
    if kept.exists():
        found: Part = pickle.loads(kept.read_bytes())
        return found
    begun_s = monotonic()
    try:
        found = measured()
    except Failed as failed:
        print(f"{name}, again: {failed}", file=sys.stderr)
        found = measured()
    print(f"{name}: {monotonic() - begun_s:.0f} s", file=sys.stderr)
    KEPT.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(pickle.dumps(found))
    return found


def _machine() -> Machine:
    cores = len(os.sched_getaffinity(0))
    return Machine(datetime.now(UTC).strftime("%Y-%m-%d"), cores, platform.python_version(), platform.system())


def _prices() -> dict[str, float]:
    content = yaml.safe_load((ROOT / "exporter" / "prices.yaml").read_text(encoding="utf-8"))
    return {name: entry["value"] for name, entry in content["prices"].items()}


if __name__ == "__main__":
    main()
