"""Complete metric descriptors, made from the catalogue: unit, description, labels and ingest delay, never a sample period."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from google.api.label_pb2 import LabelDescriptor
from google.api.metric_pb2 import MetricDescriptor

from exporter.metrics.catalog import Kind, Metric
from exporter.model import Family

INGEST_DELAYS: Mapping[Family, timedelta] = {
    Family.LANDING: timedelta(seconds=15),
    Family.DELIVERY: timedelta(seconds=300),
    Family.SPEND: timedelta(seconds=360),
}
"""How late a point of a family is at the least; the interval comes on top (docs/metrics.md)."""

_LABELS = {
    "api": "API that was called",
    "basis": "what errors are counted in: messages or attempts",
    "class": "storage class: active or long_term",
    "code": "canonical code of the answer",
    "component": "what the money is for",
    "family": "metrics that become complete together",
    "health": "healthy, degraded, failing or unknown",
    "horizon": "trailing time over which is averaged",
    "kind": "processed or billed",
    "method": "method that was called",
    "objective": "name of the objective",
    "outcome": "what became of it",
    "quantile": "share of the rows that were at least as fast",
    "reason": "why, in one word",
    "result": "good or bad, ok or error",
    "source": "where it came from",
    "stage": "published or written",
    "state": "state of the subscription or of its destination",
}


def describe(metric: Metric, prefix: str) -> MetricDescriptor:
    """Make the descriptor of one metric."""
    gauge = metric.kind is Kind.GAUGE
    distribution = metric.kind is Kind.DISTRIBUTION
    kinds, types = MetricDescriptor.MetricKind, MetricDescriptor.ValueType
    descriptor = MetricDescriptor(
        type=f"{prefix}/{metric.name}",
        metric_kind=kinds.GAUGE if gauge else kinds.CUMULATIVE,
        value_type=types.DISTRIBUTION if distribution else types.DOUBLE,
        unit=metric.unit,
        description=metric.description,
        display_name=metric.name,
        labels=[LabelDescriptor(key=label, description=_LABELS[label]) for label in metric.labels],
    )
    delay = INGEST_DELAYS.get(metric.family)
    if delay is not None:
        descriptor.metadata.ingest_delay.FromTimedelta(delay)
    return descriptor


def differs(wanted: MetricDescriptor, found: MetricDescriptor) -> bool:
    """Whether a stored descriptor lacks something of what is wanted."""
    return (
        found.unit != wanted.unit
        or found.description != wanted.description
        or found.metadata.ingest_delay != wanted.metadata.ingest_delay
        or {label.key for label in wanted.labels} != {label.key for label in found.labels}
    )
