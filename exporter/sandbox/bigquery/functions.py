"""Calls of scalar functions: finds the function, or says in BigQuery's words that there is none."""

from __future__ import annotations

from sqlglot import exp

from exporter.sandbox.bigquery.aggregates import AGGREGATES, NUMBERING
from exporter.sandbox.bigquery.binder import Binder
from exporter.sandbox.bigquery.formats import FORMATS
from exporter.sandbox.bigquery.scalars import SCALARS
from exporter.sandbox.bigquery.scope import Scope, Value, merge
from exporter.sandbox.bigquery.signatures import bind
from exporter.sandbox.bigquery.times import TIMES, Special
from exporter.sandbox.bigquery.types import FLOAT64, STRING


def _rand(binder: Binder, _node: exp.Expr, _scope: Scope) -> Value:
    binder.volatile = True
    return Value("random()", FLOAT64)


def _uuid(binder: Binder, _node: exp.Expr, _scope: Scope) -> Value:
    binder.volatile = True
    return Value("CAST(uuid() AS VARCHAR)", STRING)


def _session_user(binder: Binder, _node: exp.Expr, _scope: Scope) -> Value:
    return Value(binder.parameter("user", STRING), STRING)


SPECIALS: dict[str, Special] = {
    **TIMES,
    **FORMATS,
    "RAND": _rand,
    "GENERATE_UUID": _uuid,
    "SESSION_USER": _session_user,
}


def call_function(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """A call of a scalar function; raises ``ApiError`` for one that does not exist."""
    name = str(node.this).upper()
    if special := SPECIALS.get(name):
        try:
            return special(binder, node, scope)
        except IndexError:
            count = len(node.expressions)
            raise binder.fail(f"Number of arguments does not match for function {name}: {count} given", node) from None
    options = SCALARS.get(name)
    if options is None:
        if name in NUMBERING:
            raise binder.fail(f"Analytic function {name.lower()} cannot be called without an OVER clause", node)
        known = "Aggregate function" if name in AGGREGATES else "Function not found:"
        raise binder.fail(f"{known} {node.this}", node)
    parts = [binder.expr(item, scope) for item in node.expressions]
    return bind(binder, name, options, parts, node)


def safe(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """``SAFE.f(...)``: NULL instead of an error."""
    value = binder.expr(node.this, scope)
    return merge(f"TRY({value.sql})", value.type, [value])
