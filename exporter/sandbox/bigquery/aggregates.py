"""Aggregate functions, and functions over windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlglot import exp

from exporter.sandbox.bigquery.binder import Binder
from exporter.sandbox.bigquery.casts import coerce
from exporter.sandbox.bigquery.scope import Scope, Value, merge
from exporter.sandbox.bigquery.signatures import Result, fit, signature_error, truth
from exporter.sandbox.bigquery.types import BOOL, FLOAT64, INT64, NUMERIC, STRING, Type, array, struct


def _sum_type(parts: Sequence[Value]) -> Type:
    return INT64 if parts[0].type.kind == "NULL" else parts[0].type


def _average_type(parts: Sequence[Value]) -> Type:
    return parts[0].type if parts[0].type.kind in ("NUMERIC", "BIGNUMERIC") else FLOAT64


@dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregate function: the letters of its parameters (see ``signatures``), its result and its DuckDB name."""

    letters: tuple[str, ...]
    result: Result
    duckdb: str
    widened: bool = False  # DuckDB's result is wider than BigQuery's and is cast, with an error on overflow


_FLOATS = {
    "STDDEV": "stddev_samp",
    "STDDEV_SAMP": "stddev_samp",
    "STDDEV_POP": "stddev_pop",
    "VARIANCE": "var_samp",
    "VAR_SAMP": "var_samp",
    "VAR_POP": "var_pop",
}

AGGREGATES: dict[str, Aggregate] = {
    "COUNT": Aggregate(("*",), INT64, "count"),
    "COUNTIF": Aggregate(("L",), INT64, "count_if", widened=True),
    "SUM": Aggregate(("N",), _sum_type, "sum", widened=True),
    "AVG": Aggregate(("N",), _average_type, "avg", widened=True),
    "MIN": Aggregate(("*",), 0, "min"),
    "MAX": Aggregate(("*",), 0, "max"),
    "ANY_VALUE": Aggregate(("*",), 0, "any_value"),
    "MAX_BY": Aggregate(("*", "*"), 0, "max_by"),
    "MIN_BY": Aggregate(("*", "*"), 0, "min_by"),
    "LOGICAL_AND": Aggregate(("L",), BOOL, "bool_and"),
    "LOGICAL_OR": Aggregate(("L",), BOOL, "bool_or"),
    "BIT_AND": Aggregate(("I",), INT64, "bit_and"),
    "BIT_OR": Aggregate(("I",), INT64, "bit_or"),
    "BIT_XOR": Aggregate(("I",), INT64, "bit_xor"),
    "APPROX_COUNT_DISTINCT": Aggregate(("*",), INT64, "approx_count_distinct"),
    "ARRAY_AGG": Aggregate(("*",), lambda parts: array(parts[0].type), "list"),
    "ARRAY_CONCAT_AGG": Aggregate(("A",), 0, "flatten(list"),
    "CORR": Aggregate(("F", "F"), FLOAT64, "corr"),
    "COVAR_POP": Aggregate(("F", "F"), FLOAT64, "covar_pop"),
    "COVAR_SAMP": Aggregate(("F", "F"), FLOAT64, "covar_samp"),
    "GROUPING": Aggregate(("*",), INT64, "grouping"),
    "APPROX_QUANTILES": Aggregate(("*", "I"), lambda parts: array(parts[0].type), "quantile_disc"),
    "APPROX_TOP_COUNT": Aggregate(("*", "I"), lambda parts: array(_counted(parts[0].type)), "histogram"),
    **{name: Aggregate(("F",), FLOAT64, duckdb) for name, duckdb in _FLOATS.items()},
}
"""Aggregate functions by name; STRING_AGG has a rule of its own."""


def _counted(kind: Type) -> Type:
    return struct((("value", kind), ("count", INT64)))


@dataclass(slots=True)
class Modifiers:
    """What may stand around an aggregate's first argument."""

    distinct: bool = False
    nulls: str = ""
    order: str = ""
    limit: str = ""
    extreme: tuple[str, Value] | None = None
    parts: tuple[Value, ...] = ()


