"""Operators, literals, conditionals and subqueries: one rule per kind of syntax node."""

from __future__ import annotations

from sqlglot import exp

from exporter.sandbox.bigquery import binder as names
from exporter.sandbox.bigquery.aggregates import aggregate_call, quantile, string_agg, window
from exporter.sandbox.bigquery.binder import Binder, Rule, text
from exporter.sandbox.bigquery.casts import bytes_literal, literal_bytes
from exporter.sandbox.bigquery.constructors import array_constructor, conversion, interval, struct_constructor
from exporter.sandbox.bigquery.functions import call_function, safe
from exporter.sandbox.bigquery.operators import (
    ARITHMETIC,
    BITWISE,
    COMPARISON,
    arithmetic,
    between,
    bitwise,
    bitwise_not,
    comparison,
    concatenation,
    in_,
    is_,
    like,
    logical,
    minus,
    negation,
)
from exporter.sandbox.bigquery.scope import Scope, Value, merge
from exporter.sandbox.bigquery.signatures import signature_error, together, truth
from exporter.sandbox.bigquery.times import extract
from exporter.sandbox.bigquery.types import (
    BOOL,
    BYTES,
    FLOAT64,
    INT64,
    JSON,
    NULL,
    STRING,
)


def literal(binder: Binder, node: exp.Expr, _scope: Scope) -> Value:
    """A number or a string."""
    if node.args.get("is_string"):
        return Value(text(node.name), STRING, constant=True)
    if node.name.isdigit():
        if int(node.name) > 2**63 - 1:
            raise binder.fail(f"Invalid integer literal: {node.name}", node)
        return Value(f"{node.name}::BIGINT", INT64, constant=True)
    return Value(f"{node.name}::DOUBLE", FLOAT64, constant=True)


def hex_literal(_binder: Binder, node: exp.Expr, _scope: Scope) -> Value:
    """An integer in hexadecimal."""
    return Value(f"{int(node.name, 16)}::BIGINT", INT64, constant=True)


def raw_string(_binder: Binder, node: exp.Expr, _scope: Scope) -> Value:
    """A string whose backslashes are its own."""
    return Value(text(node.name), STRING, constant=True)


def byte_string(_binder: Binder, node: exp.Expr, _scope: Scope) -> Value:
    """Bytes."""
    return Value(bytes_literal(literal_bytes(node.name)), BYTES, constant=True)


def boolean(_binder: Binder, node: exp.Expr, _scope: Scope) -> Value:
    """TRUE or FALSE."""
    return Value("TRUE" if node.this else "FALSE", BOOL, constant=True)


def null(_binder: Binder, _node: exp.Expr, _scope: Scope) -> Value:
    """An untyped NULL."""
    return Value("NULL", NULL, constant=True)


