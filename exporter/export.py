"""Sends steps to the sink so that nothing is lost and nothing overtakes: window k + 1 only when all of k is stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from exporter.computation import Step
from exporter.model import Family, Outcome, Point, Refusal
from exporter.sinks import Sink
from exporter.windows import EPOCH


@dataclass(slots=True)
class Sent:
    """What became of all points of a cycle, and up to where each system's family is stored now."""

    written: int = 0
    already_written: int = 0
    rejected: list[Refusal] = field(default_factory=list)
    retryable: list[Refusal] = field(default_factory=list)
    advanced: dict[tuple[str, Family], datetime] = field(default_factory=dict)
    windows: int = 0

    def count(self, outcome: Outcome) -> None:
        """Add one export's outcome."""
        self.written += len(outcome.written)
        self.already_written += len(outcome.already_written)
        self.rejected += outcome.rejected
        self.retryable += outcome.retryable


class Unfinished:
    """Points that were accepted of windows which have to be sent again: they are not sent a second time."""

    def __init__(self) -> None:
        self._accepted: dict[tuple[str, Family, datetime], set[_Key]] = {}

    def left(self, step: Step) -> list[Point]:
        """Points of a step that are still to be sent."""
        accepted = self._accepted.get((step.system, step.family, step.window.end), set())
        return [point for point in step.points if _key(point) not in accepted]

    def settle(self, step: Step, *, refused: set[int]) -> bool:
        """Note what became of a step; returns whether all of it is stored. ``refused`` are ids of points to send again."""
        key = (step.system, step.family, step.window.end)
        if not any(id(point) in refused for point in step.points):
            self._accepted.pop(key, None)
            return True
        taken = {_key(point) for point in step.points if id(point) not in refused}
        self._accepted.setdefault(key, set()).update(taken)
        return False

    def forget(self, before: datetime) -> None:
        """Forget windows that are too old to be sent."""
        self._accepted = {key: taken for key, taken in self._accepted.items() if key[2] >= before}


_Key = tuple[str, datetime, frozenset[tuple[str, str]]]


def _key(point: Point) -> _Key:
    return point.metric, point.end, frozenset(point.labels.items())


def send(sink: Sink, sequences: Sequence[Sequence[Step]], unfinished: Unfinished) -> Sent:
    """Send sequences of steps side by side, in waves; a sequence ends for this cycle where a point must be sent again.

    A point that will never be accepted is counted, and its sequence goes on.
    """
    sent = Sent()
    live = [iter(steps) for steps in sequences]
    while live:
        live = _wave(sink, live, sent, unfinished)
    return sent


def _wave(sink: Sink, live: list[Iterator[Step]], sent: Sent, unfinished: Unfinished) -> list[Iterator[Step]]:
    wave = [(steps, step) for steps in live if (step := next(steps, None)) is not None]
    if not wave:
        return []
    outcome = sink.export([point for _, step in wave for point in unfinished.left(step)])
    sent.count(outcome)
    refused = {id(refusal.point) for refusal in outcome.retryable}
    going_on = []
    for steps, step in wave:
        if unfinished.settle(step, refused=refused):
            sent.advanced[step.system, step.family] = step.window.end
            sent.windows += 1
            going_on.append(steps)
    return going_on


def watermark_points(advanced: dict[tuple[str, Family], datetime], now: datetime) -> list[Point]:
    """Points that record up to where each system's family is stored."""
    return [
        Point(
            metric="exporter/watermark",
            job=system,
            end=now,
            value=(end - EPOCH).total_seconds(),
            labels={"family": family.value},
        )
        for (system, family), end in advanced.items()
    ]
