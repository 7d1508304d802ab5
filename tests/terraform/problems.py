"""What Terraform says of a run: its errors and warnings as values, whichever way a command prints them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    """An error or a warning: Terraform's own summary and detail, the resource or module it concerns, and ``file:line``."""

    severity: str
    summary: str
    detail: str = ""
    address: str = ""
    where: str = ""

    def __str__(self) -> str:
        said = f"{self.summary}: {self.detail}" if self.detail else self.summary
        place = ", ".join(filter(None, (self.address, self.where)))
        return f"{said} ({place})" if place else said


@dataclass(frozen=True)
class Outcome:
    """A finished command: its exit status, its standard output, and what was wrong. ``events`` are the lines of its
    JSON, where it has some.
    """

    status: int
    output: str
    problems: tuple[Problem, ...] = ()
    events: tuple[Mapping[str, Any], ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Empty when the command did what it should."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def said(self) -> str:
        """All errors as one text, to look for a name in."""
        return "\n".join(map(str, self.errors))


def outcome(status: int, output: str, complaint: str) -> Outcome:
    """Read a command's answer; one that failed without naming an error gets what it wrote as its only one."""
    events = tuple(_events(output))
    problems = tuple(_problem(found) for event in events for found in _diagnostics(event))
    if status != 0 and not any(problem.severity == "error" for problem in problems):
        text = _unboxed(complaint).strip() or output.strip()
        problems = (*problems, Problem("error", text or f"exit status {status}"))
    return Outcome(status, output, problems, events)


def _unboxed(text: str) -> str:
    """What Terraform says to people, without the frame that it draws."""
    lines = (line.removeprefix("│").removeprefix(" ") for line in text.splitlines() if line not in ("╷", "╵"))
    return "\n".join(line.rstrip() for line in lines)


def _events(output: str) -> Iterator[Mapping[str, Any]]:
    """The JSON objects of an output: one document, or one a line."""
    try:
        documents = [json.loads(output)]
    except ValueError:
        documents = list(filter(None, map(_event, output.splitlines())))
    yield from (document for document in documents if isinstance(document, dict))


def _event(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _diagnostics(event: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from event.get("diagnostics", ())
    if "diagnostic" in event:
        yield event["diagnostic"]


def _problem(found: Mapping[str, Any]) -> Problem:
    place = found.get("range")
    where = f"{place['filename']}:{place['start']['line']}" if place else ""
    return Problem(found["severity"], found["summary"], found.get("detail", ""), found.get("address", ""), where)
