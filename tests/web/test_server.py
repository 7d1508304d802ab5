"""The server on real sockets: where it listens, how it stops, and clients that dawdle or send too much."""

from __future__ import annotations

import logging
import signal
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from exporter.errors import ExporterError
from exporter.web.app import application
from exporter.web.frame import MAX_BODY_BYTES
from exporter.web.guard import BearerGuard, LoopbackGuard
from exporter.web.listening import Listen
from exporter.web.server import Server
from tests.sandbox.running import eventually
from tests.web.conftest import LOOPBACK, Call, FakeWorker, ask, serving

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"


@contextmanager
def connected(address: str) -> Iterator[socket.socket]:
    where = urlsplit(address)
    assert where.hostname is not None
    with socket.create_connection((where.hostname, where.port or 0), timeout=60) as connection:
        yield connection


def rest(connection: socket.socket) -> bytes:
    """Whatever comes until the server closes the connection."""
    parts = []
    try:
        while part := connection.recv(1 << 20):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def one_answer(connection: socket.socket) -> bytes:
    """One answer to a question about health, on a connection that stays open."""
    received = b""
    while b'{"status":"ok"}' not in received:
        part = connection.recv(65536)
        assert part, received
        received += part
    return received


def made(worker: FakeWorker | None = None, listen: Listen = LOOPBACK) -> Server:
    return Server(application(worker or FakeWorker(), LoopbackGuard(), None), listen)


def test_a_free_port_is_found_and_told() -> None:
    server = made()
    assert not server.address.endswith(":0")
    server.start()
    assert ask(server.address, "GET", "/healthz").status == 200
    server.stop()
    with pytest.raises(ConnectionRefusedError), connected(server.address):
        pass


def test_ipv6() -> None:
    server = made(listen=Listen("::1", 0))
    server.start()
    assert server.address.startswith("http://[::1]:")
    assert ask(server.address, "GET", "/healthz").status == 200
    server.stop()


def test_a_port_in_use_is_one_clear_message() -> None:
    server = made()
    port = urlsplit(server.address).port
    assert port is not None
    with pytest.raises(ExporterError, match=f"cannot listen on 127.0.0.1:{port}: .*in use") as raised:
        made(listen=Listen("127.0.0.1", port))
    assert "\n" not in str(raised.value)
    server.stop()


def test_an_address_of_another_machine_is_one_clear_message() -> None:
    with pytest.raises(ExporterError, match=r"cannot listen on 192\.0\.2\.1:80: "):
        made(listen=Listen("192.0.2.1", 80, "bearer"))


def test_a_server_that_never_started_can_be_stopped() -> None:
    server = made()
    server.stop()
    with pytest.raises(ConnectionRefusedError), connected(server.address):
        pass


