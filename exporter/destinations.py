"""The sinks that a configuration names, behind one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.calls import CallLog
from exporter.circuits import Circuits
from exporter.clients import Clients
from exporter.config import Config
from exporter.metrics.catalog import EXPORTER_JOB, FLEET_JOB
from exporter.model import Family
from exporter.plan import THRIFTY
from exporter.sinks import Sink
from exporter.sinks.cloud_monitoring import CloudMonitoringSink
from exporter.sinks.descriptors import INGEST_DELAY_S
from exporter.sinks.fanout import Fanout
from exporter.sinks.prometheus import PrometheusSink
from exporter.windows import HOUR


@dataclass(frozen=True, slots=True)
class Destinations:
    """Where points go; ``prometheus`` is what is served to scrapers, None where nothing is."""

    sink: Fanout
    prometheus: PrometheusSink | None


def make(config: Config, clients: Clients, calls: CallLog, circuits: Circuits, task_id: str) -> Destinations:
    """Make the sinks: the one that can be read back comes first, for it owns the watermarks.

    Raises ``UsageError`` or ``Permanent`` where one cannot be made.
    """
    home = config.systems[0].metrics_location
    locations = {system.id: system.metrics_location for system in config.systems}
    locations |= {EXPORTER_JOB: home, FLEET_JOB: home}
    made: dict[str, Sink] = {}
    prometheus = None
    if "cloud_monitoring" in config.exporter.sinks:
        made["cloud_monitoring"] = _cloud_monitoring(config, clients, calls, circuits, locations, task_id)
    if "otlp" in config.exporter.sinks:
        made["otlp"] = _otlp(config, calls, locations, task_id)
    if "prometheus" in config.exporter.sinks:
        prometheus = _prometheus(config, clients, locations)
        made["prometheus"] = prometheus
    owner, *others = made
    return Destinations(Fanout(made[owner], {name: made[name] for name in others}), prometheus)


def _cloud_monitoring(
    config: Config, clients: Clients, calls: CallLog, circuits: Circuits, locations: Mapping[str, str], task_id: str
) -> CloudMonitoringSink:
    # A point is certainly there when its source was complete and the system's turn has come.
    slowest_s = max(system.interval_s for system in config.systems)
    return CloudMonitoringSink(
        clients.monitoring,
        project=config.exporter.monitoring_project,
        prefix=config.exporter.metric_prefix,
        fleet=config.fleet,
        locations=locations,
        task_id=task_id,
        on_call=calls.record,
        on_series=calls.returned,
        circuits=circuits,
        ingest_delay_s={family: delay_s + slowest_s for family, delay_s in INGEST_DELAY_S.items()},
    )


def _otlp(config: Config, calls: CallLog, locations: Mapping[str, str], task_id: str) -> Sink:
    # Only who sends OTLP needs its package.
    from exporter.sinks.otlp import OtlpSink

    return OtlpSink(
        config.exporter.otlp,
        project=config.exporter.monitoring_project,
        prefix=config.exporter.metric_prefix,
        fleet=config.fleet,
        locations=locations,
        task_id=task_id,
        on_call=calls.record,
    )


def _prometheus(config: Config, clients: Clients, locations: Mapping[str, str]) -> PrometheusSink:
    slowest_s = max(system.interval_s for system in config.systems)
    limits_s = dict.fromkeys(locations, _limit_s(slowest_s))
    return PrometheusSink(
        prefix=config.exporter.metric_prefix,
        fleet=config.fleet,
        locations=locations,
        limits_s=limits_s | {system.id: _limit_s(system.interval_s) for system in config.systems},
        now=clients.now,
        # Over its budget the exporter writes hourly values less often.
        hourly_s=2 * (HOUR if config.exporter.budget_monthly_usd is None else THRIFTY).total_seconds(),
    )


def _limit_s(interval_s: float) -> float:
    """How old a value may be: two collections may fail, and the slowest source is late."""
    return 2 * (interval_s + INGEST_DELAY_S[Family.DELIVERY])
