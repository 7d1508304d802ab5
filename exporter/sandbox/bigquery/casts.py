"""Conversions between GoogleSQL's types in DuckDB SQL: CAST, SAFE_CAST, coercion of arguments, and values as text."""

from __future__ import annotations

from exporter.sandbox.bigquery.scope import Value
from exporter.sandbox.bigquery.types import NUMBERS, STRING, Type, quote

BAD = "\u0001"
"""Put before a text that DuckDB would convert and BigQuery would not, so that the conversion fails with the text in its message."""

_INTEGER = r"\s*[+-]?(\d+|0[xX][0-9a-fA-F]+)\s*"
_BOOLEAN = r"(?i)\s*(true|false)\s*"
_TIMES = ("DATE", "DATETIME", "TIME", "TIMESTAMP")


def coerce(value: Value, kind: Type) -> Value | None:
    """The value as another type, where GoogleSQL converts it by itself, else None."""
    have = value.type
    if have == kind:
        return value
    if have.kind == "NULL":
        return Value(f"CAST({value.sql} AS {kind.duckdb})", kind, value.origins, value.loose, constant=True)
    number = have.kind in NUMBERS and kind.kind in NUMBERS
    widening = number and NUMBERS.index(have.kind) < NUMBERS.index(kind.kind)
    decimal = have.kind == "FLOAT64" and kind.kind in ("NUMERIC", "BIGNUMERIC")
    literal = value.constant and (decimal or (have.kind == "STRING" and kind.kind in _TIMES))
    days = have.kind == "DATE" and kind.kind == "DATETIME"
    nested = have.kind == kind.kind and have.kind in ("ARRAY", "STRUCT") and _coercible(have, kind)
    if widening or literal or days or nested:
        return _with(value, _nested(value.sql, have, kind), kind)
    return None


def _nested(sql: str, have: Type, kind: Type) -> str:
    """A conversion that goes by the places of a struct's fields, where DuckDB's goes by their names."""
    if have == kind:
        return sql
    if have.kind == kind.kind == "STRUCT" and len(have.fields) == len(kind.fields):
        parts = [
            f"{quote(new)}: {_nested(f'{sql}.{quote(old)}', before, after)}"
            for (old, before), (new, after) in zip(have.fields, kind.fields, strict=True)
        ]
        return f"(CASE WHEN {sql} IS NOT NULL THEN {{{', '.join(parts)}}} END)"
    if have.kind == kind.kind == "ARRAY" and have.item.kind == "STRUCT":
        return f"list_transform({sql}, lambda x: {_nested('x', have.item, kind.item)})"
    return f"CAST({sql} AS {kind.duckdb})"


def _coercible(have: Type, kind: Type) -> bool:
    if have == kind or have.kind == "NULL":
        return True
    if have.kind == kind.kind == "ARRAY":
        return _coercible(have.item, kind.item)
    if have.kind == kind.kind == "STRUCT" and len(have.fields) == len(kind.fields):
        return all(_coercible(a[1], b[1]) for a, b in zip(have.fields, kind.fields, strict=True))
    return have.kind in NUMBERS and kind.kind in NUMBERS and NUMBERS.index(have.kind) < NUMBERS.index(kind.kind)


def _with(value: Value, sql: str, kind: Type) -> Value:
    return Value(sql, kind, value.origins, value.loose, value.constant, value.aggregate)


_ALLOWED = {
    "INT64": ("INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC", "BOOL", "STRING"),
    "FLOAT64": ("INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC", "STRING"),
    "NUMERIC": ("INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC", "STRING"),
    "BIGNUMERIC": ("INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC", "STRING"),
    "BOOL": ("INT64", "BOOL", "STRING"),
    "STRING": (
        *("INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC", "BOOL", "STRING", "BYTES"),
        *("DATE", "DATETIME", "TIME", "TIMESTAMP", "INTERVAL"),
    ),
    "BYTES": ("BYTES", "STRING"),
    "DATE": ("DATE", "DATETIME", "TIMESTAMP", "STRING"),
    "DATETIME": ("DATE", "DATETIME", "TIME", "TIMESTAMP", "STRING"),
    "TIME": ("TIME", "STRING"),
    "TIMESTAMP": ("DATE", "DATETIME", "TIME", "TIMESTAMP", "STRING"),
    "INTERVAL": ("INTERVAL", "STRING"),
    "JSON": ("JSON",),
}


def cast(value: Value, kind: Type, *, safe: bool = False) -> Value | None:
    """The value converted by CAST (or SAFE_CAST), or None where GoogleSQL knows no such conversion."""
    have = value.type
    if have.kind == "NULL" or have == kind:
        return _with(value, f"CAST({value.sql} AS {kind.duckdb})", kind)
    verb = "TRY_CAST" if safe else "CAST"
    if have.kind in ("ARRAY", "STRUCT"):
        return _with(value, _nested(value.sql, have, kind), kind) if have.kind == kind.kind else None
    if kind.kind not in _ALLOWED.get(have.kind, ()):
        return None
    return _with(value, _scalar(value.sql, have.kind, kind, verb), kind)


