"""One statement: what it cost, what its failures are called, and that it ends, whatever BigQuery does."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from exporter.circuits import Circuits
from exporter.connections import within
from exporter.errors import Permanent, SourceError, Transient
from exporter.model import TableRef
from exporter.sandbox.bigquery import BigQuery, Server
from exporter.sandbox.clock import Clock
from exporter.sandbox.faults import Fault, Faults
from exporter.sandbox.iam import Iam
from exporter.sources.bigquery import runner as running
from exporter.sources.bigquery.runner import MINIMUM_BILLED_BYTES, Runner, Statement
from tests.sandbox.running import eventually
from tests.sources.apis import Broken, Drip, Hang, HttpAnswer, HttpApi, HttpRequest, bigquery_client
from tests.test_circuits import Clock as Steady

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
MIB = 2**20
LARGE, SMALL = TableRef("acme", "raw", "large"), TableRef("acme", "raw", "small")


class Standing:
    """A world in which nothing happens by itself."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def settle(self) -> int:
        return self._clock.now_us()


class Local:
    """The sandbox's BigQuery, and a client of it."""

    def __init__(self) -> None:
        self.clock, self.faults = Clock(NOW, speed=0), Faults()
        self.engine = BigQuery(self.clock, self.faults, Iam())
        self.engine.create_dataset("acme", "raw", "US", created_us=self.clock.now_us() - 86_400_000_000)
        for table in (LARGE, SMALL):
            self.engine.create_table(table, [{"name": "data", "type": "BYTES"}])
        self.counted: Counter[tuple[str, str]] = Counter()
        self.server = self.serve(0)
        self.client = bigquery_client(self.server.url)

    def serve(self, port: int) -> Server:
        server = Server(self.engine, Standing(self.clock), port=port)
        server.start()
        return server

    def on_call(self, _: str, method: str, code: str) -> None:
        self.counted[method, code] += 1

    def runner(self, timeout_s: float = 15.0, circuits: Circuits | None = None) -> Runner:
        return Runner(self.client, self.on_call, timeout_s, circuits=circuits)

    def seen(self, method: str) -> int:
        """Calls of a method that arrived."""
        return sum(number for (_, name, _), number in self.faults.calls().items() if name == method)

    def close(self) -> None:
        self.client.close()
        self.server.stop()
        self.engine.close()


@pytest.fixture
def local() -> Iterator[Local]:
    made = Local()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.sources.bigquery.runner.random.uniform", lambda *_: 0.001)


def statement(text: str = "SELECT 1 AS one", tables: int = 1) -> Statement:
    return Statement(text, [], "landing", tables, 1024 * MIB)


def ask(runner: Runner, project: str = "acme") -> running.Answer:
    return runner.run(statement(), project, "US")


# What it cost.


def test_bytes_billed_are_what_bigquery_says(local: Local) -> None:
    """Each table is rounded by itself, which nobody can tell from the sum of the bytes processed."""
    local.engine.append(str(LARGE), ("data",), [(b"x" * MIB,)] * 16, local.clock.now_us())
    local.engine.append(str(LARGE), ("data",), [(b"x",)], local.clock.now_us())
    local.engine.append(str(SMALL), ("data",), [(b"x",)], local.clock.now_us())
    text = "SELECT COUNT(data) AS n FROM `acme.raw.large` UNION ALL SELECT COUNT(data) FROM `acme.raw.small`"
    answer = local.runner().run(statement(text, tables=2), "acme", "US")
    assert sorted(row["n"] for row in answer.rows) == [1, 17]
    assert 16 * MIB < answer.bytes_processed < 17 * MIB
    assert answer.bytes_billed == (17 + 10) * MIB
    (job,) = local.engine.jobs()
    assert (job["bytes_billed"], job["bytes_processed"]) == (answer.bytes_billed, answer.bytes_processed)


RESULT = {
    "jobComplete": True,
    "jobReference": {"projectId": "acme", "location": "US", "jobId": "j"},
    "schema": {"fields": [{"name": "one", "type": "INTEGER"}]},
    "totalRows": "1",
    "rows": [{"f": [{"v": "1"}]}],
    "totalBytesProcessed": "0",
}


