"""Puts every question, working on others while one has no answer yet."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from exporter.verify import heartbeat
from exporter.verify.failures import FAILURES, PASSING, passes
from exporter.verify.lab import Lab
from exporter.verify.questions import Check, CouldNotAsk, Result, Seen, Step, Verdict

PAUSE_S = 10.0
"""Between two rounds in which nothing was answered."""

PATIENT_RATIO = 0.05
"""A question that has waited long is asked less often: every answer costs a query, and none is needed more exactly than this."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: what is done, or waited for, for how long at most, and what was last refused."""

    answered: int
    questions: int
    doing: str
    waiting: tuple[str, ...] = ()
    at_most: timedelta = timedelta(0)
    refusal: str = ""


Show = Callable[[Progress], None]


def run(lab: Lab, steps: Sequence[Step], checks: Sequence[Check], show: Show) -> list[Result]:
    """Do the steps that the checks need, ask all checks, and return their results in order; what was answered before is not asked again."""
    lab.take_up()
    round_ = _Round(lab, needed(steps, checks), checks, show)
    while open_checks := round_.open_checks():
        heartbeat.beat(lab)
        moved = False
        for step in round_.steps:
            moved |= round_.advance(step)
        for check in open_checks:
            moved |= round_.ask(check)
        if not moved:
            show(round_.waiting())
            lab.clock.wait(PAUSE_S)
            lab.alive()
    return [lab.book.results[check.id] for check in checks]


def needed(steps: Sequence[Step], checks: Sequence[Check]) -> list[Step]:
    """The steps that these checks rest on, in the order in which they are given."""
    by_name = {step.name: step for step in steps}
    wanted: set[str] = set()
    open_names = [name for check in checks for name in check.needs]
    while open_names:
        name = open_names.pop()
        if name not in wanted:
            wanted.add(name)
            open_names += by_name[name].needs
    return [step for step in steps if step.name in wanted]


