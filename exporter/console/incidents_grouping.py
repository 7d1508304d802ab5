"""Incidents with one cause: systems of one project and location that fell ill together. Pure.

Two systems see the same cause up to one interval apart, for each looks once in its own. So an incident belongs to a group that began
no longer than its system's interval, and a margin, before it.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from exporter.console.incidents_model import Cause, Group, Incident
from exporter.model import System

MARGIN = timedelta(minutes=5)
"""A cause reaches systems within minutes, and what they say of it is read as much later."""

_NEVER = datetime.max.replace(tzinfo=UTC)


def group(incidents: Iterable[Incident], systems: Mapping[str, System]) -> tuple[Group, ...]:
    """Put every incident into exactly one group; open groups come first, then the newest, whatever the order of the incidents.

    What concerns the fleet, or a system that is not known here, stays alone.
    """
    alone: dict[tuple[object, ...], list[Incident]] = defaultdict(list)
    places: dict[tuple[str, str], list[Incident]] = defaultdict(list)
    for incident in sorted(incidents, key=_order):
        system = systems.get(incident.system or "")
        if system is None:
            alone[_identity(incident)].append(incident)
        else:
            places[system.project, system.location].append(incident)
    together = [each for place in places.values() for each in _together(place, systems)]
    groups = [_group(members, systems) for members in [*together, *alone.values()]]
    return tuple(sorted(groups, key=lambda each: (each.end is not None, _NEVER - each.start, each.id)))


def _identity(incident: Incident) -> tuple[str, ...]:
    return incident.start.isoformat(), incident.system or "", incident.policy or "", incident.what


def _order(incident: Incident) -> tuple[datetime, str, str, str, datetime, str]:
    return (
        incident.start,
        incident.system or "",
        incident.policy or "",
        incident.what,
        incident.end or _NEVER,
        incident.severity,
    )


def _together(place: Sequence[Incident], systems: Mapping[str, System]) -> list[list[Incident]]:
    """Split the incidents of one place, oldest first, where one begins too long after the first of its group."""
    found: list[list[Incident]] = []
    for incident in place:
        reach = timedelta(seconds=systems[incident.system or ""].interval_s) + MARGIN
        if found and incident.start - found[-1][0].start <= reach:
            found[-1].append(incident)
        else:
            found.append([incident])
    return found


def _group(members: Sequence[Incident], systems: Mapping[str, System]) -> Group:
    own = [systems[each.system] for each in members if each.system is not None and each.system in systems]
    cause = Cause(
        project=_shared([each.project for each in own]),
        location=_shared([each.location for each in own]),
        dataset=_shared([each.table.dataset for each in own]),
    )
    ends = [each.end for each in members]
    count = len({each.system for each in members if each.system is not None})
    return Group(
        # The same for the same first incident, whatever joins it later.
        id=hashlib.blake2b("|".join(_identity(members[0])).encode(), digest_size=6).hexdigest(),
        title=_title(members, count, cause),
        cause=cause,
        start=members[0].start,
        end=None if None in ends else max(end for end in ends if end is not None),
        systems=count,
        incidents=tuple(members),
    )


def _shared(values: Sequence[str]) -> str | None:
    return values[0] if len(set(values)) == 1 else None


def _title(members: Sequence[Incident], count: int, cause: Cause) -> str:
    if count > 1:
        of_dataset = f", dataset {cause.dataset}" if cause.dataset else ""
        return f"{count} systems in {cause.location}{of_dataset}"
    name = members[0].system or "the whole fleet"
    return f"{name}: {members[0].what}" if len(members) == 1 else f"{name}: {len(members)} incidents"
