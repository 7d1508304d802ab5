from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from exporter.model import CycleReport, Failure, SystemSummary, Tier
from exporter.web.app import application
from exporter.web.guard import Guard, LoopbackGuard
from exporter.web.listening import Listen
from exporter.web.ports import Metrics
from exporter.web.server import Server

LOOPBACK = Listen("127.0.0.1", 0)
HeaderList = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class State:
    live: bool = True
    ready: bool = True
    reasons: tuple[str, ...] = ()


@dataclass
class FakeWorker:
    """A worker whose cycles end when they are told to, and fail when they are told to."""

    state: State = field(default_factory=State)
    error: Exception | None = None
    failures: tuple[Failure, ...] = ()
    began: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    go_on: threading.Semaphore | None = None
    cycles: int = 0

    def cycle(self) -> CycleReport:
        self.cycles += 1
        number = self.cycles
        self.began.release()
        if self.go_on is not None:
            assert self.go_on.acquire(timeout=60)
        if self.error is not None:
            raise self.error
        return report(number, self.failures)

    def status(self) -> State:
        return self.state


def report(number: int = 1, failures: tuple[Failure, ...] = ()) -> CycleReport:
    """A report that is known by its number of windows."""
    at = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
    systems = (SystemSummary("departures", Tier.CRITICAL, "unknown", collected=False),)
    return CycleReport(at, systems, 0.5, 0.1, number, 0, {}, 0, 0, (), (), failures, 0)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(address: str, method: str, path: str, headers: HeaderList = (), body: bytes | None = None) -> Answer:
    """Send a request exactly as it is given: path unchanged, headers in order and as often as they are named."""
    where = urlsplit(address)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
    given = list(headers)
    try:
        connection.putrequest(
            method, path, skip_host=any(name.lower() == "host" for name, _ in given), skip_accept_encoding=True
        )
        for name, value in given:
            connection.putheader(name, value)
        if body is not None and not any(name.lower() == "content-length" for name, _ in given):
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


@contextmanager
def serving(
    worker: FakeWorker | None = None, guard: Guard | None = None, metrics: Metrics | None = None
) -> Iterator[str]:
    """Serve a worker, and give the address."""
    server = Server(application(worker or FakeWorker(), guard or LoopbackGuard(), metrics), LOOPBACK)
    server.start()
    try:
        yield server.address
    finally:
        server.stop()


@dataclass
class Call(threading.Thread):
    """A request in a thread of its own."""

    question: Callable[[], Answer]
    answer: Answer | None = None

    def __post_init__(self) -> None:
        super().__init__()
        self.start()

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        self.answer = self.question()

    def result(self) -> Answer:
        self.join(60)
        assert self.answer is not None, "no answer"
        return self.answer


@pytest.fixture
def worker() -> FakeWorker:
    return FakeWorker()
