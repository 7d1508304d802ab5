"""The table of scalar functions: strings, numbers, arrays, JSON, conditionals. Dates and times are in ``times``."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.sandbox.bigquery.casts import as_json, text_of
from exporter.sandbox.bigquery.scope import Value
from exporter.sandbox.bigquery.signatures import Signature, together
from exporter.sandbox.bigquery.types import (
    BOOL,
    BYTES,
    FLOAT64,
    INT64,
    JSON,
    NULL,
    NUMERIC,
    STRING,
    Type,
    array,
)


def _common(parts: Sequence[Value]) -> Type:
    both = together(parts)
    return both[0].type if both is not None else parts[0].type


def _item(parts: Sequence[Value]) -> Type:
    return parts[0].type.item


def _unless_null(name: str, parts: Sequence[Value]) -> str:
    """GREATEST and LEAST are NULL when any argument is, unlike DuckDB's."""
    both = together(parts) or list(parts)
    called = f"{name}({', '.join(part.sql for part in both)})"
    doubtful = [part.sql for part in both if not part.constant or "NULL" in part.sql or "$" in part.sql]
    if not doubtful:
        return called
    return f"(CASE WHEN {' AND '.join(f'{sql} IS NOT NULL' for sql in doubtful)} THEN {called} END)"


def _coalesce(parts: Sequence[Value]) -> str:
    return f"coalesce({', '.join(part.sql for part in together(parts) or parts)})"


def _checked(sql: str) -> str:
    return f"TRY({sql})"


def _div(parts: Sequence[Value]) -> str:
    left, right = together(parts) or list(parts)
    if left.type == INT64:
        return f"({left.sql} // {right.sql})"
    return f"CAST(trunc({left.sql} / {right.sql}) AS {left.type.duckdb})"


def _mod(parts: Sequence[Value]) -> str:
    left, right = together(parts) or list(parts)
    return f"({left.sql} % {right.sql})"


def _split(parts: Sequence[Value]) -> str:
    separator = parts[1].sql if len(parts) > 1 else "','"
    return f"string_split({parts[0].sql}, {separator})"


def _join(parts: Sequence[Value]) -> str:
    texts = f"list_transform({parts[0].sql}, lambda x: CAST(x AS VARCHAR))"
    if len(parts) < 3:
        return f"array_to_string({texts}, {parts[1].sql})"
    return f"array_to_string(list_transform({texts}, lambda x: coalesce(x, {parts[2].sql})), {parts[1].sql})"


def _bucket(parts: Sequence[Value]) -> str:
    point, bounds = parts
    counted = f"len(list_filter({bounds.sql}, lambda b: b <= {point.sql}))"
    return f"(CASE WHEN {point.sql} IS NOT NULL THEN CAST({counted} AS BIGINT) END)"


def _series(parts: Sequence[Value]) -> str:
    both = together(parts) or list(parts)
    start, end = both[0].sql, both[1].sql
    step = both[2].sql if len(both) > 2 else "1"
    if both[0].type == INT64:
        return f"generate_series({start}, {end}, {step})"
    count = f"CAST(floor(({end} - {start}) / {step} + 1e-9) AS BIGINT)"
    return f"list_transform(generate_series(0, {count}), lambda i: {start} + i * {step})"


def _round(parts: Sequence[Value]) -> str:
    digits = f"CAST({parts[1].sql} AS INTEGER)" if len(parts) > 1 else "0"
    return f"round({parts[0].sql}, {digits})"  # without digits DuckDB rounds halves to even


def _float_unless_decimal(parts: Sequence[Value]) -> Type:
    return parts[0].type if parts[0].type.kind in ("NUMERIC", "BIGNUMERIC") else FLOAT64


