"""Runs without services: a clock that tests move, and checks that answer what they are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from exporter.verify.book import Book
from exporter.verify.lab import Lab, Place
from exporter.verify.questions import Check, Seen

PLACE = Place("acme-data", "US", "us-central1", "6aeb1e409c13")
NOW = datetime(2026, 11, 4, 12, 0, tzinfo=UTC)
MINUTES = timedelta(minutes=5)


@dataclass
class ManualClock:
    """Moves when somebody waits, and not otherwise."""

    time: datetime = NOW

    def now(self) -> datetime:
        return self.time

    def wait(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def lab_in(directory: Path, clock: ManualClock | None = None) -> Lab:
    nothing: Any = None  # what is asked here asks nobody
    return Lab(PLACE, nothing, clock or ManualClock(), Book(directory))


def check(
    name: str, ask: Callable[[Lab], Seen | None], needs: tuple[str, ...] = (), patience: timedelta = MINUTES
) -> Check:
    return Check(name, f"What does {name} say?", "yes", "a test", ask, needs, patience)


def yes(_: Lab) -> Seen:
    return Seen("yes", as_expected=True)


def no(_: Lab) -> Seen:
    return Seen("no", as_expected=False)


def silent(_: Lab) -> None:
    return None
