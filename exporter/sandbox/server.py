"""The sandbox as one process: engines, servers, traffic and history, ready to be measured."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType

from exporter.config import parse_duration
from exporter.sandbox import fleet, happenings, provisioning, scenario
from exporter.sandbox.bigquery.rest import Server as BigQueryServer
from exporter.sandbox.clock import Clock
from exporter.sandbox.conduct import Conduct
from exporter.sandbox.control import application
from exporter.sandbox.faults import APIS, Faults
from exporter.sandbox.fleet import PROJECT
from exporter.sandbox.http import HttpServer
from exporter.sandbox.ledger import MINUTE_US
from exporter.sandbox.monitoring.limits import Settings
from exporter.sandbox.monitoring.rpc import MetricService
from exporter.sandbox.monitoring.server import MonitoringServer
from exporter.sandbox.monitoring.services import check_metrics
from exporter.sandbox.pubsub.calls import Backend
from exporter.sandbox.pubsub.rpc import Server as PubSubServer
from exporter.sandbox.scenario import Scenario
from exporter.sandbox.traffic.live import Job, LiveTraffic
from exporter.sandbox.world import HOUR_US, SECOND_US, Engines, World

HISTORY_MARGIN_US = 10 * MINUTE_US
"""History reaches this much further back than asked for, and then to the full hour: Pub/Sub's metrics come late, and so at least one
full hour is complete for every source."""

_BUILT_BEFORE_US = 48 * HOUR_US
_MAX_LIVE_SYSTEMS = 200
"""With more systems the traffic is made up inside: one machine cannot publish for thousands."""

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """What the sandbox is to be; ``now`` None is the present, ``latency_ms`` by API, ``live`` publishes over the wire.

    ``conduct`` is how all services behave where documentation leaves that open; what ``monitoring`` says otherwise of Cloud Monitoring
    goes before it. Raises ``ValueError`` for a ``conduct`` that no service can follow.
    """

    systems: int = 50
    history_s: float = 3600.0
    scenario: str | None = None
    latency_ms: Mapping[str, int] = field(default_factory=dict)
    seed: int = 1
    now: datetime | None = None
    speed: float = 1.0
    live: bool = True
    monitoring: Settings = field(default_factory=Settings)
    conduct: Conduct = field(default_factory=Conduct)

    def __post_init__(self) -> None:
        check_metrics(self.conduct)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the sandbox serves: URLs for ``bigquery`` and ``control``, HOST:PORT for the others; ``config`` is a file."""

    bigquery: str
    pubsub: str
    monitoring: str
    control: str
    project: str
    config: str

    def as_dict(self) -> dict[str, str]:
        """The addresses by name."""
        return asdict(self)


def parse_latency(text: str) -> dict[str, int]:
    """Read delays such as ``bigquery=300ms,monitoring=30ms``, in milliseconds; raises ``ValueError``."""
    found: dict[str, int] = {}
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        if name not in APIS:
            raise ValueError(f"--latency: {name!r} is no API: use {', '.join(APIS)}, as in bigquery=300ms")
        if name in found:
            raise ValueError(f"--latency: {name} stands there twice")
        whole = value.removesuffix("ms")
        try:
            milliseconds = value.endswith("ms") and whole.isdecimal()
            found[name] = int(whole) if milliseconds else round(parse_duration(value) * 1000)
        except ValueError as error:
            raise ValueError(f"--latency: {value!r} is no delay: write 300ms or 1.5s") from error
    return found


class Sandbox:
    """A running sandbox; ``with Sandbox(options) as sandbox`` builds it, lays down its history, and stops it at the end.

    Raises ``ScenarioError`` for a scenario that does not exist or does not fit the fleet.
    """

    def __init__(self, options: SandboxOptions, progress: Progress | None = None) -> None:
        chosen = None if options.scenario is None else scenario.load(options.scenario)
        odd = () if chosen is None else chosen.odd
        self._pipelines = [*fleet.usual(options.systems, options.seed), *fleet.odd(odd, options.systems)]
        self._options = options
        clock = Clock(options.now, options.speed)
        now_us = clock.now_us()
        begin_us = now_us - round(options.history_s * SECOND_US) - HISTORY_MARGIN_US
        begin_us -= begin_us % HOUR_US
        self.begin_us = begin_us
        self._faults = Faults(options.latency_ms, options.seed)
        engines = Engines(clock, self._faults, options.seed, options.monitoring, options.conduct)
        self.world = World(engines, self._pipelines, seed=options.seed, begin_us=begin_us, live=False)
        provisioning.build(
            self._pipelines, engines.bigquery, engines.pubsub, engines.iam, begin_us, begin_us - _BUILT_BEFORE_US
        )
        if chosen is not None:
            self._begin(chosen, now_us)
        self.world.settle_until(now_us, progress)
        self._directory = Path(tempfile.mkdtemp(prefix="sandbox-"))

    def _begin(self, chosen: Scenario, now_us: int) -> None:
        happenings.begin(self.world, chosen, max(self.begin_us, now_us - round(chosen.lead_s * SECOND_US)))

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Serve, and begin live traffic."""
        world, engines = self.world, self.world.engines
        self._bigquery = BigQueryServer(engines.bigquery, world)
        self._bigquery.start()
        self._pubsub = PubSubServer(Backend(engines.pubsub, world, self._faults, engines.iam))
        self._monitoring = MonitoringServer([MetricService(engines.monitoring, world, self._faults).handlers()])
        self._monitoring.start()
        self._live: LiveTraffic | None = None
        self._control = HttpServer(application(world, lambda: self._live.failures if self._live else {}))
        self._control.start()
        config = self._directory / "systems.yaml"
        self.addresses = Addresses(
            bigquery=self._bigquery.url,
            pubsub=self._pubsub.address,
            monitoring=self._monitoring.address,
            control=self._control.url,
            project=PROJECT,
            config=str(config),
        )
        endpoints = {
            "bigquery": self.addresses.bigquery,
            "pubsub": self.addresses.pubsub,
            "monitoring": self.addresses.monitoring,
            "clock": f"{self.addresses.control}/clock",
        }
        provisioning.write_config(self._pipelines, endpoints, config)
        if self._options.live and self._options.speed == 1 and len(self._pipelines) <= _MAX_LIVE_SYSTEMS:
            self._live = LiveTraffic(self.addresses.pubsub, self._due)
            world.go_live()
            self._live.start()

    def stop(self) -> None:
        """End traffic and servers, and remove the configuration file."""
        if self._live is not None:
            self._live.stop()
        self._control.stop()
        self._monitoring.stop()
        self._pubsub.stop()
        self._bigquery.stop()
        self.world.engines.bigquery.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _due(self) -> Iterator[Job]:
        for pipeline, publishes in self.world.take_live():
            messages = [flight for publish in publishes for flight in publish.messages]
            if messages:
                yield Job(pipeline.topic, messages)