def _substring(parts: Sequence[Value]) -> str:
    """SUBSTR: position 0 is 1, and a position before the start counts from the start."""
    value, position = parts[0].sql, parts[1].sql
    length = f", {parts[2].sql}" if len(parts) > 2 else ""
    if parts[0].type == BYTES:
        value = f"hex({value})"
        doubled = f", 2 * {parts[2].sql}" if len(parts) > 2 else ""
        return f"unhex(substr({value}, 2 * greatest({position}, 1) - 1{doubled}))"
    if parts[1].constant and position.split("::")[0].isdigit() and not position.startswith("0"):
        return f"substr({value}, {position}{length})"
    start = f"(CASE WHEN {position} = 0 OR {position} < -length({value}) THEN 1 ELSE {position} END)"
    return f"substr({value}, {start}{length})"


def _extract(parts: Sequence[Value]) -> str:
    value, pattern = parts[0].sql, parts[1].sql
    group = f"(CASE WHEN regexp_matches({pattern}, '(^|[^\\\\])\\([^?]') THEN 1 ELSE 0 END)"
    return f"(CASE WHEN regexp_matches({value}, {pattern}) THEN regexp_extract({value}, {pattern}, {group}) END)"


def _extract_all(parts: Sequence[Value]) -> str:
    value, pattern = parts[0].sql, parts[1].sql
    group = f"(CASE WHEN regexp_matches({pattern}, '(^|[^\\\\])\\([^?]') THEN 1 ELSE 0 END)"
    return f"regexp_extract_all({value}, {pattern}, {group})"


def _to_json_string(parts: Sequence[Value]) -> str:
    return f"coalesce(CAST({as_json(parts[0].sql, parts[0].type)} AS VARCHAR), 'null')"


def _long(sql: str) -> str:
    return f"CAST({sql} AS BIGINT)"


def _chain(parts: Sequence[Value]) -> str:
    return "(" + " || ".join(part.sql for part in parts) + ")"


def _pad(name: str, parts: Sequence[Value]) -> str:
    filling = parts[2].sql if len(parts) > 2 else "' '"
    return f"{name}({parts[0].sql}, CAST({parts[1].sql} AS INTEGER), {filling})"


def _digest(name: str) -> list[Signature]:
    return [Signature(letter, BYTES, f"unhex({name}({{0}}))") for letter in "SB"]


def _number(name: str, result: Type | int = FLOAT64) -> list[Signature]:
    if result == FLOAT64:
        return [Signature("F", FLOAT64, f"{name}({{0}})")]
    return [Signature("N", result, f"{name}({{0}})")]


