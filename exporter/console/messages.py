"""The messages of a system as its decoding view shows them: a page at a time, newest first, within a cap on bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from exporter.console import messages_cursor
from exporter.console.messages_cursor import Cursor
from exporter.console.messages_trouble import Kind, Trouble, kind_of
from exporter.console.messages_values import as_json, type_of
from exporter.errors import SourceError
from exporter.model import Columns, System, TableRef
from exporter.sources.bigquery import messages as statements
from exporter.sources.bigquery.messages import Place
from exporter.sources.bigquery.runner import Answer, Runner

BYTES_LIMIT = 2**30
"""What a page may bill at most, unless somebody says otherwise: at list prices well below a cent."""

MAX_ROWS = 500
MAX_PAGE_BYTES = 8 * 2**20
"""A page ends before it is larger than this as JSON, with at least one row: a message may have 10 MB."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column and its type as GoogleSQL writes it."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of JSON values in the order of the columns; ``next`` is the cursor of the page after it, None after the last."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    next: str | None
    bytes_billed: int
    bytes_limit: int


class Messages:
    """Reads pages of views; may be used from several threads."""

    def __init__(self, runner: Runner, bytes_limit: int = BYTES_LIMIT) -> None:
        self._runner = runner
        self._bytes_limit = bytes_limit

    def page(self, system: System, start: datetime, end: datetime, limit: int, cursor: str | None = None) -> Page:
        """Up to ``limit`` rows that were published in ``[start, end)``, or that come after a cursor.

        A cursor goes on in the range of its first page, however much time has passed. Raises ``Trouble``.
        """
        if system.view is None:
            raise Trouble(Kind.MISSING, "the system has no decoding view: name one under `view` in systems.yaml")
        asked = Cursor(start, Place(end)) if cursor is None else _cursor(cursor, system)
        types = self._types(system, system.view)
        answer = self._rows(system, system.view, asked, limit)
        return self._page(system, asked, types, answer, limit)

    def _types(self, system: System, view: TableRef) -> Mapping[str, str]:
        """Types of the view's columns by name; raises ``Trouble`` where it lacks the two that pages are ordered by."""
        try:
            found = self._runner.table(str(view))
        except SourceError as error:
            raise self._trouble(error, view, "bigquery.tables.get") from error
        types = {field.name: type_of(field) for field in found.schema}
        _check_order(view, types, system.columns)
        return types

    def _rows(self, system: System, view: TableRef, asked: Cursor, limit: int) -> Answer:
        """The rows of a page, and one more where there is one."""
        statement = statements.page(view, system.columns, asked.start, asked.place, limit + 1, self._bytes_limit)
        try:
            return self._runner.run(statement, system.project, system.location)
        except SourceError as error:
            raise self._trouble(error, view, "bigquery.tables.getData") from error

    def _page(self, system: System, asked: Cursor, types: Mapping[str, str], answer: Answer, limit: int) -> Page:
        # A view may have changed since its schema was noted: what the rows have is what counts.
        names = list(answer.rows[0]) if answer.rows else list(types)
        columns = tuple(Column(name, types.get(name, "unknown")) for name in names)
        rows: list[tuple[Any, ...]] = []
        size = 0
        for row in answer.rows[:limit]:
            values = tuple(as_json(row[name]) for name in names)
            size += len(json.dumps(values, ensure_ascii=False).encode())
            if rows and size > MAX_PAGE_BYTES:
                break
            rows.append(values)
        more = len(answer.rows) > len(rows)
        following = _after(system, asked, answer.rows[: len(rows)]) if more else None
        return Page(columns, tuple(rows), following, answer.bytes_billed, self._bytes_limit)

    def _trouble(self, error: SourceError, view: TableRef, permission: str) -> Trouble:
        kind = kind_of(error)
        limit = self._bytes_limit
        sentences = {
            Kind.MISSING: f"{view}, or something that it reads, is not there: make it, or name another under `view` in systems.yaml",
            Kind.DENIED: (
                f"BigQuery denies it: grant the exporter's service account {permission} on {view} and on what it reads, "
                "and bigquery.jobs.create on the system's project (docs/permissions.md)"
            ),
            Kind.TOO_MANY_BYTES: (
                f"the page would bill {_needed(error)} and may bill {limit} bytes: ask for a shorter range of time, which helps where the "
                "view's table is partitioned by its publish time, or let the view read fewer columns"
            ),
            Kind.TOO_SLOW: f"BigQuery did not answer within {self._runner.timeout_s:g} s: ask for a shorter range of time",
            Kind.UNAVAILABLE: f"BigQuery cannot be asked now ({error.reason}): try again later",
            Kind.REFUSED: f"BigQuery does not run the query of {view} ({error.reason}): try the view by hand",
        }
        return Trouble(kind, sentences[kind])


def _check_order(view: TableRef, types: Mapping[str, str], columns: Columns) -> None:
    """Raise ``Trouble`` where a view lacks what its rows are ordered by."""
    known = {name.lower(): kind for name, kind in types.items()}  # names of columns know no case
    wanted = {"publish_time": (columns.publish_time, "TIMESTAMP"), "message_id": (columns.message_id, "STRING")}
    for key, (name, kind) in wanted.items():
        found = known.get(name.lower())
        if found != kind:
            what = f"has no column {name}" if found is None else f"has a column {name} of type {found}, not {kind}"
            raise Trouble(
                Kind.UNFIT,
                f"{view} {what}, by which its rows would be ordered: let it select that column of the table, "
                f"or name another under `columns.{key}` in systems.yaml",
            )


def _cursor(text: str, system: System) -> Cursor:
    try:
        return messages_cursor.read(text, system.id)
    except ValueError as error:
        raise Trouble(
            Kind.BAD_CURSOR, "cursor: this is no cursor of this system: leave it out to begin with the newest message"
        ) from error


def _after(system: System, asked: Cursor, rows: Sequence[Mapping[str, Any]]) -> str:
    """The cursor behind these rows, which are at least one."""
    names = {name.lower(): name for name in rows[0]}
    time_column = names[system.columns.publish_time.lower()]
    id_column = names[system.columns.message_id.lower()]

    def key(row: Mapping[str, Any]) -> tuple[datetime, str]:
        return row[time_column], row[id_column] or ""

    last = key(rows[-1])
    alike = sum(key(row) == last for row in rows)
    if last == (asked.place.from_time, asked.place.from_id):
        alike += asked.place.skipped
    return messages_cursor.write(Cursor(asked.start, Place(*last, alike)), system.id)


def _needed(error: SourceError) -> str:
    """What BigQuery says that a query would bill; its message is the only place where it stands."""
    found = re.search(r"(\d+) or higher required", str(error))
    return f"{found[1]} bytes" if found else "more bytes than that"
