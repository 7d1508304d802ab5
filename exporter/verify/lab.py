"""What every check may use: the run's names, its clients, its clock, and its memory."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from exporter.redaction import redacted
from exporter.verify.book import Book
from exporter.verify.services import Services

APP = "exporter-verify"
"""Value of the label ``app`` of everything that a run makes."""

MADE = "made"
"""The fact that lists what a run has made or was about to: pairs of kind and full name."""

_ALIVE = "alive"
_ALIVE_EVERY = timedelta(minutes=1)
_ADDRESS = re.compile(r"(?<=\d )(?:GET|POST|PUT|PATCH|DELETE) \S+: ")
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run works: the project, the location of its dataset, the region of its series, and its random suffix."""

    project: str
    location: str
    region: str
    run: str

    @property
    def labels(self) -> dict[str, str]:
        """Labels of everything that takes labels."""
        return {"app": APP, "run": self.run}

    def name(self, what: str) -> str:
        """A name for a topic or a subscription, such as ``exporter-verify-1a2b3c4d-main``."""
        return f"{APP}-{self.run}-{what}"

    @property
    def dataset(self) -> str:
        """The run's dataset."""
        return f"exporter_verify_{self.run}"

    @property
    def metric_prefix(self) -> str:
        """What the types of the run's metrics begin with."""
        return f"custom.googleapis.com/exporter_verify_{self.run}"


class Clock(Protocol):
    """The service's time; a sandbox's clock is moved on, so that nobody waits."""

    def now(self) -> datetime:
        """The present, aware UTC."""
        ...

    def wait(self, seconds: float) -> None:
        """Let so much time pass."""
        ...


@dataclass(frozen=True, slots=True)
class Lab:
    """One run."""

    place: Place
    services: Services
    clock: Clock
    book: Book

    def now(self) -> datetime:
        """The present, aware UTC."""
        return self.clock.now()

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """A fact that is made when it is first asked for, and noted."""
        found = self.book.get(name)
        if found is None:
            found = make()
            self.book.note(name, found)
        return found

    def making(self, kind: str, name: str) -> None:
        """Note what is about to be made, before it is: a run that is killed meanwhile leaves nothing that nobody knows of.

        ``kind`` is one of those that ``cleanup.py`` removes; what lies in the run's dataset goes with it.
        """
        made = self.book.get(MADE, [])
        if [kind, name] not in made:
            self.book.note(MADE, [*made, [kind, name]])

    def waited_s(self, what: str) -> float:
        """How long something has been waited for, since it was first asked."""
        began = self.once(f"began {what}", lambda: self.now().isoformat())
        return (self.now() - datetime.fromisoformat(began).astimezone(UTC)).total_seconds()

    def alive(self) -> None:
        """Note now and then that the run goes on, so that the time in which it did not is known when it is taken up again."""
        last, now = self.book.get(_ALIVE), self.now()
        if last is None or not timedelta(0) <= now - datetime.fromisoformat(last) < _ALIVE_EVERY:
            self.book.note(_ALIVE, now.isoformat())

    def take_up(self) -> None:
        """Nothing was waited for while the run stood still: all waiting began so much later."""
        alive = self.book.get(_ALIVE)
        if alive is not None:
            gap = self.now() - datetime.fromisoformat(alive)
            for name in self.book.names("began "):
                self.book.note(name, (datetime.fromisoformat(self.book.get(name)) + gap).isoformat())
        self.alive()

    def done(self, step: str) -> None:
        """Note that a step is done, and when."""
        self.book.note(f"step {step}", {"at": self.now().isoformat(), "failure": None})

    def failed(self, step: str, why: str) -> None:
        """Note that a step cannot be done."""
        self.book.note(f"step {step}", {"at": self.now().isoformat(), "failure": why})

    def is_over(self, step: str) -> bool:
        """Whether a step is done, or given up."""
        return self.book.get(f"step {step}") is not None

    def failure(self, step: str) -> str | None:
        """Why a step was given up, or None."""
        found = self.book.get(f"step {step}")
        return None if found is None else found["failure"]

    def done_at(self, step: str) -> datetime:
        """When a step was done; aware UTC."""
        return datetime.fromisoformat(self.book.get(f"step {step}")["at"]).astimezone(UTC)

    def words(self, error: Exception) -> str:
        """An error in one line, without secrets."""
        return words(error)


def words(error: Exception) -> str:
    """An error in one line, without secrets, and without the address that BigQuery's client puts before it."""
    said = redacted(_ADDRESS.sub("", " ".join(str(error).split())))
    return said[:_LONGEST] or type(error).__name__
