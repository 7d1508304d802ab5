"""The parsed configuration, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter.model import System

GOOGLE_OTLP = "https://telemetry.googleapis.com"
"""Google's own receiver of OTLP."""


@dataclass(frozen=True, slots=True)
class OtlpSettings:
    """Where the sink ``otlp`` sends; ``headers_file`` holds what a collector wants to be told and nobody else may know."""

    endpoint: str = GOOGLE_OTLP
    headers_file: str | None = None
    temporality: str = "delta"


@dataclass(frozen=True, slots=True)
class ExporterSettings:
    """How the exporter itself runs; ``auth`` is None on loopback, ``runbook_url`` where runbooks are published nowhere."""

    monitoring_project: str
    metric_prefix: str = "custom.googleapis.com/pipeline"
    sinks: tuple[str, ...] = ("cloud_monitoring",)
    otlp: OtlpSettings = OtlpSettings()
    budget_monthly_usd: float | None = None
    prices: Mapping[str, float] = field(default_factory=dict)
    listen_host: str = "127.0.0.1"
    listen_port: int = 8080
    auth: str | None = None
    fleet_incident_systems: int = 5
    runbook_url: str | None = None


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses of a sandbox: URLs for ``bigquery`` and ``clock``, HOST:PORT for the others; None is the real service."""

    bigquery: str | None = None
    pubsub: str | None = None
    monitoring: str | None = None
    clock: str | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration file."""

    fleet: str
    systems: tuple[System, ...]
    exporter: ExporterSettings
    endpoints: Endpoints