def _unwrap(binder: Binder, node: exp.Expr, scope: Scope) -> tuple[exp.Expr, Modifiers]:
    """Take DISTINCT, IGNORE NULLS, ORDER BY, LIMIT and HAVING MAX off an argument."""
    found = Modifiers()
    while True:
        if isinstance(node, exp.Limit):
            found.limit = binder.expr(node.args["expression"], scope).sql
        elif isinstance(node, exp.Order):
            keys = [(item, binder.expr(item.this, scope)) for item in node.expressions]
            found.order = " ORDER BY " + ", ".join(f"{key.sql} {direction(item)}" for item, key in keys)
            found.parts += tuple(key for _, key in keys)
        elif isinstance(node, exp.IgnoreNulls):
            found.nulls = "IGNORE"
        elif isinstance(node, exp.RespectNulls):
            found.nulls = "RESPECT"
        elif isinstance(node, exp.HavingMax):
            found.extreme = (
                "max_by" if node.args.get("max") else "min_by",
                binder.expr(node.args["expression"], scope),
            )
        elif isinstance(node, exp.Distinct):
            found.distinct = True
            return node.expressions[0], found
        else:
            return node, found
        node = node.this


def direction(node: exp.Expr) -> str:
    """A sort direction; NULL comes first unless the order is descending or says otherwise."""
    descending = bool(node.args.get("desc"))
    return f"{'DESC' if descending else 'ASC'} NULLS {'FIRST' if node.args.get('nulls_first') else 'LAST'}"


def aggregate_call(binder: Binder, node: exp.Expr, scope: Scope, over: str = "") -> Value | None:
    """A call of an aggregate function, over a window where ``over`` says so; None where the name is no aggregate."""
    name = str(node.this).upper()
    aggregate = AGGREGATES.get(name)
    if aggregate is None:
        return None
    arguments = list(node.expressions)
    if name == "COUNT" and (not arguments or isinstance(arguments[0], exp.Star)):
        return Value(f"count(*){over}", INT64, aggregate=not over)
    if not arguments:
        raise signature_error(binder, f"aggregate function {name}", [], node)
    first, modifiers = _unwrap(binder, arguments[0], scope)
    parts = [binder.expr(item, scope) for item in (first, *arguments[1:])]
    if any(part.aggregate for part in parts) and not over:
        raise binder.fail(
            "Multi-level aggregation requires the enclosing aggregate function to have one or more GROUP BY modifiers.",
            node,
        )
    fitted = [fit(part, letter) for part, letter in zip(parts, aggregate.letters, strict=False)]
    values = [value for value in fitted if value is not None]
    if len(parts) != len(aggregate.letters) or len(values) != len(parts):
        raise signature_error(binder, f"aggregate function {name}", parts, node)
    if name == "COUNTIF":
        values[0] = truth(binder, values[0], "COUNTIF", node)
    if modifiers.extreme is not None:
        duckdb, key = modifiers.extreme
        return _done(f"{duckdb}({values[0].sql}, {key.sql}){over}", values[0].type, [*values, key], over)
    kind = aggregate.result(values) if callable(aggregate.result) else aggregate.result
    kind = values[kind].type if isinstance(kind, int) else kind
    sql = _call(name, aggregate, values, modifiers, over)
    if aggregate.widened:
        sql = f"CAST({sql} AS {kind.duckdb})"
    if name == "COUNTIF":
        sql = f"coalesce({sql}, 0)"
    return _done(sql, kind, [*values, *modifiers.parts], over)


