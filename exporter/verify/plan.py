"""What a run says before it begins: what it will make, where, how long it takes, and what that costs."""

from __future__ import annotations

from collections.abc import Sequence

from exporter import pricing
from exporter.verify import runner, spending
from exporter.verify.lab import Lab, Place
from exporter.verify.pipeline import PIPELINES
from exporter.verify.questions import Check, Step


def plan(lab: Lab, steps: Sequence[Step], checks: Sequence[Check], *, keep: bool, since: str | None) -> str:
    """The plan in words of at most 80 columns, but for long names; ``since`` is when a run that is taken up began."""
    place = lab.place
    needed = runner.needed(steps, checks)
    cents = max(1, round(spending.cost_usd(pricing.load({}, systems=1), needed, checks) * 100))
    minutes = int(spending.longest(steps, checks).total_seconds() // 60)
    lines = [
        f"{len(checks)} question{'' if len(checks) == 1 else 's'} to the project {place.project}, with data in {place.location}",
        *_making(place, makes_pipelines=any(step.name == "created" for step in needed), keep=keep),
        f"It {'usually takes one to two hours, ' if minutes > _LONG else 'takes '}{minutes} minutes at the very most,",
        f"and costs at most {cents} cents at list prices.",
    ]
    if since is not None:
        answered = sum(1 for check in checks if check.id in lab.book.results)
        lines.insert(0, f"Goes on with the run of {since}: {answered} of {len(checks)} are answered.")
    return "\n".join(lines)


_LONG = 120
"""A run that may take more minutes usually takes more than one hour."""


def _making(place: Place, *, makes_pipelines: bool, keep: bool) -> list[str]:
    """What a run makes and what becomes of it; the first line goes on with the sentence before."""
    end = f"and {'keeps' if keep else 'removes'} them at the end"
    if not makes_pipelines:
        lines = [
            f"and series in {place.region}. It makes no pipelines, at most metrics, alert policies",
            f"and a table of its own, {end}:",
        ]
    else:
        lines = [
            f"and series in {place.region}. It makes {len(PIPELINES)} throwaway pipelines or a few more,",
            f"labelled app=exporter-verify, {end}:",
        ]
    return [*lines, *(f"  {each}" for each in made(place)[0 if makes_pipelines else 1 :])]


def made(place: Place) -> list[str]:
    """What a run makes, by the names that all of it has."""
    return [
        f"topics and subscriptions {place.name('...')}",
        f"tables and views in the dataset {place.dataset}",
        f"metrics {place.metric_prefix}/...",
    ]
