"""Functions of dates and times: parts, truncation, differences, conversions and arrays of times.

Whole units of a TIMESTAMP are counted in microseconds; only time zones and calendars go through DuckDB's calendar.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

from exporter.sandbox.bigquery.binder import Binder
from exporter.sandbox.bigquery.casts import as_text, coerce
from exporter.sandbox.bigquery.scope import Scope, Value, merge
from exporter.sandbox.bigquery.signatures import Signature, bind, signature_error
from exporter.sandbox.bigquery.types import (
    DATE,
    DATETIME,
    INT64,
    STRING,
    TIME,
    TIMESTAMP,
    Type,
    array,
    scalar,
)

UNITS_US = {
    "MICROSECOND": 1,
    "MILLISECOND": 1_000,
    "SECOND": 1_000_000,
    "MINUTE": 60_000_000,
    "HOUR": 3_600_000_000,
    "DAY": 86_400_000_000,
}
_CALENDAR = ("DAY", "WEEK", "ISOWEEK", "MONTH", "QUARTER", "YEAR", "ISOYEAR")
_WEEKDAYS = ("SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY")
Special = Callable[[Binder, exp.Expr, Scope], Value]


def part_name(binder: Binder, node: exp.Expr, allowed: Sequence[str]) -> tuple[str, int]:
    """A date part and, for a week, the day on which it starts (0 = Sunday)."""
    name = (node.this if isinstance(node, exp.Anonymous) else node.name).upper()
    start = 0
    if isinstance(node, exp.Anonymous) and name == "WEEK" and node.expressions:
        day = node.expressions[0].name.upper()
        start = _WEEKDAYS.index(day) if day in _WEEKDAYS else 0
    if name not in allowed:
        raise binder.fail(f"A valid date part name is required but found {name}", node)
    return name, start


def naive(value: Value, zone: Value | None = None) -> str:
    """A TIMESTAMP as wall-clock time in UTC or in a zone."""
    if zone is not None:
        return f"timezone({zone.sql}, {value.sql})"
    return f"bq_naive({value.sql})"


def aware(sql: str, zone: Value | None = None) -> str:
    """A wall-clock time in UTC or in a zone as TIMESTAMP."""
    return f"timezone({zone.sql}, {sql})" if zone is not None else f"bq_aware({sql})"


def _arguments(binder: Binder, nodes: Sequence[exp.Expr], scope: Scope) -> list[Value]:
    return [binder.expr(node, scope) for node in nodes]


def _need(binder: Binder, value: Value, kind: Type, name: str, node: exp.Expr) -> Value:
    fitted = coerce(value, kind)
    if fitted is None:
        raise signature_error(binder, f"function {name}", [value], node)
    return fitted


def _zone(binder: Binder, nodes: Sequence[exp.Expr], place: int, scope: Scope) -> Value | None:
    return binder.expr(nodes[place], scope) if len(nodes) > place else None


def truncated(sql: str, part: str, start: int) -> str:
    """A DATE or wall-clock time at the start of its part."""
    if part == "ISOWEEK":
        return f"date_trunc('week', {sql})"
    if part == "WEEK":
        shift = (8 - start) % 7  # from a week that starts on Monday
        if not shift:
            return f"date_trunc('week', {sql})"
        return f"(date_trunc('week', {sql} + to_days({shift})) - to_days({shift}))"
    if part == "ISOYEAR":
        return f"date_trunc('week', make_date(CAST(isoyear({sql}) AS INTEGER), 1, 4))"
    return f"date_trunc('{part.lower()}', {sql})"


def trunc(kind: Type) -> Special:
    """``*_TRUNC(value, part[, zone])``."""

    def rule(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
        name = str(node.this).upper()
        value = _need(binder, binder.expr(node.expressions[0], scope), kind, name, node)
        allowed = {"DATE": _CALENDAR, "TIME": tuple(UNITS_US)}.get(kind.kind, (*UNITS_US, *_CALENDAR))
        part, start = part_name(binder, node.expressions[1], allowed)
        zone = _zone(binder, node.expressions, 2, scope)
        parts = [value, *([zone] if zone else [])]
        if kind == TIMESTAMP:
            return merge(aware(truncated(naive(value, zone), part, start), zone), kind, parts)
        sql = value.sql if kind != TIME else f"(DATE '1970-01-01' + {value.sql})"
        return merge(f"CAST({truncated(sql, part, start)} AS {kind.duckdb})", kind, parts)

    return rule


def difference(kind: Type) -> Special:
    """``*_DIFF(a, b, part)``: whole units between TIMESTAMPs, boundaries crossed between dates and datetimes."""

    def rule(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
        name = str(node.this).upper()
        left, right = (_need(binder, binder.expr(item, scope), kind, name, node) for item in node.expressions[:2])
        allowed = {"DATE": _CALENDAR, "DATETIME": (*UNITS_US, *_CALENDAR)}.get(kind.kind, tuple(UNITS_US))
        part, start = part_name(binder, node.expressions[2], allowed)
        if kind == TIMESTAMP:
            sql = f"(epoch_us({left.sql}) - epoch_us({right.sql}))"
            if part != "MICROSECOND":
                sql = f"({sql} // {UNITS_US[part]})"
        elif part in ("WEEK", "ISOWEEK"):
            week = [truncated(f"CAST({item.sql} AS DATE)", part, start) for item in (left, right)]
            sql = f"(date_diff('day', CAST({week[1]} AS DATE), CAST({week[0]} AS DATE)) // 7)"
        else:
            sql = f"date_diff('{part.lower()}', {right.sql}, {left.sql})"
        return merge(sql, INT64, [left, right])

    return rule


def shift(kind: Type, sign: str) -> Special:
    """``*_ADD`` and ``*_SUB(value, INTERVAL n part)``."""

    def rule(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
        name = str(node.this).upper()
        value = _need(binder, binder.expr(node.expressions[0], scope), kind, name, node)
        amount = node.expressions[1]
        if not isinstance(amount, exp.Interval):
            raise binder.fail(f"Invalid second argument of {name}: an INTERVAL is needed", node)
        unit = amount.args["unit"].name.upper().removesuffix("S")
        if kind == TIMESTAMP and unit not in UNITS_US:
            raise binder.fail(
                f"{name} does not support the {unit} date part when the argument is TIMESTAMP type", amount
            )
        if kind == DATE and unit not in _CALENDAR:
            raise binder.fail(f"{name} does not support the {unit} date part when the argument is DATE type", amount)
        span = binder.expr(amount, scope)
        return merge(f"CAST({value.sql} {sign} {span.sql} AS {kind.duckdb})", kind, [value, span])

    return rule


_EXTRACTS = {
    "MICROSECOND": "(microsecond({0}) % 1000000)",
    "MILLISECOND": "(millisecond({0}) % 1000)",
    "SECOND": "second({0})",
    "MINUTE": "minute({0})",
    "HOUR": "hour({0})",
    "DAYOFWEEK": "(dayofweek({0}) + 1)",
    "DAY": "day({0})",
    "DAYOFYEAR": "dayofyear({0})",
    "WEEK": "CAST(strftime({0}, '%U') AS BIGINT)",
    "ISOWEEK": "week({0})",
    "MONTH": "month({0})",
    "QUARTER": "quarter({0})",
    "YEAR": "year({0})",
    "ISOYEAR": "isoyear({0})",
}


def extract(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """EXTRACT(part FROM value [AT TIME ZONE zone])."""
    inner = node.args["expression"]
    zone: Value | None = None
    if isinstance(inner, exp.AtTimeZone):
        zone = binder.expr(inner.args["zone"], scope)
        inner = inner.this
    value = binder.expr(inner, scope)
    if value.type.kind not in ("DATE", "DATETIME", "TIME", "TIMESTAMP", "INTERVAL"):
        raise signature_error(binder, "function EXTRACT", [value], node)
    clock = naive(value, zone) if value.type == TIMESTAMP else value.sql
    parts = [value, *([zone] if zone else [])]
    name = node.this.name.upper() if not isinstance(node.this, exp.Anonymous) else str(node.this.this).upper()
    if name in ("DATE", "TIME", "DATETIME"):
        kind = scalar(name)
        return merge(f"CAST({clock} AS {kind.duckdb})", kind, parts)
    if name not in _EXTRACTS:
        raise binder.fail(f"A valid date part name is required but found {name}", node)
    return merge(f"CAST({_EXTRACTS[name].format(clock)} AS BIGINT)", INT64, parts)


def now(kind: Type) -> Special:
    """CURRENT_TIMESTAMP() and its kin: the time at which the job started."""

    def rule(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
        moment = Value(binder.now(), TIMESTAMP, constant=True)
        if kind == TIMESTAMP:
            return moment
        zone = _zone(binder, node.expressions, 0, scope)
        return Value(f"CAST({naive(moment, zone)} AS {kind.duckdb})", kind)

    return rule


def timestamp(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """TIMESTAMP(string | date | datetime | timestamp [, zone])."""
    parts = _arguments(binder, node.expressions, scope)
    value = parts[0]
    zone = parts[1] if len(parts) > 1 else None
    if value.type == TIMESTAMP:
        return value
    if value.type.kind == "STRING" and zone is None:
        return merge(f"CAST({value.sql} AS TIMESTAMPTZ)", TIMESTAMP, parts)
    if value.type.kind not in ("STRING", "DATE", "DATETIME", "NULL"):
        raise signature_error(binder, "function TIMESTAMP", parts, node)
    return merge(aware(f"CAST({value.sql} AS TIMESTAMP)", zone), TIMESTAMP, parts)


def civil(kind: Type, build: str) -> Special:
    """DATE(...), DATETIME(...), TIME(...): from parts, or from another date or time, in a zone."""

    def rule(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
        parts = _arguments(binder, node.expressions, scope)
        value = parts[0]
        if value.type.kind == "INT64" and len(parts) in (3, 6):
            numbers = ", ".join(f"CAST({part.sql} AS BIGINT)" for part in parts)
            return merge(f"{build}({numbers})", kind, parts)
        if value.type == TIMESTAMP:
            zone = parts[1] if len(parts) > 1 else None
            return merge(f"CAST({naive(value, zone)} AS {kind.duckdb})", kind, parts)
        if kind == DATETIME and len(parts) == 2 and (value.type, parts[1].type) == (DATE, TIME):
            return merge(f"({value.sql} + {parts[1].sql})", kind, parts)
        if len(parts) != 1 or value.type.kind not in ("DATE", "DATETIME", "TIME", "STRING", "NULL"):
            raise signature_error(binder, f"function {kind}", parts, node)
        return merge(f"CAST({value.sql} AS {kind.duckdb})", kind, parts)

    return rule


def string(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """STRING(timestamp[, zone]), STRING(date | time | datetime), STRING(json)."""
    parts = _arguments(binder, node.expressions, scope)
    value = parts[0]
    if value.type.kind == "JSON":
        return merge(f"json_extract_string({value.sql}, '$')", STRING, parts)
    if value.type == TIMESTAMP and len(parts) > 1:
        offset = f"strftime({value.sql}, '%z')"
        clock = as_text(naive(value, parts[1]), "DATETIME")
        local = f"(epoch_us({naive(value, parts[1])}) - epoch_us({value.sql})) // 60000000"
        sign = f"CASE WHEN {local} < 0 THEN '-' ELSE '+' END"
        minutes = f"CASE WHEN {local} % 60 <> 0 THEN printf(':%02d', abs({local}) % 60) ELSE '' END"
        offset = f"({sign} || printf('%02d', abs({local}) // 60) || {minutes})"
        return merge(f"({clock} || {offset})", STRING, parts)
    if value.type.kind not in ("DATE", "DATETIME", "TIME", "TIMESTAMP"):
        raise signature_error(binder, "function STRING", parts, node)
    return merge(as_text(value.sql, value.type.kind), STRING, parts)


def time_array(kind: Type) -> Special:
    """GENERATE_TIMESTAMP_ARRAY and GENERATE_DATE_ARRAY, ends included."""

    def rule(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
        name = str(node.this).upper()
        start, end = (_need(binder, binder.expr(item, scope), kind, name, node) for item in node.expressions[:2])
        if len(node.expressions) > 2:
            step = binder.expr(node.expressions[2], scope)
        elif kind == DATE:
            step = Value("to_days(1)", scalar("INTERVAL"))
        else:
            raise signature_error(binder, f"function {name}", [start, end], node)
        item = "CAST(x AS DATE)" if kind == DATE else "bq_aware(x)"
        ends = [f"CAST({value.sql} AS TIMESTAMP)" if kind == DATE else naive(value) for value in (start, end)]
        sql = f"list_transform(generate_series({ends[0]}, {ends[1]}, {step.sql}), lambda x: {item})"
        return merge(sql, array(kind), [start, end, step])

    return rule


def last_day(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """LAST_DAY(date[, part])."""
    value = binder.expr(node.expressions[0], scope)
    part, start = ("MONTH", 0)
    if len(node.expressions) > 1:
        part, start = part_name(binder, node.expressions[1], _CALENDAR)
    length = {"WEEK": "to_weeks(1)", "ISOWEEK": "to_weeks(1)", "YEAR": "to_years(1)", "QUARTER": "to_months(3)"}
    first = truncated(f"CAST({value.sql} AS DATE)", part, start)
    return merge(f"CAST({first} + {length.get(part, 'to_months(1)')} - to_days(1) AS DATE)", DATE, [value])


_YEAR_1_US = 62_135_596_800_000_000
"""Microseconds from the first TIMESTAMP there is to 1970: with them added, DuckDB's division that truncates is one that floors."""


