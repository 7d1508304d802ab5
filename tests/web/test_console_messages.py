"""The routes of messages, dead letters and incidents: over HTTP, and from there over the wire to the sandbox's services."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from jsonschema import Draft202012Validator

from exporter.console.dead_letters import DeadLetters
from exporter.console.incidents import Incidents
from exporter.console.messages import Messages
from exporter.console.series.execution import Reader
from exporter.model import System, TableRef
from exporter.sandbox.faults import Fault
from exporter.sources.bigquery.runner import Runner
from exporter.web.app import application
from exporter.web.guard import LoopbackGuard
from exporter.web.paces import Pace
from exporter.web.routes import incidents, messages
from exporter.web.server import Server
from tests.end_to_end.conftest import Run, running
from tests.web.conftest import LOOPBACK, Answer, ask

FLOODED, WITHOUT = 3, 5
"""Places of the system whose dead letters pile up, and of the one that has no subscription for them."""
UNLIMITED = Pace(1_000_000, 1e6)


@dataclass
class Bench:
    """A sandbox, the routes over it, and systems beside its own."""

    run: Run
    systems: dict[str, System]
    address: str

    @property
    def usual(self) -> System:
        return self.run.parts.config.systems[0]

    def get(self, path: str, **parameters: object) -> Answer:
        return ask(self.address, "GET", f"{path}?{urlencode(parameters)}" if parameters else path)

    def messages(self, system: str, **parameters: object) -> Answer:
        return self.get(f"/api/systems/{quote(system, safe='')}/messages", **{"last": "1h", **parameters})

    def rows(self, **parameters: object) -> list[list[Any]]:
        """Rows of all pages of the usual system."""
        found: list[list[Any]] = []
        more: dict[str, object] = {}
        while True:
            page = self.messages(self.usual.id, **parameters, **more).json
            found += page["rows"]
            if page["next"] is None:
                return found
            more = {"cursor": page["next"]}

    @contextmanager
    def fault(self, api: str, method: str, status: str) -> Iterator[None]:
        faults, injected = self.run.sandbox.world.engines.faults, Fault(api, method, status)
        faults.add(injected)
        yield
        faults.remove(injected)


@contextmanager
def serving(run: Run, pace: Pace = UNLIMITED, *, timeout_s: float = 15.0, bytes_limit: int = 2**30) -> Iterator[Bench]:
    parts = run.parts
    usual = parts.config.systems[0]
    nowhere = TableRef(usual.project, "curated", "nowhere")
    systems = {
        **{system.id: system for system in parts.config.systems},
        "no-view": replace(usual, id="no-view", view=None),
        "lost-view": replace(usual, id="lost-view", view=nowhere),
        "raw-view": replace(usual, id="raw-view", view=usual.table, columns=replace(usual.columns, message_id="id")),
        "lost-letters": replace(usual, id="lost-letters", dead_letter_subscription="projects/p/subscriptions/nobody"),
    }
    reader = Reader(parts.clients.monitoring, parts.config.exporter.monitoring_project)
    routers = [
        messages.router(
            systems,
            Messages(Runner(parts.clients.bigquery, parts.calls.record, timeout_s), bytes_limit),
            DeadLetters(parts.clients.subscriber, parts.calls.record),
            parts.clients.now,
            pace,
        ),
        incidents.router(Incidents(parts.config, reader), parts.clients.now),
    ]
    server = Server(application(None, LoopbackGuard(), None, routers), LOOPBACK)
    server.start()
    try:
        yield Bench(run, systems, server.address)
    finally:
        server.stop()
        reader.close()


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with running(6, scenario="dead-letter-flood", history_s=1800) as found:
        yield found


@pytest.fixture(scope="module")
def bench(run: Run) -> Iterator[Bench]:
    with serving(run) as found:
        yield found


def checked(bench: Bench, path: str, answer: Answer) -> Any:
    """The answer's JSON, which is as the OpenAPI document says."""
    document = bench.get("/openapi.json").json
    described = document["paths"][path]["get"]["responses"][str(answer.status)]["content"]
    (schema,) = [each["schema"] for kind, each in described.items() if kind == answer.headers["content-type"]]
    Draft202012Validator({**schema, "components": document["components"]}).validate(answer.json)
    return answer.json


MESSAGES, LETTERS = "/api/systems/{system}/messages", "/api/systems/{system}/dead-letters"


def refused(bench: Bench, answer: Answer, status: int, path: str = MESSAGES) -> str:
    """The words of a problem, which show neither a query nor a trace."""
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    detail = str(checked(bench, path, answer)["detail"])
    assert not [word for word in ("SELECT", "row_of_this_page", "Traceback", "@start", "http://") if word in detail]
    return detail


# Messages


