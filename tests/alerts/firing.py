"""From what a condition finds at each evaluation to incidents: pending for its duration, then open until it finds nothing.

So Prometheus does it, and Cloud Monitoring with it: each series that a condition finds is an incident of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.alerts.promtool import Labels


@dataclass(frozen=True, slots=True)
class Span:
    """One series for which a condition held long enough; it is still open where ``closed_s`` is None."""

    labels: Labels
    opened_s: int
    closed_s: int | None


def spans(evaluations: Iterable[tuple[int, Mapping[Labels, float]]], duration_s: int) -> list[Span]:
    """Incidents of one condition, in the order in which they open; evaluations are (time, what was found), oldest first."""
    since: dict[Labels, int] = {}
    opened: dict[Labels, int] = {}
    done: list[Span] = []
    for at_s, found in evaluations:
        for labels in [each for each in since if each not in found]:
            del since[labels]
            if labels in opened:
                done.append(Span(labels, opened.pop(labels), at_s))
        for labels in found:
            begun = since.setdefault(labels, at_s)
            if labels not in opened and at_s - begun >= duration_s:
                opened[labels] = at_s
    done += [Span(labels, at_s, None) for labels, at_s in opened.items()]
    return sorted(done, key=lambda span: (span.opened_s, sorted(span.labels)))
