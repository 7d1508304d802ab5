"""Format strings: FORMAT_TIMESTAMP and its kin, PARSE_TIMESTAMP and its kin, FORMAT; and JSON paths."""

from __future__ import annotations

import re

from sqlglot import exp

from exporter.sandbox.bigquery.binder import Binder, text
from exporter.sandbox.bigquery.casts import coerce, text_of
from exporter.sandbox.bigquery.scope import Scope, Value, merge
from exporter.sandbox.bigquery.signatures import signature_error
from exporter.sandbox.bigquery.times import KINDS, Special, aware, naive
from exporter.sandbox.bigquery.types import FLOAT64, INT64, JSON, STRING, TIMESTAMP, Type, array

_ELEMENT = re.compile(r"%(E\*S|E\d[SY]|E[zZ]|-?.)")
_ALIASES = {
    "F": "%Y-%m-%d",
    "T": "%H:%M:%S",
    "R": "%H:%M",
    "D": "%m/%d/%y",
    "h": "%b",
    "E4Y": "%Y",
    "E6S": "%S.%f",
    "E3S": "%S.%g",
    "n": "\n",
    "t": "\t",
    "c": "%a %b %-d %H:%M:%S %Y",
    "x": "%m/%d/%y",
    "X": "%H:%M:%S",
}
_COMPUTED = {
    "e": "lpad(CAST(day({0}) AS VARCHAR), 2, ' ')",
    "k": "lpad(CAST(hour({0}) AS VARCHAR), 2, ' ')",
    "l": "lpad(strftime({0}, '%-I'), 2, ' ')",
    "P": "lower(strftime({0}, '%p'))",
    "Q": "CAST(quarter({0}) AS VARCHAR)",
    "E*S": "(strftime({0}, '%S') || rtrim(rtrim(strftime({0}, '.%f'), '0'), '.'))",
    "C": "printf('%02d', year({0}) // 100)",
    "s": "CAST(epoch_us({0}) // 1000000 AS VARCHAR)",
}
_NATIVE = set("aAbBdHIjmMpSUuWwyYGV%f")
_ZONED = {"Z": "UTC", "z": "+0000", "Ez": "+00:00"}


def _literal(binder: Binder, node: exp.Expr, what: str) -> str:
    if isinstance(node, exp.Literal | exp.RawString):
        return node.name
    raise binder.fail(f"{what} is only supported with a literal format by this BigQuery", node)