STRINGS: dict[str, list[Signature]] = {
    "CONCAT": [Signature("S+", STRING, _chain), Signature("B+", BYTES, _chain)],
    "LENGTH": [Signature("S", INT64, _long("length({0})")), Signature("B", INT64, _long("octet_length({0})"))],
    "CHAR_LENGTH": [Signature("S", INT64, _long("length({0})"))],
    "CHARACTER_LENGTH": [Signature("S", INT64, _long("length({0})"))],
    "BYTE_LENGTH": [Signature("S", INT64, _long("strlen({0})")), Signature("B", INT64, _long("octet_length({0})"))],
    "OCTET_LENGTH": [Signature("S", INT64, _long("strlen({0})")), Signature("B", INT64, _long("octet_length({0})"))],
    "UPPER": [Signature("S", STRING, "upper({0})")],
    "LOWER": [Signature("S", STRING, "lower({0})")],
    "INITCAP": [
        Signature(
            "S",
            STRING,
            "list_aggregate(list_transform(string_split({0}, ' '), "
            "lambda w: upper(w[1]) || lower(w[2:])), 'string_agg', ' ')",
        )
    ],
    "TRIM": [Signature("S S?", STRING, "trim({all})")],
    "LTRIM": [Signature("S S?", STRING, "ltrim({all})")],
    "RTRIM": [Signature("S S?", STRING, "rtrim({all})")],
    "SUBSTR": [Signature("S I I?", STRING, _substring), Signature("B I I?", BYTES, _substring)],
    "SUBSTRING": [Signature("S I I?", STRING, _substring), Signature("B I I?", BYTES, _substring)],
    "LEFT": [Signature("S I", STRING, "left({0}, {1})")],
    "RIGHT": [Signature("S I", STRING, "right({0}, {1})")],
    "REPLACE": [Signature("S S S", STRING, "replace({0}, {1}, {2})")],
    "REVERSE": [Signature("S", STRING, "reverse({0})")],
    "REPEAT": [Signature("S I", STRING, "repeat({0}, {1})")],
    "LPAD": [Signature("S I S?", STRING, lambda p: _pad("lpad", p))],
    "RPAD": [Signature("S I S?", STRING, lambda p: _pad("rpad", p))],
    "STARTS_WITH": [Signature("S S", BOOL, "starts_with({0}, {1})")],
    "ENDS_WITH": [Signature("S S", BOOL, "ends_with({0}, {1})")],
    "STRPOS": [Signature("S S", INT64, _long("strpos({0}, {1})"))],
    "INSTR": [Signature("S S", INT64, _long("strpos({0}, {1})"))],
    "CONTAINS_SUBSTR": [Signature("* S", BOOL, lambda p: f"contains(lower({text_of(p[0]).sql}), lower({p[1].sql}))")],
    "SPLIT": [Signature("S S?", array(STRING), _split)],
    "REGEXP_CONTAINS": [Signature("S S", BOOL, "regexp_matches({0}, {1})")],
    "REGEXP_EXTRACT": [Signature("S S", STRING, _extract)],
    "REGEXP_EXTRACT_ALL": [Signature("S S", array(STRING), _extract_all)],
    "REGEXP_REPLACE": [Signature("S S S", STRING, "regexp_replace({0}, {1}, {2}, 'g')")],
    "TO_HEX": [Signature("B", STRING, "lower(hex({0}))")],
    "FROM_HEX": [Signature("S", BYTES, "unhex({0})")],
    "TO_BASE64": [Signature("B", STRING, "base64({0})")],
    "FROM_BASE64": [Signature("S", BYTES, "from_base64({0})")],
    "MD5": _digest("md5"),
    "SHA1": _digest("sha1"),
    "SHA256": _digest("sha256"),
    "SAFE_CONVERT_BYTES_TO_STRING": [Signature("B", STRING, "coalesce(TRY(decode({0})), bq_lossy_text({0}))")],
    "CHR": [Signature("I", STRING, "chr(CAST({0} AS INTEGER))")],
    "ASCII": [Signature("S", INT64, _long("ascii({0})"))],
    "UNICODE": [Signature("S", INT64, _long("unicode({0})"))],
    "NORMALIZE": [Signature("S *?", STRING, "nfc_normalize({0})")],
    "EDIT_DISTANCE": [Signature("S S", INT64, _long("levenshtein({0}, {1})"))],
}

_TRIGONOMETRY = (
    *("SIN", "COS", "TAN", "ASIN", "ACOS", "ATAN"),
    *("SINH", "COSH", "TANH", "ASINH", "ACOSH", "ATANH"),
)

