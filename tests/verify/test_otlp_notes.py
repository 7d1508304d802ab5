"""A project that takes no OTLP costs the questions about it, and is told so before anything is made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
import requests
from google.api_core import exceptions
from google.rpc.error_details_pb2 import ErrorInfo

from exporter.rest import Rest
from exporter.verify import permissions
from exporter.verify.failures import is_of_no_project, is_off
from exporter.verify.services import Services

DISABLED = {"error": {"code": 403, "message": "off", "status": "PERMISSION_DENIED", "details": []}}


def info(consumer: str) -> dict[str, Any]:
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "SERVICE_DISABLED",
        "domain": "googleapis.com",
        "metadata": {"consumer": consumer},
    }


class Google(ThreadingHTTPServer):
    """Answers for the permissions and for the receiver."""

    held: tuple[str, ...] = ()
    refusal: dict[str, Any] | None = None


class Handler(BaseHTTPRequestHandler):
    server: Google

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        is_receiver = self.path.startswith("/telemetry/")
        refusal = self.server.refusal if is_receiver else None
        body = json.dumps(refusal or ({} if is_receiver else {"permissions": list(self.server.held)})).encode()
        self.send_response(200 if refusal is None else 403)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def google() -> Iterator[Google]:
    with Google(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def notes(google: Google) -> list[str]:
    nothing: Any = None
    rest = Rest(requests.Session(), f"http://127.0.0.1:{google.server_port}")
    try:
        return permissions.notes(Services(nothing, nothing, nothing, nothing, rest), "acme-data")
    finally:
        rest.close()


@pytest.mark.parametrize("held", ["telemetry.metrics.write", "monitoring.timeSeries.create"])
def test_who_may_write_is_told_nothing(google: Google, held: str) -> None:
    google.held = (held,)
    assert notes(google) == []


def test_a_missing_right_is_named_with_its_role(google: Google) -> None:
    (note,) = notes(google)
    assert "roles/telemetry.metricsWriter" in note


def test_an_api_that_is_off_is_named_with_what_turns_it_on(google: Google) -> None:
    google.held = ("telemetry.metrics.write",)
    google.refusal = {"error": {**DISABLED["error"], "details": [info("projects/acme-data")]}}
    (note,) = notes(google)
    assert "gcloud services enable telemetry.googleapis.com --project acme-data" in note


def test_the_project_of_the_login_program_is_not_ours() -> None:
    def off(consumer: str) -> Exception:
        given = info(consumer)
        said = ErrorInfo(reason=given["reason"], domain=given["domain"], metadata=given["metadata"])
        return exceptions.Forbidden("off", error_info=said)

    assert is_off(off("projects/123"))
    login = off("projects/764086051850")
    assert not is_off(login)
    assert is_of_no_project(login)
