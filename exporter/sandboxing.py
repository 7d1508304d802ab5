"""The command ``sandbox``: progress bar, address line and signals around the local Google Cloud."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from exporter.errors import UsageError
from exporter.sandbox.conduct import Conduct
from exporter.sandbox.likeness import conduct_of
from exporter.sandbox.scenario import ScenarioError
from exporter.sandbox.server import Addresses, Sandbox, SandboxOptions, parse_latency

MAX_SYSTEMS = 5000
MAX_HISTORY = timedelta(days=366)
MAX_SPEED = 10_000
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def options(
    *,
    systems: int,
    history: timedelta,
    scenario: str | None,
    latency: str | None,
    seed: int,
    now: datetime | None,
    speed: float,
    like: Path | None = None,
) -> SandboxOptions:
    """Build the sandbox's options from the command line; raises ``UsageError``."""
    if not 1 <= systems <= MAX_SYSTEMS:
        raise UsageError(f"--systems: from 1 to {MAX_SYSTEMS}, not {systems}")
    if history > MAX_HISTORY:
        raise UsageError(f"--history: at most {MAX_HISTORY.days}d")
    if now is not None and not EARLIEST <= now < LATEST:
        raise UsageError(f"--now: from {EARLIEST:%Y-%m-%d} to {LATEST:%Y-%m-%d}, not {now:%Y-%m-%d}")
    if not 0 <= speed <= MAX_SPEED:
        raise UsageError(f"--speed: from 0 to {MAX_SPEED} seconds per second, not {speed:g}")
    try:
        delays = {} if latency is None else parse_latency(latency)
    except ValueError as error:
        raise UsageError(str(error)) from error
    try:
        conduct = Conduct() if like is None else conduct_of(like)
    except ValueError as error:
        raise UsageError(f"--like: {error}") from error
    return SandboxOptions(
        systems=systems,
        history_s=history.total_seconds(),
        scenario=scenario,
        latency_ms=delays,
        seed=seed,
        now=now,
        speed=speed,
        conduct=conduct,
    )


class _Stopped(Exception):
    """A signal came while history was laid down."""


def serve(chosen: SandboxOptions, ready: Callable[[Addresses], None]) -> None:
    """Serve until SIGINT or SIGTERM; raises ``UsageError`` for a scenario that cannot be played."""
    stop = threading.Event()

    def go_on(fraction: float, show: Callable[[float], None] | None) -> None:
        if stop.is_set():
            raise _Stopped
        if show is not None:
            show(fraction)

    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # whoever started the process may want it to be ignored
            signal.signal(number, lambda *_: stop.set())
    try:
        with _progress(chosen) as show:
            sandbox = Sandbox(chosen, lambda fraction: go_on(fraction, show))
    except _Stopped:
        return
    except ScenarioError as error:
        raise UsageError(str(error)) from error
    with sandbox:
        ready(sandbox.addresses)
        stop.wait()


@contextmanager
def _progress(chosen: SandboxOptions) -> Iterator[Callable[[float], None] | None]:
    """A bar on standard error while history is laid down, if that is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    text = f"laying down the past of {chosen.systems} systems"
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(text, total=1.0)
        yield lambda fraction: bar.update(task, completed=fraction)


def address_line(addresses: Addresses) -> str:
    """The addresses as one line of JSON."""
    return json.dumps(addresses.as_dict())


def description(addresses: Addresses) -> str:
    """The addresses for people."""
    lines = [f"{name:<10} {value}" for name, value in addresses.as_dict().items()]
    return "\n".join(["A local Google Cloud, until Ctrl-C:", *lines])
