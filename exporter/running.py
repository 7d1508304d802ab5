"""What the commands `run` and `serve` do: the exporter as a process that goes on until it is stopped."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import FrameType

from exporter import assembly, destinations, scheduler
from exporter.assembly import Parts, Role
from exporter.config import Config
from exporter.errors import UsageError
from exporter.logs import FailureLog
from exporter.model import CycleReport
from exporter.scheduler import Scheduler
from exporter.web import console
from exporter.web.app import application
from exporter.web.guard import guard
from exporter.web.listening import listen
from exporter.web.server import Server
from exporter.windows import period_s
from exporter.worker import Worker

_STOP_S = 7.0
"""How long a cycle under way may go on after the signal to stop: Cloud Run kills ten seconds after it.

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
    with _serving(config, options, show) as (parts, worker, stop):
        runner = Scheduler(
            worker.cycle,
            worker.overrun,
            period=timedelta(seconds=period_s(config.systems)),
            offset=scheduler.offset(f"{config.fleet}/{options.role.task_id}"),
            follow=parts.clients.now if config.endpoints.clock is not None else None,
        )
        runner.run(stop)


def show(config: Config, directory: Path | None, announce: Callable[[str], None]) -> None:
    """Serve the console alone until SIGTERM or SIGINT, with dashboards of ``directory`` beside the fleet's own; tells its address."""
    where = listen(config.exporter, os.environ)
    guarded = guard(where, os.environ)
    why = console.absence(config)
    if why is not None:
        raise UsageError(why)
    if directory is not None and not directory.is_dir():
        raise UsageError(f"--dashboards: {directory} is no directory")
    with _stoppable() as stop, assembly.parts(config) as parts, console.routers(parts, directory) as routers:
        server = Server(application(None, guarded, None, routers), where)
        server.start()
        try:
            announce(server.address)
            stop.wait()
        finally:
            server.stop(grace_s=1)


def serve(config: Config, options: Options, show: Show) -> None:
    """Run a cycle whenever `POST /cycle` asks for one, until SIGTERM or SIGINT."""
    with _serving(config, options, show) as (_, _, stop):
        stop.wait()


@contextmanager
def _serving(config: Config, options: Options, show: Show) -> Iterator[tuple[Parts, Worker, threading.Event]]:
    """Serve HTTP beside what is done with the worker; at the end a cycle that is under way is given a little time."""
    where = listen(config.exporter, os.environ)
    guarded = guard(where, os.environ)
    with _stoppable() as stop, assembly.parts(config) as parts, console.routers(parts) as routers:
        found = destinations.make(config, parts.clients, parts.calls, parts.circuits, options.role.task_id)
        exporter = assembly.exporter(parts, since=options.since, role=options.role, found=found)
        failures = FailureLog()

        def tell(report: CycleReport) -> None:
            failures.report(report)
            show(report)

        worker = Worker(exporter, parts.clients.now, stop=stop, show=tell)
        exposition = None if found.prometheus is None else found.prometheus.exposition
        server = Server(application(worker, guarded, exposition, routers), where)
        server.start()
        _log.info("serving at %s", server.address)
        try:
            yield parts, worker, stop
        finally:
            stop.set()
            if not worker.wait(_STOP_S):
                _log.warning("the cycle under way is abandoned: the next process does it again")
            server.stop(grace_s=1)
            found.sink.close()


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
