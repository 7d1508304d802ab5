"""Translates SELECT: its list, WHERE, GROUP BY, HAVING, QUALIFY, ORDER BY and LIMIT."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from exporter.sandbox.bigquery.aggregates import AGGREGATES, direction
from exporter.sandbox.bigquery.binder import path
from exporter.sandbox.bigquery.joins import FromClause
from exporter.sandbox.bigquery.scope import Output, Query, Relation, Scope, Value, field_of, merge
from exporter.sandbox.bigquery.signatures import truth
from exporter.sandbox.bigquery.types import quote, struct

Item = tuple[str, Value]


class SelectClause(FromClause):
    """Translates SELECT."""

    def select(self, node: exp.Select, outer: Scope | None) -> Query:
        """Translate a SELECT with all its clauses."""
        scope = Scope(parent=outer)
        scope.windows = {item.name.lower(): item for item in node.args.get("windows") or ()}
        source = self.from_clause(node, scope)
        clauses = [f" FROM {source}"] if source else []
        if where := node.args.get("where"):
            if not source:
                raise self.binder.fail("Query without FROM clause cannot have a WHERE clause", where)
            clauses.append(f" WHERE {self.condition(where.this, scope, 'WHERE').sql}")
        if not node.expressions:
            raise self.binder.fail("Syntax error: SELECT list must not be empty", node)
        items = self._items(node, scope)
        scope.aliases = self._aliases(node, items)
        group = node.args.get("group")
        having = node.args.get("having")
        grouped = bool(group or having) or any(value.aggregate for _, value in items)
        if grouped:
            if having and not (group or any(value.aggregate for _, value in items) or _has_aggregate(having)):
                raise self.binder.fail("The HAVING clause requires GROUP BY or aggregation to be present", having)
            clauses.append(self._group(group, scope, items))
            items = self._checked(node, scope, items)
        if having:
            clauses.append(f" HAVING {self.condition(having.this, scope, 'HAVING').sql}")
        if qualify := node.args.get("qualify"):
            clauses.append(f" QUALIFY {self.condition(qualify.this, scope, 'QUALIFY').sql}")
        distinct = bool(node.args.get("distinct"))
        outputs, columns = self._list(node, items)
        if distinct:
            for _, value in items:
                self.unit.read(value)
        clauses.append(self.order_by(node.args.get("order"), scope, items, outputs))
        clauses.append(self.limit(node.args.get("limit"), node.args.get("offset")))
        sql = f"SELECT {'DISTINCT ' if distinct else ''}{columns}{''.join(clauses)}"
        return Query(sql, outputs, bool(node.args.get("kind")))

    def condition(self, node: exp.Expr, scope: Scope, clause: str) -> Value:
        """A condition; raises ``ApiError`` for an aggregate where none may stand."""
        value = truth(self.binder, self.binder.expr(node, scope), clause, node)
        if value.aggregate and clause in ("WHERE", "ON"):
            call = next((item for item in node.find_all(exp.Anonymous) if str(item.this).upper() in AGGREGATES), None)
            name = str(call.this).upper() if call is not None else "STRING_AGG"
            raise self.binder.fail(f"Aggregate function {name} not allowed in {clause} clause", call)
        if clause == "HAVING":
            self._refuse_loose(value, scope, "HAVING clause")
        self.unit.read(value)
        return value

    def _items(self, node: exp.Select, scope: Scope) -> list[Item]:
        items: list[Item] = []
        for item in node.expressions:
            if isinstance(item, exp.Star) or (isinstance(item, exp.Column | exp.Dot) and _is_star(item)):
                items += self._star(item, scope)
            else:
                inner = item.this if isinstance(item, exp.Alias) else item
                items.append((_name_of(item), self.binder.expr(inner, scope)))
        return items

    def _star(self, node: exp.Expr, scope: Scope) -> list[Item]:
        star = (
            node
            if isinstance(node, exp.Star)
            else node.args.get("this" if isinstance(node, exp.Column) else "expression")
        )
        assert star is not None
        if isinstance(node, exp.Star):
            if not scope.relations:
                raise self.binder.fail("SELECT * must have a FROM clause", node)
            found = _all_columns(scope)
        elif isinstance(node, exp.Column) and (relation := scope.relation(node.table)) is not None and not node.db:
            found = relation.star()
        else:
            parts = [part for part in (node.args.get(key) for key in ("catalog", "db", "table")) if part is not None]
            value = (
                self.binder.expr(node.this, scope)
                if isinstance(node, exp.Dot)
                else path(self.binder, parts, node, scope)
            )
            if value.type.kind != "STRUCT":
                raise self.binder.fail(f"Dot-star is not supported for type {value.type}", node)
            found = [(name, field_of(value, name, kind)) for name, kind in value.type.fields]
        except_ = {item.name.lower() for item in star.args.get("except_") or ()}
        replace = {item.alias.lower(): item.this for item in star.args.get("replace") or ()}
        known = {name.lower() for name, _ in found}
        for name in [*except_, *replace]:
            if name not in known:
                raise self.binder.fail(f"Column {name} in SELECT * EXCEPT list does not exist", node)
        return [
            (name, self.binder.expr(replace[name.lower()], scope) if name.lower() in replace else value)
            for name, value in found
            if name.lower() not in except_
        ]

    @staticmethod
    def _aliases(node: exp.Select, items: list[Item]) -> dict[str, Value]:
        named = [item for item in node.expressions if isinstance(item, exp.Alias)]
        wanted = {item.alias.lower() for item in named}
        return {name.lower(): value for name, value in items if name.lower() in wanted}

    def _list(self, node: exp.Select, items: list[Item]) -> tuple[list[Output], str]:
        if node.args.get("kind"):
            if node.args["kind"] == "STRUCT":
                kind = struct((name, value.type) for name, value in items)
                inner = ", ".join(
                    f"{quote(name)}: {value.sql}" for (name, _), (_, value) in zip(kind.fields, items, strict=True)
                )
                made = merge(f"{{{inner}}}", kind, [value for _, value in items])
            else:
                made = items[0][1]
            return [Output("", "v", made.type, made.origins)], f'{made.sql} AS "v"'
        outputs: list[Output] = []
        texts: list[str] = []
        taken: set[str] = set()
        unnamed = 0
        for name, value in items:
            shown = name
            if not shown:
                shown = f"f{unnamed}_"
                unnamed += 1
            column = shown
            while column.lower() in taken:
                column += "#"
            taken.add(column.lower())
            outputs.append(Output(shown, column, value.type, value.origins))
            texts.append(f"{value.sql} AS {quote(column)}")
        return outputs, ", ".join(texts)

    def _group(self, node: exp.Expr | None, scope: Scope, items: list[Item]) -> str:
        scope.groups = set()
        if node is None:
            return ""
        if node.args.get("all"):
            keys = [value for _, value in items if not value.aggregate]
            scope.groups = {key.sql for key in keys}
            return " GROUP BY " + ", ".join(key.sql for key in keys) if keys else ""
        texts = []
        for item in node.expressions:
            if isinstance(item, exp.Rollup | exp.Cube):
                keys = [self._key(part, scope, items) for part in item.expressions]
                texts.append(f"{type(item).__name__.upper()} ({', '.join(key.sql for key in keys)})")
            elif isinstance(item, exp.GroupingSets):
                raise self.binder.fail("GROUPING SETS is not supported by this BigQuery", item)
            else:
                keys = [self._key(item, scope, items)]
                texts.append(_place(keys[0], items))
            scope.groups |= {key.sql for key in keys}
        return " GROUP BY " + ", ".join(texts)

    def _key(self, node: exp.Expr, scope: Scope, items: list[Item]) -> Value:
        if isinstance(node, exp.Literal) and not node.is_string:
            if not 1 <= int(node.name) <= len(items):
                raise self.binder.fail(f"GROUP BY column number is out of range: {node.name}", node)
            value = items[int(node.name) - 1][1]
        else:
            value = self.binder.expr(node, scope)
        if value.aggregate:
            raise self.binder.fail("GROUP BY expression must not contain aggregate functions", node)
        self.unit.read(value)
        return value

    def _checked(self, node: exp.Select, scope: Scope, items: list[Item]) -> list[Item]:
        groups = scope.groups or set()
        if all(value.sql in groups or all(sql in groups for sql, _ in value.loose) for _, value in items):
            return items
        aliases, scope.aliases = scope.aliases, {}
        again = self._items(node, scope)
        scope.aliases = aliases
        for _, value in again:
            self._refuse_loose(value, scope, "SELECT list")
        return again

    def _refuse_loose(self, value: Value, scope: Scope, clause: str) -> None:
        for sql, node in value.loose:
            if value.sql not in (scope.groups or ()) and sql not in (scope.groups or ()):
                raise self.binder.fail(
                    f"{clause} expression references column {node.name} which is neither grouped nor aggregated", node
                )

    def order_by(self, node: exp.Expr | None, scope: Scope, items: list[Item], outputs: Sequence[Output]) -> str:
        """ORDER BY; an expression that is an item is written as the item's number."""
        if node is None:
            return ""
        texts = []
        for item in node.expressions:
            inner = item.this
            if isinstance(inner, exp.Literal) and not inner.is_string:
                if not inner.name.isdigit() or not 1 <= int(inner.name) <= len(outputs):
                    raise self.binder.fail(f"ORDER BY column number item is out of range: {inner.name}", inner)
                self.unit.read(outputs[int(inner.name) - 1])
                texts.append(f"{inner.name} {direction(item)}")
                continue
            value = self.binder.expr(inner, scope)
            if scope.groups is not None:
                self._refuse_loose(value, scope, "ORDER BY clause")
            self.unit.read(value)
            texts.append(f"{_place(value, items)} {direction(item)}")
        return " ORDER BY " + ", ".join(texts)

    def limit(self, limit: exp.Expr | None, offset: exp.Expr | None) -> str:
        """LIMIT and OFFSET."""
        text = ""
        for word, node in (("LIMIT", limit), ("OFFSET", offset)):
            if node is None:
                continue
            inner = node.args["expression"]
            if isinstance(inner, exp.Neg):
                raise self.binder.fail('Syntax error: Unexpected "-"', inner)
            text += f" {word} {self.binder.expr(inner, Scope()).sql}"
        return text


