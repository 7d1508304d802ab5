"""Runs of the areas of Cloud Monitoring and of the exporter's own numbers in a sandbox, over the wire."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from exporter.sandbox.server import Sandbox, SandboxOptions
from exporter.verify import runner
from exporter.verify.areas import dashboards, descriptors, exporter, otlp, statements, writing
from exporter.verify.lab import Lab
from exporter.verify.questions import Check, Result, Step, Verdict
from exporter.verify.runner import Progress
from exporter.verify.steps import STEPS as SHARED
from tests.verify.area_runs import lab_at

AREAS = (writing, descriptors, statements, dashboards, otlp, exporter)
STEPS: tuple[Step, ...] = (*SHARED, *(step for area in AREAS for step in area.STEPS))
CHECKS: Mapping[str, Check] = {check.id: check for area in AREAS for check in area.CHECKS}

BY_DESIGN = ("C12", *(name for name in CHECKS if name[0] == "O"))
"""What a sandbox has nobody to ask for: PromQL, and Google's receiver of OTLP."""

LATE = datetime(2026, 11, 4, 12, 35, tzinfo=UTC)
"""Late enough in the hour for its end to come soon."""


def sandbox_late() -> Sandbox:
    """A sandbox with one small system, whose clock stands still."""
    return Sandbox(SandboxOptions(systems=1, history_s=0, speed=0, now=LATE, live=False))


def names_of(areas: str) -> list[str]:
    """The checks of some areas, by the letters of these."""
    return [name for name in CHECKS if name[0] in areas]


def asked(lab: Lab, names: list[str]) -> dict[str, Result]:
    """The results of some checks."""
    results = runner.run(lab, STEPS, [CHECKS[name] for name in names], lambda _: None)
    return {result.check_id: result for result in results}


class Stopped(BaseException):
    """As when somebody presses Ctrl-C."""


def asked_with_stops(sandbox: Sandbox, directory: Path, names: list[str], before_a_stop: int) -> int:
    """Ask some checks in runs that are stopped and taken up again; returns how often it was stopped."""
    stops = 0
    while True:
        left = before_a_stop

        def show(_: Progress) -> None:
            nonlocal left
            left -= 1
            if not left:
                raise Stopped

        with lab_at(sandbox, directory, 1) as lab:
            try:
                runner.run(lab, STEPS, [CHECKS[name] for name in names], show)
            except Stopped:
                stops += 1
                continue
        return stops


def differing(results: Mapping[str, Result]) -> dict[str, str]:
    """What was seen by the checks that differ."""
    return {name: result.seen for name, result in results.items() if result.verdict is Verdict.DIFFERS}


def unasked(results: Mapping[str, Result]) -> dict[str, str]:
    """Why checks could not be asked, by design or not."""
    return {name: result.seen for name, result in results.items() if result.verdict is Verdict.COULD_NOT_ASK}
