"""Operators: arithmetic, comparison, logic, and membership."""

from __future__ import annotations

from sqlglot import exp

from exporter.sandbox.bigquery.binder import Binder
from exporter.sandbox.bigquery.scope import Scope, Value, merge
from exporter.sandbox.bigquery.signatures import signature_error, together, truth
from exporter.sandbox.bigquery.types import BOOL, DATE, FLOAT64, INT64, INTERVAL, NUMBERS, Type, scalar

ARITHMETIC: dict[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/"}


def arithmetic(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """``+ - * /`` over numbers, dates and intervals."""
    operator = ARITHMETIC[type(node)]
    left, right = binder.expr(node.this, scope), binder.expr(node.args["expression"], scope)
    kinds = (left.type.kind, right.type.kind)
    special = _times(operator, kinds)
    if special is not None:
        left_sql, right_sql = left.sql, right.sql
        if special == DATE:
            right_sql = f"CAST({right_sql} AS INTEGER)" if kinds[1] == "INT64" else right_sql
            left_sql = f"CAST({left_sql} AS INTEGER)" if kinds[0] == "INT64" else left_sql
        elif kinds == ("DATE", "DATE"):
            return merge(f"to_days(CAST({left_sql} - {right_sql} AS INTEGER))", INTERVAL, (left, right))
        return merge(f"({left_sql} {operator} {right_sql})", special, (left, right))
    both = together([left, right])
    if both is None or both[0].type.kind not in (*NUMBERS, "NULL"):
        raise signature_error(binder, f"operator {operator}", [left, right], node)
    kind = both[0].type if both[0].type.kind != "NULL" else INT64
    if operator == "/" and kind == INT64:
        kind = FLOAT64
    return merge(_number(operator, both[0].sql, both[1].sql, kind), kind, (left, right))


def _number(operator: str, left: str, right: str, kind: Type) -> str:
    if kind.kind in ("NUMERIC", "BIGNUMERIC") and operator == "*":
        # A product of two DECIMAL(38, 9) has no DuckDB type: ten integer digits each are left.
        left, right = f"CAST({left} AS DECIMAL(19,9))", f"CAST({right} AS DECIMAL(19,9))"
    sql = f"({left} {operator} {right})"
    return f"CAST({sql} AS {kind.duckdb})" if kind.kind in ("NUMERIC", "BIGNUMERIC") else sql


def _times(operator: str, kinds: tuple[str, str]) -> Type | None:
    left, right = kinds
    if operator in "+-" and left in ("DATE", "DATETIME", "TIME", "TIMESTAMP") and right == "INTERVAL":
        return scalar("DATETIME" if left == "DATE" else left)
    if operator == "+" and left == "INTERVAL" and right in ("DATE", "DATETIME", "TIMESTAMP"):
        return scalar("DATETIME" if right == "DATE" else right)
    if (operator in "+-" and kinds == ("DATE", "INT64")) or (operator == "+" and kinds == ("INT64", "DATE")):
        return DATE
    if operator == "-" and left == right and left in ("DATE", "DATETIME", "TIMESTAMP"):
        return INTERVAL
    return INTERVAL if operator in "+-" and kinds == ("INTERVAL", "INTERVAL") else None


COMPARISON: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "!=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM",
    exp.NullSafeNEQ: "IS DISTINCT FROM",
}


def comparison(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """``= != < <= > >=`` and IS [NOT] DISTINCT FROM."""
    operator = COMPARISON[type(node)]
    parts = [binder.expr(node.this, scope), binder.expr(node.args["expression"], scope)]
    both = together(parts)
    if both is None or both[0].type.kind == "JSON":
        raise signature_error(binder, f"operator {operator}", parts, node)
    return merge(f"({both[0].sql} {operator} {both[1].sql})", BOOL, both)


def between(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """``x BETWEEN low AND high``."""
    parts = [binder.expr(node.args[key], scope) for key in ("this", "low", "high")]
    both = together(parts)
    if both is None:
        raise signature_error(binder, "operator BETWEEN", parts, node)
    value, low, high = both
    return merge(f"({value.sql} BETWEEN {low.sql} AND {high.sql})", BOOL, both)


def logical(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """AND, OR, over long chains without recursion."""
    operator = "AND" if isinstance(node, exp.And) else "OR"
    chain: list[exp.Expr] = []
    stack = [node]
    while stack:
        current = stack.pop()
        if type(current) is type(node):
            stack += [current.args["expression"], current.this]
        else:
            chain.append(current)
    parts = [truth(binder, binder.expr(part, scope), operator, part) for part in chain]
    return merge("(" + f" {operator} ".join(part.sql for part in parts) + ")", BOOL, parts)


def negation(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """NOT."""
    value = truth(binder, binder.expr(node.this, scope), "NOT", node)
    return merge(f"(NOT {value.sql})", BOOL, [value])


def minus(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """Unary minus."""
    inner = node.this
    if isinstance(inner, exp.Literal) and inner.name.isdigit():
        return Value(f"(-{inner.name})::BIGINT", INT64, constant=True)
    value = binder.expr(inner, scope)
    if value.type.kind not in (*NUMBERS, "NULL", "INTERVAL"):
        raise signature_error(binder, "operator -", [value], node)
    negative = merge(f"(-{value.sql})", value.type, [value])
    negative.constant = value.constant
    return negative


BITWISE: dict[type[exp.Expr], str] = {
    exp.BitwiseAnd: "&",
    exp.BitwiseOr: "|",
    exp.BitwiseXor: "^",
    exp.BitwiseLeftShift: "<<",
    exp.BitwiseRightShift: ">>",
}


def bitwise(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """``& | ^ << >>`` over INT64."""
    operator = BITWISE[type(node)]
    parts = [binder.expr(node.this, scope), binder.expr(node.args["expression"], scope)]
    if any(part.type.kind not in ("INT64", "NULL") for part in parts):
        raise signature_error(binder, f"operator {operator}", parts, node)
    if operator == "^":
        return merge(f"xor({parts[0].sql}, {parts[1].sql})", INT64, parts)
    return merge(f"({parts[0].sql} {operator} {parts[1].sql})", INT64, parts)


def bitwise_not(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """``~`` over INT64."""
    value = binder.expr(node.this, scope)
    return merge(f"(~{value.sql})", INT64, [value])


def concatenation(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """``||`` over strings, bytes and arrays."""
    parts = [binder.expr(node.this, scope), binder.expr(node.args["expression"], scope)]
    both = together(parts)
    if both is None or both[0].type.kind not in ("STRING", "BYTES", "ARRAY", "NULL"):
        raise signature_error(binder, "operator ||", parts, node)
    if both[0].type.kind == "ARRAY":
        return merge(f"bq_concat_arrays({both[0].sql}, {both[1].sql})", both[0].type, both)
    return merge(f"({both[0].sql} || {both[1].sql})", both[0].type, both)


def is_(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """IS NULL, IS TRUE, IS FALSE."""
    value = binder.expr(node.this, scope)
    what = node.args["expression"]
    word = "NULL" if isinstance(what, exp.Null) else "TRUE" if what.this else "FALSE"
    return merge(f"({value.sql} IS {word})", BOOL, [value])


def like(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """LIKE, and LIKE ANY / ALL over a list of patterns."""
    value = binder.expr(node.this, scope)
    pattern = node.args["expression"]
    if isinstance(pattern, exp.Any | exp.All):
        options = [binder.expr(item, scope) for item in pattern.this.expressions]
        word = " OR " if isinstance(pattern, exp.Any) else " AND "
        return merge("(" + word.join(_like(value, item) for item in options) + ")", BOOL, [value, *options])
    wanted = binder.expr(pattern, scope)
    if {value.type.kind, wanted.type.kind} - {"STRING", "NULL"}:
        raise signature_error(binder, "operator LIKE", [value, wanted], node)
    return merge(_like(value, wanted), BOOL, [value, wanted])


def _like(value: Value, pattern: Value) -> str:
    return f"({value.sql} LIKE {pattern.sql} ESCAPE '\\')"


def in_(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """``x IN (...)``, ``x IN UNNEST(array)``, ``x IN (subquery)``."""
    value = binder.expr(node.this, scope)
    if unnest := node.args.get("unnest"):
        items = binder.expr(unnest.expressions[0], scope)
        if items.type.kind not in ("ARRAY", "NULL"):
            raise binder.fail(f"Second argument of IN UNNEST must be an array but was {items.type}", node)
        both = together([value, Value("NULL", items.type.item)])
        if both is None:
            raise signature_error(binder, "operator IN UNNEST", [value, items], node)
        if items.constant:  # a parameter or a literal: no join to plan
            return merge(f"bq_in({both[0].sql}, {items.sql})", BOOL, [value, items])
        return merge(f"({both[0].sql} IN (SELECT unnest({items.sql})))", BOOL, [value, items])
    if subquery := node.args.get("query"):
        query = binder.queries.query(subquery, scope)
        origins = frozenset().union(*(output.origins for output in query.outputs))
        found = merge(f"({value.sql} IN ({query.sql}))", BOOL, [value])
        found.origins |= origins
        return found
    parts = [value, *(binder.expr(item, scope) for item in node.expressions)]
    both = together(parts)
    if both is None:
        raise signature_error(binder, "operator IN", parts, node)
    options = ", ".join(item.sql for item in both[1:])
    return merge(f"({both[0].sql} IN ({options}))", BOOL, both)
