"""What dashboards may ask for: the catalogue as a backend stores it, and a few of Google's own metrics.

Kinds, units and labels of Google's: https://cloud.google.com/monitoring/api/metrics_gcp_p_z (Pub/Sub, Cloud Run).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.config import Config
from exporter.metrics.catalog import CATALOG, EXPORTER_JOB, FLEET_JOB, Kind, Written
from exporter.model import System
from exporter.rendering.backends import Backend

HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Known:
    """A metric; ``name`` is the catalogue's, None for Google's. ``spacing`` is what decides how far apart its points lie."""

    name: str | None
    kind: str
    value_type: str
    unit: str
    labels: frozenset[str]
    resource: str
    spacing: Written | None = None


@dataclass(frozen=True, slots=True)
class World:
    """What a dashboard is judged against; ``system`` is the one that it is about, None for a page of all systems."""

    config: Config
    backend: Backend
    system: System | None = None

    @property
    def job(self) -> str | None:
        """The label ``job`` of the system."""
        return None if self.system is None else self.system.id

    @property
    def ours(self) -> str:
        """The resource type of our series."""
        return "prometheus_target" if self.backend is Backend.OTLP else "generic_task"

    def spacing_s(self, known: Known) -> int:
        """How far apart the points of a metric are, in seconds.

        Pages of all systems are drawn by the hour, the longest interval of a tier: adding a system changes none of them.
        """
        if known.spacing is None or (known.kind != "GAUGE" and known.spacing is not Written.HOUR):
            return 60
        if known.kind != "GAUGE" or self.system is None:
            return HOUR_S
        return max(HOUR_S, self.system.interval_s) if known.spacing is Written.HOUR else self.system.interval_s


RESOURCE_LABELS: Mapping[str, frozenset[str]] = {
    "generic_task": frozenset({"project_id", "location", "namespace", "job", "task_id"}),
    "prometheus_target": frozenset({"project_id", "location", "cluster", "namespace", "job", "instance"}),
    "pubsub_topic": frozenset({"project_id", "topic_id"}),
    "pubsub_subscription": frozenset({"project_id", "subscription_id"}),
    "cloud_run_revision": frozenset({"project_id", "location", "service_name", "revision_name", "configuration_name"}),
}

IDENTITY: Mapping[str, frozenset[str]] = {
    "pubsub_topic": frozenset({"project_id", "topic_id"}),
    "pubsub_subscription": frozenset({"project_id", "subscription_id"}),
    "cloud_run_revision": frozenset({"project_id", "service_name"}),
}
"""Labels that a filter of Google's metrics must fix, or it would show what belongs to others."""

_STORED = {
    Kind.GAUGE: ("GAUGE", "DOUBLE"),
    Kind.COUNT: ("CUMULATIVE", "DOUBLE"),
    Kind.DISTRIBUTION: ("CUMULATIVE", "DISTRIBUTION"),
}
_SUFFIX = {Kind.GAUGE: "/gauge", Kind.COUNT: "/counter", Kind.DISTRIBUTION: "/histogram"}
_DELTA_INT = ("DELTA", "INT64")
_DELTA_DIST = ("DELTA", "DISTRIBUTION")
_BY_CODE = ("response_code", "response_code_class", "route")

_GOOGLE: Mapping[str, Known] = {
    name: Known(None, kind, value_type, unit, frozenset(labels), resource)
    for name, (kind, value_type), unit, labels, resource in (
        ("pubsub.googleapis.com/topic/send_request_count", _DELTA_INT, "1", ("response_class", "response_code"), "pubsub_topic"),
        ("pubsub.googleapis.com/topic/message_sizes", _DELTA_DIST, "By", (), "pubsub_topic"),
        ("pubsub.googleapis.com/subscription/push_request_count", _DELTA_INT, "1",
         ("response_class", "response_code", "delivery_type"), "pubsub_subscription"),
        ("pubsub.googleapis.com/subscription/oldest_unacked_message_age", ("GAUGE", "INT64"), "s", (), "pubsub_subscription"),
        ("run.googleapis.com/request_count", _DELTA_INT, "1", _BY_CODE, "cloud_run_revision"),
        ("run.googleapis.com/request_latencies", _DELTA_DIST, "ms", _BY_CODE, "cloud_run_revision"),
    )
}  # fmt: skip


def metrics(world: World) -> Mapping[str, Known]:
    """Everything by metric type."""
    found = dict(_GOOGLE)
    for metric in CATALOG.values():
        kind, value_type = _STORED[metric.kind]
        found[metric_type(metric.name, world)] = Known(
            metric.name, kind, value_type, metric.unit, frozenset(metric.labels), world.ours, metric.written
        )
    return found


def metric_type(name: str, world: World) -> str:
    """What a metric of the catalogue is called where it is stored."""
    prefix = world.config.exporter.metric_prefix
    if world.backend is Backend.OTLP:
        return f"prometheus.googleapis.com/{promql_name(name, world)}{_SUFFIX[CATALOG[name].kind]}"
    return f"{prefix}/{name}"


def promql_name(name: str, world: World) -> str:
    """What a metric of the catalogue is called in PromQL, without what a distribution's parts add."""
    host, *path = world.config.exporter.metric_prefix.split("/")
    flat = "_".join([*path, *name.split("/")])
    return flat if world.backend is Backend.OTLP else f"{host.replace('.', '_')}:{flat}"


def job_of(name: str, world: World) -> str | None:
    """The only job that has a metric, None for those that every system has."""
    for job in (FLEET_JOB, EXPORTER_JOB):
        if name.startswith(f"{job}/") and name != "exporter/watermark":
            return job
    return world.job
