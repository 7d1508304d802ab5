"""Whole commands of the exporter that have a time to keep."""

from __future__ import annotations

from pathlib import Path

from tests.bench.peers.environments import ROOT
from tests.bench.processes import Taken, run


def check_offline(python: Path, log: Path) -> Taken:
    """``exporter check --offline`` of the example file, in production's environment."""
    return run([python, "-m", "exporter", "check", "--offline", "-c", ROOT / "systems.example.yaml"], {}, log)


def demo_once(python: Path, systems: int, log: Path) -> Taken:
    """``exporter demo --once``: a sandbox with an hour of history, a cycle over it, and the table; in the environment of development."""
    return run([python, "-m", "exporter", "demo", "--once", "--systems", str(systems)], {}, log)