def parenthesis(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """An expression in parentheses."""
    return binder.expr(node.this, scope)


def exists(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """EXISTS (subquery)."""
    query = binder.queries.query(node.this, scope)
    return Value(f"EXISTS ({query.sql})", BOOL)


def subquery(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """A scalar subquery."""
    query = binder.queries.query(node, scope)
    if len(query.outputs) != 1:
        raise binder.fail(
            "Scalar subquery cannot have more than one column unless using SELECT AS STRUCT to build STRUCT values",
            node,
        )
    return Value(f"({query.sql})", query.outputs[0].type, query.outputs[0].origins)


def conditional(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """IF(condition, a, b)."""
    condition = truth(binder, binder.expr(node.this, scope), "IF", node)
    branches = [
        binder.expr(node.args[key], scope) if node.args.get(key) else Value("NULL", NULL) for key in ("true", "false")
    ]
    both = together(branches)
    if both is None:
        raise signature_error(binder, "function IF", [condition, *branches], node)
    sql = f"(CASE WHEN {condition.sql} THEN {both[0].sql} ELSE {both[1].sql} END)"
    return merge(sql, both[0].type, [condition, *both])


def case(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """CASE, with or without an operand."""
    operand = binder.expr(node.this, scope) if node.this is not None else None
    conditions = [binder.expr(branch.this, scope) for branch in node.args["ifs"]]
    results = [binder.expr(branch.args["true"], scope) for branch in node.args["ifs"]]
    if default := node.args.get("default"):
        results.append(binder.expr(default, scope))
    both = together(results)
    if operand is None:
        keys: list[Value] | None = [truth(binder, part, "CASE", node) for part in conditions]
    else:
        keys = together([operand, *conditions])
    if both is None or keys is None:
        raise signature_error(binder, "operator CASE", [*conditions, *results], node)
    head = f"CASE {keys[0].sql}" if operand is not None else "CASE"
    whens = keys[1:] if operand is not None else keys
    arms = " ".join(f"WHEN {key.sql} THEN {both[place].sql}" for place, key in enumerate(whens))
    tail = f" ELSE {both[-1].sql}" if node.args.get("default") else ""
    return merge(f"({head} {arms}{tail} END)", both[0].type, [*keys, *both])


def subscript(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """``array[OFFSET(n)]``, ``[ORDINAL(n)]``, their SAFE_ forms, and a JSON value's member."""
    if (single := quantile(binder, node, scope)) is not None:
        return single
    value = binder.expr(node.this, scope)
    index = binder.expr(node.expressions[0], scope)
    if value.type.kind == "JSON":
        return merge(f"json_extract({value.sql}, {index.sql})", JSON, [value, index])
    if value.type.kind != "ARRAY" or index.type != INT64:
        raise binder.fail(f"Element access using [] is not supported on values of type {value.type}", node)
    offset = node.args.get("offset")
    shift = "" if offset == 1 else " + 1"
    if node.args.get("safe"):
        sql = f"(CASE WHEN {index.sql}{shift} > 0 THEN {value.sql}[{index.sql}{shift}] END)"
    else:
        sql = f"bq_element({value.sql}, {index.sql}, {0 if offset == 1 else 1})"
    return merge(sql, value.type.item, [value, index])


def json_literal(_binder: Binder, node: exp.Expr, _scope: Scope) -> Value:
    """``JSON '...'``."""
    return Value(f"json({text(node.this.name)})", JSON, constant=True)


def current(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """CURRENT_TIMESTAMP and its kin without parentheses."""
    kinds = {exp.CurrentDate: "DATE", exp.CurrentDatetime: "DATETIME", exp.CurrentTime: "TIME"}
    name = next((name for kind, name in kinds.items() if isinstance(node, kind)), "TIMESTAMP")
    arguments = [node.this] if isinstance(node.this, exp.Expr) else []
    return call_function(binder, exp.Anonymous(this=f"CURRENT_{name}", expressions=arguments), scope)


def anonymous(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """A function call: an aggregate, a constructor or a scalar function."""
    name = str(node.this).upper()
    if name == "STRUCT":
        return struct_constructor(binder, node, scope)
    return aggregate_call(binder, node, scope) or call_function(binder, node, scope)


RULES: dict[type[exp.Expr], Rule] = {
    exp.Column: names.column,
    exp.Dot: names.dot,
    exp.Parameter: names.parameter,
    exp.Placeholder: names.parameter,
    exp.Literal: literal,
    exp.HexString: hex_literal,
    exp.RawString: raw_string,
    exp.ByteString: byte_string,
    exp.Boolean: boolean,
    exp.Null: null,
    exp.Paren: parenthesis,
    **dict.fromkeys(ARITHMETIC, arithmetic),
    **dict.fromkeys(COMPARISON, comparison),
    **dict.fromkeys(BITWISE, bitwise),
    exp.Between: between,
    exp.And: logical,
    exp.Or: logical,
    exp.Not: negation,
    exp.Neg: minus,
    exp.BitwiseNot: bitwise_not,
    exp.DPipe: concatenation,
    exp.Is: is_,
    exp.Like: like,
    exp.In: in_,
    exp.Exists: exists,
    exp.Subquery: subquery,
    exp.If: conditional,
    exp.Case: case,
    exp.Cast: conversion,
    exp.TryCast: conversion,
    exp.Array: array_constructor,
    exp.Struct: struct_constructor,
    exp.Tuple: struct_constructor,
    exp.Bracket: subscript,
    exp.Interval: interval,
    exp.ParseJSON: json_literal,
    exp.CurrentTimestamp: current,
    exp.CurrentDate: current,
    exp.CurrentDatetime: current,
    exp.CurrentTime: current,
    exp.Extract: extract,
    exp.SafeFunc: safe,
    exp.Anonymous: anonymous,
    exp.GroupConcat: string_agg,
    exp.Window: window,
}
"""What translates each kind of expression."""
