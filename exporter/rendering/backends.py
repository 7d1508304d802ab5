"""What metrics are called where they are stored: as custom metrics, or as Managed Service for Prometheus keeps OTLP."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from exporter.errors import UsageError

if TYPE_CHECKING:
    # The command line takes the names of the backends from here, and reads no configuration before it has to.
    from exporter.config import Config


class Backend(StrEnum):
    """Where dashboards and policies look for metrics: what the sink of the same name writes."""

    CLOUD_MONITORING = "cloud_monitoring"
    OTLP = "otlp"


def backend_of(config: Config) -> Backend:
    """The backend that the fleet's sinks write to, OTLP only where there are no custom metrics; raises ``UsageError`` without either."""
    sinks = config.exporter.sinks
    if "cloud_monitoring" in sinks:
        return Backend.CLOUD_MONITORING
    if "otlp" in sinks:
        return Backend.OTLP
    raise UsageError(
        "exporter.sinks writes nothing that Cloud Monitoring could show: list cloud_monitoring or otlp, or give --backend"
    )


def names(backend: Backend, metric_prefix: str) -> Mapping[str, str]:
    """Template variables for metric types, their PromQL names and their resource type.

    PromQL's names of custom metrics: https://cloud.google.com/monitoring/promql/promql-mapping, which also says that a selector of a metric
    that may lie on several resource types has to name one: ``promql_resource``, for a text within JSON. OTLP's types: docs/adr/0006.
    """
    host, *path = metric_prefix.split("/")
    if backend is Backend.OTLP:
        prefix = f"prometheus.googleapis.com/{'_'.join(path)}_"
        suffixes = {"counter": "/counter", "gauge": "/gauge", "distribution": "/histogram"}
        separator, promql, resource = "_", f"{'_'.join(path)}_", "prometheus_target"
    else:
        prefix = f"{metric_prefix}/"
        suffixes = {"counter": "", "gauge": "", "distribution": ""}
        separator, resource = "/", "generic_task"
        promql = f"{host.replace('.', '_')}:{'_'.join(path)}_"
    return {
        "prefix": prefix,
        "fleet_prefix": f"{prefix}fleet{separator}",
        "exporter_prefix": f"{prefix}exporter{separator}",
        "promql_prefix": promql,
        "promql_resource": "" if backend is Backend.OTLP else rf"monitored_resource=\"{resource}\",",
        "resource_type": resource,
        **suffixes,
    }
