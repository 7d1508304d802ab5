"""The loop over steps and questions: each once, nobody waits for another, and every failure costs only what needs it."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import requests
from google.api_core import exceptions

from exporter.verify import runner
from exporter.verify.lab import Lab
from exporter.verify.questions import Check, CouldNotAsk, Result, Seen, Step, Verdict
from exporter.verify.runner import PAUSE_S, Progress
from tests.verify.labs import MINUTES, ManualClock, check, lab_in, no, silent, yes


def ask(lab: Lab, *checks: Check, steps: tuple[Step, ...] = ()) -> dict[str, Result]:
    return {result.check_id: result for result in runner.run(lab, steps, checks, lambda _: None)}


def raising(error: Exception, times: int = 10_000) -> object:
    """Asks that fail so often, and then answer."""
    left = [error] * times

    def attempt(_: Lab) -> Seen:
        if left:
            raise left.pop()
        return Seen("yes", as_expected=True)

    return attempt


def test_every_answer_is_compared(tmp_path: Path) -> None:
    found = ask(lab_in(tmp_path), check("A01", yes), check("A02", no))
    assert {name: result.verdict for name, result in found.items()} == {"A01": Verdict.OK, "A02": Verdict.DIFFERS}


def test_a_slow_answer_is_waited_for_while_others_are_asked(tmp_path: Path) -> None:
    lab = lab_in(tmp_path)
    late = lab.now() + timedelta(seconds=95)
    found = ask(
        lab,
        check("A01", lambda lab: Seen("late", as_expected=True) if lab.now() >= late else None),
        check("A02", yes),
    )
    assert found["A01"].verdict is Verdict.OK
    assert 95 <= found["A01"].waited_s < 95 + 2 * PAUSE_S
    assert found["A02"].waited_s == 0


def test_patience_ends_and_silence_means_what_the_check_says(tmp_path: Path) -> None:
    lab = lab_in(tmp_path)
    found = ask(
        lab,
        check("A01", silent),
        Check("A02", "?", "!", "a test", silent, patience=MINUTES, silence=Verdict.DIFFERS),
        Check("A03", "?", "!", "a test", silent, patience=MINUTES, silence=Verdict.OK),
    )
    verdicts = [found[name].verdict for name in ("A01", "A02", "A03")]
    assert verdicts == [Verdict.COULD_NOT_ASK, Verdict.DIFFERS, Verdict.OK]
    assert found["A01"].seen == "no answer within 0:05:00"
    assert found["A01"].waited_s >= MINUTES.total_seconds()


def test_who_waits_long_is_asked_less_often(tmp_path: Path) -> None:
    asked = []
    ask(lab_in(tmp_path), check("A01", lambda lab: asked.append(lab.now()), patience=timedelta(hours=2)))
    pauses = [(later - before).total_seconds() for before, later in pairwise(asked)]
    assert pauses[:15] == [PAUSE_S] * 15
    assert all(pauses[place] <= max(PAUSE_S, 0.06 * sum(pauses[: place + 1]) + PAUSE_S) for place in range(len(pauses)))
    assert len(asked) < 120


def test_steps_come_before_what_needs_them_and_only_those(tmp_path: Path) -> None:
    done: list[str] = []

    def step(name: str, *needs: str) -> Step:
        def do(_: Lab) -> bool:
            done.append(name)
            return done.count(name) == 2

        return Step(name, f"doing {name}", do, needs)

    steps = (step("made"), step("sent", "made"), step("other"))
    ask(lab_in(tmp_path), check("A01", lambda _: Seen(" ".join(done), as_expected=True), ("sent",)), steps=steps)
    assert done == ["made", "made", "sent", "sent"]


def test_a_step_that_fails_costs_only_what_needs_it(tmp_path: Path) -> None:
    def fail(_: Lab) -> bool:
        raise exceptions.InvalidArgument("no such location")

    steps = (Step("made", "making", fail), Step("sent", "sending", lambda _: True, ("made",)))
    found = ask(lab_in(tmp_path), check("A01", yes, ("sent",)), check("A02", yes), steps=steps)
    assert found["A01"].verdict is Verdict.COULD_NOT_ASK
    assert found["A01"].seen == "step made: 400 no such location"
    assert found["A02"].verdict is Verdict.OK


def test_a_step_that_does_not_come_about_is_given_up(tmp_path: Path) -> None:
    steps = (Step("made", "making", lambda _: False, patience=MINUTES),)
    found = ask(lab_in(tmp_path), check("A01", yes, ("made",)), steps=steps)
    assert found["A01"].seen == "step made: it did not come about within 0:05:00"


@pytest.mark.parametrize(
    "error",
    [
        exceptions.ServiceUnavailable("down"),
        exceptions.ResourceExhausted("quota"),
        exceptions.DeadlineExceeded("slow"),
        exceptions.Forbidden("slow down", errors=[{"reason": "rateLimitExceeded"}]),
        requests.ConnectionError("no route"),
        ConnectionResetError("gone"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_may_pass_is_asked_again(tmp_path: Path, error: Exception) -> None:
    found = ask(lab_in(tmp_path / "passes"), check("A01", raising(error, 3)))  # type: ignore[arg-type]
    assert found["A01"].verdict is Verdict.OK
    found = ask(lab_in(tmp_path / "stays"), check("A01", raising(error)))  # type: ignore[arg-type]
    assert found["A01"].verdict is Verdict.COULD_NOT_ASK
    assert found["A01"].seen.endswith(f"{error} within 0:05:00") or str(error) in found["A01"].seen


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (exceptions.PermissionDenied("not yours"), "403 not yours"),
        (exceptions.MethodNotImplemented("unknown"), "501 unknown"),
        (KeyError("typo"), "the check itself failed: KeyError"),
        (CouldNotAsk("no PromQL here"), "no PromQL here"),
    ],
)
def test_what_will_not_pass_is_said_at_once(tmp_path: Path, error: Exception, said: str) -> None:
    found = ask(lab_in(tmp_path), check("A01", raising(error)), check("A02", yes))  # type: ignore[arg-type]
    assert (found["A01"].verdict, found["A01"].seen) == (Verdict.COULD_NOT_ASK, said)
    assert found["A01"].waited_s == 0
    assert found["A02"].verdict is Verdict.OK


def test_only_some_cannot_be_asked_by_design(tmp_path: Path) -> None:
    by_design = CouldNotAsk("no PromQL here", by_design=True)
    found = ask(lab_in(tmp_path), check("A01", raising(by_design)), check("A02", raising(CouldNotAsk("no"))))  # type: ignore[arg-type]
    assert (found["A01"].by_design, found["A02"].by_design) == (True, False)


def test_what_was_answered_is_not_asked_again(tmp_path: Path) -> None:
    ask(lab_in(tmp_path), check("A01", no))
    found = ask(lab_in(tmp_path), check("A01", yes), check("A02", yes))
    assert (found["A01"].seen, found["A02"].seen) == ("no", "yes")


def test_time_in_which_a_run_stood_still_was_not_waited(tmp_path: Path) -> None:
    clock = ManualClock()
    begun = lab_in(tmp_path, clock)

    def switch_off(_: Lab) -> None:
        if clock.now() - begun.done_at("begun") >= timedelta(minutes=2):
            raise KeyboardInterrupt
        return

    begun.done("begun")
    with pytest.raises(KeyboardInterrupt):
        ask(begun, check("A01", silent), check("A02", switch_off))
    clock.wait(8 * 3600)
    asked = []
    found = ask(lab_in(tmp_path, clock), check("A01", lambda lab: asked.append(lab.now())))
    assert len(asked) > 5
    assert MINUTES.total_seconds() <= found["A01"].waited_s < MINUTES.total_seconds() + 60


def test_it_says_what_it_waits_for_and_for_how_long_at_most(tmp_path: Path) -> None:
    shown: list[Progress] = []
    steps = (Step("made", "making things", lambda lab: lab.waited_s("step made") > 60, patience=MINUTES),)
    checks = (check("A01", yes), check("A02", silent, ("made",), timedelta(minutes=20)))
    runner.run(lab_in(tmp_path), steps, checks, shown.append)
    waits = [each for each in shown if each.at_most > timedelta(0)]
    assert waits[0].doing == "making things"
    assert (waits[0].answered, waits[0].questions, waits[0].waiting) == (1, 2, ())
    assert timedelta(minutes=4) < waits[0].at_most <= MINUTES
    assert waits[-1].doing == "waiting for answers"
    assert waits[-1].waiting == ("A02",)
    assert all(later.at_most <= before.at_most for before, later in pairwise(waits[8:]))
