"""A dashboard that has been understood: its page, its queries, and what its fields put into them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from exporter.console.dashboards.page import Page
from exporter.console.series.model import Question


@dataclass(frozen=True, slots=True)
class Query:
    """A question and what goes with it: its legend, and the time of its own, which is ``last_s``, or from start to end.

    ``whole`` asks for one value of the whole time (``outputFullDuration``).
    """

    question: Question
    legend: str = ""
    last_s: float | None = None
    start: datetime | None = None
    end: datetime | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Variable:
    """A dashboard filter, or a template variable where it has a ``name``.

    ``field`` is what is compared (``resource.labels."job"``), "" for a bare value. ``values`` hold at first; none means everything.
    """

    key: str
    name: str
    field: str
    values: tuple[str, ...]
    several: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """A dashboard that has been understood: the page, its queries by id (``q1``), and what its fields put into them."""

    page: Page
    queries: Mapping[str, Query]
    variables: tuple[Variable, ...]

    @property
    def questions(self) -> Mapping[str, Question]:
        """The questions by query id, as the dashboard writes them: fields and variables are not put in yet."""
        return {name: query.question for name, query in self.queries.items()}

    def document(self) -> dict[str, Any]:
        """The page as JSON."""
        return asdict(self.page)