@pytest.mark.parametrize(
    ("processed", "tables", "billed"),
    [(0, 1, 10 * MIB), (0, 3, 30 * MIB), (12 * MIB + 1, 1, 13 * MIB), (12 * MIB + 1, 2, 20 * MIB)],
)
def test_where_bigquery_does_not_say_bytes_billed_are_worked_out(processed: int, tables: int, billed: int) -> None:
    with HttpApi(lambda _: HttpAnswer({**RESULT, "totalBytesProcessed": str(processed)})) as api:
        answer = Runner(api.client, api.on_call, 15.0).run(statement(tables=tables), "acme", "US")
    assert answer.rows == [{"one": 1}]
    assert (answer.bytes_processed, answer.bytes_billed) == (processed, billed)
    assert MINIMUM_BILLED_BYTES == 10 * MIB


# What is asked again, and what is not.


@pytest.mark.parametrize("status", ["UNAVAILABLE", "INTERNAL"])
def test_what_passes_is_asked_again_and_every_attempt_is_counted(local: Local, status: str) -> None:
    local.faults.add(Fault("bigquery", "jobs.query", status=status, count=2))
    assert ask(local.runner()).rows == [{"one": 1}]
    assert local.seen("jobs.query") == 3
    assert sorted(local.counted.values()) == [1, 2]
    assert local.counted["jobs.query", "OK"] == 1


@pytest.mark.parametrize("status", ["PERMISSION_DENIED", "NOT_FOUND", "INVALID_ARGUMENT"])
def test_what_does_not_pass_is_asked_once(local: Local, status: str) -> None:
    local.faults.add(Fault("bigquery", "jobs.query", status=status))
    with pytest.raises(Permanent):
        ask(local.runner(circuits=Circuits()))
    assert local.seen("jobs.query") == 1


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("RESOURCE_EXHAUSTED", "rateLimitExceeded"),
        ("RATE_LIMIT_EXCEEDED", "rateLimitExceeded"),
        ("QUOTA_EXCEEDED", "quotaExceeded"),
    ],
)
def test_an_exhausted_quota_is_left_alone_and_other_projects_go_on(local: Local, status: str, reason: str) -> None:
    clock = Steady()
    runner = local.runner(circuits=Circuits(clock))
    local.faults.add(Fault("bigquery", "jobs.query", status=status, count=1))
    with pytest.raises(Transient) as exhausted:
        ask(runner)
    assert exhausted.value.reason == reason
    with pytest.raises(Transient, match=f"^BigQuery said {reason}: .* asked again after") as held:
        ask(runner)
    assert held.value.reason == "circuitOpen"
    assert local.seen("jobs.query") == 1
    assert local.counted == {("jobs.query", reason): 1}
    assert ask(runner, project="other").rows
    clock.seconds += 5
    assert ask(runner).rows


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "40"},
        {"Retry-After": "Tue, 24 Nov 2026 12:00:40 GMT", "Date": "Tue, 24 Nov 2026 12:00:00 GMT"},
    ],
)
def test_the_wait_that_an_answer_asks_for_is_kept(headers: dict[str, str]) -> None:
    clock = Steady()
    answers = [HttpAnswer(b"slow down", 429, headers), HttpAnswer(RESULT)]
    with HttpApi(lambda _: answers.pop(0)) as api:
        runner = Runner(api.client, api.on_call, 15.0, circuits=Circuits(clock))
        with pytest.raises(Transient):
            ask(runner)
        clock.seconds += 39
        with pytest.raises(Transient, match="asked again after"):
            ask(runner)
        clock.seconds += 1
        assert ask(runner).rows
        assert len(api.requests) == 2


@pytest.mark.parametrize("kind", ["table", "dry_run"])
def test_every_kind_of_call_respects_the_circuit(local: Local, kind: str) -> None:
    runner = local.runner(circuits=Circuits(Steady()))
    calls: dict[str, Callable[[], Any]] = {
        "table": lambda: runner.table(str(SMALL)),
        "dry_run": lambda: runner.dry_run(statement(), "acme", "US"),
    }
    calls[kind]()
    local.faults.add(Fault("bigquery", "jobs.query", status="QUOTA_EXCEEDED", count=1))
    with pytest.raises(Transient):
        ask(runner)
    before = local.seen("tables.get") + local.seen("jobs.insert")
    with pytest.raises(Transient, match="quotaExceeded"):
        calls[kind]()
    assert local.seen("tables.get") + local.seen("jobs.insert") == before == 1
    assert local.counted[{"table": "tables.get", "dry_run": "jobs.insert"}[kind], "OK"] == 1