def _call(name: str, aggregate: Aggregate, values: list[Value], modifiers: Modifiers, over: str) -> str:
    distinct = "DISTINCT " if modifiers.distinct else ""
    value = values[0].sql
    skip = "" if modifiers.nulls != "IGNORE" else f" FILTER (WHERE {value} IS NOT NULL)"
    if name == "APPROX_QUANTILES":
        steps = f"list_transform(range(0, {values[1].sql} + 1), lambda i: i / {values[1].sql})"
        return f"quantile_disc({distinct}{value}, {steps}){over}"
    if name == "APPROX_TOP_COUNT":
        counted = f"list_transform(map_entries(histogram({value}){over}), lambda e: {{'c': e.value, 'v': e.key}})"
        shown = "lambda e: {'value': e.v, 'count': CAST(e.c AS BIGINT)}"
        return f"list_transform(list_reverse(list_sort({counted})), {shown})[1:{values[1].sql}]"
    inner = ", ".join(part.sql for part in values)
    closing = ")" if aggregate.duckdb.startswith("flatten(") else ""
    sql = f"{aggregate.duckdb}({distinct}{inner}{modifiers.order}){skip}{over}{closing}"
    return f"{sql}[1:{modifiers.limit}]" if modifiers.limit else sql


def _done(sql: str, kind: Type, parts: Sequence[Value], over: str) -> Value:
    value = merge(sql, kind, parts, aggregate=not over)
    if not over:
        value.loose = ()
    return value


def quantile(binder: Binder, node: exp.Expr, scope: Scope) -> Value | None:
    """``APPROX_QUANTILES(x, n)[OFFSET(k)]`` as the one quantile that it is, where n and k are literals and nothing else is said."""
    call, index = node.this, node.expressions[0]
    if (
        not isinstance(call, exp.Anonymous)
        or str(call.this).upper() != "APPROX_QUANTILES"
        or len(call.expressions) != 2
    ):
        return None
    value, number = call.expressions
    plain = not isinstance(value, exp.Distinct | exp.IgnoreNulls | exp.RespectNulls)
    if not plain or not isinstance(number, exp.Literal) or not isinstance(index, exp.Literal):
        return None
    steps, place = int(number.name), int(index.name) - int(node.args.get("offset") or 0)
    if not 0 <= place <= steps:
        return None
    inner = binder.expr(value, scope)
    return _done(f"quantile_disc({inner.sql}, {place / steps!r})", inner.type, [inner], "")


def string_agg(binder: Binder, node: exp.Expr, scope: Scope, over: str = "") -> Value:
    """STRING_AGG([DISTINCT] value[, separator] [ORDER BY ...] [LIMIT n])."""
    first, modifiers = _unwrap(binder, node.this, scope)
    value = binder.expr(first, scope)
    if value.type.kind not in ("STRING", "BYTES", "NULL"):
        raise signature_error(binder, "aggregate function STRING_AGG", [value], node)
    separator = node.args.get("separator")
    joint = binder.expr(separator, scope) if separator is not None else Value("','", STRING)
    distinct = "DISTINCT " if modifiers.distinct else ""
    if modifiers.limit:
        listed = f"list({distinct}{value.sql}{modifiers.order}) FILTER (WHERE {value.sql} IS NOT NULL){over}"
        sql = f"array_to_string(({listed})[1:{modifiers.limit}], {joint.sql})"
    else:
        sql = f"string_agg({distinct}{value.sql}, {joint.sql}{modifiers.order}){over}"
    return _done(sql, STRING, [value, joint, *modifiers.parts], over)


NUMBERING: dict[str, Callable[[Sequence[Value]], Type]] = {
    **dict.fromkeys(("ROW_NUMBER", "RANK", "DENSE_RANK", "NTILE"), lambda _: INT64),
    **dict.fromkeys(("PERCENT_RANK", "CUME_DIST"), lambda _: FLOAT64),
    **dict.fromkeys(("LAG", "LEAD", "FIRST_VALUE", "LAST_VALUE", "NTH_VALUE"), lambda parts: parts[0].type),
    **dict.fromkeys(("PERCENTILE_CONT",), lambda parts: parts[0].type if parts[0].type == NUMERIC else FLOAT64),
    **dict.fromkeys(("PERCENTILE_DISC",), lambda parts: parts[0].type),
}
"""Functions that need an OVER clause, with the type of their result."""

_ORDERED = ("RANK", "DENSE_RANK", "PERCENT_RANK", "CUME_DIST", "NTILE", "LAG", "LEAD")
"""Functions over a window that must have an order."""

