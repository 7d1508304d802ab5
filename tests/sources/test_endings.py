"""A statement ends, whatever BigQuery does, and leaves nothing behind."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from requests import Timeout

from exporter.connections import within
from exporter.errors import SourceError, Transient
from exporter.sandbox.faults import Fault
from exporter.sources.bigquery.runner import MINIMUM_BILLED_BYTES, Runner
from tests.sandbox.running import eventually
from tests.sources.apis import Drip, Hang, HttpAnswer, HttpApi, HttpRequest
from tests.sources.local import RESULT, SMALL, Local, ask, statement


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.sources.bigquery.runner.random.uniform", lambda *_: 0.001)


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


def test_when_time_is_over_only_what_cancels_is_sent(local: Local) -> None:
    with within(0.0) as talk:
        with pytest.raises(Timeout):
            local.client._http.get(f"{local.server.url}/bigquery/v2/projects/acme/jobs/j", timeout=5)
        local.client._http.post(f"{local.server.url}/bigquery/v2/projects/acme/jobs/j/cancel?location=US", timeout=5)
    assert talk.requests == [("/bigquery/v2/projects/acme/jobs/j/cancel", 404)]
