"""The whole sandbox: its clock, its engines, their traffic, and the scenario that happens to them, in one order of time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from exporter.sandbox.bigquery.engine import BigQuery
from exporter.sandbox.clock import Clock
from exporter.sandbox.conduct import Conduct, InForce
from exporter.sandbox.faults import Faults
from exporter.sandbox.fleet import PROJECT, Pipeline
from exporter.sandbox.iam import Iam
from exporter.sandbox.ledger import MINUTE_US, Ledger
from exporter.sandbox.monitoring.engine import Monitoring
from exporter.sandbox.monitoring.limits import Settings
from exporter.sandbox.pubsub.engine import PubSub
from exporter.sandbox.pubsub.errors import Refused
from exporter.sandbox.pubsub.messages import Draft
from exporter.sandbox.traffic import schedule
from exporter.sandbox.traffic.schedule import Publish, Read

SECOND_US = 1_000_000
HOUR_US = 3600 * SECOND_US

LIVE_LAG_US = 10 * SECOND_US
"""Traffic that live publishing is further behind than this (the clock was moved, the machine was busy) is made up at once."""

API_USER = "api@flights-sandbox.iam.gserviceaccount.com"
RUN_LOCATION = "us-central1"
"""Where all systems' APIs run, wherever their data are."""


def service_of(pipeline: Pipeline) -> str:
    """The Cloud Run service that is a pipeline's API."""
    return f"{pipeline.id}-api"[:63]


@dataclass(slots=True)
class Influence:
    """What a scenario does to a pipeline's traffic at present."""

    silent: bool = False
    read_factor: float = 1.0


@dataclass(order=True, slots=True)
class Happening:
    """Something that is to happen at a time; ``order`` keeps those of the same time in the order in which they were planned."""

    at_us: int
    order: int
    act: Callable[[int], None] = field(compare=False)


class Engines:
    """The state of all services."""

    def __init__(
        self,
        clock: Clock,
        faults: Faults,
        seed: int,
        monitoring: Settings | None = None,
        conduct: Conduct | None = None,
    ) -> None:
        settings = monitoring or Settings()
        self.conduct = InForce(settings.over(conduct or Conduct()))
        self.clock = clock
        self.faults = faults
        self.iam = Iam()
        self.ledger = Ledger()
        self.bigquery = BigQuery(clock, faults, self.iam, seed=seed, conduct=self.conduct)
        self.pubsub = PubSub(self.ledger, self.bigquery, seed=seed, conduct=self.conduct)
        self.monitoring = Monitoring(self.ledger, self.iam, settings, self.conduct)


