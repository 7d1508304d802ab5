"""What names mean inside a query: typed SQL fragments, relations, and the scopes that resolve column names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from exporter.sandbox.bigquery.types import Type, quote

Origin = tuple[int, str]
"""A column of a base table that is read: the number of the scan and the column's name."""

NOWHERE: frozenset[Origin] = frozenset()


@dataclass(frozen=True, slots=True)
class Appends:
    """What APPENDS gives: of which rows (``unseen`` are origins that it leaves out), and what it takes for their time."""

    by_publish_time: bool = False
    repeatable: bool = True
    delay_us: int = 0
    start_included: bool = True
    end_included: bool = False
    unseen: tuple[int, ...] = ()


USUAL_APPENDS = Appends()


@dataclass(slots=True)
class Value:
    """A DuckDB expression with its GoogleSQL type.

    ``origins`` are the stored columns that it needs, ``loose`` the columns of its own scope that stand outside of any aggregate
    (their SQL, and the node that names them), ``constant`` marks literals and parameters, which coerce more freely.
    """

    sql: str
    type: Type
    origins: frozenset[Origin] = NOWHERE
    loose: tuple[tuple[str, exp.Expr], ...] = ()
    constant: bool = False
    aggregate: bool = False


def merge(sql: str, kind: Type, parts: Iterable[Value], *, aggregate: bool = False) -> Value:
    """A value made of others: it needs what they need."""
    origins: frozenset[Origin] = NOWHERE
    loose: tuple[tuple[str, exp.Expr], ...] = ()
    constant = True
    for part in parts:
        origins = origins | part.origins if part.origins else origins
        loose += part.loose
        aggregate = aggregate or part.aggregate
        constant = constant and part.constant
    return Value(sql, kind, origins, loose, constant=False, aggregate=aggregate)


@dataclass(slots=True)
class Output:
    """A column of a relation: its name in GoogleSQL, the DuckDB column that holds it, and what it needs."""

    name: str
    column: str
    type: Type
    origins: frozenset[Origin] = NOWHERE


@dataclass(slots=True)
class Relation:
    """Something in a FROM clause: ``alias`` is its DuckDB alias, ``name`` what the query calls it.

    A value table (UNNEST) has one unnamed column ``v``, whose fields are visible where it is a struct. ``hidden`` columns can be
    named but are not part of ``*``.
    """

    alias: str
    name: str | None
    columns: Sequence[Output]
    hidden: Sequence[Output] = ()
    value: Output | None = None

    def reference(self, output: Output) -> Value:
        """A column of the relation as an expression."""
        return Value(f"{self.alias}.{quote(output.column)}", output.type, output.origins)

    def row(self) -> Value:
        """The relation's row: the element of a value table, else a struct of all columns."""
        if self.value is not None:
            return self.reference(self.value)
        parts = [self.reference(output) for output in self.columns]
        names = [(output.name, output.type) for output in self.columns]
        inner = ", ".join(f"{quote(name)}: {part.sql}" for (name, _), part in zip(names, parts, strict=True))
        return merge(f"{{{inner}}}", Type("STRUCT", None, tuple(names)), parts)

    def star(self) -> list[tuple[str, Value]]:
        """The columns that ``*`` stands for."""
        if self.value is not None and self.value.type.kind != "STRUCT":
            return [(self.value.name, self.reference(self.value))]
        if self.value is not None:
            whole = self.reference(self.value)
            return [(name, field_of(whole, name, kind)) for name, kind in self.value.type.fields]
        return [(output.name, self.reference(output)) for output in self.columns]


def field_of(value: Value, name: str, kind: Type) -> Value:
    """A field of a struct value."""
    return Value(f"{value.sql}.{quote(name)}", kind, value.origins, value.loose, aggregate=value.aggregate)


class Ambiguous(Exception):
    """A name that more than one column of a scope bears."""


@dataclass(slots=True)
class Query:
    """A translated query expression: its SQL and its columns."""

    sql: str
    outputs: list[Output]
    value_table: bool = False


@dataclass(slots=True)
class Scope:
    """The names that an expression can use: relations, columns merged by USING, select aliases, common table expressions."""

    parent: Scope | None = None
    relations: list[Relation] = field(default_factory=list)
    merged: dict[str, Value] = field(default_factory=dict)
    aliases: dict[str, Value] = field(default_factory=dict)
    ctes: Mapping[str, Query] = field(default_factory=dict)
    groups: set[str] | None = None
    windows: dict[str, exp.Window] = field(default_factory=dict)
    _index: dict[str, list[Value]] | None = None

    def add(self, relation: Relation) -> None:
        """Make a relation's names visible."""
        self.relations.append(relation)
        self._index = None

    def relation(self, name: str) -> Relation | None:
        """The relation that bears a name."""
        lowered = name.lower()
        return next((item for item in self.relations if item.name is not None and item.name.lower() == lowered), None)

    def column(self, name: str) -> Value | None:
        """The column that bears a name; raises ``Ambiguous``."""
        lowered = name.lower()
        if lowered in self.merged:
            return self.merged[lowered]
        if self._index is None:
            self._index = self._build()
        found = self._index.get(lowered)
        if found is None:
            return None
        if len(found) > 1:
            raise Ambiguous(name)
        return found[0]

    def _build(self) -> dict[str, list[Value]]:
        index: dict[str, list[Value]] = {}
        for relation in self.relations:
            if relation.value is not None:
                whole = relation.reference(relation.value)
                for name, kind in relation.value.type.fields:
                    index.setdefault(name.lower(), []).append(field_of(whole, name, kind))
            for output in (*relation.columns, *relation.hidden):
                index.setdefault(output.name.lower(), []).append(relation.reference(output))
        return index

    def cte(self, name: str) -> Query | None:
        """The common table expression that bears a name, here or further out."""
        scope: Scope | None = self
        while scope is not None:
            if name.lower() in scope.ctes:
                return scope.ctes[name.lower()]
            scope = scope.parent
        return None


def column_of(relation: Relation, name: str) -> Value | None:
    """A relation's column by name, hidden ones too."""
    lowered = name.lower()
    if relation.value is not None:
        found = relation.value.type.field(name)
        return field_of(relation.reference(relation.value), *found) if found is not None else None
    return next(
        (relation.reference(item) for item in (*relation.columns, *relation.hidden) if item.name.lower() == lowered),
        None,
    )
