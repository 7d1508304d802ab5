"""Translates query expressions: SELECT with all its clauses, set operations, WITH, joins."""

# ruff: noqa: S608 - the SQL is made of names of our own; what callers send goes in as parameters

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from exporter.sandbox.bigquery.binder import Binder
from exporter.sandbox.bigquery.catalog import View
from exporter.sandbox.bigquery.errors import invalid_query
from exporter.sandbox.bigquery.expressions import RULES
from exporter.sandbox.bigquery.scope import NOWHERE, Output, Query, Relation, Scope
from exporter.sandbox.bigquery.selects import SelectClause
from exporter.sandbox.bigquery.syntax import Source, parse
from exporter.sandbox.bigquery.tables import Unit
from exporter.sandbox.bigquery.types import Type, quote, supertype


class Translator(SelectClause):
    """Translates the queries of one statement, or of one branch of a union."""

    def __init__(self, source: Source, unit: Unit, parameters: Mapping[str, Type]) -> None:
        self.unit = unit
        self.binder = Binder(source, parameters, RULES, self)

    def query(self, node: exp.Expr, scope: Scope | None) -> Query:
        """Translate a query expression, with its WITH, ORDER BY and LIMIT."""
        prefix = ""
        if with_ := node.args.get("with_"):
            scope = Scope(parent=scope, ctes={})
            prefix = self._with(with_, scope)
        if isinstance(node, exp.Select):
            query = self.select(node, scope)
        elif isinstance(node, exp.SetOperation):
            query = self._ordered(self._union(node, scope), node, scope)
        elif isinstance(node, exp.Subquery | exp.Paren):
            query = self._ordered(self.query(node.this, scope), node, scope)
        else:
            raise self.binder.fail(f"Statement not supported: {type(node).__name__}Statement", node)
        return Query(prefix + query.sql, query.outputs, query.value_table)

    def _with(self, node: exp.Expr, scope: Scope) -> str:
        if node.args.get("recursive"):
            raise self.binder.fail("WITH RECURSIVE is not supported by this BigQuery", node)
        ctes: dict[str, Query] = {}
        scope.ctes = ctes
        texts = []
        for cte in node.expressions:
            query = self.query(cte.this, scope)
            alias = self.binder.alias()
            texts.append(f"{alias} AS ({query.sql})")
            ctes[cte.alias.lower()] = Query(alias, query.outputs, query.value_table)
        return f"WITH {', '.join(texts)} "

    def view(self, view: View, unit: Unit) -> Query:
        """The query of a view, whose names are those of the view's project."""
        if view.ref in unit.viewing:
            raise invalid_query(f"View {view.ref} refers to itself")
        source = Source(view.sql)
        inner = Translator(source, unit, {})
        before = (unit.project, unit.dataset, unit.viewing)
        unit.project, unit.dataset, unit.viewing = view.ref.project, None, (*unit.viewing, view.ref)
        try:
            query = inner.query(parse(source)[0], None)
        finally:
            unit.project, unit.dataset, unit.viewing = before
        self.binder.used |= inner.binder.used
        self.binder.volatile |= inner.binder.volatile
        return query

    # Set operations

    def _union(self, node: exp.SetOperation, scope: Scope | None) -> Query:
        kind = type(node)
        distinct = bool(node.args.get("distinct"))
        parts: list[exp.Expr] = []
        current: exp.Expr = node
        while (
            type(current) is kind
            and bool(current.args.get("distinct")) == distinct
            and (current is node or not any(current.args.get(key) for key in ("order", "limit", "offset", "with_")))
        ):
            parts.append(current.args["expression"])
            current = current.this
        if isinstance(current, exp.SetOperation) and not current.args.get("with_"):
            raise self.binder.fail(
                "Syntax error: Different set operations cannot be used in the same query without using parentheses for grouping",
                parts[0],
            )
        parts.append(current)
        parts.reverse()
        word = f"{kind.__name__.upper()} {'DISTINCT' if distinct else 'ALL'}"
        queries = [self.query(part, scope) for part in parts]
        return self.combine(queries, word, [self.binder.source.position(part) for part in parts])

    def combine(self, queries: Sequence[Query], word: str, places: Sequence[str]) -> Query:
        """Queries put together by a set operation, their columns coerced to common types."""
        first = queries[0]
        kinds = [output.type for output in first.outputs]
        for query, place in zip(queries[1:], places[1:], strict=True):
            if len(query.outputs) != len(kinds):
                raise invalid_query(
                    f"Queries in {word} have mismatched column count; query 1 has {len(kinds)} columns, "
                    f"query {queries.index(query) + 1} has {len(query.outputs)} column{'s'[: len(query.outputs) != 1]}{place}"
                )
            for number, output in enumerate(query.outputs):
                common = supertype(kinds[number], output.type)
                if common is None:
                    raise invalid_query(
                        f"Column {number + 1} in {word} has incompatible types: {kinds[number]}, {output.type}{place}"
                    )
                kinds[number] = common
        sql = f" {word.removesuffix(' DISTINCT')} ".join(f"({self._cast(query, kinds)})" for query in queries)
        outputs = []
        for number, output in enumerate(first.outputs):
            origins = NOWHERE.union(*(query.outputs[number].origins for query in queries))
            outputs.append(Output(output.name, output.column, kinds[number], origins))
        if word != "UNION ALL":
            for output in outputs:
                self.unit.read(output)
        return Query(sql, outputs, first.value_table)

    def _cast(self, query: Query, kinds: Sequence[Type]) -> str:
        if all(output.type == kind for output, kind in zip(query.outputs, kinds, strict=True)):
            return query.sql
        alias = self.binder.alias()
        columns = ", ".join(
            f"CAST({alias}.{quote(output.column)} AS {kind.duckdb}) AS {quote(output.column)}"
            for output, kind in zip(query.outputs, kinds, strict=True)
        )
        return f"SELECT {columns} FROM ({query.sql}) AS {alias}"

    def _ordered(self, query: Query, node: exp.Expr, scope: Scope | None) -> Query:
        order, limit, offset = (node.args.get(key) for key in ("order", "limit", "offset"))
        if not (order or limit or offset):
            return query
        alias = self.binder.alias()
        inner = Scope(parent=scope)
        inner.add(Relation(alias, None, query.outputs))
        tail = self.order_by(order, inner, [], query.outputs) + self.limit(limit, offset)
        return Query(f"SELECT * FROM ({query.sql}) AS {alias}{tail}", query.outputs, query.value_table)
