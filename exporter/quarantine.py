"""Systems whose table does not answer: asked again alone, after pauses that grow, so that they cost the others nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from exporter.model import Failure

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class _Entry:
    failure: Failure
    pause: timedelta
    until: datetime


class Quarantine:
    """What failed last, by system id, and when it is worth asking again."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._remembered: dict[str, _Entry] = {}

    def remember(self) -> None:
        """Remember who is in quarantine now."""
        self._remembered = dict(self._entries)

    def recall(self) -> None:
        """Go back to what was remembered."""
        self._entries = dict(self._remembered)

    def failed(self, system: str, failure: Failure, now: datetime) -> None:
        """Put a system in quarantine, or keep it there for twice as long as before."""
        before = self._entries.get(system)
        pause = FIRST_PAUSE if before is None else min(before.pause * 2, LONGEST_PAUSE)
        self._entries[system] = _Entry(failure, pause, now + pause)

    def answered(self, system: str) -> None:
        """End a system's quarantine."""
        self._entries.pop(system, None)

    def suspect(self, system: str) -> bool:
        """Whether a system failed when it was asked last: it is to be asked alone."""
        return system in self._entries

    def held(self, system: str, now: datetime) -> Failure | None:
        """Why a system is not to be asked yet, or None when it is."""
        entry = self._entries.get(system)
        return entry.failure if entry is not None and now < entry.until else None
