"""What went wrong, and what of it belongs together: from Cloud Monitoring's alerts, or else from the health that the exporter writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from exporter.config import Config
from exporter.console import incidents_health
from exporter.console.incidents_grouping import group
from exporter.console.incidents_model import Group, Incident
from exporter.console.series.model import Answer, Question, Range
from exporter.errors import SourceError, UsageError

_OF_ALERTS = "From Cloud Monitoring's alerts, which the alert policies of the fleet raised."
_OF_HEALTH = (
    "These are the transitions of each system's health, and of the number of failing systems: what the exporter measured, not what an "
    "alert policy found."
)


class Reader(Protocol):
    """Answers questions for time series; a question that fails is an answer with a problem."""

    def ask(self, questions: Sequence[Question], span: Range) -> list[Answer]:
        """Answers in the order of the questions."""
        ...


class Alerts(Protocol):
    """Reads incidents of alert policies."""

    def incidents(self, span: Range) -> list[Incident]:
        """The incidents that were open at any time of a span; raises ``SourceError``."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """Groups of incidents, where they come from, and what could not be read."""

    source: Literal["alerts", "health"]
    note: str
    groups: tuple[Group, ...] = ()
    problem: str | None = None


class Incidents:
    """Reads the incidents of a fleet; without ``alerts``, as in a sandbox, out of health."""

    def __init__(self, config: Config, reader: Reader, alerts: Alerts | None = None) -> None:
        self._config = config
        self._systems = {system.id: system for system in config.systems}
        self._reader = reader
        self._alerts = alerts

    def read(self, span: Range) -> Found:
        """The incidents that were open at any time of a span; what cannot be read is said, not raised."""
        if self._alerts is None:
            return self._of_health(span, f"There is no alerting here. {_OF_HEALTH}")
        try:
            found = self._alerts.incidents(span)
        except SourceError as error:
            return self._of_health(span, f"Cloud Monitoring's alerts cannot be read: {error}. {_OF_HEALTH}")
        return Found("alerts", _OF_ALERTS, group(found, self._systems))

    def _of_health(self, span: Range, note: str) -> Found:
        try:
            questions = incidents_health.questions(self._config)
        except UsageError as error:
            return Found("health", note, problem=str(error))
        answers = self._reader.ask(questions, incidents_health.reach(self._config, span))
        problems = [answer.problem for answer in answers if answer.problem is not None]
        if any(answer.truncated for answer in answers):
            problems.append("there are more points than were read: ask for a shorter range of time")
        found = incidents_health.incidents(self._config, answers, span)
        return Found("health", note, group(found, self._systems), "; ".join(problems) or None)
