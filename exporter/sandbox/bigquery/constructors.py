"""Types that a statement names, conversions to them, and the constructors of arrays, structs and intervals."""

from __future__ import annotations

from sqlglot import exp

from exporter.sandbox.bigquery.binder import Binder
from exporter.sandbox.bigquery.casts import cast, coerce
from exporter.sandbox.bigquery.scope import Scope, Value, merge
from exporter.sandbox.bigquery.signatures import together
from exporter.sandbox.bigquery.syntax import Source
from exporter.sandbox.bigquery.types import INT64, INTERVAL, NULL, Type, array, quote, scalar, struct


def data_type(source: Source, node: exp.Expr) -> Type:
    """The type that a CAST or a constructor names."""
    name = node.this.value if isinstance(node, exp.DataType) else ""
    if name == "ARRAY":
        return array(data_type(source, node.expressions[0]))
    if name == "STRUCT":
        parts = (
            (part.name, data_type(source, part.args["kind"]))
            if isinstance(part, exp.ColumnDef)
            else ("", data_type(source, part))
            for part in node.expressions
        )
        return struct(parts)
    kind = _DATA_TYPES.get(name)
    if kind is None:
        raise source.fail(f"Type not found: {node.sql(dialect='bigquery')}", node)
    return scalar(kind)


_DATA_TYPES = {
    "BIGINT": "INT64",
    "DOUBLE": "FLOAT64",
    "DECIMAL": "NUMERIC",
    "BIGDECIMAL": "BIGNUMERIC",
    "BOOLEAN": "BOOL",
    "TEXT": "STRING",
    "VARBINARY": "BYTES",
    "BINARY": "BYTES",
    "DATE": "DATE",
    "DATETIME": "DATETIME",
    "TIMESTAMP": "DATETIME",
    "TIME": "TIME",
    "TIMESTAMPTZ": "TIMESTAMP",
    "JSON": "JSON",
    "INTERVAL": "INTERVAL",
}


def conversion(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """CAST, SAFE_CAST, typed literals (``DATE '...'``), and typed ARRAY and STRUCT constructors."""
    kind = data_type(binder.source, node.args["to"])
    value = binder.expr(node.this, scope)
    if node.args.get("format"):
        raise binder.fail("CAST with FORMAT is not supported by this BigQuery", node)
    done = cast(value, kind, safe=isinstance(node, exp.TryCast))
    if done is None:
        raise binder.fail(f"Invalid cast from {value.type} to {kind}", node)
    return done


def array_constructor(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """``[a, b]`` and ARRAY(subquery)."""
    if node.expressions and isinstance(node.expressions[0], exp.Query):
        query = binder.queries.query(node.expressions[0], scope)
        if len(query.outputs) != 1:
            raise binder.fail("ARRAY subquery cannot have more than one column unless using SELECT AS STRUCT", node)
        output = query.outputs[0]
        return Value(f"ARRAY({query.sql})", array(output.type), output.origins)
    parts = [binder.expr(item, scope) for item in node.expressions]
    if not parts:
        return Value("CAST([] AS BIGINT[])", array(NULL), constant=True)
    both = together(parts)
    if both is None:
        kinds = ", ".join(str(part.type) for part in parts)
        raise binder.fail(f"Array elements of types {{{kinds}}} do not have a common supertype", node)
    made = merge("[" + ", ".join(part.sql for part in both) + "]", array(both[0].type), both)
    made.constant = all(part.constant for part in parts)
    return made


def struct_constructor(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """``STRUCT(a AS x, b)`` and ``(a, b)``."""
    named: list[tuple[str, Value]] = []
    for item in node.expressions:
        inner = item.this if isinstance(item, exp.Alias | exp.PropertyEQ) else item
        name = item.alias if isinstance(item, exp.Alias) else inner.name if isinstance(inner, exp.Column) else ""
        if isinstance(item, exp.PropertyEQ):
            name, inner = item.this.name, item.args["expression"]
        named.append((name, binder.expr(inner, scope)))
    kind = struct((name, value.type) for name, value in named)
    values = [value for _, value in named]
    inner_sql = ", ".join(f"{quote(name)}: {value.sql}" for (name, _), value in zip(kind.fields, values, strict=True))
    return merge(f"{{{inner_sql}}}", kind, values)


def interval(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """``INTERVAL n PART``."""
    unit = node.args.get("unit")
    amount = node.this
    if unit is None:
        raise binder.fail("Invalid INTERVAL literal", node)
    if isinstance(amount, exp.Literal) and amount.args.get("is_string"):
        count = Value(f"{int(amount.name)}::BIGINT", INT64, constant=True) if _whole(amount.name) else None
    else:
        count = coerce(binder.expr(amount, scope), INT64)
    part = unit.name.upper().removesuffix("S")
    if count is None or part not in _INTERVALS:
        raise binder.fail("Interval value must be coercible to INT64 type", node)
    return merge(
        f"{_INTERVALS[part]}(CAST({count.sql} AS {'BIGINT' if 'SECOND' in part else 'INTEGER'}))", INTERVAL, [count]
    )


def _whole(amount: str) -> bool:
    return amount.lstrip("+-").isdigit()


_INTERVALS = {
    "MICROSECOND": "to_microseconds",
    "MILLISECOND": "to_milliseconds",
    "SECOND": "to_seconds",
    "MINUTE": "to_minutes",
    "HOUR": "to_hours",
    "DAY": "to_days",
    "WEEK": "to_weeks",
    "MONTH": "to_months",
    "QUARTER": "to_quarters",
    "YEAR": "to_years",
}
