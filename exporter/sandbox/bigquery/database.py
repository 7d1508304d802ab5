"""The DuckDB database under the sandbox's BigQuery, set up to compute as BigQuery does, and its errors in BigQuery's words."""

from __future__ import annotations

import re

import duckdb

from exporter.sandbox.bigquery import casts, formats, scalars, translation
from exporter.sandbox.bigquery.casts import BAD
from exporter.sandbox.bigquery.errors import ApiError, invalid_query


def connect() -> duckdb.DuckDBPyConnection:
    """A new in-memory database; every thread takes cursors of it."""
    database = duckdb.connect(":memory:")
    database.execute("SET GLOBAL TimeZone = 'UTC'")
    database.execute("SET GLOBAL ieee_floating_point_ops = false")  # x / 0 is an error, not infinity
    for macros in (casts.MACROS, scalars.MACROS, formats.MACROS, translation.MACROS):
        database.execute(macros)
    return database


_WORDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), message)
    for pattern, message in (
        (r"Division by zero in expression \((.*?)\)\.", r"division by zero: \1"),
        (r"[Dd]ivision by zero", "division by zero"),
        (r"Overflow in (?:addition|subtraction|multiplication) of INT64 \((.*?)\)", r"int64 overflow: \1"),
        (r"Type INT128 with value .* out of range for the destination type INT64", "int64 overflow"),
        (r"Could not convert string '\x01?(.*?)' to (?:INT64|BIGINT)", r"Bad int64 value: \1"),
        (r"Could not convert string '\x01?(.*?)' to (?:DOUBLE|FLOAT)", r"Bad double value: \1"),
        (r"Could not convert string '\x01?(.*?)' to BOOL", r"Bad bool value: \1"),
        (r"Could not convert string \"(.*?)\" to DECIMAL", r"Invalid NUMERIC value: \1"),
        (r"invalid timestamp field format: \"(.*?)\"", r"Invalid timestamp: '\1'"),
        (r"timestamp field value out of range: \"(.*?)\"", r"Invalid timestamp: '\1'"),
        (r"invalid date field format: \"(.*?)\"", r"Invalid date: '\1'"),
        (r"date field value out of range: \"(.*?)\"", r"Invalid date: '\1'"),
        (r"invalid time field format: \"(.*?)\"", r"Invalid time: '\1'"),
        (r"Could not parse string \"(.*?)\" according to format specifier", r'Failed to parse input string "\1"'),
        (r"Failure in decode", "Invalid cast of bytes to UTF8 string"),
        (r"Malformed JSON(.*?)(?:\n|$)", r"Invalid input to PARSE_JSON: syntax error while parsing value"),
        (r"More than one row returned by a subquery", "Scalar subquery produced more than one element"),
        (r"Scalar subquery can only return a single row", "Scalar subquery produced more than one element"),
        (r"(Array index -?\d+ is out of bounds)", r"\1"),
        (r"(?:Cannot|can't) be negative|must not be negative", "Limit requires non-negative count and offset"),
        (
            r"column \"(\w+)\" must appear in the GROUP BY clause",
            r"SELECT list expression references column \1 which is neither grouped nor aggregated",
        ),
        (r"Out of Range Error: (.*?)(?:\n|$)", r"\1"),
        (r"Conversion Error: (.*?)(?:\n|$)", r"Bad value: \1"),
        (r"Invalid Input Error: (.*?)(?:\n|$)", r"\1"),
        (r"Binder Error: (.*?)(?:\n|$)", r"Invalid query: \1"),
    )
)


def translated(error: duckdb.Error) -> ApiError:
    """What BigQuery would say of an error of DuckDB."""
    text = str(error).replace(BAD, "")
    for pattern, message in _WORDS:
        if match := pattern.search(text):
            return invalid_query(match.expand(message))
    return invalid_query(f"Invalid query: {text.splitlines()[0] if text else 'unknown error'}")
