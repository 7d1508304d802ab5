"""Reducers: aligned series that share the fields of their group become one series.

Source: comments of ``google.monitoring.v3.Aggregation``. Series of different resource types are never put together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from exporter.sandbox.monitoring import kinds
from exporter.sandbox.monitoring.distributions import operand, outcome
from exporter.sandbox.monitoring.filters import Field
from exporter.sandbox.monitoring.resources import PROJECT_LABEL
from exporter.sandbox.monitoring.statistic import STATISTICS
from exporter.sandbox.monitoring.store import Identity, Labels, Reading, Sample

EVERY_KEY = "*"


def reduce(readings: Iterable[Reading], name: str, fields: Sequence[Field]) -> list[Reading]:
    """The series of each group as one, by a reducer that takes them."""
    groups: dict[Identity, list[Reading]] = {}
    for reading in readings:
        groups.setdefault(_group(reading.identity, fields), []).append(reading)
    return [_reduced(identity, group, name) for identity, group in sorted(groups.items())]


def _group(identity: Identity, fields: Sequence[Field]) -> Identity:
    """The identity with what the group keeps; the project of the resource always stays."""
    metric_keys = {field.key for field in fields if field.name == "metric.labels"}
    resource_keys = {PROJECT_LABEL} | {field.key for field in fields if field.name == "resource.labels"}
    return Identity(
        identity.metric_type,
        _kept(identity.metric_labels, metric_keys),
        identity.resource_type,
        _kept(identity.resource_labels, resource_keys),
    )


def _kept(labels: Labels, keys: set[str]) -> Labels:
    return tuple(label for label in labels if EVERY_KEY in keys or label[0] in keys)


def _reduced(identity: Identity, group: list[Reading], name: str) -> Reading:
    statistic = STATISTICS[name.removeprefix("REDUCE_")]
    kind, value_type = kinds.REDUCERS[name].gives(group[0].kind, group[0].value_type)
    moments: dict[int, list[Sample]] = {}
    for reading in group:
        for sample in reading.samples:
            moments.setdefault(sample.end_ns, []).append(sample)
    samples = []
    for end_ns, found in sorted(moments.items()):
        answer = statistic([operand(each.value) for each in found])
        if answer is not None:
            start_ns = found[0].start_ns if kind == kinds.DELTA else end_ns
            samples.append(Sample(start_ns, end_ns, outcome(answer)))
    return Reading(identity, kind, value_type, samples)
