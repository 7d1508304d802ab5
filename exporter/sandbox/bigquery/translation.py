"""From the text of a query to something that DuckDB can run: translated once per text, and once per branch of a union."""

# ruff: noqa: S608 - the SQL is made of names of our own; what callers send goes in as parameters

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import duckdb
from sqlglot import exp

from exporter.model import TableRef
from exporter.sandbox.bigquery.catalog import Table, View
from exporter.sandbox.bigquery.errors import ApiError, invalid_query
from exporter.sandbox.bigquery.queries import Translator
from exporter.sandbox.bigquery.scope import USUAL_APPENDS, Appends, Output, Query
from exporter.sandbox.bigquery.syntax import Source, branches, parse, understood
from exporter.sandbox.bigquery.tables import Scan, Unit, Virtual
from exporter.sandbox.bigquery.types import Column, Type, quote

TEXTS = 100
BRANCHES = 2_000
"""How many translations are remembered, of whole texts (which may be half a megabyte each) and of branches of unions."""

K = TypeVar("K")
V = TypeVar("V")

Lookup = Callable[[TableRef], Table | View]


@dataclass(frozen=True, slots=True)
class Context:
    """What the meaning of a text depends on besides the catalog."""

    project: str
    dataset: tuple[str, str] | None
    location: str | None
    parameters: tuple[tuple[str, Type], ...] = ()
    appends: Appends = USUAL_APPENDS


@dataclass(slots=True)
class Translation:
    """A query in DuckDB SQL, its columns, and all that it refers to.

    ``sql`` yields values as ``rows`` encodes them, ``raw`` yields them as DuckDB holds them. ``parameters`` are the placeholders
    in them, ``bound_parameters`` those in ``bounds``.
    """

    raw: str
    sql: str
    columns: tuple[Column, ...]
    scans: list[Scan]
    virtuals: dict[str, Virtual]
    bounds: dict[str, str]
    parameters: frozenset[str]
    bound_parameters: frozenset[str]
    volatile: bool
    _statement: duckdb.Statement | None = None

    def statement(self, cursor: duckdb.DuckDBPyConnection) -> duckdb.Statement:
        """``sql`` parsed by DuckDB, once."""
        if self._statement is None:
            self._statement = cursor.extract_statements(self.sql)[0]
        return self._statement


@dataclass(slots=True)
class _Branch:
    query: Query
    unit: Unit
    used: frozenset[str]
    volatile: bool


def _current(scans: Sequence[Scan], lookup: Lookup) -> bool:
    """Whether every table and view is still what it was when a text was translated."""
    try:
        return all(lookup(scan.ref).version == scan.version for scan in scans)
    except ApiError:
        return False


