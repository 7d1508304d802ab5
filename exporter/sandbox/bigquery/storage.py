"""The rows of tables: appended in Python, held by DuckDB, with their commit times and logical bytes."""

# ruff: noqa: S608 - the SQL is made of names of our own; what callers send goes in as parameters

from __future__ import annotations

import itertools
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from exporter.sandbox.bigquery.types import FIXED_BYTES, Column, Type, quote

COMMIT = "__commit_us"
"""The hidden column that holds a row's commit time, microseconds."""

ORIGIN = "__origin"
"""The hidden column that says how a row came in, one of ``STREAM``, ``INSERT``, ``LOAD`` and ``COPY``."""

STREAM, INSERT, LOAD, COPY = range(4)

FLUSH_ROWS = 50_000
"""Buffered rows at which a table writes them to DuckDB without being asked."""

_numbers = itertools.count(1)


class _Batch(NamedTuple):
    """Rows that came in with one commit."""

    names: tuple[str, ...]
    rows: Sequence[Sequence[object]]
    commit_us: int
    origin: int


class Contents:
    """One table's rows: a buffer of appended batches before a DuckDB table, and sums of bytes per commit and column."""

    def __init__(self, database: duckdb.DuckDBPyConnection, columns: Sequence[Column]) -> None:
        self.name = f"t{next(_numbers)}"
        self._database = database
        self._lock = threading.RLock()
        self._columns = list(columns)
        self._places = {column.name: place for place, column in enumerate(columns)}
        self._batches: list[_Batch] = []
        self._buffered = 0
        self._commits: list[int] = []
        self._rows: list[int] = [0]
        self._bytes: list[tuple[int, ...]] = [(0,) * len(columns)]
        definition = ", ".join(f"{quote(column.name)} {column.type.duckdb}" for column in columns)
        hidden = f"{quote(COMMIT)} BIGINT, {quote(ORIGIN)} UTINYINT"
        self._cursor().execute(f"CREATE TABLE {self.name} ({definition + ', ' if definition else ''}{hidden})")

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        return self._database.cursor()

    def append(
        self, names: Sequence[str], rows: Sequence[Sequence[object]], commit_us: int, origin: int = STREAM
    ) -> int:
        """Add rows in one commit and return their logical bytes; values are already of their columns' types.

        A TIMESTAMP is an int of microseconds; JSON is its text. A commit is never earlier than the one before it.
        """
        with self._lock:
            if self._commits:
                commit_us = max(commit_us, self._commits[-1])
            total = list(self._bytes[-1])
            for name, values in zip(names, zip(*rows, strict=True), strict=True):
                place = self._places[name]
                total[place] += logical_bytes(self._columns[place].type, values)
            added = sum(total) - sum(self._bytes[-1])
            self._commits.append(commit_us)
            self._rows.append(self._rows[-1] + len(rows))
            self._bytes.append(tuple(total))
            self._batches.append(_Batch(tuple(names), rows, commit_us, origin))
            self._buffered += len(rows)
            if self._buffered >= FLUSH_ROWS:
                self.flush()
            return added

    def flush(self) -> None:
        """Write what is buffered into DuckDB, so that a query sees it."""
        with self._lock:
            batches, self._batches, self._buffered = self._batches, [], 0
            if not batches:
                return
            cursor = self._cursor()
            for names, group in itertools.groupby(batches, key=lambda batch: batch.names):
                self._insert(cursor, names, list(group))

    def _insert(self, cursor: duckdb.DuckDBPyConnection, names: tuple[str, ...], batches: list[_Batch]) -> None:
        rows = list(itertools.chain.from_iterable(batch.rows for batch in batches))
        table = arrow_table(rows, [self._columns[self._places[name]].type for name in names])
        commits = list(itertools.chain.from_iterable([batch.commit_us] * len(batch.rows) for batch in batches))
        origins = list(itertools.chain.from_iterable([batch.origin] * len(batch.rows) for batch in batches))
        table = table.append_column(COMMIT, pa.array(commits, type=pa.int64()))
        cursor.register("batch", table.append_column(ORIGIN, pa.array(origins, type=pa.uint8())))
        targets = ", ".join(quote(name) for name in (*names, COMMIT, ORIGIN))
        kinds = [self._columns[self._places[name]].type for name in names]
        sources = [f"CAST(c{place} AS {kind.duckdb})" for place, kind in enumerate(kinds)]
        cursor.execute(
            f"INSERT INTO {self.name} ({targets}) SELECT {', '.join([*sources, quote(COMMIT), quote(ORIGIN)])} FROM batch"
        )
        cursor.unregister("batch")

    def select(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a query of DuckDB over what has been flushed."""
        return self._cursor().execute(sql).fetchall()

    def arrow(self, sql: str) -> pa.Table:
        """Run a query of DuckDB over everything, into Arrow."""
        self.flush()
        return self._cursor().sql(sql).to_arrow_table()

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns there are."""
        return tuple(self._columns)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self._rows[-1]

    @property
    def last_commit_us(self) -> int | None:
        """When the last rows came in, or None when there are none."""
        return self._commits[-1] if self._commits else None

    def bytes_of(self, columns: Iterable[str]) -> int:
        """Logical bytes of some columns over all rows."""
        with self._lock:
            return sum(self._bytes[-1][self._places[name]] for name in columns)

    def rows_at(self, at_us: int) -> int:
        """How many rows there were at a time, those of that very moment included."""
        with self._lock:
            return self._rows[bisect_right(self._commits, at_us)]

    def bytes_at(self, columns: Iterable[str], at_us: int) -> int:
        """Logical bytes of some columns over the rows that there were at a time."""
        with self._lock:
            sums = self._bytes[bisect_right(self._commits, at_us)]
            return sum(sums[self._places[name]] for name in columns)

    def bytes_between(self, columns: Iterable[str], start_us: int, end_us: int) -> int:
        """Logical bytes of some columns over the rows that were committed in ``[start, end)``."""
        with self._lock:
            first = bisect_left(self._commits, start_us)
            last = max(first, bisect_left(self._commits, end_us))
            before, after = self._bytes[first], self._bytes[last]
            return sum(after[self._places[name]] - before[self._places[name]] for name in columns)

    def add_column(self, column: Column) -> None:
        """Add a column, which is NULL in the rows there are."""
        with self._lock:
            self.flush()
            self._cursor().execute(f"ALTER TABLE {self.name} ADD COLUMN {quote(column.name)} {column.type.duckdb}")
            self._places[column.name] = len(self._columns)
            self._columns.append(column)
            self._bytes = [(*sums, 0) for sums in self._bytes]

    def drop_column(self, name: str) -> None:
        """Take a column and its values out."""
        with self._lock:
            self.flush()
            self._cursor().execute(f"ALTER TABLE {self.name} DROP COLUMN {quote(name)}")
            place = self._places[name]
            del self._columns[place]
            self._places = {column.name: at for at, column in enumerate(self._columns)}
            self._bytes = [sums[:place] + sums[place + 1 :] for sums in self._bytes]

    def drop(self) -> None:
        """Take the rows out of DuckDB for good."""
        with self._lock:
            self._batches = []
            self._cursor().execute(f"DROP TABLE {self.name}")


def arrow_table(rows: Sequence[Sequence[object]], kinds: Sequence[Type]) -> pa.Table:
    """Rows as an Arrow table with columns ``c0``, ``c1``, ... of these types."""
    values: Iterable[Sequence[object]] = zip(*rows, strict=True) if rows else [()] * len(kinds)
    arrays = [pa.array(column, type=arrow_type(kind)) for column, kind in zip(values, kinds, strict=True)]
    return pa.Table.from_arrays(arrays, names=[f"c{place}" for place in range(len(kinds))])


def temporary(
    cursor: duckdb.DuckDBPyConnection, name: str, columns: Sequence[Column], rows: Sequence[Sequence[object]]
) -> None:
    """Put rows into a temporary table of a cursor."""
    cursor.register(f"{name}_rows", arrow_table(rows, [column.type for column in columns]))
    listed = ", ".join(
        f"CAST(c{place} AS {column.type.duckdb}) AS {quote(column.name)}" for place, column in enumerate(columns)
    )
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {listed} FROM {name}_rows")
    cursor.unregister(f"{name}_rows")


def logical_bytes(kind: Type, values: Sequence[Any]) -> int:
    """Logical bytes of a column's values; ``types.FIXED_BYTES`` names the source."""
    present = values if None not in values else [value for value in values if value is not None]
    if kind.kind in ("STRING", "JSON"):
        return 2 * len(present) + len("".join(present).encode())
    if kind.kind == "BYTES":
        return 2 * len(present) + sum(map(len, present))
    if kind.kind == "ARRAY":
        return sum(logical_bytes(kind.item, value) for value in present)
    if kind.kind == "STRUCT":
        return sum(logical_bytes(part, [value.get(name) for value in present]) for name, part in kind.fields)
    return FIXED_BYTES.get(kind.kind, 0) * len(present)


_ARROW = {
    "INT64": pa.int64(),
    "FLOAT64": pa.float64(),
    "NUMERIC": pa.decimal128(38, 9),
    "BIGNUMERIC": pa.decimal128(38, 18),
    "BOOL": pa.bool_(),
    "STRING": pa.string(),
    "BYTES": pa.binary(),
    "DATE": pa.date32(),
    "DATETIME": pa.timestamp("us"),
    "TIME": pa.time64("us"),
    "TIMESTAMP": pa.timestamp("us", tz="UTC"),
    "JSON": pa.string(),
}


def arrow_type(kind: Type) -> pa.DataType:
    """The Arrow type in which values of a type go to DuckDB."""
    if kind.kind == "ARRAY":
        return pa.list_(arrow_type(kind.item))
    if kind.kind == "STRUCT":
        return pa.struct([pa.field(name, arrow_type(part)) for name, part in kind.fields])
    return _ARROW.get(kind.kind, pa.string())