NUMBERS: dict[str, list[Signature]] = {
    "ABS": _number("abs", 0),
    "SIGN": [Signature("N", 0, lambda p: f"CAST(sign({p[0].sql}) AS {p[0].type.duckdb})")],
    "ROUND": [Signature("I", FLOAT64, "CAST({0} AS DOUBLE)"), Signature("N I?", _float_unless_decimal, _round)],
    "TRUNC": [
        Signature("F", FLOAT64, "trunc({0})"),
        Signature("F I", FLOAT64, "(trunc({0} * pow(10, {1})) / pow(10, {1}))"),
    ],
    "CEIL": [Signature("F", FLOAT64, "ceil({0})"), Signature("N", 0, "ceil({0})")],
    "CEILING": [Signature("F", FLOAT64, "ceil({0})"), Signature("N", 0, "ceil({0})")],
    "FLOOR": [Signature("F", FLOAT64, "floor({0})"), Signature("N", 0, "floor({0})")],
    "DIV": [Signature("N N", _common, _div)],
    "MOD": [Signature("N N", _common, _mod)],
    "POW": [Signature("F F", FLOAT64, "pow({0}, {1})")],
    "POWER": [Signature("F F", FLOAT64, "pow({0}, {1})")],
    "SQRT": _number("sqrt"),
    "CBRT": _number("cbrt"),
    "EXP": _number("exp"),
    "LN": _number("ln"),
    "LOG10": _number("log10"),
    "LOG": [Signature("F", FLOAT64, "ln({0})"), Signature("F F", FLOAT64, "(ln({0}) / ln({1}))")],
    **{name: _number(name.lower()) for name in _TRIGONOMETRY},
    "ATAN2": [Signature("F F", FLOAT64, "atan2({0}, {1})")],
    "GREATEST": [Signature("*+", _common, lambda p: _unless_null("greatest", p))],
    "LEAST": [Signature("*+", _common, lambda p: _unless_null("least", p))],
    "IS_NAN": [Signature("F", BOOL, "isnan({0})")],
    "IS_INF": [Signature("F", BOOL, "isinf({0})")],
    "IEEE_DIVIDE": [Signature("F F", FLOAT64, "bq_ieee_divide({0}, {1})")],
    "SAFE_DIVIDE": [Signature("F F", FLOAT64, "({0} / nullif({1}, 0))")],
    "SAFE_ADD": [Signature("N N", _common, lambda p: _checked(f"({p[0].sql} + {p[1].sql})"))],
    "SAFE_SUBTRACT": [Signature("N N", _common, lambda p: _checked(f"({p[0].sql} - {p[1].sql})"))],
    "SAFE_MULTIPLY": [Signature("N N", _common, lambda p: _checked(f"({p[0].sql} * {p[1].sql})"))],
    "SAFE_NEGATE": [Signature("N", 0, lambda p: _checked(f"(-{p[0].sql})"))],
    "BIT_COUNT": [Signature("I", INT64, _long("bit_count({0})"))],
    "RANGE_BUCKET": [Signature("* A", INT64, _bucket)],
    "PARSE_NUMERIC": [Signature("S", NUMERIC, "CAST({0} AS DECIMAL(38,9))")],
}

ARRAYS: dict[str, list[Signature]] = {
    "ARRAY_LENGTH": [Signature("A", INT64, _long("len({0})"))],
    "ARRAY_CONCAT": [Signature("A+", _common, lambda p: _concat(p))],
    "ARRAY_REVERSE": [Signature("A", 0, "list_reverse({0})")],
    "ARRAY_TO_STRING": [Signature("A S S?", STRING, _join)],
    "ARRAY_FIRST": [Signature("A", _item, "{0}[1]")],
    "ARRAY_LAST": [Signature("A", _item, "{0}[-1]")],
    "ARRAY_SLICE": [Signature("A I I", 0, "{0}[{1} + 1:{2} + 1]")],
    "ARRAY_INCLUDES": [Signature("A *", BOOL, "list_contains({0}, {1})")],
    "ARRAY_MAX": [Signature("A", _item, "list_max({0})")],
    "ARRAY_MIN": [Signature("A", _item, "list_min({0})")],
    "ARRAY_SUM": [Signature("A", _item, lambda p: f"CAST(list_sum({p[0].sql}) AS {p[0].type.item.duckdb})")],
    "ARRAY_IS_DISTINCT": [Signature("A", BOOL, "(len({0}) = len(list_distinct({0})))")],
    "GENERATE_ARRAY": [Signature("N N N?", lambda p: array(_common(p)), _series)],
}


def _concat(parts: Sequence[Value]) -> str:
    both = together(parts) or list(parts)
    sql = both[0].sql
    for part in both[1:]:
        sql = f"bq_concat_arrays({sql}, {part.sql})"
    return sql