def _floor(unit: int) -> str:
    return f"((epoch_us({{0}}) + {_YEAR_1_US}) // {unit} - {_YEAR_1_US // unit})"


PLAIN: dict[str, list[Signature]] = {
    "UNIX_MICROS": [Signature("T", INT64, "epoch_us({0})")],
    "UNIX_MILLIS": [Signature("T", INT64, _floor(1_000))],
    "UNIX_SECONDS": [Signature("T", INT64, _floor(1_000_000))],
    "UNIX_DATE": [Signature("D", INT64, "CAST({0} - DATE '1970-01-01' AS BIGINT)")],
    "TIMESTAMP_MICROS": [Signature("I", TIMESTAMP, "make_timestamptz({0})")],
    "TIMESTAMP_MILLIS": [Signature("I", TIMESTAMP, "make_timestamptz({0} * 1000)")],
    "TIMESTAMP_SECONDS": [Signature("I", TIMESTAMP, "make_timestamptz({0} * 1000000)")],
    "DATE_FROM_UNIX_DATE": [Signature("I", DATE, "(DATE '1970-01-01' + CAST({0} AS INTEGER))")],
}


def _plain(name: str) -> Special:
    def rule(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
        return bind(binder, name, PLAIN[name], _arguments(binder, node.expressions, scope), node)

    return rule


KINDS = {"DATE": DATE, "DATETIME": DATETIME, "TIME": TIME, "TIMESTAMP": TIMESTAMP}

TIMES: dict[str, Special] = {
    **{f"{name}_TRUNC": trunc(kind) for name, kind in KINDS.items()},
    **{f"{name}_DIFF": difference(kind) for name, kind in KINDS.items()},
    **{f"{name}_ADD": shift(kind, "+") for name, kind in KINDS.items()},
    **{f"{name}_SUB": shift(kind, "-") for name, kind in KINDS.items()},
    **{f"CURRENT_{name}": now(kind) for name, kind in KINDS.items()},
    **{name: _plain(name) for name in PLAIN},
    "TIMESTAMP": timestamp,
    "DATE": civil(DATE, "make_date"),
    "DATETIME": civil(DATETIME, "make_timestamp"),
    "TIME": civil(TIME, "make_time"),
    "STRING": string,
    "LAST_DAY": last_day,
    "GENERATE_TIMESTAMP_ARRAY": time_array(TIMESTAMP),
    "GENERATE_DATE_ARRAY": time_array(DATE),
}
"""Functions of dates and times by name."""
