"""The console over a fleet in a sandbox, as `exporter console` serves it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from exporter.web import console
from exporter.web.app import application
from exporter.web.guard import Guard, LoopbackGuard
from exporter.web.listening import Listen
from exporter.web.paces import Pace
from exporter.web.server import Server
from tests.end_to_end.conftest import Run, running

LOOPBACK = Listen("127.0.0.1", 0)


@dataclass(frozen=True)
class Console:
    """A console that is served at ``address``, and what it shows."""

    address: str
    run: Run


@contextmanager
def consoles(
    systems: int = 4, *, history_s: float = 3600, scenario: str | None = None, guard: Guard | None = None
) -> Iterator[Console]:
    """Measure a fleet once, and serve its console at any pace."""
    with running(systems, history_s=history_s, scenario=scenario) as run:
        run.cycle()
        with console.routers(run.parts, pace=Pace(10**9, 1e9), costly=Pace(10**9, 1e9)) as routers:
            server = Server(application(None, guard or LoopbackGuard(), None, routers), LOOPBACK)
            server.start()
            try:
                yield Console(server.address, run)
            finally:
                server.stop()