def test_the_newest_messages_of_a_system(bench: Bench) -> None:
    found = checked(bench, MESSAGES, bench.messages(bench.usual.id))
    assert [column["name"] for column in found["columns"]] == [
        "message_id",
        "publish_time",
        "carrier",
        "flight",
        "origin",
        "dest",
    ]
    assert len(found["rows"]) == 50
    assert (found["bytes_billed"], found["bytes_limit"]) == (10 * 2**20, 2**30)
    assert found["next"]


def test_all_pages_hold_what_is_in_the_table(bench: Bench) -> None:
    rows = bench.rows(limit=170)
    table = bench.run.sandbox.world.engines.bigquery.table_rows(bench.usual.table).to_pylist()
    start = bench.run.parts.clients.now().timestamp() - 3600
    known = sorted((each["publish_time"], each["message_id"]) for each in table)
    inside = [key for moment, key in known if moment.timestamp() >= start]
    assert len(rows) > 400
    assert sorted(row[0] for row in rows) == sorted(inside)
    assert [row[1] for row in rows] == sorted((row[1] for row in rows), reverse=True)


def test_no_rows(bench: Bench) -> None:
    answer = bench.messages(bench.usual.id, last="", start="2026-11-01T00:00:00Z", end="2026-11-01T01:00:00Z")
    assert answer.status == 422  # an empty `last` is one
    answer = bench.get(
        f"/api/systems/{bench.usual.id}/messages", start="2026-11-01T00:00:00Z", end="2026-11-01T01:00:00Z"
    )
    found = checked(bench, MESSAGES, answer)
    assert (answer.status, found["rows"], found["next"]) == (200, [], None)


@pytest.mark.parametrize(
    ("system", "status", "words"),
    [
        ("nobody", 404, "/api/systems"),
        ("no-view", 404, "`view` in systems.yaml"),
        ("lost-view", 404, "curated.nowhere"),
        ("raw-view", 409, "no column id"),
    ],
)
def test_what_is_not_there(bench: Bench, system: str, status: int, words: str) -> None:
    assert words in refused(bench, bench.messages(system), status)


def test_permission_denied(bench: Bench) -> None:
    iam = bench.run.sandbox.world.engines.iam
    iam.revoke("exporter", "bigquery.tables.getData", str(bench.usual.view))
    detail = refused(bench, bench.messages(bench.usual.id), 403)
    iam.restore("exporter", "bigquery.tables.getData", str(bench.usual.view))
    assert f"bigquery.tables.getData on {bench.usual.view}" in detail


def test_a_query_that_takes_too_long(run: Run) -> None:
    bigquery = run.sandbox.world.engines.bigquery
    with serving(run, timeout_s=1.5) as bench:
        bigquery.hang(bench.usual.table)
        detail = refused(bench, bench.messages(bench.usual.id), 504)
        bigquery.release(bench.usual.table)
    assert "within 1.5 s" in detail


def test_the_cap_on_bytes(run: Run) -> None:
    with serving(run, bytes_limit=1_000_000) as bench:
        detail = refused(bench, bench.messages(bench.usual.id), 422)
    assert "10485760 bytes" in detail
    assert "shorter range" in detail


@pytest.mark.parametrize("status", ["UNAVAILABLE", "RESOURCE_EXHAUSTED"])
def test_bigquery_is_down(bench: Bench, status: str) -> None:
    with bench.fault("bigquery", "*", status):
        answer = bench.messages(bench.usual.id)
    refused(bench, answer, 503)
    assert int(answer.headers["retry-after"]) > 0


def test_a_query_that_bigquery_does_not_run(bench: Bench) -> None:
    with bench.fault("bigquery", "jobs.query", "INVALID_ARGUMENT"):
        refused(bench, bench.messages(bench.usual.id), 502)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("limit", 0, "query.limit"),
        ("limit", 501, "query.limit"),
        ("limit", "many", "query.limit"),
        ("cursor", "made-up", "cursor"),
        ("cursor", "x" * 5000, "query.cursor"),
        ("cursor", "", "cursor"),
        ("last", "1 hour", "duration"),
        ("last", "90d", "42 days"),
        ("start", "2026-11-01T00:00:00Z", "`start`"),
    ],
)
def test_bad_parameters_are_named(bench: Bench, name: str, value: object, words: str) -> None:
    assert words in refused(bench, bench.messages(bench.usual.id, **{name: value}), 422)


def test_a_cursor_is_good_for_its_own_system_only(bench: Bench) -> None:
    cursor = bench.messages(bench.usual.id).json["next"]
    other = bench.run.parts.config.systems[1].id
    assert "cursor" in refused(bench, bench.messages(other, cursor=cursor), 422)


