"""What the commands `run` and `serve` do: the exporter as a process that goes on until it is stopped."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from types import FrameType

from exporter import assembly, scheduler
from exporter.assembly import Parts, Role
from exporter.config import Config
from exporter.model import CycleReport
from exporter.scheduler import Scheduler
from exporter.worker import Worker

_STOP_S = 8.0
"""How long a cycle that is under way may go on after the signal to stop: Cloud Run and Kubernetes kill after ten seconds or more.

A cycle that is abandoned loses nothing: the next process goes on where the watermarks are.
"""

_log = logging.getLogger(__name__)

Show = Callable[[CycleReport], None]


@dataclass(frozen=True, slots=True)
class Options:
    """How the daemon is to run; ``since`` is where systems without a watermark start."""

    role: Role = field(default_factory=Role)
    since: datetime | None = None


def run(config: Config, options: Options, show: Show) -> None:
    """Run cycles on schedule until SIGTERM or SIGINT; raises ``ExporterError`` where it cannot go on."""
    with _stoppable() as stop, assembly.parts(config) as parts:
        worker = _worker(parts, options, stop)
        clock = parts.clients.now if config.endpoints.clock is not None else None
        runner = Scheduler(
            lambda: show(worker.cycle()),
            worker.overrun,
            period=scheduler.period(config.systems),
            offset=scheduler.offset(f"{config.fleet}/{options.role.task_id}"),
            follow=clock,
        )
        try:
            runner.run(stop)
        finally:
            stop.set()
            if not worker.wait(_STOP_S):
                _log.warning("the cycle under way is abandoned; the next process does it again")


def _worker(parts: Parts, options: Options, stop: threading.Event) -> Worker:
    exporter = assembly.exporter(parts, since=options.since, role=options.role)
    return Worker(exporter, parts.clients.now, stop)


@contextmanager
def _stoppable() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set."""
    stop = threading.Event()

    def on_signal(number: int, _: FrameType | None) -> None:
        _log.info("stopping on %s", signal.Signals(number).name)
        stop.set()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
