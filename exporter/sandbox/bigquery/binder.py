"""Binds a GoogleSQL syntax tree to tables and types and writes DuckDB SQL for it: names, operators, literals, casts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from sqlglot import exp

from exporter.sandbox.bigquery.errors import ApiError, invalid_query
from exporter.sandbox.bigquery.scope import Ambiguous, Query, Relation, Scope, Value, column_of, field_of, merge
from exporter.sandbox.bigquery.syntax import Source
from exporter.sandbox.bigquery.types import JSON, Type


class Queries(Protocol):
    """What expressions need of the translation of queries."""

    def query(self, node: exp.Expr, scope: Scope | None) -> Query:
        """Translate a query expression."""
        ...


Rule = Callable[["Binder", exp.Expr, Scope], Value]


class Binder:
    """Translates expressions; one instance per statement (or branch of a union).

    ``parameters`` are the types of the named (``@name``) or positional (``1``, ``2``, ...) parameters.
    """

    def __init__(
        self, source: Source, parameters: Mapping[str, Type], rules: Mapping[type[exp.Expr], Rule], queries: Queries
    ) -> None:
        self.source = source
        self.parameters = parameters
        self.queries = queries
        self.used: set[str] = set()
        self.volatile = False
        self._positions: dict[int, int] = {}
        self._rules = rules
        self._aliases = 0

    def alias(self) -> str:
        """A DuckDB alias that is not taken."""
        self._aliases += 1
        return f"s{self._aliases}"

    def fail(self, message: str, node: exp.Expr | None) -> ApiError:
        """An invalidQuery error at a node."""
        return self.source.fail(message, node)

    def expr(self, node: exp.Expr, scope: Scope) -> Value:
        """Translate an expression; raises ``ApiError`` (invalidQuery)."""
        rule = self._rules.get(type(node))
        if rule is None:
            raise self.fail(f"{type(node).__name__} expressions are not supported by this BigQuery", node)
        value = rule(self, node, scope)
        if value.loose and scope.groups and value.sql in scope.groups:
            value = Value(value.sql, value.type, value.origins)
        return value

    def parameter(self, name: str, kind: Type) -> str:
        """Use a parameter: its DuckDB placeholder, cast to its type."""
        self.used.add(name)
        return f"CAST(${name} AS {kind.duckdb})"

    def position(self, node: exp.Expr) -> int:
        """The number of a positional parameter, in order of appearance."""
        return self._positions.setdefault(id(node), len(self._positions) + 1)

    def now(self) -> str:
        """The time at which the job started."""
        self.volatile = True
        return self.parameter("now", Type("TIMESTAMP"))


def column(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """A name, which may be a column, an alias, a relation, or a path into a struct or JSON value."""
    parts = [part for part in (node.args.get(key) for key in ("catalog", "db", "table", "this")) if part is not None]
    return path(binder, parts, node, scope)


def dot(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """A field of an expression."""
    name = node.args["expression"]
    if not isinstance(name, exp.Identifier):
        raise binder.fail(f"Function not found: {node.sql(dialect='bigquery')}", node)
    return field(binder, binder.expr(node.this, scope), name)


def path(binder: Binder, parts: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> Value:
    """Resolve a dotted name, innermost scope first."""
    current: Scope | None = scope
    while current is not None:
        try:
            found = _resolve(binder, parts, current)
        except Ambiguous:
            raise binder.fail(f"Column name {parts[0].name} is ambiguous", node) from None
        if found is not None:
            if current is scope and parts[0].name.lower() not in scope.aliases:
                found.loose = ((found.sql, node),)
            return found
        current = current.parent
    raise binder.fail(f"Unrecognized name: {parts[0].name}", parts[0])


def _resolve(binder: Binder, parts: Sequence[exp.Expr], scope: Scope) -> Value | None:
    first = parts[0].name
    rest = parts[1:]
    value: Value | None = None
    if first.lower() in scope.aliases:
        found = scope.aliases[first.lower()]
        value = Value(found.sql, found.type, found.origins, aggregate=found.aggregate)
    elif rest and (relation := scope.relation(first)) is not None:
        value = _relation_column(binder, relation, rest[0])
        rest = rest[1:]
    elif (stored := scope.column(first)) is not None:
        value = Value(stored.sql, stored.type, stored.origins)
    elif (relation := scope.relation(first)) is not None:
        value = relation.row()
    if value is None:
        return None
    for part in rest:
        value = field(binder, value, part)
    return value


def _relation_column(binder: Binder, relation: Relation, part: exp.Expr) -> Value:
    found = column_of(relation, part.name)
    if found is None and relation.value is not None:
        return field(binder, relation.reference(relation.value), part)
    if found is None:
        raise binder.fail(f"Name {part.name} not found inside {relation.name}", part)
    return Value(found.sql, found.type, found.origins)


def field(binder: Binder, value: Value, name: exp.Expr) -> Value:
    """A field of a struct or of a JSON object."""
    if value.type.kind == "JSON":
        key = name.name.replace('"', '\\"').replace("'", "''")
        return Value(f"json_extract({value.sql}, '$.\"{key}\"')", JSON, value.origins, value.loose)
    if value.type.kind != "STRUCT":
        raise binder.fail(f"Cannot access field {name.name} on a value with type {value.type}", name)
    found = value.type.field(name.name)
    if found is None:
        raise binder.fail(f"Field name {name.name} does not exist in {value.type}", name)
    return field_of(value, *found)


def parameter(binder: Binder, node: exp.Expr, _scope: Scope) -> Value:
    """A query parameter, ``@name`` or ``?``."""
    if isinstance(node, exp.Placeholder):
        name = str(binder.position(node))
        missing = f"Query parameter number {name} is not defined"
    else:
        name, missing = node.name.lower(), f"Query parameter '{node.name}' not found"
    if name not in binder.parameters:
        found = re.search(rf"@{re.escape(node.name)}\b", binder.source.text) if node.name else None
        raise invalid_query(missing + (binder.source.at(found.start()) if found else ""))
    kind = binder.parameters[name]
    return Value(binder.parameter(f"p_{name}", kind), kind, constant=True)


def text(value: str) -> str:
    """A DuckDB string literal."""
    return "'" + value.replace("'", "''") + "'"


def call(name: str, kind: Type, *parts: Value) -> Value:
    """A call of a DuckDB function."""
    return merge(f"{name}({', '.join(part.sql for part in parts)})", kind, parts)
