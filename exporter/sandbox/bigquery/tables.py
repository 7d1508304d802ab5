"""What stands in a FROM clause: tables, views, APPENDS, INFORMATION_SCHEMA, common table expressions, arrays."""

# ruff: noqa: S608 - the SQL is made of names of our own; what callers send goes in as parameters

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from exporter.model import TableRef
from exporter.sandbox.bigquery.binder import Binder, path
from exporter.sandbox.bigquery.catalog import Table, View
from exporter.sandbox.bigquery.errors import ApiError, invalid, invalid_query
from exporter.sandbox.bigquery.information_schema import SCHEMA_VIEWS, SchemaView
from exporter.sandbox.bigquery.scope import USUAL_APPENDS, Appends, Output, Query, Relation, Scope, Value
from exporter.sandbox.bigquery.storage import COMMIT, ORIGIN
from exporter.sandbox.bigquery.types import DATE, INT64, STRING, TIMESTAMP, Column, quote

REWRITTEN_US = 600_000_000
"""Where change history is told not to be repeatable, rows move by so much when they are so old."""


@dataclass(slots=True)
class Scan:
    """One reference of a statement to a table or view, and the columns of it that are read.

    For APPENDS, ``start`` and ``end`` name the statement's bounds (see ``Unit``); a view's own tables are scans beside it.
    """

    ref: TableRef
    item: Table | View
    version: int
    appends: bool = False
    start: str | None = None
    end: str | None = None
    columns: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Virtual:
    """An INFORMATION_SCHEMA view that a statement reads; ``qualifier`` is a location or a dataset."""

    name: str
    view: SchemaView
    project: str
    location: str | None
    dataset: str | None

    @property
    def title(self) -> str:
        """The view's name as errors and referenced tables write it."""
        where = self.dataset if self.dataset is not None else f"region-{(self.location or '').lower()}"
        return f"{self.project}:{where}.INFORMATION_SCHEMA.{self.view.name}"


@dataclass(slots=True)
class Unit:
    """What a statement needs besides its SQL: scans, virtual tables, and time bounds by parameter name with their SQL."""

    project: str
    dataset: tuple[str, str] | None
    lookup: Callable[[TableRef], Table | View]
    scans: list[Scan] = field(default_factory=list)
    virtuals: dict[str, Virtual] = field(default_factory=dict)
    bounds: dict[str, str] = field(default_factory=dict)  # s..., e..., v...: a start, an end, a version
    bound_parameters: set[str] = field(default_factory=set)
    appends: Appends = USUAL_APPENDS
    viewing: tuple[TableRef, ...] = ()

    def read(self, value: Value | Output) -> None:
        """Note that the stored columns behind a value are read."""
        for number, name in value.origins:
            self.scans[number].columns.add(name)


ViewQuery = Callable[[View, Unit], Query]


def names_of(node: exp.Expr) -> list[str]:
    """The dotted name of a table, part by part, whatever way it was quoted."""
    parts = (node.args.get(key) for key in ("catalog", "db", "this"))
    return [name for part in parts if part is not None for name in part.name.split(".")]


def table(binder: Binder, unit: Unit, node: exp.Table, scope: Scope, view_query: ViewQuery) -> tuple[str, Relation]:
    """A named table, a table-valued function, or an array of an earlier table, as SQL and as a relation."""
    alias = binder.alias()
    for key in ("pivots", "sample", "hints"):
        if node.args.get(key):
            raise binder.fail("PIVOT, UNPIVOT and TABLESAMPLE are not supported by this BigQuery", node)
    if isinstance(node.this, exp.Anonymous):
        return _function(binder, unit, node, scope, alias)
    names = names_of(node)
    called = node.alias or names[-1]
    if len(names) == 1 and (cte := scope.cte(names[0])) is not None:
        return f"{cte.sql} AS {alias}", Relation(alias, called, cte.outputs)
    if len(names) > 1 and scope.relation(names[0]) is not None:
        parts = [exp.to_identifier(name) for name in names]
        return unnest(binder, path(binder, parts, node, scope), alias, node.alias or names[-1], None, node)
    if "INFORMATION_SCHEMA" in (name.upper() for name in names):
        return _schema_view(unit, names, called, alias)
    ref = reference(unit, names)
    if ref.table.endswith("*"):
        raise binder.fail("Wildcard tables are not supported by this BigQuery", node)
    item = unit.lookup(ref)
    scan = Scan(ref, item, item.version)
    unit.scans.append(scan)
    if isinstance(item, View):
        query = view_query(item, unit)
        return f"({query.sql}) AS {alias}", Relation(alias, called, query.outputs)
    until = ""
    if version := node.args.get("version"):
        bound = _bound(unit, "v", *_constant(binder, version.args["expression"]))
        until = f" WHERE {quote(COMMIT)} <= CAST(${bound} AS BIGINT)"
    return _stored(len(unit.scans) - 1, item, alias, called, until)