OTHERS: dict[str, list[Signature]] = {
    "COALESCE": [Signature("*+", _common, _coalesce)],
    "IFNULL": [Signature("* *", _common, _coalesce)],
    "NULLIF": [Signature("* *", _common, lambda p: f"nullif({', '.join(x.sql for x in together(p) or p)})")],
    "NULLIFZERO": [Signature("N", 0, "nullif({0}, 0)")],
    "ZEROIFNULL": [Signature("N", 0, "coalesce({0}, 0)")],
    "TO_JSON_STRING": [Signature("* L?", STRING, _to_json_string)],
    "TO_JSON": [Signature("*", JSON, lambda p: as_json(p[0].sql, p[0].type))],
    "PARSE_JSON": [Signature("S", JSON, "json({0})")],
    "JSON_TYPE": [Signature("J", STRING, "bq_json_type({0})")],
    "BOOL": [Signature("J", BOOL, "CAST({0} AS BOOLEAN)")],
    "INT64": [Signature("J", INT64, "CAST({0} AS BIGINT)")],
    "FLOAT64": [Signature("J", FLOAT64, "CAST({0} AS DOUBLE)")],
    "LAX_INT64": [Signature("J", INT64, "TRY_CAST(json_extract_string({0}, '$') AS BIGINT)")],
    "LAX_FLOAT64": [Signature("J", FLOAT64, "TRY_CAST(json_extract_string({0}, '$') AS DOUBLE)")],
    "LAX_BOOL": [Signature("J", BOOL, "TRY_CAST(json_extract_string({0}, '$') AS BOOLEAN)")],
    "LAX_STRING": [Signature("J", STRING, "json_extract_string({0}, '$')")],
    "ERROR": [Signature("S", NULL, "error({0})")],
    "TO_BYTES": [Signature("S", BYTES, "encode({0})")],
}

SCALARS: dict[str, list[Signature]] = {**STRINGS, **NUMBERS, **ARRAYS, **OTHERS}
"""Signatures of functions whose arguments are plain values."""

MACROS = r"""
CREATE MACRO bq_in(x, a) AS CASE WHEN a IS NULL OR len(a) = 0 THEN FALSE WHEN x IS NULL THEN NULL
  WHEN list_contains(a, x) THEN TRUE WHEN list_count(a) < len(a) THEN NULL ELSE FALSE END;
CREATE MACRO bq_concat_arrays(a, b) AS CASE WHEN a IS NULL OR b IS NULL THEN NULL ELSE list_concat(a, b) END;
CREATE MACRO bq_element(a, i, shift) AS CASE WHEN a IS NULL OR i IS NULL THEN NULL
  WHEN i + shift < 1 OR i + shift > len(a) THEN error('Array index ' || i || ' is out of bounds') ELSE a[i + shift] END;
CREATE MACRO bq_ieee_divide(a, b) AS CASE WHEN b <> 0 THEN a / b
  WHEN isnan(a) OR a = 0 THEN 'nan'::DOUBLE WHEN a > 0 THEN 'inf'::DOUBLE WHEN a < 0 THEN '-inf'::DOUBLE END;
CREATE MACRO bq_json_type(x) AS CASE json_type(x) WHEN 'VARCHAR' THEN 'string' WHEN 'BOOLEAN' THEN 'boolean'
  WHEN 'UBIGINT' THEN 'number' WHEN 'BIGINT' THEN 'number' WHEN 'DOUBLE' THEN 'number' ELSE lower(json_type(x)) END;
CREATE MACRO bq_lossy_text(x) AS replace(replace(
  decode(CAST(replace(CAST(x AS VARCHAR), '?', '\x01') AS BLOB), 'replace'), '?', chr(65533)), chr(1), '?');
"""
"""DuckDB macros that the translations use. ``decode`` puts a question mark in place of what is no UTF-8, so real ones step aside."""
