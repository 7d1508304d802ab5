"""Alerts of Cloud Monitoring, over the wire from a server that answers as the API's discovery document says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from google.auth.credentials import AnonymousCredentials
from google.auth.transport.requests import AuthorizedSession

from exporter.console.alerts import MAX_PAGES, OLDEST, PAGE_SIZE, Alerts
from exporter.console.incidents_model import Incident
from exporter.console.series.model import Range
from exporter.errors import Permanent, SourceError, Transient
from exporter.rest import Rest
from tests import discovery

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
SPAN = Range(NOW - 6 * HOUR, NOW)
PROJECT = "acme-observability"
NAME = "flights: messages arrive late (latency-burn, data-platform, 5m/15m)"
POLICY = {
    "name": f"projects/{PROJECT}/alertPolicies/1",
    "displayName": NAME,
    "severity": "CRITICAL",
    "userLabels": {"fleet": "flights", "kind": "latency-burn", "owner": "data-platform"},
}


def time(hours_ago: float) -> str:
    return (NOW - hours_ago * HOUR).isoformat().replace("+00:00", "Z")


def alert(opened: float, closed: float | None = None, job: str | None = "departures", **policy: Any) -> dict[str, Any]:
    """An alert as the API has it, opened and closed so many hours ago."""
    labels = {"namespace": "flights", **({} if job is None else {"job": job})}
    found = {
        "name": f"projects/{PROJECT}/alerts/0.{round(opened * 1000)}",
        "openTime": time(opened),
        "resource": {"type": "generic_task", "labels": labels},
        "metric": {"type": "custom.googleapis.com/pipeline/slo_events", "labels": {}},
        "policy": {**POLICY, **policy},
    }
    if closed is not None:
        found["closeTime"] = time(closed)
    assert discovery.check(found, "Alert", "monitoring.v3") == []
    return {**found, "state": "OPEN" if closed is None else "CLOSED"}


class Api:
    """Pages of alerts, or what the server answers in their place; ``asked`` keeps path and parameters of each request."""

    def __init__(self, pages: Sequence[Sequence[Any]] = ((),), status: int = 200, body: bytes | None = None) -> None:
        self.pages, self.status, self.body = pages, status, body
        self.asked: list[tuple[str, Mapping[str, str]]] = []

    def answer(self, target: str) -> bytes:
        place = urlsplit(target)
        parameters = {name: values[0] for name, values in parse_qs(place.query).items()}
        self.asked.append((place.path, parameters))
        if self.body is not None:
            return self.body
        number = int(parameters.get("pageToken", "0"))
        page: dict[str, Any] = {"alerts": self.pages[number]} if self.pages[number] else {}
        if number + 1 < len(self.pages):
            page["nextPageToken"] = str(number + 1)
        return json.dumps(page).encode()


@contextmanager
def serving(api: Api) -> Iterator[Alerts]:
    """Serve the API, and give what reads from it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = api.answer(self.path)
            self.send_response_only(api.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    rest = Rest(AuthorizedSession(AnonymousCredentials()), f"http://127.0.0.1:{server.server_port}")
    try:
        yield Alerts(rest, PROJECT, "flights")
    finally:
        rest.close()
        server.shutdown()
        thread.join()
        server.server_close()


def read(api: Api, span: Range = SPAN) -> list[Incident]:
    with serving(api) as alerts:
        return alerts.incidents(span)


def refusal(api: Api) -> SourceError:
    with pytest.raises(SourceError) as raised:
        read(api)
    return raised.value


def test_an_alert_becomes_an_incident() -> None:
    (found,) = read(Api([[alert(2, 1)]]))
    assert found == Incident(
        system="departures",
        what="latency-burn",
        severity="critical",
        start=NOW - 2 * HOUR,
        end=NOW - HOUR,
        policy=NAME,
    )


@pytest.mark.parametrize(
    ("given", "severity"),
    [("CRITICAL", "critical"), ("ERROR", "error"), ("WARNING", "warning"), ("SEVERITY_UNSPECIFIED", "unknown")],
)
def test_severities(given: str, severity: str) -> None:
    assert [each.severity for each in read(Api([[alert(1, severity=given)]]))] == [severity]


def test_what_was_open_at_any_time_of_the_range_counts() -> None:
    alerts = [alert(0.5), alert(5, 4), alert(7, 5.5), alert(8, 7), alert(9, 6), alert(30)]
    assert [(each.start, each.end) for each in read(Api([alerts]))] == [
        (NOW - 0.5 * HOUR, None),
        (NOW - 5 * HOUR, NOW - 4 * HOUR),
        (NOW - 7 * HOUR, NOW - 5.5 * HOUR),
        (NOW - 30 * HOUR, None),
    ]
    assert read(Api([[alert(0.5)]]), Range(NOW - 3 * HOUR, NOW - HOUR)) == []


def test_policies_of_others_do_not_count() -> None:
    strangers = [alert(1, userLabels={"fleet": "trains"}), alert(1, userLabels={})]
    del strangers[1]["policy"]
    assert read(Api([[*strangers, alert(1)]])) == read(Api([[alert(1)]]))


def test_the_system_may_be_a_label_of_the_metric_and_the_fleet_has_none() -> None:
    of_metric = alert(1, job=None)
    of_metric["metric"]["labels"] = {"job": "arrivals"}
    assert [each.system for each in read(Api([[of_metric, alert(1, job=None)]]))] == ["arrivals", None]


def test_all_pages_are_read_with_the_methods_own_parameters() -> None:
    api = Api([[alert(1)], [alert(2), alert(3)], [alert(4)]])
    assert len(read(api)) == 4
    assert [parameters.get("pageToken") for _, parameters in api.asked] == [None, "1", "2"]
    text = resources.files("googleapiclient.discovery_cache.documents").joinpath("monitoring.v3.json").read_text()
    method = json.loads(text)["resources"]["projects"]["resources"]["alerts"]["methods"]["list"]
    for path, parameters in api.asked:
        assert path == f"/monitoring/{method['flatPath'].replace('{projectsId}', PROJECT)}"
        assert parameters.keys() <= method["parameters"].keys()
        assert parameters["orderBy"] == "open_time desc"
        assert int(parameters["pageSize"]) == PAGE_SIZE <= 1000


def test_no_page_is_read_beyond_what_was_opened_long_ago() -> None:
    ages = (OLDEST + 7 * HOUR) / HOUR
    api = Api([[alert(1), alert(ages), alert(ages + 1)], [alert(ages + 2)]])
    assert len(read(api)) == 1
    assert len(api.asked) == 1


def test_endless_pages_are_no_answer() -> None:
    api = Api([[alert(1)]] * (MAX_PAGES + 1))
    assert "more than 10000 alerts" in str(refusal(api))
    assert len(api.asked) == MAX_PAGES


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (403, Permanent, "monitoring.alerts.list"),
        (401, Transient, "no access token"),
        (404, Permanent, "does not exist"),
        (400, Permanent, "400"),
        (429, Transient, "429"),
        (503, Transient, "503"),
    ],
)
def test_refusals_say_what_they_mean(status: int, kind: type[SourceError], words: str) -> None:
    error = refusal(Api(status=status, body=b'{"error": {"message": "no", "status": "X"}}'))
    assert type(error) is kind
    assert words in str(error)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b'{"alerts": 1}',
        b'{"alerts": [1]}',
        b'{"alerts": [{}]}',
        b'{"alerts": [{"openTime": "now"}]}',
        b'{"alerts": [{"openTime": "2026-11-24T12:00:00"}]}',
    ],
)
def test_an_answer_that_is_none_is_said(body: bytes) -> None:
    error = refusal(Api(body=body))
    assert isinstance(error, Transient)
    assert "cannot be read" in str(error)


def test_nobody_there() -> None:
    rest = Rest(AuthorizedSession(AnonymousCredentials()), "http://127.0.0.1:9")
    with pytest.raises(Transient, match="no answer"):
        Alerts(rest, PROJECT, "flights").incidents(SPAN)
    rest.close()