def _place(value: Value, items: list[Item]) -> str:
    """An expression, or the number of the item that it is: DuckDB then need not plan it twice."""
    same = next((place for place, (_, known) in enumerate(items, 1) if known.sql == value.sql), None)
    return value.sql if same is None else str(same)


def _has_aggregate(node: exp.Expr) -> bool:
    return any(str(call.this).upper() in AGGREGATES for call in node.find_all(exp.Anonymous))


def _is_star(node: exp.Expr) -> bool:
    return isinstance(node.args.get("this" if isinstance(node, exp.Column) else "expression"), exp.Star)


def _name_of(item: exp.Expr) -> str:
    if isinstance(item, exp.Alias):
        return item.alias
    if isinstance(item, exp.Column):
        return item.name
    if isinstance(item, exp.Dot) and isinstance(item.args["expression"], exp.Identifier):
        return item.args["expression"].name
    return ""


def _all_columns(scope: Scope) -> list[Item]:
    written = {name for relation in scope.relations for name, _ in relation.star()}
    names = {name.lower(): name for name in written}
    merged = [(names.get(name, name), value) for name, value in scope.merged.items()]
    others = [
        (name, value)
        for relation in scope.relations
        for name, value in _whole(relation)
        if name.lower() not in scope.merged
    ]
    return merged + others


def _whole(relation: Relation) -> list[Item]:
    items = relation.star()
    if relation.value is not None:
        items += [(output.name, relation.reference(output)) for output in relation.columns]
    return items
