"""Runs query jobs: analysis, permissions, limits, bytes, the cache of results, and DuckDB."""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb
from sqlglot import exp

from exporter.model import TableRef
from exporter.sandbox.bigquery import history, metadata
from exporter.sandbox.bigquery.billing import billed, bytes_by_table, slot_ms
from exporter.sandbox.bigquery.catalog import Catalog, Table, View
from exporter.sandbox.bigquery.database import translated
from exporter.sandbox.bigquery.errors import ApiError, dataset_not_found, table_denied
from exporter.sandbox.bigquery.jobs import Job, Request, Result
from exporter.sandbox.bigquery.parameters import Parameter, parse_parameters
from exporter.sandbox.bigquery.rows import check_arrays
from exporter.sandbox.bigquery.storage import temporary
from exporter.sandbox.bigquery.tables import Virtual, names_of
from exporter.sandbox.bigquery.translation import Context, Translation
from exporter.sandbox.clock import from_us, to_us
from exporter.sandbox.iam import EXPORTER

if TYPE_CHECKING:
    from exporter.sandbox.bigquery.store import Store

CACHE_SIZE = 500
CACHE_US = 24 * 3_600_000_000
"""How long results are cached (https://cloud.google.com/bigquery/docs/cached-results)."""

_SELECT = re.compile(r"(?:\s|--[^\n]*\n|#[^\n]*\n|/\*.*?\*/|\()*(?:SELECT|WITH)\b", re.IGNORECASE | re.DOTALL)


def is_query(text: str) -> bool:
    """Whether a statement is a query, as far as its first word tells."""
    return _SELECT.match(text) is not None


@dataclass(slots=True)
class Plan:
    """A query that may run: its translation, where it runs, the values of its placeholders, and what it will cost."""

    translation: Translation
    location: str
    values: dict[str, object]
    now_us: int
    bytes: dict[TableRef, int]
    referenced: list[TableRef]
    processed: int = 0
    billed: int = 0
    slot_ms: int = 0
    key: str = ""
    bounds: dict[str, int | None] = field(default_factory=dict)