# Garbage.


def test_garbage_is_no_answer(local: Local) -> None:
    local.faults.add(Fault("bigquery", "jobs.query", garbage=True))
    with pytest.raises(Transient) as garbage:
        ask(local.runner())
    assert garbage.value.reason == "garbage"
    assert local.seen("jobs.query") == 3
    assert local.counted == {("jobs.query", "garbage"): 3}


SHAPES: dict[str, Any] = {
    "a list": [],
    "a number": 7,
    "null": None,
    "nothing": {},
    "no rows and no schema": {"jobComplete": True},
    "no schema": {"jobComplete": True, "totalRows": "0"},
    "rows that are not there": {**RESULT, "totalRows": "2"},
    "no number of rows": {name: value for name, value in RESULT.items() if name != "totalRows"},
    "rows without cells": {**RESULT, "rows": [{}]},
    "cells of another type": {**RESULT, "rows": [{"f": [{"v": "one"}]}]},
    "bytes that are no number": {**RESULT, "totalBytesBilled": "much"},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_an_answer_of_another_shape_is_garbage_and_never_an_empty_result(shape: str) -> None:
    with HttpApi(lambda _: HttpAnswer(SHAPES[shape])) as api:
        with pytest.raises(Transient) as garbage:
            ask(Runner(api.client, api.on_call, 15.0))
        assert garbage.value.reason == "garbage"
        assert api.counted == {("jobs.query", "garbage"): 3}


def test_an_answer_that_breaks_off_is_asked_for_again() -> None:
    answers = [Broken(), HttpAnswer(RESULT)]
    with HttpApi(lambda _: answers.pop(0)) as api:
        assert ask(Runner(api.client, api.on_call, 15.0)).rows
        assert api.counted == {("jobs.query", "unreachable"): 1, ("jobs.query", "OK"): 1}


def test_a_mistake_of_our_own_is_not_taken_for_an_answer(local: Local) -> None:
    no_text: Any = object()
    with pytest.raises(TypeError):
        local.runner().run(statement(no_text), "acme", "US")
    assert local.seen("jobs.query") == 0


# It ends.


ENDLESS: dict[str, HttpAnswer] = {"hang": Hang(), "headers": Drip(headers=True), "body": Drip(headers=False)}


@pytest.mark.parametrize("kind", ENDLESS)
def test_an_answer_that_never_ends_is_cut(kind: str) -> None:
    with HttpApi(lambda _: ENDLESS[kind]) as api:
        runner = Runner(api.client, api.on_call, 0.5)
        for call in (lambda: ask(runner), lambda: runner.table(str(SMALL))):
            with pytest.raises(Transient) as cut:
                call()
            assert cut.value.reason == "timeout"
        assert api.counted == {("jobs.query", "timeout"): 1, ("tables.get", "timeout"): 1}
        assert 200 < int(api.requests[0].body["jobTimeoutMs"]) <= 250


def test_a_job_that_hangs_is_stopped_by_bigquery_itself(local: Local) -> None:
    local.engine.hang(SMALL)
    with pytest.raises(Transient, match="timed out") as stopped:
        local.runner(timeout_s=1.5).run(statement("SELECT data FROM `acme.raw.small`"), "acme", "US")
    assert stopped.value.reason == "timeout"
    (job,) = local.engine.jobs()
    assert (job["state"], job["error"]["reason"]) == ("DONE", "stopped")
    assert local.counted == {("jobs.query", "timeout"): 1}


def test_a_call_that_is_late_is_not_waited_for_and_its_job_is_limited(local: Local) -> None:
    """Its job is made after we have given up: nobody knows its name, so only its own time-out can end it."""
    local.engine.hang(SMALL)
    local.faults.add(Fault("bigquery", "jobs.query", delay_ms=1500, count=1))
    with pytest.raises(Transient) as late:
        local.runner(timeout_s=1.0).run(statement("SELECT data FROM `acme.raw.small`"), "acme", "US")
    assert late.value.reason == "timeout"
    eventually(lambda: [job["state"] for job in local.engine.jobs()] == ["DONE"])


INCOMPLETE = {"jobComplete": False, "jobReference": RESULT["jobReference"]}


def job_is(state: str) -> dict[str, Any]:
    """A job as jobs.get shows it."""
    return {
        "jobReference": RESULT["jobReference"],
        "configuration": {"query": {"query": "SELECT 1"}},
        "status": {"state": state},
    }


def test_a_job_that_takes_longer_than_bigquery_waits_is_waited_for() -> None:
    states = ["RUNNING", "DONE"]

    def answer(request: HttpRequest) -> HttpAnswer:
        answers = {"queries": INCOMPLETE, "queries/j": RESULT}
        return HttpAnswer(answers.get(request.path) or job_is(states.pop(0)))

    with HttpApi(answer) as api:
        found = ask(Runner(api.client, api.on_call, 15.0))
        assert found.rows == [{"one": 1}]
        assert found.bytes_billed == MINIMUM_BILLED_BYTES
        methods = {method for method, _ in api.counted}
        assert methods == {"jobs.query", "jobs.get", "jobs.getQueryResults"}
        assert sum(api.counted.values()) == len(api.requests)


@pytest.mark.parametrize("polled", [Hang(), HttpAnswer(INCOMPLETE)], ids=["hangs", "never done"])
def test_a_job_that_bigquery_does_not_stop_is_cancelled(polled: HttpAnswer) -> None:
    job = job_is("RUNNING")

    def answer(request: HttpRequest) -> HttpAnswer:
        answers = {("POST", "queries"): HttpAnswer(INCOMPLETE), ("GET", "queries/j"): polled}
        return answers.get((request.verb, request.path), HttpAnswer({**job, "job": job}))

    with HttpApi(answer) as api:
        with pytest.raises(Transient) as stopped:
            ask(Runner(api.client, api.on_call, 0.5))
        assert stopped.value.reason == "timeout"
        assert (api.requests[-1].verb, api.requests[-1].path) == ("POST", "jobs/j/cancel")
        assert sum(request.path == "jobs/j/cancel" for request in api.requests) == 1
        assert api.counted["jobs.cancel", "OK"] == 1
        assert api.counted["jobs.query", "OK"] == 1
        assert sum(api.counted.values()) == len(api.requests)
        assert sum(number for (_, code), number in api.counted.items() if code == "timeout") == 1


def test_rows_without_end_are_cut() -> None:
    page = {**RESULT, "pageToken": "more", "totalRows": "1000000"}

    def answer(request: HttpRequest) -> HttpAnswer:
        return HttpAnswer(page if request.path.startswith("queries") else job_is("DONE"))

    with HttpApi(answer) as api, pytest.raises(Transient) as cut:
        ask(Runner(api.client, api.on_call, 0.5))
    assert cut.value.reason == "timeout"


# Afterwards.


def test_after_an_outage_the_same_client_goes_on(local: Local) -> None:
    runner = local.runner()
    ask(runner)
    local.server.stop()
    with pytest.raises(Transient) as gone:
        ask(runner)
    assert gone.value.reason == "unreachable"
    local.server = local.serve(local.server.port)
    assert ask(runner).rows == [{"one": 1}]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="there is no /proc to count open files in")