def format_time(kind: Type) -> Special:
    """FORMAT_TIMESTAMP(format, value[, zone]), FORMAT_DATE, FORMAT_DATETIME, FORMAT_TIME."""

    def rule(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
        pattern = _literal(binder, node.expressions[0], f"FORMAT_{kind}")
        value = coerce(binder.expr(node.expressions[1], scope), kind)
        if value is None:
            raise signature_error(binder, f"function FORMAT_{kind}", [binder.expr(node.expressions[1], scope)], node)
        zone = binder.expr(node.expressions[2], scope) if len(node.expressions) > 2 else None
        clock = naive(value, zone) if kind == TIMESTAMP else value.sql
        clock = f"(DATE '1970-01-01' + {clock})" if kind.kind == "TIME" else clock
        pieces: list[str] = []
        plain = ""
        last = 0
        for match in _ELEMENT.finditer(pattern):
            plain += pattern[last : match.start()].replace("%", "%%")
            last = match.end()
            element = match.group(1)
            if element in _COMPUTED:
                pieces += [_strftime(clock, plain), _COMPUTED[element].format(clock)]
                plain = ""
            elif element in _ALIASES:
                plain += _ALIASES[element]
            elif element in _ZONED and zone is None:
                plain += _ZONED[element]
            elif element.lstrip("-") in _NATIVE:
                plain += f"%{element}"
            else:
                raise binder.fail(f"Format element %{element} is not supported by this BigQuery", node.expressions[0])
        pieces.append(_strftime(clock, plain + pattern[last:].replace("%", "%%")))
        sql = " || ".join(piece for piece in pieces if piece) or "''"
        return merge(f"({sql})", STRING, [value, *([zone] if zone else [])])

    return rule


def _strftime(clock: str, pattern: str) -> str:
    return f"strftime({clock}, {text(pattern)})" if pattern else ""


def parse_time(kind: Type) -> Special:
    """PARSE_TIMESTAMP(format, text[, zone]), PARSE_DATE, PARSE_DATETIME, PARSE_TIME."""

    def rule(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
        pattern = _literal(binder, node.expressions[0], f"PARSE_{kind}")
        value = binder.expr(node.expressions[1], scope)
        zone = binder.expr(node.expressions[2], scope) if len(node.expressions) > 2 else None
        if pattern == "%s" and kind == TIMESTAMP:
            return merge(f"make_timestamptz(CAST({value.sql} AS BIGINT) * 1000000)", kind, [value])
        if "%s" in pattern.replace("%%", ""):
            raise binder.fail("Format element %s is not supported beside others by this BigQuery", node.expressions[0])
        patterns = [_strptime(pattern, "%S.%f"), _strptime(pattern, "%S")]
        unique = list(dict.fromkeys(patterns))
        parsed = f"strptime({value.sql}, [{', '.join(map(text, unique))}])"
        parts = [value, *([zone] if zone else [])]
        if kind == TIMESTAMP:
            return merge(aware(f"CAST({parsed} AS TIMESTAMP)", zone), kind, parts)
        return merge(f"CAST({parsed} AS {kind.duckdb})", kind, parts)

    return rule


def _strptime(pattern: str, seconds: str) -> str:
    aliases = {**_ALIASES, "E*S": seconds, "Ez": "%z", "e": "%-d", "k": "%-H", "l": "%-I"}
    return _ELEMENT.sub(lambda match: aliases.get(match.group(1), match.group()), pattern)


_SPECIFIER = re.compile(r"%([-+ 0#']*\d*(?:\.\d+)?)([diufFeEgGsxXotTp%])")


def format_text(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
    """FORMAT(format, ...)."""
    pattern = _literal(binder, node.expressions[0], "FORMAT")
    values = [binder.expr(item, scope) for item in node.expressions[1:]]
    parts: list[str] = []
    place = 0

    def convert(match: re.Match[str]) -> str:
        nonlocal place
        flags, letter = match.groups()
        if letter == "%":
            return "%%"
        if place >= len(values):
            raise binder.fail("Too few arguments to FORMAT", node)
        value = values[place]
        place += 1
        number = {"d": INT64, "i": INT64, "u": INT64, "x": INT64, "X": INT64, "o": INT64}.get(letter)
        number = number or (FLOAT64 if letter in "fFeEgG" else None)
        parts.append(f"CAST({value.sql} AS {number.duckdb})" if number else text_of(value).sql)
        return f"%{flags.replace(chr(39), '')}{letter if number else 's'}"

    converted = _SPECIFIER.sub(convert, pattern)
    return merge(f"printf({', '.join([text(converted), *parts])})", STRING, values)


_KEY = re.compile(r"\[(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\")\]")


def json_path(binder: Binder, node: exp.Expr) -> str:
    """A JSONPath as DuckDB writes it: ``['a.b']`` is ``."a.b"``."""
    path = _literal(binder, node, "A JSONPath")
    if not path.startswith("$"):
        raise binder.fail("JSONPath must start with '$'", node)
    return _KEY.sub(lambda match: f'."{match.group(1) or match.group(2)}"', path)


def json_function(*, scalar: bool, repeated: bool = False) -> Special:
    """JSON_VALUE, JSON_QUERY, their arrays, and the older JSON_EXTRACT forms, over JSON values and JSON text."""

    def rule(binder: Binder, node: exp.Expr, scope: Scope) -> Value:
        value = binder.expr(node.expressions[0], scope)
        if value.type.kind not in ("JSON", "STRING", "NULL"):
            raise signature_error(binder, f"function {str(node.this).upper()}", [value], node)
        path = json_path(binder, node.expressions[1]) if len(node.expressions) > 1 else "$"
        from_text = value.type.kind == "STRING"
        document = f"bq_valid_json({value.sql})" if from_text else value.sql
        inner = STRING if scalar or from_text else JSON
        if repeated:
            name = "json_extract_string" if scalar else "json_extract"
            sql = f"CAST({name}({document}, {text(path + '[*]')}) AS {array(inner).duckdb})"
            return merge(
                f"(CASE WHEN json_type({document}, {text(path)}) = 'ARRAY' THEN {sql} END)", array(inner), [value]
            )
        if scalar:
            return merge(f"bq_json_value({document}, {text(path)})", STRING, [value])
        found = f"json_extract({document}, {text(path)})"
        return merge(f"CAST({found} AS VARCHAR)" if inner == STRING else found, inner, [value])

    return rule


FORMATS: dict[str, Special] = {
    **{f"FORMAT_{name}": format_time(kind) for name, kind in KINDS.items()},
    **{f"PARSE_{name}": parse_time(kind) for name, kind in KINDS.items()},
    "FORMAT": format_text,
    "JSON_VALUE": json_function(scalar=True),
    "JSON_EXTRACT_SCALAR": json_function(scalar=True),
    "JSON_QUERY": json_function(scalar=False),
    "JSON_EXTRACT": json_function(scalar=False),
    "JSON_VALUE_ARRAY": json_function(scalar=True, repeated=True),
    "JSON_EXTRACT_STRING_ARRAY": json_function(scalar=True, repeated=True),
    "JSON_QUERY_ARRAY": json_function(scalar=False, repeated=True),
    "JSON_EXTRACT_ARRAY": json_function(scalar=False, repeated=True),
}
"""Functions whose arguments are formats and paths."""

MACROS = r"""
CREATE MACRO bq_valid_json(x) AS CASE WHEN json_valid(x) THEN CAST(x AS JSON) END;
CREATE MACRO bq_json_value(x, path) AS
  CASE WHEN json_type(x, path) IN ('OBJECT', 'ARRAY') THEN NULL ELSE json_extract_string(x, path) END;
"""
"""DuckDB macros that the translations use."""
