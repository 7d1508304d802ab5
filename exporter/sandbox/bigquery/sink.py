"""Writes of BigQuery subscriptions, as the Storage Write API takes them from Pub/Sub."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.model import TableRef
from exporter.sandbox.bigquery import defaults
from exporter.sandbox.bigquery.catalog import Table, parse_ref
from exporter.sandbox.iam import PUBSUB
from exporter.sandbox.ports import Row, SinkState, TableRefused

if TYPE_CHECKING:
    from exporter.sandbox.bigquery.store import Store

Convert = Callable[[object], object]

_ACCEPTED: dict[str, tuple[str, ...]] = {
    "data": ("BYTES", "STRING", "JSON"),
    "subscription_name": ("STRING",),
    "message_id": ("STRING",),
    "publish_time": ("TIMESTAMP",),
    "attributes": ("STRING", "JSON"),
}
"""Types that a subscription writes to: https://cloud.google.com/pubsub/docs/create-bigquery-subscription."""


@dataclass(frozen=True, slots=True)
class _Route:
    """How rows with certain columns go into a table, while its definition stays the same."""

    ref: TableRef
    location: str
    table: Table
    version: int
    converts: tuple[tuple[int, Convert], ...]


class Sink:
    """Appends batches to tables, with a row of WRITE_API_TIMELINE for each; thread-safe."""

    def __init__(self, engine: Store) -> None:
        self._engine = engine
        self._routes: dict[tuple[str, tuple[str, ...]], _Route] = {}

    def append(self, table: str, columns: Sequence[str], rows: Sequence[Row], commit_us: int) -> dict[int, str]:
        """See ``ports.TableSink``."""
        try:
            route = self._route(table, tuple(columns))
        except TableRefused as refused:
            ref = parse_ref(table)
            for location in self._engine.catalog.locations([ref]):
                self._note(ref, location, commit_us, self._code(refused.state), len(rows), 0)
            raise
        conduct = self._engine.conduct.now
        bad: dict[int, str] = {}
        if route.converts:
            rows, bad = _converted(rows, route.converts)
        if bad and not conduct.row_refused_alone:
            bad = {row: bad.get(row, next(iter(bad.values()))) for row in range(len(rows) + len(bad))}
            rows = []
        if bad:
            self._note(route.ref, route.location, commit_us, conduct.timeline_error_code_row, len(bad), 0)
        if rows:
            if conduct.defaults_filled:
                columns, rows = defaults.filled(self._engine, route.table, columns, rows, commit_us)
            size = route.table.contents.append(columns, rows, commit_us)
            self._note(route.ref, route.location, commit_us, conduct.timeline_error_code_ok, len(rows), size)
        return bad

    def _code(self, state: SinkState) -> str:
        """``error_code`` of a write that a table refused as a whole."""
        conduct = self._engine.conduct.now
        codes = {
            "NOT_FOUND": conduct.timeline_error_code_missing_table,
            "PERMISSION_DENIED": conduct.timeline_error_code_denied,
            "SCHEMA_MISMATCH": conduct.timeline_error_code_mismatch,
        }
        return codes.get(state, "FAILED_PRECONDITION")

    def _note(self, ref: TableRef, location: str, at_us: int, code: str, rows: int, size: int) -> None:
        conduct = self._engine.conduct.now
        if conduct.timeline_has_subscription_writes:
            self._engine.journal.wrote(ref, location, at_us, code, rows, size, conduct.timeline_stream_type)

    def _route(self, name: str, columns: tuple[str, ...]) -> _Route:
        known = self._routes.get((name, columns))
        if not self._engine.iam.allowed(PUBSUB, "bigquery.tables.updateData", name):
            raise TableRefused("PERMISSION_DENIED", f"The service agent lacks bigquery.tables.updateData on {name}")
        if (
            known is not None
            and self._engine.catalog.find(known.ref) is known.table
            and known.table.version == known.version
        ):
            return known
        ref = parse_ref(name)
        table = self._engine.catalog.find(ref)
        if not isinstance(table, Table):
            raise TableRefused("NOT_FOUND", f"Table {name} does not exist")
        by_name = {column.name.lower(): column for column in table.columns}
        converts: list[tuple[int, Convert]] = []
        for place, column in enumerate(columns):
            target = by_name.get(column.lower())
            if target is None or target.type.kind not in _ACCEPTED.get(column, (target.type.kind,)):
                have = "no such column" if target is None else f"type {target.type}"
                raise TableRefused("SCHEMA_MISMATCH", f"Column {column} of {name}: {have}")
            convert = _CONVERTS.get((column, target.type.kind))
            if convert is not None:
                converts.append((place, convert))
        filled = self._engine.conduct.now.defaults_filled
        missing = [
            item.name
            for item in table.columns
            if item.mode == "REQUIRED" and item.name not in columns and not (filled and item.default)
        ]
        if missing:
            raise TableRefused("SCHEMA_MISMATCH", f"Required column {missing[0]} of {name} gets no value")
        location = self._engine.catalog.dataset(ref.project, ref.dataset).location
        route = _Route(ref, location, table, table.version, tuple(converts))
        self._routes[name, columns] = route
        return route


def _converted(rows: Sequence[Row], converts: tuple[tuple[int, Convert], ...]) -> tuple[list[Row], dict[int, str]]:
    good: list[Row] = []
    bad: dict[int, str] = {}
    for number, row in enumerate(rows):
        values = list(row)
        try:
            for place, convert in converts:
                values[place] = convert(values[place])
        except ValueError as error:
            bad[number] = str(error)
        else:
            good.append(tuple(values))
    return good, bad


def _utf8(value: object) -> str:
    assert isinstance(value, bytes)
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise ValueError("data is not valid UTF-8") from error


def _json(value: object) -> str:
    text = _utf8(value)
    try:
        json.loads(text)
    except ValueError as error:
        raise ValueError(f"data is not valid JSON: {error}") from error
    return text


_CONVERTS: dict[tuple[str, str], Convert] = {("data", "STRING"): _utf8, ("data", "JSON"): _json}
