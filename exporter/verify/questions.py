"""What is asked, and what comes back: the vocabulary of ``exporter verify``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exporter.verify.lab import Lab


class Verdict(StrEnum):
    """How an answer compares with what was expected."""

    OK = "ok"
    DIFFERS = "differs"
    COULD_NOT_ASK = "could not ask"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a check saw, in one line of words.

    ``parameters`` are measured values that a sandbox can take over, by their names in ``exporter/sandbox/conduct.py``. ``evidence`` holds
    shapes of requests and answers as JSON; what is secret or names a project is replaced when it is written (``report.py``).
    """

    text: str
    as_expected: bool
    parameters: Mapping[str, Any] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)


class CouldNotAsk(Exception):
    """A question that cannot be put here, and why; ``by_design`` where no fault is behind it, such as a sandbox without PromQL."""

    def __init__(self, why: str, *, by_design: bool = False) -> None:
        super().__init__(why)
        self.by_design = by_design


@dataclass(frozen=True, slots=True)
class Step:
    """Something that is done to the pipeline, once, so that questions about it can be asked.

    ``do`` returns whether it is done; while it returns False it is called again, until ``patience`` is over. ``needs`` are steps that come
    before it. ``queries`` is how many tables each call reads at most: what it is billed for.
    """

    name: str
    what: str
    do: Callable[[Lab], bool]
    needs: tuple[str, ...] = ()
    patience: timedelta = timedelta(minutes=10)
    queries: int = 1


@dataclass(frozen=True, slots=True)
class Check:
    """One numbered question.

    ``ask`` returns None while there is no answer yet; it is asked again until ``patience`` is over, counted from when all that it
    ``needs`` was done. Silence then means ``silence``. ``expected`` is the answer that the exporter relies on, from ``source``.
    """

    id: str
    question: str
    expected: str
    source: str
    ask: Callable[[Lab], Seen | None]
    needs: tuple[str, ...] = ()
    patience: timedelta = timedelta(minutes=5)
    silence: Verdict = Verdict.COULD_NOT_ASK
    queries: int = 1


@dataclass(frozen=True, slots=True)
class Result:
    """The verdict on one question."""

    check_id: str
    verdict: Verdict
    seen: str
    waited_s: float
    by_design: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)