class World:
    """Brings everything up to the clock's time when somebody asks; thread-safe.

    With ``live`` traffic, messages are published by somebody else as time passes (:meth:`take_live`), but for time that is skipped.
    """

    def __init__(
        self, engines: Engines, pipelines: Sequence[Pipeline], *, seed: int, begin_us: int, live: bool
    ) -> None:
        self.engines = engines
        self.pipelines = pipelines
        self.seed = seed
        self.influences = {pipeline.id: Influence() for pipeline in pipelines}
        self._lock = threading.RLock()
        self._live = live
        self._traffic_us = begin_us
        self._settled_us = begin_us
        self._planned: list[Happening] = []
        self._order = 0

    @property
    def lock(self) -> threading.RLock:
        """Held while anything happens."""
        return self._lock

    def behave(self, values: Mapping[str, Any]) -> Conduct:
        """Let the services behave otherwise from now on, by fields of ``Conduct``; raises ``ValueError``."""
        with self._lock:
            self.settle()
            wanted = self.engines.conduct.now.changed(values)
            self.engines.monitoring.behave(wanted)
            return wanted

    def plan(self, at_us: int, act: Callable[[int], None]) -> None:
        """Let ``act(at_us)`` happen at a time, or at once where that has passed."""
        with self._lock:
            self._order += 1
            heappush(self._planned, Happening(max(at_us, self._settled_us), self._order, act))

    def go_live(self) -> None:
        """From now on, traffic is published over the wire."""
        with self._lock:
            self.settle()
            self._live = True

    def settle(self) -> int:
        """Let everything happen that is due by the clock's time, and return that time in microseconds."""
        now_us = self.engines.clock.now_us()
        self.settle_until(now_us)
        return now_us

    def settle_until(self, now_us: int, progress: Callable[[float], None] | None = None) -> None:
        """Let everything happen that is due by a time; ``progress`` is told the fraction that is done."""
        with self._lock:
            begin_us = self._settled_us
            while self._planned and self._planned[0].at_us <= now_us:
                happening = heappop(self._planned)
                self._run(happening.at_us, begin_us, now_us, progress)
                happening.act(max(happening.at_us, self._settled_us))
            self._run(now_us, begin_us, now_us, progress)

    def _run(self, until_us: int, begin_us: int, end_us: int, progress: Callable[[float], None] | None) -> None:
        while self._settled_us < until_us:
            step_us = min(until_us, self._settled_us - self._settled_us % MINUTE_US + MINUTE_US)
            if not self._live or step_us - self._traffic_us > LIVE_LAG_US:
                self._make_up(step_us)
            self.engines.pubsub.run_until(step_us)
            self._settled_us = step_us
            if progress is not None:
                progress((step_us - begin_us) / max(1, end_us - begin_us))

    def _make_up(self, until_us: int) -> None:
        """Publish and read what is due up to a time, as if it had been live."""
        floor_us = self.engines.pubsub.now_us
        for pipeline, publishes, reads in self._due(until_us):
            with suppress(Refused):  # of a topic that somebody has deleted: nothing can be published to it
                for publish in publishes:
                    drafts = [Draft(flight.data, flight.attributes) for flight in publish.messages]
                    self.engines.pubsub.publish(pipeline.topic, drafts, max(publish.at_us, floor_us))
            for read in reads:
                self._record(pipeline, read)
        self._traffic_us = until_us

    def _due(self, until_us: int) -> list[tuple[Pipeline, list[Publish], list[Read]]]:
        """Traffic of the time between the last and this, by pipeline."""
        found = []
        minutes = range(self._traffic_us - self._traffic_us % MINUTE_US, until_us, MINUTE_US)
        for pipeline in self.pipelines:
            influence = self.influences[pipeline.id]
            publishes: list[Publish] = []
            reads: list[Read] = []
            for minute_us in minutes:
                if pipeline.rate and not influence.silent:
                    publishes += schedule.publishes(self.seed, pipeline.id, pipeline.rate, minute_us)
                if pipeline.rate:
                    reads += schedule.reads(self.seed, pipeline.id, minute_us, influence.read_factor)
            found.append(
                (
                    pipeline,
                    [each for each in publishes if self._traffic_us <= each.at_us < until_us],
                    [each for each in reads if self._traffic_us <= each.at_us < until_us],
                )
            )
        return found

    def _record(self, pipeline: Pipeline, read: Read) -> None:
        bigquery = self.engines.bigquery
        gone = bigquery.catalog.find(pipeline.table) is None
        missing = (
            f"Not found: Table {pipeline.table.project}:{pipeline.table.dataset}.{pipeline.table.table} was not found"
        )
        bigquery.record_job(
            PROJECT,
            pipeline.location,
            API_USER,
            read.at_us,
            referenced=(pipeline.table,),
            query=f"SELECT * FROM `{pipeline.view}` LIMIT 20",  # noqa: S608 - names of the sandbox's own
            duration_ms=read.duration_ms,
            bytes_processed=0 if gone else read.bytes_processed,
            slot_ms=0 if gone else read.slot_ms,
            error=("notFound", missing) if gone else None,
            job_id=f"read_{pipeline.id}_{read.at_us}",
        )
        self.count_request(pipeline, 500 if gone else 200, read.duration_ms, read.at_us)

    def count_request(self, pipeline: Pipeline, code: int, latency_ms: float, at_us: int) -> None:
        """Note a request to a pipeline's API, as Cloud Run would."""
        self.engines.monitoring.record_request(PROJECT, RUN_LOCATION, service_of(pipeline), code, latency_ms, at_us)

    def take_live(self) -> list[tuple[Pipeline, list[Publish]]]:
        """Messages that are due now, for whoever publishes them over the wire; they are given out once.

        Reads are noted here: over the wire they would use up faults that are meant for the exporter.
        """
        with self._lock:
            now_us = self.settle()
            if now_us <= self._traffic_us:
                return []
            due = self._due(now_us)
            for pipeline, _, reads in due:
                for read in reads:
                    self._record(pipeline, read)
            self._traffic_us = now_us
            return [(pipeline, publishes) for pipeline, publishes, _ in due]
