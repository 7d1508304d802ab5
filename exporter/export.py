"""Sends steps to the sink so that nothing is lost and nothing overtakes: window k + 1 only when all of k is stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from exporter.computation import Step
from exporter.model import Failure, Family, Outcome, Point, Refusal
from exporter.observer.usage import Usage
from exporter.patience import Patience
from exporter.sinks import Outlet, Sink
from exporter.sinks.refusals import TOO_FREQUENT
from exporter.windows import EPOCH

SPACING_S = 5.1
"""Cloud Monitoring takes a point per series every 5 s (quotas page); should it go by the clock, it is asked no sooner."""


@dataclass(slots=True)
class Sent:
    """What became of all points of a cycle, and up to where each system's family is stored now.

    ``usage`` is what the written ones use where points are paid for. ``paced`` says that the API asked for more time between the
    points of a series.
    """

    written: int = 0
    usage: Usage = field(default_factory=Usage)
    already_written: int = 0
    rejected: list[Refusal] = field(default_factory=list)
    retryable: list[Refusal] = field(default_factory=list)
    advanced: dict[tuple[str, Family], datetime] = field(default_factory=dict)
    windows: int = 0
    paced: bool = False

    def count(self, outcome: Outcome) -> None:
        """Add one export's outcome."""
        self.written += len(outcome.written)
        self.usage += Usage.of_points(outcome.written)
        self.already_written += len(outcome.already_written)
        self.rejected += outcome.rejected
        self.retryable += outcome.retryable

    def count_present(self, outcome: Outcome) -> None:
        """Add the outcome of an export of the present: a point that comes too soon after another has nothing to add to it."""
        late = [refusal for refusal in outcome.retryable if refusal.code != TOO_FREQUENT]
        self.count(replace(outcome, retryable=tuple(late)))
        self.already_written += len(outcome.retryable) - len(late)


class Unfinished:
    """Points that were accepted while another point of their system has to be sent again: they are not sent a second time.

    They are kept by system, for what both families complete may travel with either of them.
    """

    def __init__(self) -> None:
        self._held: dict[str, set[Family]] = {}
        self._accepted: dict[str, set[_Key]] = {}

    def left(self, step: Step) -> list[Point]:
        """Points of a step that are still to be sent."""
        accepted = self._accepted.get(step.system, set())
        return [point for point in step.points if _key(point) not in accepted]

    def settle(self, steps: Iterable[Step], refused: set[int]) -> list[bool]:
        """Note what became of the steps of one wave; says of each whether all of it is stored.

        ``refused`` are ids of points that have to be sent again.
        """
        steps = list(steps)
        stored = [not any(id(point) in refused for point in step.points) for step in steps]
        for step, whole in zip(steps, stored, strict=True):
            held = self._held.setdefault(step.system, set())
            (held.discard if whole else held.add)(step.family)
        for step in steps:
            if self._held[step.system]:
                taken = {_key(point) for point in step.points if id(point) not in refused}
                self._accepted.setdefault(step.system, set()).update(taken)
        return stored

    def end_cycle(self) -> None:
        """Forget systems of which nothing is held any more."""
        self._accepted = {system: taken for system, taken in self._accepted.items() if self._held[system]}

    def forget(self, before: datetime) -> None:
        """Forget points that are too old to be sent."""
        self._accepted = {
            system: {key for key in taken if key[1] >= before} for system, taken in self._accepted.items()
        }


_Key = tuple[str, datetime, frozenset[tuple[str, str]]]


def _key(point: Point) -> _Key:
    return point.metric, point.end, frozenset(point.labels.items())


def send(
    sink: Sink, sequences: Iterable[Iterable[Step]], unfinished: Unfinished, patience: Patience, sent: Sent
) -> None:
    """Send sequences of steps side by side, in waves; a sequence ends for this cycle where a point must be sent again.

    A point that will never be accepted is counted, and its sequence goes on. What there is no time for is left to the next cycle.
    What became of everything is added to ``sent``.
    """
    live = [iter(steps) for steps in sequences]
    while live and not patience.is_over:
        live = _wave(sink, live, sent, unfinished, patience)
    unfinished.end_cycle()


def _wave(
    sink: Sink, live: list[Iterator[Step]], sent: Sent, unfinished: Unfinished, patience: Patience
) -> list[Iterator[Step]]:
    wave = [(steps, step) for steps in live if (step := next(steps, None)) is not None]
    if not wave or (sent.paced and not patience.wait(SPACING_S)):
        return []
    outcome = _export(sink, [point for _, step in wave for point in unfinished.left(step)], sent, patience)
    sent.count(outcome)
    refused = {id(refusal.point) for refusal in outcome.retryable}
    stored = unfinished.settle((step for _, step in wave), refused)
    going_on = []
    for (steps, step), whole in zip(wave, stored, strict=True):
        if whole:
            sent.advanced[step.system, step.family] = step.window.end
            sent.windows += 1
            going_on.append(steps)
    return going_on


def _export(sink: Sink, points: Sequence[Point], sent: Sent, patience: Patience) -> Outcome:
    """Send points; those that come too soon after others of their series are sent again when they do not any more."""
    outcome = sink.export(points)
    while (early := [r.point for r in outcome.retryable if r.code == TOO_FREQUENT]) and patience.wait(SPACING_S):
        sent.paced = True
        again = sink.export(early)
        others = tuple(refusal for refusal in outcome.retryable if refusal.code != TOO_FREQUENT)
        outcome = Outcome(
            outcome.written + again.written,
            outcome.already_written + again.already_written,
            outcome.rejected + again.rejected,
            others + again.retryable,
        )
    return outcome


def refused_elsewhere(sink: Outlet) -> Iterator[Failure]:
    """What a sink beside the one that owns the watermarks did not take, by sink and reason."""
    by_reason: dict[tuple[str, str], list[Refusal]] = {}
    for refusal in sink.other_refusals():
        name = refusal.message.partition(":")[0]
        by_reason.setdefault((name, refusal.code), []).append(refusal)
    for (name, code), refusals in by_reason.items():
        yield Failure(
            name, None, code, f"{len(refusals)} points were not taken by {refusals[0].message}", transient=True
        )


def watermark_points(advanced: Mapping[tuple[str, Family], datetime], sink: Outlet, now: datetime) -> list[Point]:
    """Points that record up to where each system's family is stored, as far as every sink has what it is to have."""
    held = sink.unsent()
    return [
        Point(
            metric="exporter/watermark",
            job=system,
            end=now,
            value=(end - EPOCH).total_seconds(),
            labels={"family": family.value},
        )
        for (system, family), end in advanced.items()
        if system not in held
    ]
