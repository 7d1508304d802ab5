"""Clients outlive what happens to their connections: an end in silence, an outage."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud.monitoring_v3 import ListTimeSeriesRequest, ListTimeSeriesResponse
from requests import Session, Timeout

from exporter import clients
from exporter.connections import BoundedAdapter
from tests.sandbox.running import eventually
from tests.sources.apis import GrpcApi, HttpAnswer, HttpApi


class Wire:
    """Forwards connections to a port; those that are there when it is ``cut`` stay open and carry nothing any more."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._ended = threading.Event()
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._lock = threading.Lock()
        self._dead: list[socket.socket] = []
        self.accepted = 0
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Wire:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        for each in (*self._pairs, *self._dead, self._listener):
            each.close()
        self._selector.close()

    def cut(self) -> None:
        """Let all present connections carry nothing any more."""
        with self._lock:
            for each in self._pairs:
                self._selector.unregister(each)
            self._dead += self._pairs
            self._pairs.clear()

    def _run(self) -> None:
        while not self._ended.is_set():
            ready = self._selector.select(0.02)
            with self._lock:
                for key, _ in ready:
                    self._serve(key.fileobj)

    def _serve(self, ready: Any) -> None:
        if ready is self._listener:
            near, _ = self._listener.accept()
            far = socket.create_connection(("127.0.0.1", self._target))
            self._pairs |= {near: far, far: near}
            self.accepted += 1
            for each in (near, far):
                self._selector.register(each, selectors.EVENT_READ)
        elif ready in self._pairs:
            other = self._pairs[ready]
            data = ready.recv(65536)
            if data:
                other.sendall(data)
            else:
                for each in (ready, other):
                    self._selector.unregister(each)
                    del self._pairs[each]
                    each.close()


@pytest.fixture
def api() -> Iterator[GrpcApi]:
    with GrpcApi(lambda _: ListTimeSeriesResponse()) as made:
        yield made


def test_a_grpc_connection_that_ended_in_silence_is_given_up(api: GrpcApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "_KEEPALIVE_MS", 200)
    monkeypatch.setattr(clients, "_KEEPALIVE_TIMEOUT_MS", 200)
    with Wire(api.port) as wire:
        client = clients.monitoring_client(f"127.0.0.1:{wire.port}")

        def answered() -> bool:
            try:
                client.list_time_series(request=ListTimeSeriesRequest(name="projects/p"), timeout=0.3, retry=None)
            except (exceptions.DeadlineExceeded, exceptions.ServiceUnavailable):
                return False
            return True

        assert answered()
        wire.cut()
        assert not answered()
        eventually(answered)
        assert wire.accepted >= 2
        client.transport.close()


def test_an_http_connection_that_ended_in_silence_costs_one_call() -> None:
    with HttpApi(lambda _: HttpAnswer({})) as api, Wire(port_of(api)) as wire:
        client = clients.bigquery_client("acme", f"http://127.0.0.1:{wire.port}")
        address = f"http://127.0.0.1:{wire.port}/projects/p/queries"
        assert client._http.get(address, timeout=10).status_code == 200
        wire.cut()
        with pytest.raises(Timeout):
            client._http.get(address, timeout=0.3)
        assert client._http.get(address, timeout=10).status_code == 200
        client.close()


def port_of(api: HttpApi) -> int:
    return api._server.server_port


def test_connections_to_the_real_services_come_back_as_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A channel that the client library makes by itself waits for up to two minutes after an outage."""
    monkeypatch.setattr("google.auth.default", lambda *_, **__: (AnonymousCredentials(), "acme"))
    made: list[dict[str, int]] = []

    def channel(_: Any, *, options: Any, **__: Any) -> Any:
        made.append(dict(options))
        return clients._plain_channel("127.0.0.1:1")

    monkeypatch.setattr("exporter.clients.MetricServiceGrpcTransport.create_channel", channel)
    monkeypatch.setattr("exporter.clients.SubscriberGrpcTransport.create_channel", channel)
    with clients.monitoring_client(None), clients.subscriber_client(None):
        pass
    assert [options["grpc.max_reconnect_backoff_ms"] for options in made] == [5000, 5000]
    assert all(options["grpc.max_receive_message_length"] == -1 for options in made)


def test_requests_go_through_our_connections_with_a_proxy_as_well() -> None:
    with HttpApi(lambda _: HttpAnswer({})) as api, Session() as session:
        adapter = BoundedAdapter()
        session.mount("http://", adapter)
        proxies = {"http": f"http://127.0.0.1:{port_of(api)}"}
        assert session.get("http://nowhere.invalid/projects/p/queries", proxies=proxies, timeout=10).status_code == 200
        manager = adapter.proxy_manager_for(proxies["http"])
        pool = manager.connection_from_url("http://nowhere.invalid")
        assert pool.ConnectionCls.__module__ == "exporter.connections"