def reference(unit: Unit, names: Sequence[str]) -> TableRef:
    """The table that a dotted name means; raises ``ApiError`` where the dataset is missing."""
    if len(names) == 1:
        if unit.dataset is None:
            raise invalid(f'Table "{names[0]}" must be qualified with a dataset (e.g. dataset.table).')
        return TableRef(*unit.dataset, names[0])
    if len(names) == 2:
        return TableRef(unit.project, names[0], names[1])
    if len(names) == 3:
        return TableRef(*names)
    raise invalid(f'Invalid table name: "{".".join(names)}"')


def _outputs(number: int, columns: Sequence[Column]) -> list[Output]:
    return [Output(column.name, column.name, column.type, frozenset({(number, column.name)})) for column in columns]


def _stored(number: int, item: Table, alias: str, called: str, condition: str) -> tuple[str, Relation]:
    listed = [quote(column.name) for column in item.columns]
    hidden: list[Output] = []
    if item.pseudo_columns:
        start = f"date_trunc('{item.partitioning}', make_timestamp({quote(COMMIT)}))"
        listed += [f'bq_aware({start}) AS "_PARTITIONTIME"', f'CAST({start} AS DATE) AS "_PARTITIONDATE"']
        hidden = [
            Output("_PARTITIONTIME", "_PARTITIONTIME", TIMESTAMP),
            Output("_PARTITIONDATE", "_PARTITIONDATE", DATE),
        ]
    sql = f"(SELECT {', '.join(listed or ['1'])} FROM {item.contents.name}{condition}) AS {alias}"
    return sql, Relation(alias, called, _outputs(number, item.columns), hidden)


def _constant(binder: Binder, node: exp.Expr) -> tuple[Value, set[str]]:
    """An expression that is computed before the statement runs, and the parameters that it takes."""
    before, binder.used = binder.used, set()
    value = binder.expr(node, Scope())
    needed, binder.used = binder.used, before
    return value, needed


def _bound(unit: Unit, role: str, value: Value, needed: set[str]) -> str:
    name = f"{role}{zlib.crc32(value.sql.encode()):08x}"
    unit.bounds[name] = value.sql
    unit.bound_parameters |= needed
    return name


def _function(binder: Binder, unit: Unit, node: exp.Table, scope: Scope, alias: str) -> tuple[str, Relation]:
    function = node.this
    name = str(function.this).upper()
    if name != "APPENDS":
        raise binder.fail(f"Table-valued function not found: {function.this}", function)
    target = function.expressions[0]
    arguments: dict[str, exp.Expr] = {}
    for place, argument in enumerate(function.expressions[1:]):
        if isinstance(argument, exp.Kwarg):
            arguments[argument.this.name.lower()] = argument.args["expression"]
        else:
            arguments[("start_timestamp", "end_timestamp")[min(place, 1)]] = argument
    if len(function.expressions) > 3 or set(arguments) - {"start_timestamp", "end_timestamp"}:
        raise binder.fail("No matching signature for table-valued function APPENDS", function)
    names = names_of(target)
    if (len(names) == 1 and scope.cte(names[0]) is not None) or names[-1].endswith("*"):
        raise refused(binder, ".".join(names), target)
    ref = reference(unit, names)
    item = unit.lookup(ref)
    if isinstance(item, View):
        raise refused(binder, f"{ref.project}:{ref.dataset}.{ref.table}", target)
    start = _moment(binder, unit, "s", arguments.get("start_timestamp"), function)
    end = _moment(binder, unit, "e", arguments.get("end_timestamp"), function)
    scan = Scan(ref, item, item.version, appends=True, start=start, end=end)
    unit.scans.append(scan)
    sql = f"({_appended(binder, unit.appends, item, start, end)}) AS {alias}"
    changes = [
        Output("_CHANGE_TYPE", "_CHANGE_TYPE", STRING),
        Output("_CHANGE_TIMESTAMP", "_CHANGE_TIMESTAMP", TIMESTAMP),
    ]
    return sql, Relation(alias, node.alias or None, [*_outputs(len(unit.scans) - 1, item.columns), *changes])


