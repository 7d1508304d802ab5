"""What can be measured of every system, what cannot, and the exact fix; and what measuring will cost."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING

from exporter import observer_look
from exporter.assembly import Parts
from exporter.collection import BIGQUERY_TIMEOUT_S, RPC_TIMEOUT_S
from exporter.errors import SourceError
from exporter.model import Family, System
from exporter.observer import queries
from exporter.observer.facts import Facts
from exporter.observer.usage import MIB, Usage, bill
from exporter.observer_look import Look
from exporter.pricing import Prices
from exporter.snapshots import Subscription
from exporter.snapshots import Table as TableSnapshot
from exporter.sources import pubsub
from exporter.sources.bigquery import landing, statements
from exporter.sources.bigquery.runner import Runner
from exporter.sources.bigquery.statements import LandingRequest
from exporter.windows import align_down, split

if TYPE_CHECKING:
    from google.cloud.bigquery import Table

_DAY = timedelta(days=1)


class Level(StrEnum):
    """How much a finding costs: nothing (``note`` is worth knowing all the same), some values, or all of them."""

    OK = "ok"
    NOTE = "note"
    PARTLY = "partly"
    NOT = "not"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; ``remedy`` is empty where nothing is to be done."""

    level: Level
    what: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What was found for one system, what reading its table costs a month, and what is known of how busy it is."""

    system: System
    findings: tuple[Finding, ...]
    bytes_per_month: int | None
    usd_per_month: float | None
    facts: Facts

    @property
    def level(self) -> Level:
        """The worst of the findings."""
        for level in (Level.NOT, Level.PARTLY):
            if any(finding.level is level for finding in self.findings):
                return level
        return Level.OK


def assess(assembled: Parts, now: datetime) -> list[Assessment]:
    """Look at every system; whatever cannot be asked becomes a finding."""
    runner = Runner(assembled.clients.bigquery, assembled.calls.record, BIGQUERY_TIMEOUT_S)
    subscriptions = _Subscriptions(assembled)
    systems = assembled.config.systems
    with ThreadPoolExecutor(16) as pool:
        look = observer_look.look(runner, pool, systems, now)
        return list(pool.map(lambda system: _assess(assembled.prices, runner, subscriptions, look, system), systems))


class _Subscriptions:
    """Listings of subscriptions, one per project."""

    def __init__(self, assembled: Parts) -> None:
        self._found: dict[str, dict[str, Subscription] | SourceError] = {}
        names = [system.subscription for system in assembled.config.systems]
        names += [s.dead_letter_subscription for s in assembled.config.systems if s.dead_letter_subscription]
        for project in {name.split("/")[1] for name in names}:
            try:
                self._found[project] = pubsub.subscriptions(
                    assembled.clients.subscriber, project, assembled.calls.record, RPC_TIMEOUT_S
                )
            except SourceError as error:
                self._found[project] = error

    def get(self, name: str) -> Subscription | None:
        """One subscription, or None where there is none; raises ``SourceError`` where it cannot be known."""
        found = self._found[name.split("/")[1]]
        if isinstance(found, SourceError):
            raise found
        return found.get(name)

    def of_topic(self, topic: str) -> list[str]:
        """Names of the known subscriptions of a topic."""
        listings = [found for found in self._found.values() if isinstance(found, dict)]
        return [name for found in listings for name, each in found.items() if each.topic == topic]


def _assess(prices: Prices, runner: Runner, subscriptions: _Subscriptions, look: Look, system: System) -> Assessment:
    findings = list(_subscription_findings(system, subscriptions))
    try:
        table = runner.table(str(system.table))
    except SourceError as error:
        findings.append(Finding(Level.NOT, f"table {system.table}: {error}", error.remedy))
        return Assessment(system, tuple(findings), None, None, Facts())
    findings += _table_findings(system, table)
    measured, bytes_per_s = _landing(runner, system, table, look.now)
    findings.append(measured)
    if bytes_per_s is not None and system.columns.subscription_name in {field.name for field in table.schema}:
        findings += _foreign_rows(runner, system, table, look.now)
    for project, denied in look.denied(system).items():
        findings.append(Finding(Level.PARTLY, f"no query costs: {denied}", f"grant bigquery.jobs.listAll on {project}"))
    facts = look.facts(system, bytes_per_s or Fraction(0))
    if bytes_per_s is None:
        return Assessment(system, tuple(findings), None, None, facts)
    minimum = prices["query_minimum_mib_per_table"] * MIB
    billed = queries.bytes_billed([system], {system.id: facts}, minimum)[system.id, Family.LANDING]
    usd = float(bill(Usage(bytes_billed=billed), prices).total)
    return Assessment(system, tuple(findings), round(billed), usd, facts)


def _subscription_findings(system: System, subscriptions: _Subscriptions) -> Iterator[Finding]:
    try:
        found = subscriptions.get(system.subscription)
    except SourceError as error:
        yield Finding(Level.PARTLY, f"state of the subscription: {error}", error.remedy)
        return
    if found is None:
        yield Finding(Level.NOT, f"{system.subscription} does not exist", "correct subscription, or create it")
        return
    if not found.active:
        yield Finding(Level.PARTLY, f"subscription is {found.state}", "docs/runbooks.md, subscription broken")
    if not found.table:
        yield Finding(Level.NOT, "no BigQuery subscription", f"name the subscription that writes to {system.table}")
    elif found.table.replace(":", ".") != str(system.table):
        yield Finding(Level.NOT, f"it writes to {found.table}", f"set table: {found.table}, or correct subscription")
    if found.table and not found.write_metadata:
        remedy = "turn on write_metadata, and add its columns to the table"
        yield Finding(Level.PARTLY, "no latency: rows do not say when they were published", remedy)
    if found.topic != system.topic:
        yield Finding(Level.PARTLY, f"it belongs to {found.topic}", f"set topic: {found.topic}")
    if found.filter:
        yield Finding(Level.PARTLY, "no loss: the subscription has a filter, what it drops is not counted anywhere")
    yield from _dead_letter_findings(system, found, subscriptions)


def _dead_letter_findings(system: System, found: Subscription, subscriptions: _Subscriptions) -> Iterator[Finding]:
    if not found.dead_letter_topic:
        remedy = "add a dead-letter policy, so that errors are counted in messages"
        yield Finding(Level.PARTLY, "errors are counted in attempts: no dead-letter policy", remedy)
        return
    if system.dead_letter_subscription is not None:
        try:
            missing = subscriptions.get(system.dead_letter_subscription) is None
        except SourceError as error:
            yield Finding(Level.PARTLY, f"dead-letter subscription: {error}", error.remedy)
            return
        if missing:
            yield Finding(Level.PARTLY, f"{system.dead_letter_subscription} does not exist", "create it")
    elif not subscriptions.of_topic(found.dead_letter_topic):
        remedy = "give it a subscription, and name it as dead_letter_subscription"
        yield Finding(Level.PARTLY, f"{found.dead_letter_topic} has no subscription: what goes there is lost", remedy)


def _table_findings(system: System, table: Table) -> Iterator[Finding]:
    if table.location.lower() != system.location.lower():
        yield Finding(
            Level.NOT, f"the table is in {table.location}, not in {system.location}", f"set location: {table.location}"
        )
    if table.table_type != "TABLE" and system.columns.ingest_time is None:
        remedy = "name the table that the subscription writes to, or set columns.ingest_time"
        yield Finding(
            Level.NOT,
            f"{system.table} is a {table.table_type.lower()}: appended rows can be read from tables only",
            remedy,
        )
    names = {field.name for field in table.schema}
    for column, loss in (
        (system.columns.publish_time, "latency"),
        (system.columns.message_id, "duplicates"),
        (system.columns.subscription_name, "distinction from rows of other subscriptions"),
    ):
        if column not in names:
            remedy = "turn on write_metadata and add its columns, or name the column under columns"
            yield Finding(Level.PARTLY, f"no {loss}: the table has no column {column}", remedy)


def _foreign_rows(runner: Runner, system: System, table: Table, now: datetime) -> Iterator[Finding]:
    """Name who else wrote to the table in the last day: such rows do not count."""
    try:
        found = landing.foreign_rows(runner, system, max(now - _DAY, table.created), now)
    except SourceError as error:
        yield Finding(Level.PARTLY, f"rows of others are unknown: {error}", error.remedy)
        return
    for writer, rows in found.items():
        yield Finding(Level.NOTE, f"{rows} rows of the last day do not count: written by {writer}")


def _landing(runner: Runner, system: System, table: Table, now: datetime) -> tuple[Finding, Fraction | None]:
    """Dry-run one collection: whether it can be done, and the bytes that it processes per second of the time that it covers."""
    length = timedelta(seconds=system.window_s)
    end = align_down(now - timedelta(seconds=15), length)
    covered = max(length, timedelta(seconds=system.interval_s))
    windows = split(end - covered, end, length)
    kind = "BASE TABLE" if table.table_type == "TABLE" else table.table_type
    seen = TableSnapshot(kind, table.created, frozenset(field.name for field in table.schema))
    statement = statements.landing([LandingRequest(system, windows, seen)])
    try:
        processed = runner.dry_run(statement, system.project, system.location)
    except SourceError as error:
        if error.reason == "accessDenied":
            remedy = (
                f"grant bigquery.tables.getData on {system.table}; until then rows are counted from WRITE_API_TIMELINE"
            )
            return Finding(Level.PARTLY, f"no latency: {error}", remedy), None
        return Finding(Level.NOT, f"what landed cannot be read: {error}", error.remedy), None
    seconds = int(covered.total_seconds()) + system.duplicate_lookback_s
    return Finding(Level.OK, "latency, messages and duplicates can be measured"), Fraction(processed, seconds)
