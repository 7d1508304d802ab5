"""Puts the parts together for one configuration, and takes them apart again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from exporter import clients, destinations, pricing
from exporter.calls import CallLog
from exporter.circuits import Circuits
from exporter.clients import Clients
from exporter.clocks import ServiceClock
from exporter.collection import Collector
from exporter.config import Config
from exporter.cycle import Exporter
from exporter.destinations import Destinations
from exporter.meter import Meter
from exporter.pricing import Prices
from exporter.shards import WHOLE, Shard, share

GRACE = timedelta(minutes=2)
"""How long a standby waits for the others; a written point may take a minute to be readable."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that a command may need of one configuration."""

    config: Config
    clients: Clients
    prices: Prices
    calls: CallLog
    circuits: Circuits
    collector: Collector


@contextmanager
def parts(config: Config) -> Iterator[Parts]:
    """Make the clients and the collector of a configuration, and close them at the end; raises ``ConfigError``."""
    prices = pricing.load(config.exporter.prices, systems=len(config.systems))
    made = clients.make(config)
    calls = CallLog()
    circuits = Circuits(now=made.now)
    collector = Collector(made, calls, circuits)
    try:
        yield Parts(config, made, prices, calls, circuits, collector)
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
    found: Destinations | None = None,
) -> Exporter:
    """Make the exporter that writes to the configured sinks, or to those that were ``found`` before.

    Systems without a watermark start at ``since``, or ``history`` before the present, or with their last complete window.
    """
    config = assembled.config
    if since is None and history is not None:
        since = assembled.clients.now() - history
    if found is None:
        found = destinations.make(config, assembled.clients, assembled.calls, assembled.circuits, role.task_id)
    clock = ServiceClock()
    assembled.clients.bigquery._http.hooks["response"].append(clock.observe)
    return Exporter(
        systems=share(config.systems, role.shard),
        collector=assembled.collector,
        sink=found.sink,
        prices=assembled.prices,
        calls=assembled.calls,
        clock=clock,
        meter=Meter(assembled.prices, config.exporter.sinks, config.exporter.budget_monthly_usd),
        since=since,
        grace=GRACE if role.standby else timedelta(0),
    )
