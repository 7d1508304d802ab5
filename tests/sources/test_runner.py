"""One statement: what it cost, what its failures are called, and what is asked again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from exporter.circuits import Circuits
from exporter.errors import Permanent, Transient
from exporter.sandbox.faults import Fault
from exporter.sources.bigquery.runner import MINIMUM_BILLED_BYTES, Runner
from tests.sources.apis import Broken, HttpAnswer, HttpApi
from tests.sources.local import LARGE, MIB, RESULT, SMALL, Local, ask, statement
from tests.test_circuits import Clock as Steady


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.sources.bigquery.runner.random.uniform", lambda *_: 0.001)


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


def test_what_took_too_long_is_not_asked_again_for_it_would_be_paid_again(local: Local) -> None:
    local.faults.add(Fault("bigquery", "jobs.query", status="DEADLINE_EXCEEDED"))
    with pytest.raises(Transient) as late:
        ask(local.runner())
    assert late.value.reason == "timeout"
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