def _scalar(sql: str, have: str, kind: Type, verb: str) -> str:
    if kind.kind == "STRING":
        decoded = f"decode({sql})"
        return as_text(sql, have) if have != "BYTES" else f"TRY({decoded})" if verb == "TRY_CAST" else decoded
    if kind.kind == "BYTES":
        return f"encode({sql})"
    if kind.kind == "INT64" and have in ("FLOAT64", "NUMERIC", "BIGNUMERIC"):
        return f"{verb}(round({sql}, 0) AS BIGINT)"
    if have == "STRING" and kind.kind in ("INT64", "BOOL"):
        return f"{verb}({_checked(sql, _INTEGER if kind.kind == 'INT64' else _BOOLEAN)} AS {kind.duckdb})"
    return f"{verb}({sql} AS {kind.duckdb})"


def _checked(sql: str, pattern: str) -> str:
    trimmed = f"trim({sql})"
    return f"(CASE WHEN regexp_full_match({sql}, '{pattern}') THEN {trimmed} ELSE '{BAD}' || {sql} END)"


def as_text(sql: str, kind: str) -> str:
    """A scalar's canonical text, as ``CAST(x AS STRING)`` writes it."""
    if kind == "FLOAT64":
        return f"bq_float_text({sql})"
    if kind in ("NUMERIC", "BIGNUMERIC"):
        return f"bq_decimal_text({sql})"
    if kind in ("TIMESTAMP", "DATETIME", "TIME"):
        return f"bq_{kind.lower()}_text({sql})"
    return f"CAST({sql} AS VARCHAR)"


def text_of(value: Value) -> Value:
    """A value as STRING, for functions that take any type."""
    if value.type.kind in ("ARRAY", "STRUCT", "JSON"):
        return _with(value, f"CAST({as_json(value.sql, value.type)} AS VARCHAR)", STRING)
    return cast(value, STRING) or value


def as_json(sql: str, kind: Type) -> str:
    """A value as JSON, as TO_JSON_STRING writes it: bytes in base64, times in ISO 8601."""
    if kind.kind == "ARRAY":
        return f"to_json(list_transform({sql}, lambda x: {as_json('x', kind.item)}))"
    if kind.kind == "STRUCT":
        parts = ", ".join(f"{quote(name)}: {as_json(f'{sql}.{quote(name)}', part)}" for name, part in kind.fields)
        return f"(CASE WHEN {sql} IS NOT NULL THEN to_json({{{parts}}}) END)"
    if kind.kind == "BYTES":
        return f"to_json(base64({sql}))"
    if kind.kind in ("FLOAT64", "TIMESTAMP"):
        return f"bq_{kind.kind.lower().removesuffix('64')}_json({sql})"
    return f"to_json({sql})"


MACROS = r"""
CREATE MACRO bq_fraction(us) AS
  CASE WHEN us % 1000000 = 0 THEN '' WHEN us % 1000 = 0 THEN printf('.%03d', (us % 1000000) // 1000)
  ELSE printf('.%06d', us % 1000000) END;
CREATE MACRO bq_timestamp_text(x) AS
  strftime(make_timestamp(epoch_us(x)), '%Y-%m-%d %H:%M:%S') || bq_fraction((epoch_us(x) % 1000000 + 1000000) % 1000000) || '+00';
CREATE MACRO bq_datetime_text(x) AS
  strftime(x, '%Y-%m-%d %H:%M:%S') || bq_fraction((epoch_us(x) % 1000000 + 1000000) % 1000000);
CREATE MACRO bq_time_text(x) AS strftime(DATE '2000-01-01' + x, '%H:%M:%S') || bq_fraction(epoch_us(x));
CREATE MACRO bq_float_text(x) AS
  CASE WHEN isnan(x) THEN 'NaN' WHEN isinf(x) THEN CAST(x AS VARCHAR)
  WHEN CAST(printf('%.15g', x) AS DOUBLE) = x THEN printf('%.15g', x) ELSE printf('%.17g', x) END;
CREATE MACRO bq_float_json(x) AS
  CASE WHEN x = trunc(x) AND abs(x) < 1e15 THEN to_json(CAST(x AS BIGINT)) ELSE to_json(x) END;
CREATE MACRO bq_timestamp_json(x) AS
  to_json(strftime(make_timestamp(epoch_us(x)), '%Y-%m-%dT%H:%M:%S')
  || bq_fraction((epoch_us(x) % 1000000 + 1000000) % 1000000) || 'Z');
CREATE MACRO bq_decimal_text(x) AS regexp_replace(regexp_replace(CAST(x AS VARCHAR), '(\.\d*?)0+$', '\1'), '\.$', '');
CREATE MACRO bq_naive(x) AS make_timestamp(epoch_us(x));
CREATE MACRO bq_aware(x) AS make_timestamptz(epoch_us(x));
"""
"""DuckDB macros that the translations use."""


def bytes_literal(value: bytes) -> str:
    """A DuckDB literal of bytes."""
    return "'" + "".join(f"\\x{byte:02X}" for byte in value) + "'::BLOB"


def literal_bytes(text: str) -> bytes:
    """The bytes of a bytes literal, in which the parser has put a character of the same number for each escape."""
    return b"".join(bytes([ord(character)]) if ord(character) < 256 else character.encode() for character in text)
