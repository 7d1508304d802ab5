"""Translates query expressions: SELECT with all its clauses, set operations, WITH, joins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from exporter.sandbox.bigquery.aggregates import AGGREGATES, direction
from exporter.sandbox.bigquery.binder import Binder, path
from exporter.sandbox.bigquery.catalog import View
from exporter.sandbox.bigquery.errors import invalid_query
from exporter.sandbox.bigquery.expressions import RULES
from exporter.sandbox.bigquery.scope import NOWHERE, Output, Query, Relation, Scope, Value, field_of, merge
from exporter.sandbox.bigquery.signatures import together, truth
from exporter.sandbox.bigquery.syntax import Source, parse
from exporter.sandbox.bigquery.tables import Unit, table, unnest
from exporter.sandbox.bigquery.types import BOOL, Type, quote, struct, supertype

Item = tuple[str, Value]


class Translator:
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
            query = self._select(node, scope)
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

    # Set operations

    def _union(self, node: exp.SetOperation, scope: Scope | None) -> Query:
        kind = type(node)
        distinct = bool(node.args.get("distinct"))
        parts: list[exp.Expr] = []
        current: exp.Expr = node
        while type(current) is kind and bool(current.args.get("distinct")) == distinct and (
            current is node or not any(current.args.get(key) for key in ("order", "limit", "offset", "with_"))
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
        tail = self._order(order, inner, [], query.outputs) + self._limit(limit, offset)
        return Query(f"SELECT * FROM ({query.sql}) AS {alias}{tail}", query.outputs, query.value_table)

    # SELECT

    def _select(self, node: exp.Select, outer: Scope | None) -> Query:
        scope = Scope(parent=outer)
        scope.windows = {item.name.lower(): item for item in node.args.get("windows") or ()}
        source = self._from(node, scope)
        clauses = [f" FROM {source}"] if source else []
        if where := node.args.get("where"):
            if not source:
                raise self.binder.fail("Query without FROM clause cannot have a WHERE clause", where)
            clauses.append(f" WHERE {self._condition(where.this, scope, 'WHERE').sql}")
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
            clauses.append(f" HAVING {self._condition(having.this, scope, 'HAVING').sql}")
        if qualify := node.args.get("qualify"):
            clauses.append(f" QUALIFY {self._condition(qualify.this, scope, 'QUALIFY').sql}")
        distinct = bool(node.args.get("distinct"))
        outputs, columns = self._list(node, items)
        if distinct:
            for _, value in items:
                self.unit.read(value)
        clauses.append(self._order(node.args.get("order"), scope, items, outputs))
        clauses.append(self._limit(node.args.get("limit"), node.args.get("offset")))
        sql = f"SELECT {'DISTINCT ' if distinct else ''}{columns}{''.join(clauses)}"
        return Query(sql, outputs, bool(node.args.get("kind")))

    def _condition(self, node: exp.Expr, scope: Scope, clause: str) -> Value:
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
        star = node if isinstance(node, exp.Star) else node.args.get("this" if isinstance(node, exp.Column) else "expression")
        assert star is not None
        if isinstance(node, exp.Star):
            if not scope.relations:
                raise self.binder.fail("SELECT * must have a FROM clause", node)
            found = _all_columns(scope)
        elif isinstance(node, exp.Column) and (relation := scope.relation(node.table)) is not None and not node.db:
            found = relation.star()
        else:
            parts = [part for part in (node.args.get(key) for key in ("catalog", "db", "table")) if part is not None]
            value = self.binder.expr(node.this, scope) if isinstance(node, exp.Dot) else path(self.binder, parts, node, scope)
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

    # GROUP BY, ORDER BY, LIMIT

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

    def _order(self, node: exp.Expr | None, scope: Scope, items: list[Item], outputs: Sequence[Output]) -> str:
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

    def _limit(self, limit: exp.Expr | None, offset: exp.Expr | None) -> str:
        text = ""
        for word, node in (("LIMIT", limit), ("OFFSET", offset)):
            if node is None:
                continue
            inner = node.args["expression"]
            if isinstance(inner, exp.Neg):
                raise self.binder.fail("Syntax error: Unexpected \"-\"", inner)
            text += f" {word} {self.binder.expr(inner, Scope()).sql}"
        return text

    # FROM

    def _from(self, node: exp.Select, scope: Scope) -> str:
        from_ = node.args.get("from_")
        if from_ is None:
            return ""
        sql = self._relation(from_.this, scope)
        for join in [*(from_.this.args.get("joins") or ()), *(node.args.get("joins") or ())]:
            sql = self._join(join, scope, sql)
        return sql

    def _relation(self, node: exp.Expr, scope: Scope, *, lateral: bool = False) -> str:
        if isinstance(node, exp.Table):
            sql, relation = table(self.binder, self.unit, node, scope, self._view)
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

    def _view(self, view: View, unit: Unit) -> Query:
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
            return f"{left} {side} JOIN {right} ON {self._condition(on, scope, 'ON').sql}"
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


def _place(value: Value, items: list[Item]) -> str:
    """An expression, or the number of the item that it is: DuckDB then need not plan it twice."""
    same = next((place for place, (_, known) in enumerate(items, 1) if known.sql == value.sql), None)
    return value.sql if same is None else str(same)


def _has_aggregate(node: exp.Expr) -> bool:
    return any(str(call.this).upper() in AGGREGATES for call in node.find_all(exp.Anonymous))


def _is_star(node: exp.Expr) -> bool:
    return isinstance(node.args.get("this" if isinstance(node, exp.Column) else "expression"), exp.Star)


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
