"""The rules that one point must obey to be written; each function raises ``PointRefused``.

Sources: comments of ``google.monitoring.v3.TimeSeries`` and ``TimeInterval``,
https://cloud.google.com/monitoring/custom-metrics/creating-metrics and https://cloud.google.com/monitoring/quotas.
"""

from __future__ import annotations

from exporter.sandbox.conduct import Conduct
from exporter.sandbox.monitoring import kinds
from exporter.sandbox.monitoring.descriptors import (
    UNSUPPORTED_KIND,
    USER_DEFINED,
    is_writable,
    label_key_mistake,
    type_mistake,
    unsupported_type,
)
from exporter.sandbox.monitoring.distributions import mistake
from exporter.sandbox.monitoring.errors import Proto
from exporter.sandbox.monitoring.limits import Limits
from exporter.sandbox.monitoring.refusals import TOO_CLOSE, PointRefused
from exporter.sandbox.monitoring.resources import PROJECT_LABEL, RESOURCE_TYPES
from exporter.sandbox.monitoring.store import Sample, Series
from exporter.sandbox.monitoring.times import (
    MICROSECOND_NS,
    MILLISECOND_NS,
    SECOND_NS,
    log_text,
    rfc3339,
    to_ns,
)

MAX_LABEL_VALUE_LENGTH = 1024

_IN_ORDER = "Points must be written in order. One or more of the points specified had an older {} time than the most recent point."
_TOO_CLOSE = (
    "One or more points were written more frequently than the maximum sampling period configured for the metric."
)
_WRITABLE_TYPES_PAGE = "https://cloud.google.com/monitoring/custom-metrics/creating-metrics#which-resource"


def check_point_count(series: Proto) -> None:
    """Exactly one point, with a value."""
    if len(series.points) != 1:
        given = "none" if not series.points else str(len(series.points))
        raise PointRefused(
            f"Only one point can be written per TimeSeries per request, and there must be one: there are {given}.",
            field="points",
        )
    if series.points[0].value.WhichOneof("value") is None:
        raise PointRefused("The point does not have a value.", field="points[0].value")


def check_metric(metric: Proto, limits: Limits) -> None:
    """A user-defined metric type, and labels that a descriptor could have."""
    reason = type_mistake(metric.type)
    if reason is not None:
        raise PointRefused(reason, field="metric.type", value=metric.type)
    if not is_writable(metric.type):
        raise PointRefused(f"Unknown metric: {metric.type}")
    if len(metric.labels) > limits.labels:
        raise PointRefused(_too_many_labels(metric.type, limits))
    for key, value in metric.labels.items():
        reason = label_key_mistake(key)
        if reason is not None:
            raise PointRefused(reason, field="metric.labels", value=key)
        if len(value) > MAX_LABEL_VALUE_LENGTH:
            reason = f"Label values must not be longer than {MAX_LABEL_VALUE_LENGTH} characters, not {len(value)}."
            raise PointRefused(reason, field="metric.labels", value=key)


def _too_many_labels(metric_type: str, limits: Limits) -> str:
    return f"The new labels would cause the metric {metric_type} to have over {limits.labels} labels."


def check_resource(resource: Proto, conduct: Conduct) -> None:
    """A resource type that user-defined metrics may have, all of its labels, and a location that exists."""
    known = RESOURCE_TYPES.get(resource.type)
    if known is None:
        raise PointRefused(f"Unrecognized resource type: {resource.type}.")
    if not known.writable:
        raise PointRefused(
            f"Metrics cannot be written to {resource.type}. See {_WRITABLE_TYPES_PAGE} for a list of writable "
            "resource types."
        )
    labels = dict(resource.labels)
    unknown = sorted(labels.keys() - {PROJECT_LABEL, *known.labels})
    if unknown:
        raise PointRefused(f"Unrecognized resource label: {unknown[0]}")
    absent = [key for key in known.labels if key not in labels]
    if absent:
        raise PointRefused(f"the set of resource labels is incomplete, missing ({' '.join(absent)})")
    placed = known.place is None or labels[known.place] in known.places
    if not placed and conduct.unknown_location == "refuse":
        raise PointRefused("Unrecognized region or location.")
    for key, value in labels.items():
        if len(value) > MAX_LABEL_VALUE_LENGTH:
            reason = f"Label values must not be longer than {MAX_LABEL_VALUE_LENGTH} characters, not {len(value)}."
            raise PointRefused(reason, field="resource.labels", value=key)


def check_types(series: Proto) -> int:
    """Kind and value type that agree with the point; returns the value type."""
    value_type = kinds.VALUE_TYPES[series.points[0].value.WhichOneof("value")]
    if series.value_type and series.value_type != value_type:
        raise PointRefused(
            f"The value type must be that of the point, {kinds.type_name(value_type)}.",
            field="valueType",
            value=kinds.type_name(series.value_type),
        )
    return value_type


