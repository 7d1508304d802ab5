"""Where points go; the sinks know nothing of each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from exporter.model import Family, Outcome, Point, Refusal, Watermark


class Sink(Protocol):
    """A store of points that can be read back: it owns the watermarks."""

    def prepare(self) -> None:
        """Make the store ready for every metric of the catalogue, as far as that can be done; nothing is raised."""
        ...

    def export(self, points: Sequence[Point]) -> Outcome:
        """Send points; whatever becomes of them is in the outcome, nothing is raised."""
        ...

    def watermarks(self, since: datetime, until: datetime) -> Mapping[tuple[str, Family], Watermark]:
        """The newest watermark of each system and family; raises ``SourceError``."""
        ...

    def read(self, metric: str, since: datetime, until: datetime) -> list[Point]:
        """Points of one metric that end in ``[since, until]``; raises ``SourceError``."""
        ...


class Outlet(Sink, Protocol):
    """A sink in front of several, one of which owns the watermarks."""

    def unsent(self) -> frozenset[str]:
        """Jobs of which a sink beside the owner lacks points: their watermarks have to wait."""
        ...

    def other_refusals(self) -> tuple[Refusal, ...]:
        """What sinks beside the owner did not take at the last export; each message begins with the sink's name."""
        ...