class Execution:
    """Analyses and runs queries over an engine's state; thread-safe."""

    def __init__(self, engine: Store) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._results: OrderedDict[str, tuple[int, list[tuple[int, int]], Result]] = OrderedDict()
        self._cursors: dict[Job, duckdb.DuckDBPyConnection] = {}

    def analyse(self, project: str, request: Request, now_us: int, *, principal: str = EXPORTER) -> Plan:
        """Everything up to running a query of a principal; raises ``ApiError`` for all that BigQuery refuses before it reads."""
        parameters = parse_parameters(request.parameters)
        kinds = tuple(sorted((item.name, item.type) for item in parameters))
        context = Context(
            project, request.default_dataset, request.location, kinds, history.appends(self._engine.conduct.now)
        )
        translation = self._engine.translations.query(
            request.query, context, Lookup(self._engine.catalog, request.location)
        )
        return self.plan(project, request, translation, parameters, now_us, principal=principal)

    def locate(self, project: str, request: Request, now_us: int) -> str:
        """Where a query will run, as far as that can be told, also of one that will fail."""
        if request.location is not None:
            return canonical(request.location)
        try:
            if is_query(request.query):
                return self.analyse(project, request, now_us).location
            trees = self._engine.translations.statements(request.query)
        except ApiError:
            return self._mentioned(project, request)
        for table in trees[0].find_all(exp.Table):
            names = names_of(table)
            ref = TableRef(*([project, *names] if len(names) == 2 else names)) if len(names) in (2, 3) else None
            for location in self._engine.catalog.locations([ref] if ref else []):
                return location
        return self._mentioned(project, request)

    def _mentioned(self, project: str, request: Request) -> str:
        """The location of the first dataset, or of the region, that a text names."""
        if request.default_dataset is not None:
            for location in self._engine.catalog.locations([TableRef(*request.default_dataset, "")]):
                return location
        for match in re.finditer(r"region-([\w-]+)|(?:([\w-]+)`?\.`?)?(\w+)`?\.`?\w+", request.query):
            region, named, dataset = match.groups()
            if region:
                return canonical(region)
            for location in self._engine.catalog.locations([TableRef(named or project, dataset, "")]):
                return location
        return "US"

    def plan(
        self,
        project: str,
        request: Request,
        translation: Translation,
        parameters: list[Parameter],
        now_us: int,
        *,
        principal: str = EXPORTER,
    ) -> Plan:
        """Check a translated query against the catalog's locations, permissions and limits."""
        location = self._location(translation, request.location)
        self._permit(translation, principal)
        values = self._values(translation, parameters, now_us)
        bounds = self._bounds(translation, values)
        history.check(translation.scans, bounds, self._engine.catalog, now_us, self._engine.conduct.now)
        values = {name: value for name, value in values.items() if name in translation.parameters}
        for name, moment in bounds.items():
            values[name] = moment if moment is not None else 0 if name.startswith("s") else now_us
        sizes = bytes_by_table(translation.scans, bounds, now_us, self._engine.conduct.now)
        referenced = list(dict.fromkeys(scan.ref for scan in translation.scans))
        plan = Plan(translation, location, values, now_us, sizes, referenced, bounds=bounds)
        views = len(translation.virtuals)
        plan.billed = billed(sizes, views, self._engine.conduct.now)
        plan.processed = sum(sizes.values()) + (plan.billed if views and not sizes else 0)
        plan.slot_ms = slot_ms(len(sizes) + views, plan.processed)
        plan.key = json.dumps(
            [project, request.query, request.parameters, request.default_dataset], sort_keys=True, default=str
        )
        return plan

    def _location(self, translation: Translation, asked: str | None) -> str:
        location = asked
        for scan in translation.scans:
            dataset = self._engine.catalog.dataset(scan.ref.project, scan.ref.dataset)
            location = location or dataset.location
            if dataset.location.lower() != location.lower():
                raise dataset_not_found(scan.ref.project, scan.ref.dataset, location)
        for virtual in translation.virtuals.values():
            own = self.virtual_location(virtual)
            location = location or own
            if own.lower() != location.lower():
                raise ApiError(
                    404, "notFound", f"Not found: Table {virtual.title} was not found in location {location}"
                )
        return canonical(location or "US")

    def virtual_location(self, virtual: Virtual) -> str:
        """Where an INFORMATION_SCHEMA view is."""
        if virtual.location is not None:
            return virtual.location
        return self._engine.catalog.dataset(virtual.project, virtual.dataset or "").location

    def _permit(self, translation: Translation, principal: str) -> None:
        allowed = self._engine.iam.allowed
        for scan in translation.scans:
            if not allowed(principal, "bigquery.tables.getData", str(scan.ref)):
                raise table_denied(f"{scan.ref.project}:{scan.ref.dataset}.{scan.ref.table}")
        for virtual in translation.virtuals.values():
            resource = virtual.project if virtual.dataset is None else f"{virtual.project}.{virtual.dataset}"
            if not allowed(principal, virtual.view.permission, resource):
                raise table_denied(virtual.title)

    def _values(self, translation: Translation, parameters: list[Parameter], now_us: int) -> dict[str, object]:
        known: dict[str, object] = {f"p_{item.name}": item.value for item in parameters}
        known |= {"now": from_us(now_us), "user": self._engine.user}
        wanted = translation.parameters | translation.bound_parameters
        return {name: known[name] for name in wanted if name in known}

    def _bounds(self, translation: Translation, values: Mapping[str, object]) -> dict[str, int | None]:
        found: dict[str, int | None] = {}
        computed: dict[str, str] = {}
        for name, sql in translation.bounds.items():
            match = re.fullmatch(r"CAST\(\$(\w+) AS TIMESTAMPTZ\)", sql)
            value = values.get(match.group(1)) if match else None
            if match and (value is None or hasattr(value, "tzinfo")):
                found[name] = to_us(value) if value is not None else None  # type: ignore[arg-type]
            else:
                computed[name] = sql
        if computed:
            listed = ", ".join(f"epoch_us({sql})" for sql in computed.values())
            needed = {name: value for name, value in values.items() if f"${name}" in listed}
            try:
                row = self._engine.database.cursor().execute(f"SELECT {listed}", needed).fetchone()
            except duckdb.Error as error:
                raise translated(error) from error
            found |= dict(zip(computed, row or (), strict=True))
        return found

    # Running

    def run(self, job: Job, plan: Plan) -> Result:
        """The rows of a query, from the cache where they are still good; raises ``ApiError``."""
        wanted = job.request is not None and job.request.use_cache and self._engine.conduct.now.query_cached
        cached = self._cached(plan) if wanted else None
        if cached is not None:
            job.cache_hit = True
            return cached
        rows = self.select(plan, None, job)
        check_arrays(rows, plan.translation.columns)
        result = Result(plan.translation.columns, rows)
        self._store(plan, result)
        return result

    def select(self, plan: Plan, sql: str | None = None, job: Job | None = None) -> list[tuple[object, ...]]:
        """Run a plan's translation, or other SQL over the same tables, in DuckDB; raises ``ApiError``."""
        for scan in plan.translation.scans:
            if isinstance(scan.item, Table):
                scan.item.contents.flush()
        cursor = self._engine.database.cursor()
        if job is not None:
            self._cursors[job] = cursor
        try:
            for name, virtual in plan.translation.virtuals.items():
                self._provide(cursor, name, virtual, plan.now_us)
            rows: list[tuple[object, ...]] = cursor.execute(
                sql or plan.translation.statement(cursor), plan.values
            ).fetchall()
        except duckdb.CatalogException as error:
            self._missing(plan)
            raise translated(error) from error
        except duckdb.InterruptException as error:
            raise cancelled("User requested cancellation") from error
        except duckdb.Error as error:
            raise translated(error) from error
        finally:
            if job is not None:
                self._cursors.pop(job, None)
            cursor.close()
        return rows

    def _missing(self, plan: Plan) -> None:
        """Raise ``ApiError`` (notFound) for a table that was deleted since the plan was made."""
        lookup = Lookup(self._engine.catalog, plan.location)
        for scan in plan.translation.scans:
            lookup(scan.ref)

    def interrupt(self, job: Job) -> None:
        """Stop a job that is running in DuckDB."""
        cursor = self._cursors.get(job)
        if cursor is not None:
            cursor.interrupt()

    def _provide(self, cursor: duckdb.DuckDBPyConnection, name: str, virtual: Virtual, now_us: int) -> None:
        engine = self._engine
        location = self.virtual_location(virtual)
        if virtual.view.name == "JOBS":
            engine.journal.jobs_view(cursor, name, virtual.project, location, now_us, engine.conduct.now)
            return
        if virtual.view.name == "WRITE_API_TIMELINE":
            until = now_us - engine.timeline_lag_us - round(engine.conduct.now.timeline_delay_s * 1_000_000)
            engine.journal.timeline_view(cursor, name, virtual.project, location, until)
            return
        datasets = [
            item for item in engine.catalog.datasets(virtual.project) if item.location.lower() == location.lower()
        ]
        if virtual.dataset is not None:
            datasets = [item for item in datasets if item.id == virtual.dataset]
        match virtual.view.name:
            case "TABLE_STORAGE":
                behind_us = round(engine.conduct.now.storage_delay_s * 1_000_000)
                rows = metadata.storage_rows(datasets, now_us, behind_us, engine.journal)
            case "TABLES":
                rows = metadata.tables_rows(datasets)
            case "COLUMNS":
                rows = metadata.columns_rows(datasets)
            case "SCHEMATA":
                rows = metadata.schemata_rows(datasets)
            case "VIEWS":
                rows = metadata.views_rows(datasets)
            case _:
                rows = metadata.partition_rows(metadata.all_tables(datasets))
        temporary(cursor, name, virtual.view.columns, rows)

    # The cache of results

    def _cached(self, plan: Plan) -> Result | None:
        with self._lock:
            entry = self._results.get(plan.key)
        virtual = bool(plan.translation.virtuals) and not self._engine.conduct.now.information_schema_cached
        if entry is None or virtual or plan.now_us - entry[0] > CACHE_US:
            return None
        return entry[2] if entry[1] == _versions(plan) else None

    def _store(self, plan: Plan, result: Result) -> None:
        translation = plan.translation
        virtual = bool(translation.virtuals) and not self._engine.conduct.now.information_schema_cached
        if translation.volatile or virtual or any(scan.appends for scan in translation.scans):
            return
        with self._lock:
            self._results[plan.key] = (plan.now_us, _versions(plan), result)
            while len(self._results) > CACHE_SIZE:
                self._results.popitem(last=False)


def _versions(plan: Plan) -> list[tuple[int, int]]:
    return [
        (scan.item.version, scan.item.contents.rows if isinstance(scan.item, Table) else 0)
        for scan in plan.translation.scans
    ]


@dataclass(frozen=True, slots=True)
class Lookup:
    """How a statement in a location finds tables; without a location, wherever they are."""

    catalog: Catalog
    location: str | None

    def __call__(self, ref: TableRef) -> Table | View:
        """A table or view; raises ``ApiError`` (notFound)."""
        location = self.location
        if location is None:
            location = next(iter(self.catalog.locations([ref])), "US")
        return self.catalog.in_location(ref, location)


def canonical(location: str) -> str:
    """A location as BigQuery writes it: ``US`` and ``EU``, regions in lower case."""
    return location.upper() if location.lower() in ("us", "eu") else location.lower()


def cancelled(why: str) -> ApiError:
    """The error of a job that was stopped."""
    return ApiError(499, "stopped", f"Job execution was cancelled: {why}")
