"""Asks every source at once for what the plan needs; whatever fails becomes a value in the snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from exporter import calls
from exporter.attention import shows_trouble
from exporter.calls import CallLog
from exporter.circuits import Circuits
from exporter.clients import Clients
from exporter.errors import SourceError
from exporter.landings import LandingCollector
from exporter.model import Failure, System
from exporter.plan import SystemPlan
from exporter.snapshots import Landing, Readings, Storage, Subscription, TableQueries, Timeline
from exporter.sources import pubsub
from exporter.sources.bigquery import schema
from exporter.sources.bigquery.runner import Runner
from exporter.sources.monitoring import DEFAULT_DELAY, SIGNS, MonitoringSource
from exporter.windows import HOUR

BIGQUERY_TIMEOUT_S = 15.0
RPC_TIMEOUT_S = 10.0
_RPC_THREADS = 48
_SOURCE_THREADS = 32

K = TypeVar("K")

Queries = dict[tuple[str, datetime], tuple[TableQueries, ...]]


@dataclass(slots=True)
class Snapshot:
    """What the sources answered in one cycle; what they did not answer is missing, and in ``failures``.

    ``collected`` names the systems of which anything new was told. ``queries`` and ``storage`` are by table; ``queries_known`` names
    ``project/system`` where JOBS answered. ``spend_held`` names systems whose costs a passing failure keeps incomplete: they wait for
    the next cycle.
    """

    landings: dict[str, tuple[Landing, ...]] = field(default_factory=dict)
    readings: dict[str, Readings] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    projects_listed: set[str] = field(default_factory=set)
    queries: Queries = field(default_factory=dict)
    queries_known: set[str] = field(default_factory=set)
    timelines: dict[str, Timeline] = field(default_factory=dict)
    storage: dict[str, Storage] = field(default_factory=dict)
    spend_held: set[str] = field(default_factory=set)
    collected: set[str] = field(default_factory=set)
    failures: list[Failure] = field(default_factory=list)
    bytes_billed: int = 0

    def after(self, before: Snapshot) -> Snapshot:
        """As the end of what was collected in parts: details of the parts before are used up, and each failure is told once."""
        new = [failure for failure in self.failures if failure not in before.failures]
        return replace(
            self,
            subscriptions={**before.subscriptions, **self.subscriptions},
            projects_listed=before.projects_listed | self.projects_listed,
            storage={**before.storage, **self.storage},
            collected=before.collected | self.collected,
            failures=[*before.failures, *new],
            bytes_billed=before.bytes_billed + self.bytes_billed,
        )


class Collector:
    """Holds the clients and what is worth remembering between cycles: table metadata, storage, delays, quarantine."""

    def __init__(self, clients: Clients, log: CallLog, circuits: Circuits) -> None:
        self._clients = clients
        self._on_call = log.record
        self._circuits = circuits
        self._rpc = ThreadPoolExecutor(_RPC_THREADS, thread_name_prefix="rpc")
        self._sources = ThreadPoolExecutor(_SOURCE_THREADS, thread_name_prefix="source")
        self.runner = Runner(clients.bigquery, log.record, BIGQUERY_TIMEOUT_S, circuits=circuits)
        self._monitoring = MonitoringSource(
            clients.monitoring, self._rpc, log.record, RPC_TIMEOUT_S, on_series=log.returned, circuits=circuits
        )
        self._landing = LandingCollector(self.runner, self._rpc)
        self._storage: dict[str, Storage] = {}
        self._listings: dict[str, tuple[datetime, dict[str, Subscription]]] = {}
        self._unseen: list[Failure] = []
        self._delays: dict[str, timedelta] = {}

    def close(self) -> None:
        """End the threads; calls under way end at their time-outs."""
        self._rpc.shutdown(wait=False, cancel_futures=True)
        self._sources.shutdown(wait=False, cancel_futures=True)

    def delivery_delay(self, systems: Sequence[System]) -> timedelta:
        """After how long Pub/Sub's metrics are complete: the slowest of all projects, asked once."""
        for project in {system.topic.split("/")[1] for system in systems} - self._delays.keys():
            try:
                self._delays[project] = self._monitoring.delay(project)
            except SourceError:
                return max([*self._delays.values(), DEFAULT_DELAY])
        return max(self._delays.values(), default=DEFAULT_DELAY)

    def tell_time(self, system: System) -> None:
        """Make BigQuery answer anything at all: a clock listens to its answers."""
        with suppress(SourceError):
            self.runner.table(str(system.table))

    def absolve(self) -> None:
        """Forget what the last collection held against tables: it was made at a wrong time."""
        self._landing.absolve()

    def look(self, systems: Sequence[System], until: datetime, now: datetime) -> set[str]:
        """Systems of which backlog or failed attempts say, up to ``until`` where these are complete, that something is wrong.

        What could not be asked is told with the next collection.
        """
        if not systems:
            return set()
        longest = max(timedelta(seconds=system.window_s) for system in systems)
        found = self._monitoring.collect(systems, until - HOUR - longest, now, SIGNS)
        self._unseen += found.failures
        return {
            system.id
            for system in systems
            if system.id in found.readings and shows_trouble(system, found.readings[system.id], until)
        }

    def collect(self, plans: Sequence[SystemPlan], now: datetime) -> Snapshot:
        """Ask all sources concurrently."""
        self._landing.begin()
        snapshot = Snapshot(failures=self._unseen)
        self._unseen = []
        tasks: list[Future[Callable[[Snapshot], None]]] = []
        for group in _grouped(plans, lambda plan: _place(plan.system)).values():
            tasks.append(self._sources.submit(self._collect_landing, group, now))
            tasks.append(self._sources.submit(self._collect_storage, group, now))
        tasks += [self._sources.submit(self._collect_queries, *asked) for asked in _query_groups(plans)]
        tasks.append(self._sources.submit(self._collect_readings, [plan for plan in plans if plan.delivery_asked]))
        projects = {plan.system.subscription.split("/")[1] for plan in plans}
        tasks += [self._sources.submit(self._collect_subscriptions, project, now) for project in projects]
        for task in tasks:
            task.result()(snapshot)
        self._recall_subscriptions(snapshot, now)
        snapshot.collected = {name for name, found in snapshot.landings.items() if found} | set(snapshot.readings)
        return snapshot

    def _collect_landing(self, plans: Sequence[SystemPlan], now: datetime) -> Callable[[Snapshot], None]:
        found = self._landing.collect(plans, now)

        def put(snapshot: Snapshot) -> None:
            snapshot.landings |= found.landings
            snapshot.failures += found.failures
            snapshot.bytes_billed += found.bytes_billed
            if found.timeline is not None:
                snapshot.timelines |= {plan.system.id: found.timeline for plan in plans}
            if any(failure.source == "writes" and failure.transient for failure in found.failures):
                snapshot.spend_held |= {plan.system.id for plan in plans}

        return put

    def _collect_storage(self, plans: Sequence[SystemPlan], now: datetime) -> Callable[[Snapshot], None]:
        """Ask what is stored, once an hour; an hour's cost takes the last answer."""
        asked = [
            plan.system
            for plan in plans
            if plan.storage_due or (plan.spend and str(plan.system.table) not in self._storage)
        ]
        failures: list[Failure] = []
        billed = 0
        if asked:
            for system in asked:
                self._storage.pop(str(system.table), None)
            try:
                found, billed = schema.storage(self.runner, self._rpc, asked, now)
                self._storage |= found
            except SourceError as error:
                failures.append(calls.failure("storage", error))
        known = {
            name: self._storage[name] for name in {str(plan.system.table) for plan in plans} & self._storage.keys()
        }

        def put(snapshot: Snapshot) -> None:
            snapshot.storage |= known
            snapshot.failures += failures
            if any(failure.transient for failure in failures):
                snapshot.spend_held |= {system.id for system in asked}
            snapshot.bytes_billed += billed

        return put

    def _collect_queries(self, project: str, plans: Sequence[SystemPlan]) -> Callable[[Snapshot], None]:
        start = min(plan.spend[0].start for plan in plans)
        end = max(plan.spend[-1].end for plan in plans)
        systems = [plan.system for plan in plans]
        try:
            found, billed = schema.queries(self.runner, project, systems, start, end)
        except SourceError as error:
            failure = calls.failure("jobs", error)

            def fail(snapshot: Snapshot) -> None:
                snapshot.failures.append(failure)
                if failure.transient:
                    snapshot.spend_held |= {system.id for system in systems}

            return fail

        def put(snapshot: Snapshot) -> None:
            for key, queries in found.items():
                snapshot.queries[key] = snapshot.queries.get(key, ()) + queries
            snapshot.queries_known |= {f"{project}/{system.id}" for system in systems}
            snapshot.bytes_billed += billed

        return put

    def _collect_readings(self, plans: Sequence[SystemPlan]) -> Callable[[Snapshot], None]:
        if not plans:
            return lambda _: None
        windows = [plan.delivery_asked for plan in plans]
        # A gauge at the start of the first window may be two minutes older than it.
        start = min(asked[0].start for asked in windows) - timedelta(minutes=2, seconds=1)
        end = max(asked[-1].end for asked in windows)
        found = self._monitoring.collect([plan.system for plan in plans], start, end)

        def put(snapshot: Snapshot) -> None:
            snapshot.readings |= found.readings
            snapshot.failures += found.failures

        return put

    def _collect_subscriptions(self, project: str, now: datetime) -> Callable[[Snapshot], None]:
        try:
            found = pubsub.subscriptions(
                self._clients.subscriber, project, self._on_call, RPC_TIMEOUT_S, circuits=self._circuits
            )
        except SourceError as error:
            failure = calls.failure("pubsub", error)
            return lambda snapshot: snapshot.failures.append(failure)
        self._listings[project] = (now, found)
        return lambda _: None

    def _recall_subscriptions(self, snapshot: Snapshot, now: datetime) -> None:
        """Use the last listing of each project, where it is not too old to say how things are."""
        for project, (at, found) in self._listings.items():
            if now - at <= HOUR:
                snapshot.subscriptions |= found
                snapshot.projects_listed.add(project)


def _place(system: System) -> tuple[str, str, str]:
    return system.project, system.table.project, system.location


def _grouped(plans: Iterable[SystemPlan], key: Callable[[SystemPlan], K]) -> dict[K, list[SystemPlan]]:
    groups: dict[K, list[SystemPlan]] = {}
    for plan in plans:
        groups.setdefault(key(plan), []).append(plan)
    return groups


def _query_groups(plans: Sequence[SystemPlan]) -> list[tuple[str, list[SystemPlan]]]:
    """Systems whose queries are asked for together: by the project that the queries run in, and the location."""
    groups: dict[tuple[str, str], list[SystemPlan]] = {}
    for plan in plans:
        if plan.spend:
            for project in {plan.system.project, *plan.system.query_projects}:
                groups.setdefault((project, plan.system.location), []).append(plan)
    return [(project, group) for (project, _), group in groups.items()]