def test_failures_leave_nothing_behind() -> None:
    answers = [HttpAnswer(b"<html>"), HttpAnswer(b"", 503), Drip(headers=True), Drip(headers=False), HttpAnswer([])]
    number = iter(range(10_000))
    with HttpApi(lambda _: answers[next(number) % len(answers)]) as api:
        runner = Runner(api.client, api.on_call, 0.1)

        def fail(times: int) -> None:
            for _ in range(times):
                with pytest.raises(SourceError):
                    ask(runner)

        def held() -> tuple[int, int]:
            return threading.active_count(), len(list(Path(f"/proc/{os.getpid()}/fd").iterdir()))

        fail(10)
        before = held()
        fail(60)
        eventually(lambda: held()[0] <= before[0] + 2 and held()[1] <= before[1] + 2)


def test_each_thread_has_its_own_time(local: Local) -> None:
    """What one thread asks meanwhile neither ends nor takes the account of another's question."""

    def ask_meanwhile() -> None:
        with within(5) as other:
            local.client._http.get(local.server.url, timeout=5)
        assert len(other.requests) == 1

    with within(10) as own:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(ask_meanwhile).result()
        local.client._http.get(local.server.url, timeout=5)
    assert len(own.requests) == 1
    local.client._http.get(local.server.url, timeout=5)
    assert len(own.requests) == 1