def check_inferable(series: Proto, value_type: int) -> None:
    """A series of which a descriptor can be made: comments of ``TimeSeries.metric_kind`` and ``points``."""
    kind = series.metric_kind or kinds.GAUGE
    if kind not in USER_DEFINED:
        raise PointRefused(UNSUPPORTED_KIND, field="metricKind", value=kinds.kind_name(kind))
    if value_type not in USER_DEFINED[kind]:
        raise PointRefused(unsupported_type(kind), field="valueType", value=kinds.type_name(value_type))


def check_descriptor(series: Proto, value_type: int, descriptor: Proto) -> None:
    """Kind and value type of the metric's descriptor."""
    if series.metric_kind and series.metric_kind != descriptor.metric_kind:
        raise PointRefused(
            f"Metric kind for metric {series.metric.type} must be {kinds.kind_name(descriptor.metric_kind)}, "
            f"but is {kinds.kind_name(series.metric_kind)}."
        )
    if value_type != descriptor.value_type:
        raise PointRefused(
            f"Value type for metric {series.metric.type} must be {kinds.type_name(descriptor.value_type)}, "
            f"but is {kinds.type_name(value_type)}."
        )


def new_labels(series: Proto, descriptor: Proto, limits: Limits, conduct: Conduct) -> list[str]:
    """Label keys that the metric's descriptor lacks and is to get; raises ``PointRefused`` where it may not."""
    unknown = sorted(set(series.metric.labels) - {label.key for label in descriptor.labels})
    if unknown and conduct.new_labels == "refuse":
        raise PointRefused(f"Unrecognized metric labels: {', '.join(f'[{key}]' for key in unknown)}")
    if len(descriptor.labels) + len(unknown) > limits.labels:
        raise PointRefused(_too_many_labels(series.metric.type, limits))
    return unknown


def check_interval(series: Proto, kind: int, now_us: int, conduct: Conduct) -> tuple[int, int]:
    """An end that is recent, and a start that suits the kind; returns both in nanoseconds."""
    interval = series.points[0].interval
    if not interval.HasField("end_time"):
        raise PointRefused("The end time is missing.", field="points[0].interval.end_time")
    end_ns = to_ns(interval.end_time)
    now_ns = now_us * MICROSECOND_NS
    if end_ns < now_ns - conduct.past_limit_s * SECOND_NS:
        raise _bad_end(end_ns, f"Data points cannot be written more than {conduct.past_limit_s / 3600:g}h in the past.")
    if end_ns > now_ns + conduct.future_limit_s * SECOND_NS:
        limit = f"{conduct.future_limit_s / 60:g}m"
        raise _bad_end(end_ns, f"Data points cannot be written more than {limit} in the future.")
    start_ns = to_ns(interval.start_time) if interval.HasField("start_time") else end_ns
    if start_ns < 0:
        reason = "The start time must not be before 1970-01-01T00:00:00Z."
        raise PointRefused(reason, field="points[0].interval.start_time", value=rfc3339(start_ns))
    if kind == kinds.GAUGE and start_ns != end_ns and (conduct.gauge_start_refused or start_ns > end_ns):
        kind_text, relation = "gauge", "equal to"
    elif kind != kinds.GAUGE and start_ns >= end_ns:
        kind_text, relation = "non-gauge", "before"
    else:
        return start_ns, end_ns
    reason = f"The start time must be {relation} the end time ({rfc3339(end_ns)}) for the {kind_text} metric '{series.metric.type}'."
    raise PointRefused(reason, field="points[0].interval.start_time", value=rfc3339(start_ns))


def _bad_end(end_ns: int, reason: str) -> PointRefused:
    return PointRefused(reason, field="points[0].interval.end_time", value=rfc3339(end_ns))


def check_distribution(series: Proto) -> None:
    """A distribution that is consistent in itself."""
    reason = mistake(series.points[0].value.distribution_value)
    if reason is not None:
        raise PointRefused(reason, field="points[0].distributionValue")


def check_order(series: Series, sample: Sample, conduct: Conduct) -> None:
    """Newer than the newest point, and a cumulative that goes on or starts again after it.

    After a reset the new start is at least a millisecond after the previous end (comment of ``TimeInterval``).
    """
    newest = series.newest
    if series.kind == kinds.CUMULATIVE and sample.start_ns != newest.start_ns:
        if sample.start_ns < newest.end_ns + conduct.reset_gap_ms * MILLISECOND_NS:
            raise PointRefused(_IN_ORDER.format("start"), stored=True)
    elif sample.end_ns <= newest.end_ns:
        raise PointRefused(_IN_ORDER.format("end"), stored=True)


def check_spacing(series: Series, sample: Sample, since_ns: int, conduct: Conduct) -> None:
    """Not too soon after the newest point: ``since_ns`` is what lies between the two, by end times or by the clock."""
    if since_ns >= conduct.spacing_s * SECOND_NS:
        return
    times = f"Youngest Existing: '{log_text(series.newest.end_ns)}', New: '{log_text(sample.end_ns)}'"
    detail = f" {{Metric: {series.identity.metric_type}, Timestamps: {{{times}}}}}"
    raise PointRefused(_TOO_CLOSE, code=TOO_CLOSE, stored=True, detail=detail)