_PERCENTILES = {"PERCENTILE_CONT": "quantile_cont", "PERCENTILE_DISC": "quantile_disc"}


def window(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """A function over a window."""
    function = node.this
    nulls = ""
    if isinstance(function, exp.IgnoreNulls | exp.RespectNulls):
        nulls = "IGNORE NULLS" if isinstance(function, exp.IgnoreNulls) else ""
        function = function.this
    frame, keys = specification(binder, node, scope)
    over = f" OVER ({frame})"
    if isinstance(function, exp.GroupConcat):
        return _over(string_agg(binder, function, scope, over), keys)
    name = str(function.this).upper() if isinstance(function, exp.Anonymous) else ""
    if name in _ORDERED and "ORDER BY" not in frame:
        raise binder.fail(f"Window ORDER BY is required for analytic function {name.lower()}", node)
    if name in NUMBERING:
        return _over(_numbering(binder, function, scope, name, nulls, over), keys)
    value = aggregate_call(binder, function, scope, over) if name else None
    if value is None:
        if name:
            binder.expr(function, scope)
        raise binder.fail(f"Function {name or type(function).__name__} does not support an OVER clause", node)
    return _over(value, keys)


def _over(value: Value, keys: Sequence[Value]) -> Value:
    return merge(value.sql, value.type, [value, *keys])


def _numbering(binder: Binder, node: exp.Expr, scope: Scope, name: str, nulls: str, over: str) -> Value:
    parts: list[Value] = []
    for item in node.expressions:
        inner, modifiers = _unwrap(binder, item, scope)
        nulls = "IGNORE NULLS" if modifiers.nulls == "IGNORE" else nulls
        parts.append(binder.expr(inner, scope))
    kind = NUMBERING[name](parts)
    if name in ("LAG", "LEAD") and len(parts) == 3:
        parts[2] = coerce(parts[2], kind) or parts[2]
    inner_sql = ", ".join(part.sql for part in parts)
    suffix = f" {nulls}" if nulls else ""
    sql = f"{_PERCENTILES.get(name, name.lower())}({inner_sql}{suffix}){over}"
    return merge(f"CAST({sql} AS {kind.duckdb})" if name in _PERCENTILES else sql, kind, parts)


def specification(binder: Binder, node: exp.Expr, scope: Scope) -> tuple[str, list[Value]]:
    """The inside of an OVER clause, named windows resolved, and the values that it needs."""
    base = node.args.get("alias")
    named = scope.windows.get(base.name.lower()) if isinstance(base, exp.Identifier) else None
    if isinstance(base, exp.Identifier) and named is None:
        raise binder.fail(f"Unrecognized window alias {base.name}", node)
    text, keys = specification(binder, named, scope) if named is not None else ("", [])
    pieces = [text] if text else []
    if partition := node.args.get("partition_by"):
        values = [binder.expr(item, scope) for item in partition]
        pieces.append("PARTITION BY " + ", ".join(value.sql for value in values))
        keys = keys + values
    if order := node.args.get("order"):
        ordered = [(item, binder.expr(item.this, scope)) for item in order.expressions]
        pieces.append("ORDER BY " + ", ".join(f"{value.sql} {direction(item)}" for item, value in ordered))
        keys = keys + [value for _, value in ordered]
    if spec := node.args.get("spec"):
        start = _edge(binder, spec.args.get("start"), spec.args.get("start_side"), scope)
        end = _edge(binder, spec.args.get("end"), spec.args.get("end_side"), scope)
        frame = f"BETWEEN {start} AND {end}" if end else start
        pieces.append(f"{spec.args['kind']} {frame}")
    return " ".join(pieces), keys


def _edge(binder: Binder, edge: str | exp.Expr | None, side: str | None, scope: Scope) -> str:
    if edge is None:
        return ""
    where = edge if isinstance(edge, str) else binder.expr(edge, scope).sql
    return f"{where} {side or ''}".strip()