def test_signals_and_logging_stay_as_they_were(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    handlers = [list(logging.getLogger(name).handlers) for name in ("", "uvicorn")]
    with serving() as address:
        assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before
        ask(address, "GET", "/healthz")
        ask(address, "GET", "/nothing")
        with connected(address) as connection:
            connection.sendall(b"no HTTP\r\n\r\n")
            rest(connection)
    assert [logging.getLogger(name).handlers for name in ("", "uvicorn")] == handlers
    assert [record for record in caplog.records if record.name.startswith(("uvicorn", "exporter"))] == []


def test_a_stop_waits_for_a_cycle_that_ends_in_time() -> None:
    gate = threading.Semaphore(0)
    worker = FakeWorker(go_on=gate)
    server = made(worker)
    server.start()
    call = Call(lambda: ask(server.address, "POST", "/cycle"))
    assert worker.began.acquire(timeout=60)
    stopping = threading.Thread(target=server.stop, args=(60,))
    stopping.start()
    gate.release()
    assert call.result().status == 200
    stopping.join(60)
    assert not stopping.is_alive()


def test_a_stop_does_not_wait_for_a_cycle_that_hangs(caplog: pytest.LogCaptureFixture) -> None:
    gate = threading.Semaphore(0)
    worker = FakeWorker(go_on=gate)
    server = made(worker)
    server.start()
    calls = [Call(lambda: ask(server.address, "POST", "/cycle")) for _ in range(3)]
    assert worker.began.acquire(timeout=60)
    server.stop(grace_s=1)
    # The cycle hangs still: the gate is closed.
    for call in calls:
        answer = call.result()
        assert answer.status == 503
        assert "stopping" in answer.json["detail"]
    assert "Traceback" not in caplog.text
    gate.release(2)


def test_a_stop_does_not_wait_for_clients_that_say_or_read_nothing() -> None:
    server = Server(application(FakeWorker(), LoopbackGuard(), lambda _: (b"x" * 20_000_000, "text/plain")), LOOPBACK)
    server.start()
    with connected(server.address) as silent, connected(server.address) as halfway, connected(server.address) as deaf:
        halfway.sendall(HEALTH)
        deaf.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert deaf.recv(1) == b"H"
        server.stop(grace_s=1)
        assert rest(silent) == b""
        assert rest(halfway) == b""
        assert len(rest(deaf)) < 20_000_000


def test_a_request_that_does_not_begin_or_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.web.connections.HEAD_TIMEOUT_S", 0.3)
    with serving() as address, connected(address) as silent, connected(address) as halfway, connected(address) as again:
        halfway.sendall(HEALTH)
        again.sendall(HEALTH + b"\r\n")
        assert b"200 OK" in one_answer(again)
        again.sendall(HEALTH)
        for connection in (silent, halfway, again):
            assert rest(connection) == b""


def test_what_takes_its_time_is_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.web.connections.HEAD_TIMEOUT_S", 0.2)
    gate = threading.Semaphore(0)
    worker, size = FakeWorker(go_on=gate), 20_000_000
    server = Server(application(worker, LoopbackGuard(), lambda _: (b"x" * size, "text/plain")), LOOPBACK)
    server.start()
    call = Call(lambda: ask(server.address, "POST", "/cycle"))
    assert worker.began.acquire(timeout=60)
    with connected(server.address) as reading:
        reading.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert reading.recv(1) == b"H"
        with connected(server.address) as silent:
            assert rest(silent) == b""  # so that the time for a head is over
        assert rest(reading).endswith(b"x" * size)
    gate.release()
    assert call.result().status == 200
    server.stop()


def test_an_answer_that_nobody_reads_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.web.connections.UNREAD_TIMEOUT_S", 0.3)
    size = 20_000_000
    server = Server(application(FakeWorker(), LoopbackGuard(), lambda _: (b"x" * size, "text/plain")), LOOPBACK)
    server.start()
    with connected(server.address) as deaf:
        deaf.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert deaf.recv(1) == b"H"
        eventually(lambda: not server._uvicorn.server_state.connections)
        assert len(rest(deaf)) < size
    server.stop()


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, worker: FakeWorker) -> None:
    monkeypatch.setattr("exporter.web.frame.BODY_TIMEOUT_S", 0.2)
    with serving(worker) as address, connected(address) as slow:
        slow.sendall(b"POST /cycle HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        assert rest(slow).startswith(b"HTTP/1.1 408 ")
        assert worker.cycles == 0


def test_a_body_that_breaks_off_starts_nothing(worker: FakeWorker) -> None:
    with serving(worker) as address:
        with connected(address) as broken:
            broken.sendall(b"POST /cycle HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        assert ask(address, "GET", "/healthz").status == 200
    assert worker.cycles == 0


def chunks(total: int) -> Iterable[bytes]:
    for _ in range(total // 1024):
        yield b"400\r\n" + b"x" * 1024 + b"\r\n"
    yield b"0\r\n\r\n"


@pytest.mark.parametrize(
    ("body", "status"), [(MAX_BODY_BYTES, 200), (MAX_BODY_BYTES + 1024, 413)], ids=["as much as allowed", "more"]
)
@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "in chunks"])
def test_bodies_have_a_limit(body: int, status: int, chunked: bool, worker: FakeWorker) -> None:
    with serving(worker) as address, connected(address) as connection:
        connection.sendall(b"POST /cycle HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n")
        if chunked:
            connection.sendall(b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(chunks(body)))
        else:
            connection.sendall(b"Content-Length: %d\r\n\r\n" % body + b"x" * body)
        assert rest(connection).startswith(b"HTTP/1.1 %d " % status)
        assert worker.cycles == (status == 200)


def test_a_refused_request_may_keep_its_body(worker: FakeWorker) -> None:
    with serving(worker, BearerGuard("a-token-of-some-length")) as address, connected(address) as connection:
        head = b"POST /cycle HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: 100-continue\r\n"
        connection.sendall(head + b"Content-Length: 1000000\r\n\r\n")
        assert rest(connection).startswith(b"HTTP/1.1 401 ")


MALFORMED = {
    "no HTTP": b"hello\r\n\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two hosts": HEALTH + b"Host: evil.example\r\n\r\n",
    "two lengths": HEALTH + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "a length that is none": HEALTH + b"Content-Length: +1\r\n\r\nx",
    "a header with a space before the colon": HEALTH + b"Authorization : Bearer x\r\n\r\n",
    "a head without end": HEALTH + b"X: " + b"x" * 20_000,
}


@pytest.mark.parametrize("request_", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_request_is_a_problem_and_ends_the_connection(request_: bytes) -> None:
    with serving() as address:
        with connected(address) as connection:
            connection.sendall(request_)
            answer = rest(connection)
            assert answer.startswith(b"HTTP/1.1 400 ")
            assert b"content-type: application/problem+json" in answer
            assert b"x-content-type-options: nosniff" in answer
        assert ask(address, "GET", "/healthz").status == 200


def test_a_connection_serves_many_requests_also_sent_ahead() -> None:
    with serving() as address, connected(address) as connection:
        for _ in range(3):
            connection.sendall(HEALTH + b"\r\n")
            assert b"200 OK" in one_answer(connection)
        connection.sendall((HEALTH + b"\r\n") * 2 + HEALTH + b"Connection: close\r\n\r\n")
        assert rest(connection).count(b"HTTP/1.1 200 OK") == 3


def test_websockets_are_not_served() -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n"
    with serving() as address, connected(address) as connection:
        connection.sendall(HEALTH + upgrade + b"\r\n")
        assert b"200 OK" in one_answer(connection)


def test_health_is_answered_while_a_cycle_hangs() -> None:
    gate = threading.Semaphore(0)
    worker = FakeWorker(go_on=gate)
    with serving(worker) as address:
        call = Call(lambda: ask(address, "POST", "/cycle"))
        assert worker.began.acquire(timeout=60)
        assert ask(address, "GET", "/healthz").status == 200
        gate.release()
        assert call.result().status == 200
