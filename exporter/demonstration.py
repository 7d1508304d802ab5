"""The demo: a sandbox in a process of its own, and the exporter that measures it, as in production."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from exporter import assembly, config, document
from exporter.assembly import Parts
from exporter.errors import ExporterError, UsageError
from exporter.model import CycleReport
from exporter.plan import LANDING_SETTLE
from exporter.web import console
from exporter.web.app import application
from exporter.web.guard import LoopbackGuard
from exporter.web.listening import Listen
from exporter.web.server import Server
from exporter.windows import align_up
from exporter.worker import Worker

Show = Callable[[CycleReport], None]
Announce = Callable[[str], None]
"""Told of the console's address."""

MINUTE = timedelta(minutes=1)
_HOST, _PORT = "127.0.0.1", 8080
_STOP_TIMEOUT_S = 10.0
_MARGIN = timedelta(minutes=10)
"""The sandbox lays down ten minutes more than asked for: Pub/Sub's metrics come late, and a full hour must be complete."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the demo is to show."""

    systems: int
    history: timedelta
    scenario: str | None
    seed: int
    once: bool
    dump: Path | None
    port: int | None = None
    """Where the console is served: 0 is any free port, None 8080 or, where that is taken, any."""


def run(options: Options, show: Show, announce: Announce) -> bool:
    """Run the demo until it is done or interrupted, showing every cycle; returns whether all was well.

    After the first cycle the console's address is announced.
    """
    with _sandbox(options) as addresses:
        loaded = config.load(Path(addresses["config"]))
        with assembly.parts(loaded) as parts:
            exporter = assembly.exporter(parts, history=options.history + _MARGIN)
            worker = Worker(exporter, parts.clients.now, show=show)
            worker.cycle()
            if not options.once:
                # Ctrl-C is how the demo ends, whatever it is doing.
                with suppress(KeyboardInterrupt), _console(parts, worker, options.port) as address:
                    announce(address)
                    _watch(worker, parts)
            if options.dump is not None:
                _dump(addresses["control"], options.dump, parts)
    return worker.last is not None and document.succeeded(worker.last)


def _watch(worker: Worker, parts: Parts) -> None:
    """A cycle a minute, as soon as the minute's windows are complete, for ever."""
    while True:
        now = parts.clients.now()
        following = align_up(now, MINUTE) + LANDING_SETTLE + timedelta(seconds=1)
        time.sleep(max(1.0, (following - now).total_seconds()))
        worker.cycle()


@contextmanager
def _console(parts: Parts, worker: Worker, port: int | None) -> Iterator[str]:
    """Serve the console on loopback, and give its address; raises ``ExporterError`` where the port that was asked for is taken."""
    with console.routers(parts) as routers:
        app = application(worker, LoopbackGuard(), None, routers)
        try:
            server = Server(app, Listen(_HOST, _PORT if port is None else port))
        except ExporterError:
            if port is not None:
                raise
            server = Server(app, Listen(_HOST, 0))
        server.start()
        try:
            yield server.address
        finally:
            server.stop(grace_s=1)


@contextmanager
def _sandbox(options: Options) -> Iterator[dict[str, Any]]:
    seconds = int(options.history.total_seconds())
    command = [sys.executable, "-m", "exporter", "sandbox", "--json"]
    command += ["--systems", str(options.systems), "--history", f"{seconds}s", "--seed", str(options.seed)]
    if options.scenario is not None:
        command += ["--scenario", options.scenario]
    process = _started(command)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            error = UsageError if process.wait() == UsageError.exit_status else ExporterError
            raise error("the sandbox did not start, for the reason above")
        yield json.loads(line)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def _started(command: list[str]) -> subprocess.Popen[str]:
    """Start the sandbox deaf to Ctrl-C, which reaches all processes of a terminal: its dump is written after that."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own command
    finally:
        signal.signal(signal.SIGINT, before)


def _dump(control: str, directory: Path, parts: Parts) -> None:
    """Have the sandbox write what happened, and add the prices that were used."""
    directory.mkdir(parents=True, exist_ok=True)
    url = f"{control}/dump?dir={quote(str(directory.resolve()))}"
    request = urllib.request.Request(url, method="POST")  # noqa: S310 - our own sandbox
    with urllib.request.urlopen(request, timeout=600) as answer:  # noqa: S310
        if answer.status != 200:
            raise ExporterError(f"the sandbox did not write {directory}: status {answer.status}")
    prices = {"as_of": parts.prices.as_of.isoformat(), "currency": "USD", **parts.prices.values}
    (directory / "prices.json").write_text(json.dumps(prices, indent=2) + "\n", encoding="utf-8")
