"""What the web asks of the exporter, so that it knows neither the worker nor what a cycle is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from exporter.model import CycleReport

Metrics = Callable[[str], tuple[bytes, str]]
"""From the request's ``Accept`` to the exposition of all metrics and its content type; may be called from any thread."""


class Health(Protocol):
    """How the exporter is."""

    @property
    def live(self) -> bool:
        """Whether it works; if not, it is to be restarted."""
        ...

    @property
    def ready(self) -> bool:
        """Whether it has done a cycle."""
        ...

    @property
    def reasons(self) -> Sequence[str]:
        """Why not, in words."""
        ...


class Worker(Protocol):
    """Does cycles, one at a time; both methods may be called from any thread."""

    def cycle(self) -> CycleReport:
        """Do what is due now; raises ``ExporterError`` where nothing could be done."""
        ...

    def status(self) -> Health:
        """Say how the exporter is, at once, also while a cycle is under way."""
        ...
