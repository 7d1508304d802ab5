"""The FROM clause: tables, subqueries, arrays, and their joins."""

from __future__ import annotations

from abc import ABC, abstractmethod

from sqlglot import exp

from exporter.sandbox.bigquery.binder import Binder
from exporter.sandbox.bigquery.catalog import View
from exporter.sandbox.bigquery.scope import Output, Query, Relation, Scope, Value, merge
from exporter.sandbox.bigquery.signatures import together
from exporter.sandbox.bigquery.tables import Unit, table, unnest
from exporter.sandbox.bigquery.types import BOOL


class FromClause(ABC):
    """Translates FROM; queries, conditions and views are its heir's."""

    binder: Binder
    unit: Unit

    @abstractmethod
    def query(self, node: exp.Expr, scope: Scope | None) -> Query:
        """Translate a query expression."""

    @abstractmethod
    def condition(self, node: exp.Expr, scope: Scope, clause: str) -> Value:
        """Translate a condition, which is read."""

    @abstractmethod
    def view(self, view: View, unit: Unit) -> Query:
        """Translate a view's query."""

    def from_clause(self, node: exp.Select, scope: Scope) -> str:
        """The SQL of a SELECT's FROM clause, whose names are added to the scope; empty where there is none."""
        from_ = node.args.get("from_")
        if from_ is None:
            return ""
        sql = self._relation(from_.this, scope)
        for join in [*(from_.this.args.get("joins") or ()), *(node.args.get("joins") or ())]:
            sql = self._join(join, scope, sql)
        return sql

    def _relation(self, node: exp.Expr, scope: Scope, *, lateral: bool = False) -> str:
        if isinstance(node, exp.Table):
            sql, relation = table(self.binder, self.unit, node, scope, self.view)
            if relation.value is not None:
                sql = f"LATERAL {sql}"
        elif isinstance(node, exp.Unnest):
            sql, relation = self._unnest(node, scope)
            sql = f"LATERAL {sql}" if lateral else sql
        elif isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table | exp.Subquery) and not node.alias:
            inner = self._relation(node.this, scope, lateral=lateral)
            for join in node.this.args.get("joins") or ():
                inner = self._join(join, scope, inner)
            return f"({inner})"
        elif isinstance(node, exp.Subquery):
            alias = self.binder.alias()
            query = self.query(node, Scope(ctes=_visible(scope)))
            sql = f"({query.sql}) AS {alias}"
            relation = _derived(alias, node.alias or None, query)
        else:
            raise self.binder.fail(f"{type(node).__name__} is not supported in FROM by this BigQuery", node)
        scope.add(relation)
        return sql

    def _unnest(self, node: exp.Unnest, scope: Scope) -> tuple[str, Relation]:
        value = self.binder.expr(node.expressions[0], scope)
        self.unit.read(value)
        alias = node.args.get("alias")
        columns = alias.args.get("columns") if alias is not None else None
        called = columns[0].name if columns else (alias.name if alias is not None and alias.name else None)
        offset = node.args.get("offset")
        name = (offset.name if isinstance(offset, exp.Identifier) else "offset") if offset else None
        return unnest(self.binder, value, self.binder.alias(), called, name, node)

    def _join(self, node: exp.Expr, scope: Scope, left: str) -> str:
        before = list(scope.relations)
        right = self._relation(node.this, scope, lateral=True)
        side = str(node.args.get("side") or "").upper()
        if using := node.args.get("using"):
            names = [item.name for item in using]
            keys = [self._using(name, scope, before, side, node) for name in names]
            return f"{left} {side} JOIN {right} ON {' AND '.join(keys)}"
        if on := node.args.get("on"):
            return f"{left} {side} JOIN {right} ON {self.condition(on, scope, 'ON').sql}"
        if side:
            if isinstance(node.this, exp.Unnest):
                return f"{left} {side} JOIN {right} ON TRUE"
            raise self.binder.fail(f"{side} JOIN must have an immediately following ON or USING clause", node.this)
        return f"{left} CROSS JOIN {right}"

    def _using(self, name: str, scope: Scope, before: list[Relation], side: str, node: exp.Expr) -> str:
        lefts = Scope(relations=before, merged=dict(scope.merged))
        rights = Scope(relations=[item for item in scope.relations if item not in before])
        left, right = lefts.column(name), rights.column(name)
        if left is None or right is None:
            where = "left" if left is None else "right"
            raise self.binder.fail(f"Column {name} in USING clause not found on {where} side of join", node)
        both = together([left, right])
        if both is None:
            raise self.binder.fail(f"Column {name} in USING has incompatible types on either side of the join", node)
        self.unit.read(left)
        self.unit.read(right)
        merged = {"RIGHT": both[1], "FULL": merge(f"coalesce({both[0].sql}, {both[1].sql})", both[0].type, both)}
        scope.merged[name.lower()] = merged.get(side, both[0])
        return merge(f"({both[0].sql} = {both[1].sql})", BOOL, both).sql


def _visible(scope: Scope) -> dict[str, Query]:
    """The common table expressions that a subquery in FROM can see: it sees none of the relations beside it."""
    found: dict[str, Query] = {}
    current: Scope | None = scope
    while current is not None:
        found = {**current.ctes, **found}
        current = current.parent
    return found


def _derived(alias: str, name: str | None, query: Query) -> Relation:
    if query.value_table:
        element = query.outputs[0]
        return Relation(alias, name, [], value=Output(name or "", element.column, element.type, element.origins))
    return Relation(alias, name, query.outputs)
