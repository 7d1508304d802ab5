"""The checks of BigQuery, asked of a sandbox that behaves as documented: every answer is the expected one."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from exporter.sandbox.conduct import Conduct
from exporter.verify import report
from exporter.verify.areas import jobs_samples
from exporter.verify.questions import CouldNotAsk, Result, Verdict
from tests.sandbox.running import ask
from tests.verify.area_runs import CHECKS, asked, lab_at
from tests.verify.places import standing

NAMES = [name for name in CHECKS if name[0] in "AMWJT"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """All checks, asked once; the sandbox stays."""
    with standing() as sandbox, lab_at(sandbox, tmp_path_factory.mktemp("run"), 1) as lab:
        yield SimpleNamespace(sandbox=sandbox, lab=lab, results=asked(lab, NAMES))


@pytest.mark.parametrize("name", NAMES)
def test_the_sandbox_gives_the_expected_answer(run: Any, name: str) -> None:
    result: Result = run.results[name]
    assert result.verdict is Verdict.OK, result.seen


def test_measured_values_are_those_that_the_sandbox_was_told(run: Any) -> None:
    measured = report.parameters(list(run.results.values()))
    status, answer = ask(run.sandbox, "POST", "/conduct", measured)
    assert status == 200, answer
    usual = Conduct().as_json()
    assert len(measured) >= 30
    assert {name: value for name, value in measured.items() if value != usual[name]} == {}


def test_nothing_that_is_kept_of_the_answers_holds_a_message(run: Any) -> None:
    kept = repr([(result.seen, result.evidence) for result in run.results.values()])
    assert "padding" not in kept
    assert "xxxx" not in kept


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_says_what_is_expected_and_where_that_is_written(name: str) -> None:
    check = CHECKS[name]
    assert check.question.endswith("?")
    assert check.expected
    assert check.source.startswith(("https://docs.cloud.google.com/", "https://cloud.google.com/"))
    assert 300 <= check.patience.total_seconds() <= 3600


def test_bytes_billed_cannot_be_asked_for_where_queries_run_in_a_reservation() -> None:
    with pytest.raises(CouldNotAsk) as raised:
        jobs_samples.billed({"reservation_id": "admin:US.default", "total_bytes_billed": 0})
    assert raised.value.by_design


def test_a_run_that_looks_too_late_does_not_judge_delays(run: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """As after a night between the load and the question."""
    with lab_at(run.sandbox, tmp_path_factory.mktemp("late"), 2) as lab:
        asked(lab, ["T02"])
        lab.clock.wait(36_000)
        results = asked(lab, ["T01", "T03", "T04"])
    assert [results[name].verdict for name in ("T01", "T03")] == [Verdict.COULD_NOT_ASK] * 2
    assert results["T04"].verdict is Verdict.OK
