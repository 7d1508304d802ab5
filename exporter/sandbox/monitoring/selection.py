"""What filters are applied to: series, of which more or less is known, and descriptors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from exporter.sandbox.monitoring.filters import Field, Filter
from exporter.sandbox.monitoring.store import Identity, Labels

SERIES_FIELDS = frozenset(
    {
        "project",
        "group.id",
        "resource.type",
        "resource.labels",
        "metric.type",
        "metric.labels",
        "metadata.system_labels",
        "metadata.user_labels",
    }
)
METRIC_FIELDS = frozenset({"project", "metric.type", "metric.labels"})
RESOURCE_FIELDS = frozenset({"project", "resource.type", "resource.labels"})


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a series; None is not known yet. No series here belongs to a group or has metadata."""

    project: str | None
    metric_type: str | None = None
    resource_type: str | None = None
    metric_labels: Labels | None = None
    resource_labels: Labels | None = None

    def value(self, field: Field) -> str | None:
        """The value of a field, "" where there is none, None where it is not known yet."""
        if field.name == "project":
            return self.project
        if field.name == "metric.type":
            return self.metric_type
        if field.name == "resource.type":
            return self.resource_type
        if field.name in ("metric.labels", "resource.labels"):
            labels = self._labels(field)
            return None if labels is None else dict(labels).get(field.key, "")
        return ""

    def has(self, field: Field) -> bool | None:
        """Whether there is such a label, None where it is not known yet."""
        labels = self._labels(field)
        return None if labels is None else field.key in dict(labels)

    def _labels(self, field: Field) -> Labels | None:
        if field.name == "metric.labels":
            return self.metric_labels
        return self.resource_labels if field.name == "resource.labels" else ()


@dataclass(frozen=True, slots=True)
class Described:
    """A descriptor: its labels are known by key, but have no values."""

    known: Known
    keys: frozenset[str]

    def value(self, field: Field) -> str | None:
        """The value of a field, None for labels."""
        return self.known.value(field)

    def has(self, field: Field) -> bool:
        """Whether there is such a label."""
        return field.key in self.keys


def described(project: str, keys: Iterable[str], *, metric_type: str = "", resource_type: str = "") -> Described:
    """A metric or monitored resource descriptor."""
    return Described(Known(project, metric_type, resource_type), frozenset(keys))


@dataclass(frozen=True, slots=True)
class Selection:
    """The series of a project that a filter lets through."""

    project: str
    filter: Filter

    def may_name(self, metric_type: str, resource_type: str | None = None) -> bool:
        """Whether the filter speaks of a metric, whatever the project."""
        return self.filter.may_match(Known(None, metric_type, resource_type))

    def may_match(self, metric_type: str, resource_type: str, resource_labels: Labels) -> bool:
        """Whether series with this much in common could match."""
        return self.filter.may_match(Known(self.project, metric_type, resource_type, resource_labels=resource_labels))

    def matches(self, identity: Identity) -> bool:
        """Whether a series matches."""
        return self.filter.matches(
            Known(
                self.project,
                identity.metric_type,
                identity.resource_type,
                identity.metric_labels,
                identity.resource_labels,
            )
        )
