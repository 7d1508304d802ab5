"""Systems in trouble are collected every window, also between their collections, until an hour of quiet has passed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from exporter import assembly, config
from exporter.cycle import Exporter
from exporter.sandbox import happenings, scenario
from exporter.sandbox.clock import to_us
from tests.end_to_end.conftest import NOON, Run, running

MINUTE = 60


@contextmanager
def standard(systems: int) -> Iterator[tuple[Run, Exporter]]:
    """A fleet of standard systems (windows of 5 min, collected every 15), caught up at half past twelve."""
    with running(systems, history_s=3600, now=NOON + timedelta(seconds=20)) as run:
        path = Path(run.sandbox.addresses.config)
        path.write_text(re.sub(r"tier: \w+", "tier: standard", path.read_text()))
        with assembly.parts(config.load(path)) as parts:
            exporter = assembly.exporter(parts, history=timedelta(hours=1))
            exporter.cycle(parts.clients.now())
            yield Run(run.sandbox, parts, run.history), exporter


def progress(run: Run, exporter: Exporter, system: str, minutes: int) -> int:
    """How many times the newest window of a system's delivery moved on."""
    moved, last = 0, None
    for _ in range(minutes):
        run.advance(MINUTE)
        report = exporter.cycle(run.parts.clients.now())
        (found,) = [each.delivery for each in report.systems if each.id == system]
        moved += found != last
        last = found
    return moved - 1


def test_a_backlog_that_rises_is_noticed_within_a_window() -> None:
    with standard(3) as (run, exporter):
        names = [system.id for system in exporter.systems]
        assert progress(run, exporter, names[0], 15) == 1
        begin = to_us(run.parts.clients.now())
        happenings.begin(run.sandbox.world, scenario.load("table-deleted"), begin)
        # Its table is gone: the messages wait, and their age is read before the next collection.
        assert progress(run, exporter, names[1], 30) >= 4
        assert progress(run, exporter, names[0], 30) <= 2
