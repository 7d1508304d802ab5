"""Looks at how busy the systems are: per project and location one question about what was queried, and one about what was written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import TypeVar

from exporter.errors import SourceError
from exporter.model import System
from exporter.observer.facts import DAY, Activity, Facts, activity
from exporter.snapshots import Timeline
from exporter.sources.bigquery import schema
from exporter.sources.bigquery.runner import Runner
from exporter.windows import HOUR, align_down

Key = TypeVar("Key", bound=tuple[str, ...])

Queried = Mapping[str, int]
"""In how many hours of the last day each table was queried, by its full name."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was found: jobs by project and location, and the write timeline by system id, None where it was refused."""

    jobs: Mapping[tuple[str, str], Queried | SourceError]
    timelines: Mapping[str, Timeline | None]
    now: datetime

    def denied(self, system: System) -> dict[str, SourceError]:
        """Projects whose jobs may not be listed, and why."""
        answers = {project: self.jobs[project, system.location] for project in sorted(_projects(system))}
        return {project: answer for project, answer in answers.items() if isinstance(answer, SourceError)}

    def facts(self, system: System, bytes_per_s: Fraction) -> Facts:
        """What is known of a system; where nothing is, it is taken to be busy."""
        seen = self._activity(system)
        queried = self._queried(system)
        if seen is None:
            return Facts(bytes_per_s=bytes_per_s, queried=queried)
        return Facts(seen.busy, seen.reads_per_day, bytes_per_s, queried)

    def _queried(self, system: System) -> Fraction:
        answers = [self.jobs[project, system.location] for project in _projects(system)]
        hours = [answer.get(str(system.table), 0) for answer in answers if not isinstance(answer, SourceError)]
        return Fraction(max(hours), 24) if len(hours) == len(answers) else Fraction(1)

    def _activity(self, system: System) -> Activity | None:
        """Judge the last day, or as much of it as the region's timeline shows."""
        timeline = self.timelines[system.id]
        if timeline is None:
            return None
        first = min((write.start for writes in timeline.tables.values() for write in writes), default=self.now - DAY)
        written = timeline.tables.get(str(system.table), ())
        return activity(system, (write.start for write in written), max(first, self.now - DAY), self.now)


def look(runner: Runner, pool: Executor, systems: Sequence[System], now: datetime) -> Look:
    """Ask about all systems; a refusal is an answer."""
    asked = _grouped(systems, lambda system: [(name, system.location) for name in sorted(_projects(system))])
    written = _grouped(systems, lambda system: [(system.project, system.table.project, system.location)])
    jobs = pool.map(lambda place: _queries(runner, place[0], asked[place], now), asked)
    timelines = pool.map(lambda group: _timeline(runner, group, now), written.values())
    return Look(
        dict(zip(asked, jobs, strict=True)),
        {system.id: found for group, found in zip(written.values(), timelines, strict=True) for system in group},
        now,
    )


def _queries(runner: Runner, project: str, systems: Sequence[System], now: datetime) -> Queried | SourceError:
    end = align_down(now, HOUR)
    try:
        found, _ = schema.queries(runner, project, systems, end - DAY, end)
    except SourceError as error:
        return error
    return Counter(table for table, _ in found)


def _timeline(runner: Runner, systems: Sequence[System], now: datetime) -> Timeline | None:
    try:
        return schema.writes(runner, systems, now - DAY, now)[0]
    except SourceError:
        return None


def _projects(system: System) -> set[str]:
    return {system.project, *system.query_projects}


def _grouped(systems: Sequence[System], keys: Callable[[System], Iterable[Key]]) -> dict[Key, list[System]]:
    groups: dict[Key, list[System]] = {}
    for system in systems:
        for key in keys(system):
            groups.setdefault(key, []).append(system)
    return groups
