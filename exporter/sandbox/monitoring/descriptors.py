"""Metric descriptors of user-defined metrics: what one may look like, and those that each project has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from google.api.label_pb2 import LabelDescriptor
from google.api.metric_pb2 import MetricDescriptor

from exporter.sandbox.monitoring import kinds
from exporter.sandbox.monitoring.errors import Proto, Refused, invalid_field, missing
from exporter.sandbox.monitoring.limits import Limits, PerMinute
from exporter.sandbox.monitoring.units import is_unit

WRITABLE_DOMAINS = ("custom.googleapis.com", "external.googleapis.com", "workload.googleapis.com")
"""Domains of user-defined metrics (https://cloud.google.com/monitoring/custom-metrics#identifier)."""

_VALUES = frozenset({kinds.INT64, kinds.DOUBLE, kinds.DISTRIBUTION})
USER_DEFINED: Mapping[int, frozenset[int]] = {kinds.GAUGE: _VALUES | {kinds.BOOL}, kinds.CUMULATIVE: _VALUES}
"""Value types by metric kind that user-defined metrics can have (https://cloud.google.com/monitoring/api/v3/kinds-and-types)."""

UNSUPPORTED_KIND = "User-defined metrics can only be of kind GAUGE or CUMULATIVE."

MAX_TYPE_LENGTH = 200
MAX_LABEL_KEY_LENGTH = 100

_TYPE = re.compile(r"[a-z][a-z0-9.-]*(?:/[A-Za-z0-9][A-Za-z0-9_.-]*)+")
_LABEL_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

BAD_TYPE = "The metric type must be a URL-formatted string with a domain and non-empty path."
BAD_LABEL_KEY = "Label key contains invalid characters."


def is_writable(metric_type: str) -> bool:
    """Whether a metric type belongs to the user and not to a service."""
    return metric_type.partition("/")[0] in WRITABLE_DOMAINS


def type_mistake(metric_type: str) -> str | None:
    """What is wrong with the name of a user-defined metric type."""
    if not _TYPE.fullmatch(metric_type):
        return BAD_TYPE
    if len(metric_type) > MAX_TYPE_LENGTH:
        return f"The metric type must not be longer than {MAX_TYPE_LENGTH} characters."
    return None


def label_key_mistake(key: str) -> str | None:
    """What is wrong with the key of a metric label."""
    if not _LABEL_KEY.fullmatch(key):
        return BAD_LABEL_KEY
    if len(key) > MAX_LABEL_KEY_LENGTH:
        return f"Label key must not be longer than {MAX_LABEL_KEY_LENGTH} characters."
    return None


def unsupported_type(kind: int) -> str:
    """Why a value type is refused for a user-defined metric of a kind."""
    return f"The value type is not supported for user-defined metrics of kind {kinds.kind_name(kind)}."


@dataclass(slots=True)
class Descriptors:
    """Descriptors by project and metric type; ``service`` are those that every project has and nobody can change."""

    limits: Limits
    service: Mapping[str, Proto]
    _own: dict[str, dict[str, Proto]] = field(default_factory=dict)
    _creations: dict[str, PerMinute] = field(default_factory=dict)

    def get(self, project: str, metric_type: str) -> Proto | None:
        """The descriptor of a metric type that a project sees, without its resource name."""
        return self._own.get(project, {}).get(metric_type) or self.service.get(metric_type)

    def all(self, project: str) -> list[Proto]:
        """Everything that a project sees, by type."""
        own = self._own.get(project, {})
        return [descriptor for _, descriptor in sorted([*own.items(), *self.service.items()])]

    def create(self, project: str, given: Proto, now_us: int) -> Proto:
        """Make a descriptor, or bring the one of the same type up to date; raises ``Refused``.

        Labels are added and never removed; metric kind and value type stay (comment of ``CreateMetricDescriptor``).
        """
        self._check(given)
        existing = self._own.get(project, {}).get(given.type)
        made = MetricDescriptor()
        made.CopyFrom(given)
        if existing is not None:
            _unchanged(existing, given)
            known = {label.key for label in given.labels}
            made.labels.extend(label for label in existing.labels if label.key not in known)
            self._check_label_count(made)
        else:
            self._admit(project, now_us)
        del made.monitored_resource_types[:]
        made.name = _name(project, made.type)
        self._own.setdefault(project, {})[made.type] = made
        return made

    def infer(self, project: str, series: Proto, value_type: int, now_us: int) -> Proto:
        """Make the descriptor that a first point implies; raises ``Refused`` when there are too many."""
        made = MetricDescriptor(
            name=_name(project, series.metric.type),
            type=series.metric.type,
            metric_kind=series.metric_kind or kinds.GAUGE,
            value_type=value_type,
            unit=series.unit,
            description=series.description,
            labels=[LabelDescriptor(key=key) for key in sorted(series.metric.labels)],
        )
        self._admit(project, now_us)
        self._own.setdefault(project, {})[made.type] = made
        return made

    def add_labels(self, descriptor: Proto, keys: Iterable[str]) -> None:
        """Let a descriptor have more labels."""
        descriptor.labels.extend(LabelDescriptor(key=key) for key in keys)

    def delete(self, project: str, metric_type: str) -> bool:
        """Forget a descriptor; returns whether there was one."""
        return self._own.get(project, {}).pop(metric_type, None) is not None

    def _admit(self, project: str, now_us: int) -> None:
        if len(self._own.get(project, {})) >= self.limits.descriptors:
            raise Refused("RESOURCE_EXHAUSTED", "Your metric descriptor quota has been exhausted")
        rate = self._creations.setdefault(
            project, PerMinute("Metric descriptor creations", self.limits.descriptor_creations_per_minute)
        )
        rate.count(now_us)

    def _check(self, given: Proto) -> None:
        if not given.type:
            raise missing("metricDescriptor.type")
        reason = type_mistake(given.type)
        if reason is None and not is_writable(given.type):
            reason = f"The metric type must begin with one of {', '.join(WRITABLE_DOMAINS)}."
        if reason is not None:
            raise invalid_field("metricDescriptor.type", given.type, reason)
        _check_kind(given)
        if not is_unit(given.unit):
            raise invalid_field("metricDescriptor.unit", given.unit, "The unit does not follow the grammar of units.")
        self._check_label_count(given)
        _check_labels(given)

    def _check_label_count(self, given: Proto) -> None:
        if len(given.labels) > self.limits.labels:
            reason = f"When creating metric {given.type}: the metric has more than {self.limits.labels} labels."
            raise invalid_field("labels", None, reason)


def _name(project: str, metric_type: str) -> str:
    return f"projects/{project}/metricDescriptors/{metric_type}"


def _check_kind(given: Proto) -> None:
    if not given.metric_kind:
        raise missing("metricDescriptor.metricKind: The descriptor does not have the metric kind set")
    if not given.value_type:
        raise missing("metricDescriptor.valueType: The descriptor does not have the value type set")
    if given.metric_kind not in USER_DEFINED:
        raise invalid_field("metricDescriptor.metricKind", kinds.kind_name(given.metric_kind), UNSUPPORTED_KIND)
    if given.value_type not in USER_DEFINED[given.metric_kind]:
        reason = unsupported_type(given.metric_kind)
        raise invalid_field("metricDescriptor.valueType", kinds.type_name(given.value_type), reason)


def _check_labels(given: Proto) -> None:
    seen = set()
    for index, label in enumerate(given.labels):
        reason = label_key_mistake(label.key)
        if reason is None and label.key in seen:
            reason = "Label key is not unique."
        if reason is not None:
            raise invalid_field(f"labels[{index}].key", label.key, reason)
        seen.add(label.key)
        if label.value_type and given.type.startswith("workload.googleapis.com/"):
            reason = (
                "Metric labels for this user-defined metric are required to be of type 'STRING': "
                "workload.googleapis.com"
            )
            raise invalid_field(f"labels[{index}].valueType", LabelDescriptor.ValueType.Name(label.value_type), reason)


def _unchanged(existing: Proto, given: Proto) -> None:
    if existing.metric_kind != given.metric_kind:
        reason = f"The metric kind of {given.type} is {kinds.kind_name(existing.metric_kind)} and cannot be changed."
        raise invalid_field("metricDescriptor.metricKind", kinds.kind_name(given.metric_kind), reason)
    if existing.value_type != given.value_type:
        reason = f"The value type of {given.type} is {kinds.type_name(existing.value_type)} and cannot be changed."
        raise invalid_field("metricDescriptor.valueType", kinds.type_name(given.value_type), reason)
