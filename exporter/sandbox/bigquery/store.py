"""The state of the sandbox's BigQuery: datasets, tables, views and rows, and what can be done with them."""

# ruff: noqa: S608 - the SQL is made of names of our own; what callers send goes in as parameters

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from exporter.model import TableRef
from exporter.sandbox.bigquery import database
from exporter.sandbox.bigquery.catalog import Catalog, Dataset, Table, View, check_names
from exporter.sandbox.bigquery.errors import ApiError, already_exists, invalid, permission_denied
from exporter.sandbox.bigquery.execution import Execution, Lookup, canonical
from exporter.sandbox.bigquery.journal import Journal
from exporter.sandbox.bigquery.sink import Sink
from exporter.sandbox.bigquery.storage import COMMIT, STREAM, Contents
from exporter.sandbox.bigquery.translation import Context, Translations
from exporter.sandbox.bigquery.types import Column, column, quote, size_sql
from exporter.sandbox.clock import Clock
from exporter.sandbox.conduct import InForce
from exporter.sandbox.faults import Faults
from exporter.sandbox.iam import EXPORTER, Iam
from exporter.sandbox.ports import Row

Field = Column | Mapping[str, Any]


class Store:
    """Datasets and tables of every project; thread-safe.

    It is the ``ports.TableSink`` of the sandbox's Pub/Sub. ``timeline_lag_us`` is how far WRITE_API_TIMELINE lags behind,
    ``default_wait_ms`` how long jobs.query and jobs.getQueryResults wait for a job where they are not told.
    """

    def __init__(self, clock: Clock, faults: Faults, iam: Iam, conduct: InForce | None = None) -> None:
        self.conduct = conduct or InForce()
        self.clock = clock
        self.faults = faults
        self.iam = iam
        self.user = "exporter@sandbox.iam.gserviceaccount.com"
        self.timeline_lag_us = 0
        self.default_wait_ms = 10_000
        self.lock = threading.RLock()
        self.database = database.connect()
        self.catalog = Catalog()
        self.journal = Journal(self.database)
        self.translations = Translations()
        self.execution = Execution(self)
        self._sink = Sink(self)
        self._hung: set[TableRef] = set()

    # Datasets and tables

    def create_dataset(
        self,
        project: str,
        dataset: str,
        location: str = "US",
        *,
        max_time_travel_hours: int = 168,
        created_us: int | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> Dataset:
        """Make a dataset; raises ``ApiError`` where the name is bad or taken."""
        if not 48 <= max_time_travel_hours <= 168:
            raise invalid("maxTimeTravelHours must be between 48 and 168", "maxTimeTravelHours")
        at_us = self.clock.now_us() if created_us is None else created_us
        made = Dataset(
            project, dataset, canonical(location), at_us, at_us, max_time_travel_hours, dict(properties or {})
        )
        with self.lock:
            self.catalog.add_dataset(made)
        return made

    def delete_dataset(self, project: str, dataset: str, *, contents: bool = False) -> None:
        """Take a dataset away; raises ``ApiError`` while there is something in it, unless ``contents``."""
        with self.lock:
            found = self.catalog.dataset(project, dataset)
            if found.items and not contents:
                raise ApiError(400, "resourceInUse", f"Dataset {project}:{dataset} is still in use")
            for item in list(found.items.values()):
                self.delete_table(item.ref)
            self.catalog.remove_dataset(project, dataset)
            self.iam.forget(f"{project}.{dataset}")

    def create_table(
        self,
        ref: TableRef,
        schema: Sequence[Field],
        *,
        partitioned: str | None = None,
        partition_field: str | None = None,
        created_us: int | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> Table:
        """Make a table; ``schema`` are columns or the API's TableFieldSchemas, ``partitioned`` is HOUR, DAY, MONTH or YEAR.

        Raises ``ApiError`` for a bad schema, a missing dataset or a taken name.
        """
        columns = _columns(schema)
        check_names(columns)
        if partitioned not in (None, "HOUR", "DAY", "MONTH", "YEAR"):
            raise invalid(f"Invalid time partitioning type: {partitioned}", "timePartitioning.type")
        at_us = self.clock.now_us() if created_us is None else created_us
        with self.lock:
            self.catalog.dataset(ref.project, ref.dataset)
            if self.catalog.find(ref) is not None:
                raise already_exists("Table", f"{ref.project}:{ref.dataset}.{ref.table}")
            contents = Contents(self.database, columns)
            made = Table(ref, columns, at_us, at_us, contents, partitioned, partition_field, dict(properties or {}))
            self.catalog.add(made)
        return made

    def create_view(
        self, ref: TableRef, sql: str, *, created_us: int | None = None, properties: Mapping[str, Any] | None = None
    ) -> View:
        """Make a view; raises ``ApiError`` where its query is invalid or its name is taken."""
        at_us = self.clock.now_us() if created_us is None else created_us
        with self.lock:
            made = View(ref, sql, self.view_columns(ref, sql), at_us, at_us, dict(properties or {}))
            self.catalog.add(made)
        return made

    def view_columns(self, ref: TableRef, sql: str) -> tuple[Column, ...]:
        """The columns of a view's query; raises ``ApiError`` where it is invalid."""
        location = self.catalog.dataset(ref.project, ref.dataset).location
        context = Context(ref.project, None, location)
        return self.translations.query(sql, context, Lookup(self.catalog, location)).columns

    def delete_table(self, ref: TableRef) -> None:
        """Take a table or view away; raises ``ApiError`` (notFound)."""
        with self.lock:
            gone = self.catalog.remove(ref)
            self._hung.discard(ref)
            self.iam.forget(str(ref))
        if isinstance(gone, Table):
            gone.contents.drop()

    def table(self, ref: TableRef) -> Table:
        """A regular table; raises ``ApiError`` (notFound, or invalid for a view)."""
        found = self.catalog.item(ref)
        if isinstance(found, View):
            raise invalid(
                f"{ref.project}:{ref.dataset}.{ref.table} is not allowed for this operation because it is a VIEW."
            )
        return found

    def add_column(self, ref: TableRef, field: Field) -> None:
        """Add a column, even a REQUIRED one, which Pub/Sub then gives no value: SCHEMA_MISMATCH."""
        added = _columns([field])[0]
        with self.lock:
            table = self.table(ref)
            check_names((*table.columns, added))
            table.contents.add_column(added)
            table.columns = (*table.columns, added)
            table.touch(self.clock.now_us())

    def drop_column(self, ref: TableRef, name: str) -> None:
        """Take a column away; raises ``ApiError`` where there is none."""
        with self.lock:
            table = self.table(ref)
            if all(item.name != name for item in table.columns):
                raise invalid(f"Column not found: {name}")
            table.columns = tuple(item for item in table.columns if item.name != name)
            table.touch(self.clock.now_us())
            table.contents.drop_column(name)

    def set_columns(self, ref: TableRef, schema: Sequence[Field]) -> None:
        """Replace a table's schema as the API lets one: columns may be added and relaxed, not taken away or retyped."""
        wanted = _columns(schema)
        check_names(wanted)
        name = f"{ref.project}:{ref.dataset}.{ref.table}"
        with self.lock:
            table = self.table(ref)
            by_name = {item.name.lower(): item for item in wanted}
            for have in table.columns:
                new = by_name.get(have.name.lower())
                if new is None:
                    raise invalid(
                        f"Provided Schema does not match Table {name}. Field {have.name} is missing in new schema"
                    )
                if new.type != have.type:
                    raise invalid(
                        f"Provided Schema does not match Table {name}. Field {have.name} has changed type "
                        f"from {have.type} to {new.type}"
                    )
                if new.mode == "REQUIRED" != have.mode:
                    raise invalid(
                        f"Provided Schema does not match Table {name}. Field {have.name} has changed mode "
                        "from NULLABLE to REQUIRED"
                    )
            known = {item.name.lower() for item in table.columns}
            added = [item for item in wanted if item.name.lower() not in known]
            if any(item.mode == "REQUIRED" for item in added):
                raise invalid(
                    f"Provided Schema does not match Table {name}. Cannot add required fields to an existing schema."
                )
            for item in added:
                table.contents.add_column(item)
            kept = (replace(by_name[item.name.lower()], name=item.name) for item in table.columns)
            table.columns = (*kept, *added)
            table.touch(self.clock.now_us())

    # Rows

    def append(self, table: str, columns: Sequence[str], rows: Sequence[Row], commit_us: int) -> dict[int, str]:
        """Append rows of a BigQuery subscription; see ``ports.TableSink``."""
        return self._sink.append(table, columns, rows, commit_us)

    def insert(
        self, ref: TableRef, columns: Sequence[str], rows: Sequence[Sequence[object]], origin: int = STREAM
    ) -> None:
        """Append rows of a load, a copy, an INSERT or a streaming insert, in one commit at the clock's time."""
        if rows:
            self.table(ref).contents.append(columns, rows, self.clock.now_us(), origin)

    def table_rows(self, ref: TableRef) -> pa.Table:
        """A table's rows for the dump: message_id, publish_time, commit_time, subscription_name, bytes; what it lacks is NULL."""
        table = self.table(ref)
        names = {item.name.lower(): item for item in table.columns}
        commit = quote(COMMIT)

        def pick(name: str, kind: str) -> str:
            known = name in names and names[name].type.duckdb == kind
            return f"{quote(names[name].name) if known else f'CAST(NULL AS {kind})'} AS {name}"

        size = " + ".join(size_sql(quote(item.name), item.type) for item in table.columns) or "0"
        return table.contents.arrow(
            f"SELECT {pick('message_id', 'VARCHAR')}, {pick('publish_time', 'TIMESTAMPTZ')}, "
            f"make_timestamptz({commit}) AS commit_time, {pick('subscription_name', 'VARCHAR')}, "
            f"CAST({size} AS BIGINT) AS bytes FROM {table.contents.name} ORDER BY {commit}, rowid"
        )

    def demand(self, permission: str, kind: str, resource: str, shown: str) -> None:
        """Raise ``ApiError`` (accessDenied) where the caller lacks a permission."""
        if not self.iam.allowed(EXPORTER, permission, resource):
            raise permission_denied(kind, shown, permission)


def _columns(schema: Sequence[Field]) -> tuple[Column, ...]:
    return tuple(item if isinstance(item, Column) else column(item) for item in schema)