def _appended(binder: Binder, form: Appends, item: Table, start: str | None, end: str | None) -> str:
    """The rows that APPENDS gives of a table, with when they came in."""
    at = quote(COMMIT)
    if not form.repeatable:
        at = f"({at} + CASE WHEN epoch_us({binder.now()}) - {at} < {REWRITTEN_US} THEN 0 ELSE {REWRITTEN_US} END)"
    where = [f"{at} {'>=' if form.start_included else '>'} CAST(${start} AS BIGINT)"] if start else []
    until = f"CAST(${end} AS BIGINT)" if end else f"epoch_us({binder.now()})"
    where.append(f"{at} {'<=' if form.end_included else '<'} {until}")
    if form.delay_us:
        where.append(f"{quote(COMMIT)} <= epoch_us({binder.now()}) - {form.delay_us}")
    if form.unseen:
        where.append(f"{quote(ORIGIN)} NOT IN ({', '.join(map(str, form.unseen))})")
    changed = f"make_timestamptz({at})"
    if form.by_publish_time and any((each.name, each.type) == ("publish_time", TIMESTAMP) for each in item.columns):
        changed = f"coalesce({quote('publish_time')}, {changed})"
    columns = [quote(column.name) for column in item.columns]
    columns += ["'INSERT' AS \"_CHANGE_TYPE\"", f'{changed} AS "_CHANGE_TIMESTAMP"']
    return f"SELECT {', '.join(columns)} FROM {item.contents.name} WHERE {' AND '.join(where)}"


def refused(binder: Binder, name: str, node: exp.Expr) -> ApiError:
    """The error for APPENDS over anything but a regular table."""
    return binder.fail(f"APPENDS is only supported on regular BigQuery tables; {name} is not one", node)


def _moment(binder: Binder, unit: Unit, role: str, node: exp.Expr | None, function: exp.Expr) -> str | None:
    if node is None or isinstance(node, exp.Null):
        return None
    value, needed = _constant(binder, node)
    if value.type.kind not in ("TIMESTAMP", "NULL"):
        raise binder.fail(
            f"No matching signature for table-valued function APPENDS for argument types: TABLE, {value.type}", function
        )
    return _bound(unit, role, value, needed)


def _schema_view(unit: Unit, names: list[str], called: str, alias: str) -> tuple[str, Relation]:
    place = [name.upper() for name in names].index("INFORMATION_SCHEMA")
    before, after = names[:place], names[place + 1 :]
    view = SCHEMA_VIEWS.get(after[0].upper()) if len(after) == 1 else None
    written = ".".join(names)
    if view is None:
        raise ApiError(404, "notFound", f"Not found: Table {written} was not found")
    project = before[0] if len(before) == 2 else unit.project
    qualifier = before[-1] if before else ""
    region = qualifier.lower().startswith("region-")
    if not qualifier or (not region and not view.by_dataset):
        raise invalid_query(
            f"{written} must be qualified with a region: `region-REGION`.INFORMATION_SCHEMA.{view.name}"
        )
    location = qualifier[len("region-") :] if region else None
    name = f"is_{zlib.crc32(f'{view.name}|{project}|{qualifier.lower()}'.encode()):08x}"
    unit.virtuals[name] = Virtual(name, view, project, location, None if region else qualifier)
    outputs = [Output(column.name, column.name, column.type) for column in view.columns]
    return f"{name} AS {alias}", Relation(alias, called, outputs)


def unnest(
    binder: Binder, value: Value, alias: str, called: str | None, offset: str | None, node: exp.Expr
) -> tuple[str, Relation]:
    """An array as a table with one row per element; what the array reads is read."""
    if value.type.kind not in ("ARRAY", "NULL"):
        raise binder.fail(
            f"Values referenced in UNNEST must be arrays. UNNEST contains expression of type {value.type}", node
        )
    number = f', generate_subscripts({value.sql}, 1) - 1 AS "o"' if offset else ""
    sql = f'(SELECT unnest({value.sql}) AS "v"{number}) AS {alias}'
    columns = [Output(offset, "o", INT64)] if offset else []
    element = Output(called or "", "v", value.type.item, value.origins)
    return sql, Relation(alias, called, columns, value=element)
