"""How a run leaves a project: everything removed, or what is left named, with the command that removes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

from exporter.errors import SourceError
from exporter.verify import cleanup
from exporter.verify.cleanup import Left, Thing
from exporter.verify.failures import FAILURES, PASSING
from exporter.verify.lab import Clock, Lab
from exporter.verify.services import Services

OVER = "removed"
"""The fact that a run's pipelines are gone: it cannot be taken up again."""

Tell = Callable[[str], None]


def remove(lab: Lab, tell: Tell) -> list[Left]:
    """Remove all that a run made: what it noted, and what is found, in case the one or the other is not whole.

    A Ctrl-C ends that; what was not removed by then is left.
    """
    things = cleanup.noted(lab.book, lab.place.run)
    try:
        with suppress(*PASSING, *FAILURES):
            found = cleanup.find(lab.services, lab.place.project, lab.place.run)
            things = list(dict.fromkeys([*things, *found]))
    except KeyboardInterrupt:
        return [Left(thing, "stopped") for thing in things]
    left = taken_away(lab.services, lab.clock, things, tell)
    if not left:
        lab.book.note(OVER, True)
    return left


def taken_away(services: Services, clock: Clock, things: Sequence[Thing], tell: Tell) -> list[Left]:
    """Remove things, and return what is left."""
    gone: set[Thing] = set()

    def wait(seconds: float) -> None:
        # A sandbox that is gone has no time either.
        with suppress(SourceError):
            clock.wait(seconds)

    try:
        if things:
            tell(f"Removing {counted(things)} ...")
        return cleanup.remove(services, things, wait, gone.add)
    except KeyboardInterrupt:
        return [Left(thing, "stopped") for thing in things if thing not in gone]


def left_behind(left: Sequence[Left], project: str) -> str:
    """What is left, and how to remove it."""
    lines = [f"Left in {project}:", *(f"  {each.thing}: {each.why}" for each in left)]
    return "\n".join([*lines, f"To remove it: exporter verify --project {project} --cleanup"])


def runs(things: Sequence[Thing], now: datetime) -> str:
    """What each run left, a line for each, the oldest first."""
    lines = []
    for run, made in cleanup.by_run(things).items():
        age = int((now - cleanup.began_at(run)).total_seconds() // 60)
        lines.append(f"  run {run} of {age} minutes ago: {counted(made)}")
    return "\n".join(lines)


def counted(things: Sequence[Thing]) -> str:
    """How many there are of each kind, in words."""
    parts = []
    for kind in cleanup.KINDS:
        number = sum(1 for each in things if each.kind == kind)
        if number:
            plural = f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"
            parts.append(f"{number} {kind if number == 1 else plural}")
    return ", ".join(parts)