class Translations:
    """Translates texts and remembers the last ``TEXTS`` and ``BRANCHES``; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._whole: OrderedDict[tuple[str, Context], Translation] = OrderedDict()
        self._parts: OrderedDict[tuple[str, Context], _Branch] = OrderedDict()
        self._trees: OrderedDict[str, list[exp.Expr]] = OrderedDict()

    def statements(self, text: str) -> list[exp.Expr]:
        """The syntax trees of a text; raises ``ApiError`` (invalidQuery)."""
        with self._lock:
            known = self._trees.get(text)
        if known is None:
            known = parse(Source(text))
            self._remember(self._trees, text, known, TEXTS)
        return known

    def query(self, text: str, context: Context, lookup: Lookup) -> Translation:
        """The translation of a query; raises ``ApiError``."""
        key = (text, context)
        with self._lock:
            known = self._whole.get(key)
            if known is not None:
                self._whole.move_to_end(key)
        if known is not None and _current(known.scans, lookup):
            return known
        sources = branches(text)
        done = [self._branch(source, context, lookup) for source in sources]
        translation = self._assemble(sources, done, context, lookup)
        self._remember(self._whole, key, translation, TEXTS)
        return translation

    def tree(self, node: exp.Expr, text: str, context: Context, lookup: Lookup) -> Translation:
        """The translation of a query inside another statement, as in CREATE ... AS or INSERT."""
        done = _translate(Source(text), node, context, lookup)
        return self._assemble([Source(text)], [done], context, lookup)

    def _branch(self, source: Source, context: Context, lookup: Lookup) -> _Branch:
        key = (source.text, context)
        with self._lock:
            known = self._parts.get(key)
        if known is not None and _current(known.unit.scans, lookup):
            return known
        trees = parse(source)
        if len(trees) > 1:
            raise invalid_query("Multi-statement queries are not supported by this BigQuery")
        done = _translate(source, trees[0], context, lookup)
        self._remember(self._parts, key, done, BRANCHES)
        return done

    def _assemble(
        self, sources: Sequence[Source], done: Sequence[_Branch], context: Context, lookup: Lookup
    ) -> Translation:
        query = done[0].query
        if len(done) > 1:
            joiner = Translator(sources[0], Unit(context.project, context.dataset, lookup), {})
            places = [source.at(len(source.text) - len(source.text.lstrip())) for source in sources]
            query = joiner.combine([branch.query for branch in done], "UNION ALL", places)
        query = _flat(query)
        _check_duplicates(query.outputs)
        columns = tuple(_column(output) for output in query.outputs)
        return Translation(
            raw=query.sql,
            sql=_exported(query),
            columns=columns,
            scans=[scan for branch in done for scan in branch.unit.scans],
            virtuals={name: virtual for branch in done for name, virtual in branch.unit.virtuals.items()},
            bounds={name: sql for branch in done for name, sql in branch.unit.bounds.items()},
            parameters=frozenset().union(*(branch.used for branch in done)),
            bound_parameters=frozenset().union(*(branch.unit.bound_parameters for branch in done)),
            volatile=any(branch.volatile for branch in done),
        )

    def _remember(self, cache: OrderedDict[K, V], key: K, value: V, size: int) -> None:
        with self._lock:
            cache[key] = value
            cache.move_to_end(key)
            while len(cache) > size:
                cache.popitem(last=False)


def _translate(source: Source, tree: exp.Expr, context: Context, lookup: Lookup) -> _Branch:
    unit = Unit(context.project, context.dataset, lookup, appends=context.appends)
    translator = Translator(source, unit, dict(context.parameters))
    with understood(source):
        query = translator.query(tree, None)
    for output in query.outputs:
        unit.read(output)
    binder = translator.binder
    used = frozenset(binder.used | set(unit.bounds))
    return _Branch(query, unit, used, binder.volatile)


def _flat(query: Query) -> Query:
    """The fields of a result of SELECT AS STRUCT as columns."""
    if not query.value_table or query.outputs[0].type.kind != "STRUCT":
        return query
    element = query.outputs[0]
    fields = ", ".join(f'r."{element.column}".{quote(name)} AS {quote(name)}' for name, _ in element.type.fields)
    outputs = [Output(name, name, kind, element.origins) for name, kind in element.type.fields]
    return Query(f"SELECT {fields} FROM ({query.sql}) AS r", outputs)


def _check_duplicates(outputs: Sequence[Output]) -> None:
    seen: set[str] = set()
    for output in outputs:
        if output.name.lower() in seen:
            raise invalid_query(
                "Duplicate column names in the result are not supported when a destination table is present. "
                f"Found duplicate(s): {output.name}"
            )
        seen.add(output.name.lower())


def _column(output: Output) -> Column:
    return Column(output.name or "f0_", output.type)


def _exported(query: Query) -> str:
    """The query with its times as plain numbers and texts, so that no time zone or calendar gets between."""
    columns = [export(f"r.{quote(output.column)}", output.type) for output in query.outputs]
    if columns == [f"r.{quote(output.column)}" for output in query.outputs]:
        return query.sql
    return f"SELECT {', '.join(columns)} FROM ({query.sql}) AS r"


def storable(translation: Translation, kinds: Sequence[Type]) -> str:
    """A translation's rows as ``storage.Contents.append`` takes them, in columns of these types."""
    columns = [f"CAST(c{place} AS {kind.duckdb})" for place, kind in enumerate(kinds)]
    listed = [f"epoch_us({sql})" if kind.kind == "TIMESTAMP" else sql for sql, kind in zip(columns, kinds, strict=True)]
    names = ", ".join(f"c{place}" for place in range(len(kinds)))
    return f"SELECT {', '.join(listed)} FROM ({translation.raw}) AS r({names})"


def export(reference: str, kind: Type) -> str:
    """A value as it leaves DuckDB: TIMESTAMP as microseconds, INTERVAL as its canonical text."""
    if kind.kind == "TIMESTAMP":
        return f"epoch_us({reference})"
    if kind.kind == "INTERVAL":
        return f"bq_interval_text({reference})"
    if kind.kind in ("DATETIME", "DATE", "TIME"):
        return f"CAST({reference} AS VARCHAR)" if kind.kind == "DATE" else f"bq_{kind.kind.lower()}_text({reference})"
    if kind.kind == "ARRAY" and _changes(kind):
        return f"list_transform({reference}, lambda x: {export('x', kind.item)})"
    if kind.kind == "STRUCT" and _changes(kind):
        parts = [f"{quote(name)}: {export(f'{reference}.{quote(name)}', inner)}" for name, inner in kind.fields]
        return f"CASE WHEN {reference} IS NOT NULL THEN {{{', '.join(parts)}}} END"
    return reference


def _changes(kind: Type) -> bool:
    if kind.kind == "ARRAY":
        return _changes(kind.item)
    if kind.kind == "STRUCT":
        return any(_changes(inner) for _, inner in kind.fields)
    return kind.kind in ("TIMESTAMP", "INTERVAL", "DATETIME", "DATE", "TIME")


MACROS = r"""
CREATE MACRO bq_interval_text(x) AS
  CASE WHEN year(x) < 0 OR month(x) < 0 THEN '-' ELSE '' END || abs(year(x)) || '-' || abs(month(x))
  || ' ' || day(x) || ' '
  || CASE WHEN hour(x) < 0 OR minute(x) < 0 OR microsecond(x) < 0 THEN '-' ELSE '' END
  || abs(hour(x)) || ':' || abs(minute(x)) || ':' || abs(microsecond(x)) // 1000000
  || bq_fraction(abs(microsecond(x)));
"""
"""DuckDB macros that the translations use."""
