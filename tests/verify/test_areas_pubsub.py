"""The checks of Pub/Sub, asked of a sandbox by a run that is stopped and taken up again and again."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from exporter.sandbox.conduct import Conduct
from exporter.verify import cleanup, report, runner
from exporter.verify.questions import Result, Verdict
from exporter.verify.runner import Progress
from tests.sandbox.running import ask
from tests.verify.area_runs import CHECKS, STEPS, lab_at
from tests.verify.places import contents, standing

NAMES = [name for name in CHECKS if name[0] in "DSP"]
BEFORE_A_STOP = 250


class Stopped(BaseException):
    """As when somebody presses Ctrl-C."""


def until_stopped() -> runner.Show:
    left = BEFORE_A_STOP

    def show(_: Progress) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise Stopped

    return show


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """All checks, asked by one process after the other; the sandbox stays."""
    directory, stops = tmp_path_factory.mktemp("run"), 0
    checks = [CHECKS[name] for name in NAMES]
    with standing() as sandbox:
        before = contents(sandbox)
        while True:
            with lab_at(sandbox, directory, 1) as lab:
                try:
                    results = runner.run(lab, STEPS, checks, until_stopped())
                except Stopped:
                    stops += 1
                    continue
            break
        found = {each.check_id: each for each in results}
        yield SimpleNamespace(sandbox=sandbox, directory=directory, before=before, stops=stops, results=found)


@pytest.mark.parametrize("name", NAMES)
def test_the_sandbox_gives_the_expected_answer(run: Any, name: str) -> None:
    result: Result = run.results[name]
    assert result.verdict is Verdict.OK, result.seen


def test_the_run_was_stopped_several_times(run: Any) -> None:
    assert run.stops >= 3


def test_measured_values_are_those_that_the_sandbox_was_told(run: Any) -> None:
    measured = report.parameters(list(run.results.values()))
    delays = measured.pop("metric_delay_s")
    assert len(delays) == 8
    status, answer = ask(run.sandbox, "POST", "/conduct", {**measured, "metric_delay_s": delays})
    assert status == 200, answer
    usual = Conduct().as_json()
    assert len(measured) >= 25
    assert {name: value for name, value in measured.items() if value != usual[name]} == {}


def test_measured_delays_are_those_of_the_metrics_to_a_look(run: Any) -> None:
    delays = {name: result.parameters for name, result in run.results.items() if "metric_delay_s" in result.parameters}
    late = {"P23": 240, "P24": 120, "P25": 240, "P26": 120, "P27": 240, "P28": 120, "P29": 120, "P30": 120}
    assert delays.keys() == late.keys()
    for name, parameters in delays.items():
        (seconds,) = parameters["metric_delay_s"].values()
        assert late[name] <= seconds <= late[name] + 30, name


def test_all_that_was_made_for_these_checks_can_be_removed(run: Any) -> None:
    with lab_at(run.sandbox, run.directory, 1) as lab:
        made = cleanup.noted(lab.book, lab.place.run)
        assert cleanup.remove(lab.services, made, lab.clock.wait, lambda _: None) == []
    assert contents(run.sandbox) == run.before
