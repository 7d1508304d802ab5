"""What each route answers, and that errors are problem details."""

from __future__ import annotations

import pytest

from exporter import document
from exporter.errors import Permanent, Transient
from exporter.model import Failure
from exporter.web.guard import BearerGuard
from tests.web.conftest import FakeWorker, State, ask, report, serving

SECURITY = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_healthy_exporter_says_ok(path: str) -> None:
    with serving() as address:
        answer = ask(address, "GET", path)
        assert (answer.status, answer.json) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("state", "statuses"),
    [
        (State(live=True, ready=False, reasons=("no cycle yet",)), (200, 503)),
        (State(live=False, ready=True, reasons=("the scheduler is dead",)), (503, 200)),
    ],
    ids=["not ready", "not live"],
)
def test_an_unhealthy_exporter_says_why(state: State, statuses: tuple[int, int]) -> None:
    with serving(FakeWorker(state=state)) as address:
        answers = [ask(address, "GET", path) for path in ("/healthz", "/readyz")]
        assert tuple(answer.status for answer in answers) == statuses
        (failing,) = (answer for answer in answers if answer.status == 503)
        assert failing.headers["content-type"] == "application/problem+json"
        assert failing.json["reasons"] == list(state.reasons)


def test_reasons_are_for_those_who_may_call_everything() -> None:
    worker = FakeWorker(state=State(live=False, reasons=("table acme.raw.secret is gone",)))
    token = "a-token-of-some-length"
    with serving(worker, BearerGuard(token)) as address:
        anybody = ask(address, "GET", "/healthz")
        assert anybody.status == 503
        assert b"secret" not in anybody.body
        known = ask(address, "GET", "/healthz", [("Authorization", f"Bearer {token}")])
        assert known.json["reasons"] == ["table acme.raw.secret is gone"]


def test_a_cycle_is_reported_as_once_reports_it(worker: FakeWorker) -> None:
    with serving(worker) as address:
        answer = ask(address, "POST", "/cycle", body=b"{}")
        assert answer.status == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.json == document.cycle(report(1))
        assert worker.cycles == 1


def test_a_cycle_that_failed_is_an_error_with_the_same_body() -> None:
    failures = (Failure("pubsub", None, "PERMISSION_DENIED", "the caller lacks a permission"),)
    with serving(FakeWorker(failures=failures)) as address:
        answer = ask(address, "POST", "/cycle")
        assert answer.status == 500
        assert answer.json == document.cycle(report(1, failures))


def test_a_cycle_that_could_not_be_done_is_a_problem() -> None:
    error = Permanent("denied", "watermarks cannot be read\nfrom the sink", remedy="grant roles/monitoring.viewer")
    with serving(FakeWorker(error=error)) as address:
        answer = ask(address, "POST", "/cycle")
        assert answer.status == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json == {
            "type": "about:blank",
            "title": "Service Unavailable",
            "status": 503,
            "detail": "watermarks cannot be read from the sink: grant roles/monitoring.viewer",
        }


def test_a_long_error_is_cut() -> None:
    with serving(FakeWorker(error=Transient("server", "because " * 1000))) as address:
        assert len(ask(address, "POST", "/cycle").json["detail"]) == 500


def test_a_defect_shows_nothing_of_itself(caplog: pytest.LogCaptureFixture) -> None:
    with serving(FakeWorker(error=ZeroDivisionError("SELECT secret FROM t"))) as address:
        answer = ask(address, "POST", "/cycle")
        assert answer.status == 500
        assert answer.json["title"] == "Internal Server Error"
        assert b"secret" not in answer.body
        assert b"ZeroDivision" not in answer.body
        assert SECURITY.items() <= answer.headers.items()
        assert ask(address, "GET", "/healthz").status == 200
    assert "ZeroDivisionError" in caplog.text


def test_metrics_are_exposed_as_the_client_accepts_them() -> None:
    def metrics(accept: str) -> tuple[bytes, str]:
        return f"# {accept}\n".encode(), "text/plain; version=1.0.0; charset=utf-8"

    with serving(metrics=metrics) as address:
        answer = ask(address, "GET", "/metrics", [("Accept", "text/plain;version=1.0.0"), ("Accept", "*/*;q=0.1")])
        assert answer.status == 200
        assert answer.body == b"# text/plain;version=1.0.0, */*;q=0.1\n"
        assert answer.headers["content-type"] == "text/plain; version=1.0.0; charset=utf-8"


def test_without_the_sink_there_are_no_metrics() -> None:
    with serving() as address:
        answer = ask(address, "GET", "/metrics")
        assert answer.status == 404
        assert "add `prometheus` to exporter.sinks" in answer.json["detail"]


def test_metrics_that_fail_are_a_problem() -> None:
    def metrics(accept: str) -> tuple[bytes, str]:
        raise RuntimeError("no values")

    with serving(metrics=metrics) as address:
        answer = ask(address, "GET", "/metrics")
        assert (answer.status, answer.headers["content-type"]) == (500, "application/problem+json")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/docs", 404),
        ("GET", "/redoc", 404),
        ("GET", "/healthz/", 404),
        ("GET", "/cycle", 405),
        ("DELETE", "/cycle", 405),
        ("OPTIONS", "/cycle", 405),
        ("POST", "/healthz", 405),
    ],
)
def test_what_does_not_exist_is_a_problem(method: str, path: str, status: int, worker: FakeWorker) -> None:
    with serving(worker) as address:
        answer = ask(address, method, path)
        assert (answer.status, answer.json["status"]) == (status, status)
        assert answer.headers["content-type"] == "application/problem+json"
        assert ("allow" in answer.headers) == (status == 405)
        assert worker.cycles == 0


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/openapi.json", "/nothing"])
def test_every_answer_has_security_headers_and_names_no_server(path: str) -> None:
    with serving() as address:
        headers = ask(address, "GET", path).headers
        assert SECURITY.items() <= headers.items()
        assert "server" not in headers
        assert not any(name.startswith("access-control-") for name in headers)