class _Round:
    """What there is to do, round after round."""

    def __init__(self, lab: Lab, steps: Sequence[Step], checks: Sequence[Check], show: Show) -> None:
        self.steps = steps
        self._lab = lab
        self._checks = checks
        self._show = show
        self._asked_at: dict[str, datetime] = {}
        self._refusals: dict[str, str] = {}

    def open_checks(self) -> list[Check]:
        """Checks without a result, in their order."""
        return [check for check in self._checks if check.id not in self._lab.book.results]

    def advance(self, step: Step) -> bool:
        """Do a step whose turn it is; returns whether it came to an end."""
        lab = self._lab
        if lab.is_over(step.name) or not all(lab.is_over(name) for name in step.needs):
            return False
        failed = [name for name in step.needs if lab.failure(name) is not None]
        if failed:
            lab.failed(step.name, _blamed(lab, failed[0]))
            return True
        waited_s = lab.waited_s(f"step {step.name}")
        self._tell(step.what)
        try:
            problem = None if step.do(lab) else "it did not come about"
        except CouldNotAsk as error:
            lab.failed(step.name, str(error))
            return True
        except Exception as error:  # noqa: BLE001 - a mistake of one step costs only what needs it
            problem = self._passing(error)
            self._refusals[step.name] = problem or ""
            if problem is None:
                lab.failed(step.name, self._described(error, step.name))
                return True
        if problem is None:
            lab.done(step.name)
            return True
        if waited_s > step.patience.total_seconds():
            lab.failed(step.name, f"{problem} within {step.patience}")
            return True
        return False

    def ask(self, check: Check) -> bool:
        """Put a question whose turn it is; returns whether there is a verdict."""
        lab = self._lab
        if not all(lab.is_over(name) for name in check.needs):
            return False
        failed = [name for name in check.needs if lab.failure(name) is not None]
        if failed:
            self._conclude(check, Verdict.COULD_NOT_ASK, _blamed(lab, failed[0]), 0.0)
            return True
        waited_s = lab.waited_s(f"check {check.id}")
        if not self._is_due(check, waited_s):
            return False
        self._tell(f"{check.id}: {check.question}")
        silence = None
        seen: Seen | None = None
        try:
            seen = check.ask(lab)
        except CouldNotAsk as error:
            self._conclude(check, Verdict.COULD_NOT_ASK, str(error), waited_s, by_design=error.by_design)
            return True
        except Exception as error:  # noqa: BLE001 - a mistake of one check costs only itself
            silence = self._passing(error)
            if silence is None:
                self._conclude(check, Verdict.COULD_NOT_ASK, self._described(error, check.id), waited_s)
                return True
        if seen is not None:
            verdict = Verdict.OK if seen.as_expected else Verdict.DIFFERS
            lab.book.conclude(Result(check.id, verdict, seen.text, waited_s, False, seen.parameters, seen.evidence))
            return True
        if waited_s > check.patience.total_seconds():
            verdict = check.silence if silence is None else Verdict.COULD_NOT_ASK
            self._conclude(check, verdict, f"{silence or 'no answer'} within {check.patience}", waited_s)
            return True
        return False

    def waiting(self) -> Progress:
        """What is waited for: questions that have no answer yet, or the steps that they need."""
        lab = self._lab
        asking = [check for check in self.open_checks() if check.id in self._asked_at]
        under_way = [step for step in self.steps if not lab.is_over(step.name) and self._began(f"step {step.name}")]
        left = [self._left(f"check {check.id}", check.patience) for check in asking]
        left += [self._left(f"step {step.name}", step.patience) for step in under_way]
        doing = under_way[0].what if under_way else "waiting for answers"
        doing += f" and {len(under_way) - 1} more" if len(under_way) > 1 else ""
        names = tuple(check.id for check in asking)
        refusals = [self._refusals[step.name] for step in under_way if self._refusals.get(step.name)]
        at_most, refusal = max(left, default=timedelta(0)), refusals[0] if refusals else ""
        return Progress(self._answered(), len(self._checks), doing, names, at_most, refusal)

    def _is_due(self, check: Check, waited_s: float) -> bool:
        """Whether a question is asked in this round: at first in each, later less often."""
        now = self._lab.now()
        last = self._asked_at.get(check.id)
        if last is not None and (now - last).total_seconds() < waited_s * PATIENT_RATIO:
            return False
        self._asked_at[check.id] = now
        return True

    def _began(self, what: str) -> bool:
        return self._lab.book.get(f"began {what}") is not None

    def _left(self, what: str, patience: timedelta) -> timedelta:
        return max(timedelta(0), patience - timedelta(seconds=self._lab.waited_s(what)))

    def _answered(self) -> int:
        return len(self._checks) - len(self.open_checks())

    def _tell(self, doing: str) -> None:
        self._show(Progress(self._answered(), len(self._checks), doing))

    def _passing(self, error: Exception) -> str | None:
        """A failure that may pass, in words; None for one that will not."""
        known = isinstance(error, (*PASSING, *FAILURES))
        return self._lab.words(error) if known and passes(error) else None

    def _described(self, error: Exception, name: str) -> str:
        """A failure that will not pass, in words; one that no service is to blame for is a mistake of ours."""
        if isinstance(error, (*PASSING, *FAILURES)):
            return self._lab.words(error)
        _log.error("%s failed", name, exc_info=error)
        return f"the check itself failed: {type(error).__name__}"

    def _conclude(self, check: Check, verdict: Verdict, seen: str, waited_s: float, *, by_design: bool = False) -> None:
        self._lab.book.conclude(Result(check.id, verdict, seen, waited_s, by_design))


def _blamed(lab: Lab, step: str) -> str:
    """Why something cannot be done or asked that needs a step which failed."""
    why = lab.failure(step) or ""
    return why if why.startswith("step ") else f"step {step}: {why}"