HOSTILE = (
    "'; DROP TABLE x; --",
    "` OR TRUE --",
    "1 OR 1=1",
    "../../etc/passwd",
    "${view}",
    "@start",
    "\x00",
    "\n",
    "\uff41",
    "%27",
)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("place", ["system", "limit", "cursor", "last", "start", "end"])
def test_hostile_text_is_refused_wherever_it_stands(bench: Bench, place: str, text: str) -> None:
    jobs = len(list(bench.run.sandbox.world.engines.bigquery.jobs()))
    if place == "system":
        answer = bench.messages(text)
    else:
        times = {"start": "2026-11-24T12:00:00Z", "end": "2026-11-24T12:10:00Z"} if place in ("start", "end") else {}
        answer = bench.get(f"/api/systems/{bench.usual.id}/messages", **{**times, place: text})
    assert answer.status in ((404,) if place == "system" else (422,))
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(list(bench.run.sandbox.world.engines.bigquery.jobs())) == jobs


def test_what_costs_money_is_paced_and_what_is_refused_is_not(run: Run) -> None:
    with serving(run, Pace(1, 0.001)) as bench:
        assert bench.messages("nobody").status == 404
        assert bench.messages(bench.usual.id, limit=0).status == 422
        assert bench.messages(bench.usual.id).status == 200
        answer = bench.messages(bench.usual.id)
        refused(bench, answer, 429)
        assert int(answer.headers["retry-after"]) > 0


# Dead letters


def test_a_look_at_dead_letters_leaves_them(bench: Bench) -> None:
    system = bench.run.parts.config.systems[FLOODED]
    subscription = str(system.dead_letter_subscription)
    counted = bench.run.sandbox.world.engines.ledger.subscriptions()[subscription]
    seen = set()
    for limit in (1, 10, 100):
        answer = bench.get(f"/api/systems/{system.id}/dead-letters", limit=limit)
        found = checked(bench, LETTERS, answer)
        assert 1 <= len(found["messages"]) <= limit
        assert "none is acknowledged" in found["note"]
        seen |= {each["message_id"] for each in found["messages"]}
    assert sum(minute.delivered for minute in counted.values()) == 0
    received = bench.run.parts.clients.subscriber.pull(subscription=subscription, max_messages=1000).received_messages
    assert seen <= {each.message.message_id for each in received}
    first = found["messages"][0]
    assert first["text"]
    assert first["attributes"]
    assert first["truncated"] is False


@pytest.mark.parametrize("limit", ["0", "101", "all"])
def test_as_many_dead_letters_as_may_be(bench: Bench, limit: str) -> None:
    refused(bench, bench.get(f"/api/systems/{bench.usual.id}/dead-letters", limit=limit), 422, LETTERS)


def test_dead_letters_that_cannot_be_shown(bench: Bench) -> None:
    without = bench.run.parts.config.systems[WITHOUT]
    letters = bench.run.parts.config.systems[FLOODED]
    path = "/api/systems/{}/dead-letters"
    assert "`dead_letter_subscription`" in refused(bench, bench.get(path.format(without.id)), 404, LETTERS)
    assert "subscriptions/nobody" in refused(bench, bench.get(path.format("lost-letters")), 404, LETTERS)
    refused(bench, bench.get(path.format("nobody")), 404, LETTERS)
    with bench.fault("pubsub", "Pull", "PERMISSION_DENIED"):
        detail = refused(bench, bench.get(path.format(letters.id)), 403, LETTERS)
    assert f"pubsub.subscriptions.consume on {letters.dead_letter_subscription}" in detail
    with bench.fault("pubsub", "Pull", "UNAVAILABLE"):
        answer = bench.get(path.format(letters.id))
    refused(bench, answer, 503, LETTERS)
    assert answer.headers["retry-after"]


# Incidents


def test_incidents_of_a_fleet(bench: Bench) -> None:
    before = checked(bench, "/api/incidents", bench.get("/api/incidents", last="24h"))
    assert (before["source"], before["groups"]) == ("health", [])
    bench.run.cycle()
    bench.run.advance(60)
    found = checked(bench, "/api/incidents", bench.get("/api/incidents", last="23h"))
    assert found["problem"] is None
    assert "no alerting here" in found["note"]
    flooded = bench.run.parts.config.systems[FLOODED]
    (own,) = [each for group in found["groups"] for each in group["incidents"] if each["system"] == flooded.id]
    assert own["what"] in ("failing", "degraded")
    assert (own["end"], own["policy"]) == (None, None)
    assert bench.get("/api/incidents", last="60d").status == 422


def test_a_head_neither_queries_nor_pulls(bench: Bench) -> None:
    calls = bench.run.sandbox.world.engines.faults.calls()
    for what in ("messages", "dead-letters"):
        assert ask(bench.address, "HEAD", f"/api/systems/{bench.usual.id}/{what}").status == 405
    assert bench.run.sandbox.world.engines.faults.calls() == calls
