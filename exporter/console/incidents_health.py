"""Incidents out of the series ``health`` and ``fleet/systems``: where no service tells of alerts, the transitions themselves are told.

A system is healthy (2), degraded (1) or failing (0); without a point for longer than three intervals and the delay of its sources it is
unknown, as the alert ``unmeasured`` has it. An incident lasts from the first point that is not healthy to the first that is; one that
may have begun before all that was read says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from exporter.config import Config
from exporter.console.incidents_model import Incident, Severity
from exporter.console.series.model import Answer, Part, Question, Range, Series
from exporter.metrics.catalog import FLEET_JOB
from exporter.model import System
from exporter.rendering.backends import backend_of, names
from exporter.rendering.ranges import DELIVERY_DELAY_S, absent_s

_STATES = ("failing", "degraded", "healthy")
"""By the value of ``health``."""

_THEN = ", then "
_OLDER = " (since then or before: nothing older was read)"
_SEVERITIES: Mapping[str, Severity] = {"failing": "critical", "degraded": "warning", "unknown": "unknown"}
_GRAVITY: Sequence[Severity] = ("critical", "error", "warning", "unknown")


@dataclass(frozen=True, slots=True)
class Stretch:
    """How something was from ``start`` until the next stretch."""

    start: datetime
    state: str


def questions(config: Config) -> tuple[Question, Question]:
    """What is asked for: the health of every system, and how many systems are failing; raises ``UsageError`` where nothing is written."""
    called = names(backend_of(config), config.exporter.metric_prefix)
    of_fleet = f'resource.type = "{called["resource_type"]}" AND resource.labels.namespace = {json.dumps(config.fleet)}'
    health = f'metric.type = "{called["prefix"]}health{called["gauge"]}" AND {of_fleet}'
    failing = (
        f'metric.type = "{called["fleet_prefix"]}systems{called["gauge"]}" AND {of_fleet} '
        f'AND resource.labels.job = "{FLEET_JOB}" AND metric.labels.health = "failing"'
    )
    return Question(Part(health)), Question(Part(failing))


def promise(system: System) -> timedelta:
    """For how long a system may have no health before it is unknown."""
    return timedelta(seconds=3 * system.interval_s + DELIVERY_DELAY_S)


def reach(config: Config, span: Range) -> Range:
    """What has to be read so that the state at the start of a span is known."""
    longest = max((promise(system) for system in config.systems), default=timedelta(0))
    return Range(span.start - longest, span.end)


def incidents(config: Config, answers: Sequence[Answer], span: Range) -> list[Incident]:
    """The incidents of a span out of the answers to the two questions; those that were over before it are left out."""
    of_systems, of_fleet = answers
    earliest = reach(config, span).start
    points = _points(of_systems.series)
    found: list[Incident] = []
    for system in config.systems:
        states = [(at, _STATES[min(2, max(0, round(value)))]) for at, value in points.get(system.id, ())]
        known_from = earliest + promise(system)
        found += _incidents(system.id, stretches(states, promise(system), span.end), known_from)
    limit = config.exporter.fleet_incident_systems
    fleet = [
        (at, "failing" if value >= limit else "healthy") for at, value in _points(of_fleet.series).get(FLEET_JOB, ())
    ]
    silence = timedelta(seconds=absent_s(config.systems))
    found += [
        _of_fleet(incident, limit)
        for incident in _incidents(None, stretches(fleet, silence, span.end), earliest + silence)
    ]
    return [each for each in found if each.end is None or each.end > span.start]


def stretches(states: Iterable[tuple[datetime, str]], longest: timedelta, now: datetime) -> list[Stretch]:
    """States of points, oldest first, as stretches: equal ones are one, and a gap longer than ``longest`` is unknown from then on."""
    found: list[Stretch] = []
    previous: datetime | None = None
    for at, state in states:
        if previous is not None and at - previous > longest:
            found.append(Stretch(previous + longest, "unknown"))
        if not found or found[-1].state != state:
            found.append(Stretch(at, state))
        previous = at
    if previous is not None and now - previous > longest:
        found.append(Stretch(previous + longest, "unknown"))
    return found


def _incidents(system: str | None, found: Sequence[Stretch], known_from: datetime) -> list[Incident]:
    """Runs of stretches that are not healthy; one that is the first of all, and begins before ``known_from``, may be older."""
    made: list[Incident] = []
    states: list[str] = []
    start: datetime | None = None
    for stretch in found:
        if stretch.state != "healthy":
            start = start or stretch.start
            states.append(stretch.state)
        elif start is not None:
            made.append(_incident(system, states, start, stretch.start))
            states, start = [], None
    if start is not None:
        made.append(_incident(system, states, start, None))
    if made and made[0].start == found[0].start <= known_from:
        made[0] = replace(made[0], what=made[0].what + _OLDER)
    return made


def _incident(system: str | None, states: Sequence[str], start: datetime, end: datetime | None) -> Incident:
    severity = min((_SEVERITIES[state] for state in states), key=_GRAVITY.index)
    return Incident(system, _what(states), severity, start, end)


def _what(states: Sequence[str]) -> str:
    """The states in the order in which they first came."""
    return _THEN.join(dict.fromkeys(states))


def _of_fleet(incident: Incident, limit: int) -> Incident:
    words = {"failing": f"{limit} systems or more are failing at once", "unknown": "nothing is measured"}
    states, older, _ = incident.what.partition(_OLDER)
    return replace(incident, what=_THEN.join(words[state] for state in states.split(_THEN)) + older)


def _points(series: Iterable[Series]) -> dict[str, list[tuple[datetime, float]]]:
    """Points by the resource label ``job``, oldest first; several series of one job (a fleet that moved) are one."""
    found: dict[str, list[tuple[datetime, float]]] = {}
    for each in series:
        own = found.setdefault(each.resource_labels.get("job", ""), [])
        for end_s, value in zip(each.ends_s, each.values, strict=True):
            if isinstance(value, int | float):
                own.append((datetime.fromtimestamp(end_s, UTC), float(value)))
    return {job: sorted(points) for job, points in found.items()}
