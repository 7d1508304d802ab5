"""Runs of the areas of BigQuery and Pub/Sub in a sandbox: all checks of them, or some, over the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from exporter.sandbox.server import Sandbox
from exporter.verify import runner
from exporter.verify.areas import appends, delivery, jobs, metadata, pubsub_metrics, states, storage, writes
from exporter.verify.book import Book
from exporter.verify.lab import Lab, Place
from exporter.verify.questions import Check, Result, Step
from exporter.verify.services import services
from exporter.verify.steps import STEPS as SHARED
from tests.sandbox.running import ask
from tests.verify.places import endpoints

AREAS = (appends, metadata, delivery, states, writes, jobs, storage, pubsub_metrics)
STEPS: tuple[Step, ...] = (*SHARED, *(step for area in AREAS for step in area.STEPS))
CHECKS: Mapping[str, Check] = {check.id: check for area in AREAS for check in area.CHECKS}


class RememberedClock:
    """A sandbox's clock that stands still and that nobody else moves: its time is asked for once, and moved over the wire."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._now = datetime.fromisoformat(ask(sandbox, "GET", "/clock")[1]["now"])

    def now(self) -> datetime:
        return self._now

    def wait(self, seconds: float) -> None:
        status, answer = ask(self._sandbox, "POST", "/clock", {"advance_s": seconds})
        assert status == 200, answer
        self._now = datetime.fromisoformat(answer["now"])


@contextmanager
def lab_at(sandbox: Sandbox, directory: Path, run: int) -> Iterator[Lab]:
    """A run of its own number in a sandbox."""
    found = sandbox.addresses
    place = Place(found.project, "us-central1", "us-central1", f"{run:012x}")
    with services(found.project, endpoints(sandbox), found.control) as clients:
        yield Lab(place, clients, RememberedClock(sandbox), Book(directory))


def asked(lab: Lab, names: Sequence[str]) -> dict[str, Result]:
    """The results of some checks, and of what was asked before."""
    runner.run(lab, STEPS, [CHECKS[name] for name in names], lambda _: None)
    return dict(lab.book.results)


def behave(sandbox: Sandbox, values: Mapping[str, Any]) -> None:
    """Let the sandbox behave as it usually does but for some values."""
    _, usual = ask(sandbox, "GET", "/conduct")
    defaults = {name: field["default"] for name, field in usual["fields"].items()}
    status, answer = ask(sandbox, "POST", "/conduct", {**defaults, **values})
    assert status == 200, answer


def copied(source: Lab, directory: Path, forget: Sequence[str]) -> Book:
    """The facts of a run without its results and without those facts whose names begin in certain ways."""
    path = source.book.directory / "verify-run.json"
    known = json.loads(path.read_text(encoding="utf-8"))
    facts = {name: value for name, value in known["facts"].items() if not name.startswith(("began ", *forget))}
    directory.mkdir(parents=True)
    (directory / path.name).write_text(json.dumps({**known, "facts": facts, "results": {}}), encoding="utf-8")
    return Book(directory)
