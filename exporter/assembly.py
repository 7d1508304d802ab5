"""Puts the parts together for one configuration, and takes them apart again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from exporter import clients, pricing
from exporter.calls import CallLog
from exporter.clients import Clients
from exporter.clocks import ServiceClock
from exporter.collection import Collector
from exporter.config import Config
from exporter.cycle import Exporter
from exporter.metrics.catalog import EXPORTER_JOB, FLEET_JOB
from exporter.pricing import Prices
from exporter.shards import WHOLE, Shard, share
from exporter.sinks import Sink
from exporter.sinks.cloud_monitoring import CloudMonitoringSink
from exporter.sinks.descriptors import INGEST_DELAY_S

GRACE = timedelta(minutes=2)
"""How long a standby waits for the others; a written point may take a minute to be readable."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that a command may need of one configuration."""

    config: Config
    clients: Clients
    prices: Prices
    calls: CallLog
    collector: Collector


@contextmanager
def parts(config: Config) -> Iterator[Parts]:
    """Make the clients and the collector of a configuration, and close them at the end; raises ``ConfigError``."""
    prices = pricing.load(config.exporter.prices, systems=len(config.systems))
    made = clients.make(config)
    calls = CallLog()
    collector = Collector(made, calls.record)
    try:
        yield Parts(config, made, prices, calls, collector)
    finally:
        collector.close()
        made.close()


@dataclass(frozen=True, slots=True)
class Role:
    """Which part of the fleet an exporter measures, and beside whom.

    ``replica`` tells exporters of the same shard apart. A ``standby`` lets the others go first, and does what they leave undone.
    """

    shard: Shard = WHOLE
    replica: str = "0"
    standby: bool = False

    @property
    def task_id(self) -> str:
        """Label of the exporter's own series."""
        return f"{self.shard}/{self.replica}"


def exporter(
    assembled: Parts,
    *,
    since: datetime | None = None,
    history: timedelta | None = None,
    role: Role = Role(),
) -> Exporter:
    """Make the exporter that writes to the configured sink.

    Systems without a watermark start at ``since``, or ``history`` before the present, or with their last complete window.
    """
    config = assembled.config
    if since is None and history is not None:
        since = assembled.clients.now() - history
    clock = ServiceClock()
    assembled.clients.bigquery._http.hooks["response"].append(clock.observe)
    return Exporter(
        systems=share(config.systems, role.shard),
        collector=assembled.collector,
        sink=_sink(assembled, role),
        prices=assembled.prices,
        calls=assembled.calls,
        clock=clock,
        since=since,
        grace=GRACE if role.standby else timedelta(0),
        budget_usd=config.exporter.budget_monthly_usd,
    )


def _sink(assembled: Parts, role: Role) -> Sink:
    config = assembled.config
    # A point is certainly there when its source was complete and the system's turn has come.
    slowest_s = max(system.interval_s for system in config.systems)
    home = config.systems[0].metrics_location
    locations = {system.id: system.metrics_location for system in config.systems}
    return CloudMonitoringSink(
        assembled.clients.monitoring,
        project=config.exporter.monitoring_project,
        prefix=config.exporter.metric_prefix,
        fleet=config.fleet,
        locations={**locations, EXPORTER_JOB: home, FLEET_JOB: home},
        task_id=role.task_id,
        on_call=assembled.calls.record,
        ingest_delay_s={family: delay_s + slowest_s for family, delay_s in INGEST_DELAY_S.items()},
    )
