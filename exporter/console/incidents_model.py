"""What an incident is, and what several of them have in common."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Severity = Literal["critical", "error", "warning", "unknown"]
"""As alert policies rank it; unknown where a policy does not say, or where a system is not measured."""


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that went wrong for a while: ``end`` is None while it goes on, ``system`` where it is the whole fleet's.

    ``policy`` is the display name of the alert policy that noticed it, None where health did.
    """

    system: str | None
    what: str
    severity: Severity
    start: datetime
    end: datetime | None
    policy: str | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """Where the systems of a group are; None where that differs, or is not known."""

    project: str | None = None
    location: str | None = None
    dataset: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Incidents that seem to have one cause, oldest first; ``end`` is None while any of them goes on."""

    id: str
    title: str
    cause: Cause
    start: datetime
    end: datetime | None
    systems: int
    incidents: tuple[Incident, ...]
