"""BigQuery's types: their names, DuckDB's types for them, their REST schemas and their logical sizes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from exporter.sandbox.bigquery.errors import invalid

_ALIASES = {
    "INTEGER": "INT64",
    "INT": "INT64",
    "SMALLINT": "INT64",
    "BIGINT": "INT64",
    "TINYINT": "INT64",
    "BYTEINT": "INT64",
    "FLOAT": "FLOAT64",
    "BOOLEAN": "BOOL",
    "RECORD": "STRUCT",
    "DECIMAL": "NUMERIC",
    "BIGDECIMAL": "BIGNUMERIC",
}

_DUCKDB = {
    "INT64": "BIGINT",
    "FLOAT64": "DOUBLE",
    "NUMERIC": "DECIMAL(38,9)",
    "BIGNUMERIC": "DECIMAL(38,18)",  # DuckDB's decimals end at 38 digits
    "BOOL": "BOOLEAN",
    "STRING": "VARCHAR",
    "BYTES": "BLOB",
    "DATE": "DATE",
    "DATETIME": "TIMESTAMP",
    "TIME": "TIME",
    "TIMESTAMP": "TIMESTAMPTZ",
    "INTERVAL": "INTERVAL",
    "JSON": "JSON",
    "NULL": "BIGINT",
}

_REST = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN", "STRUCT": "RECORD", "NULL": "INTEGER"}

FIXED_BYTES = {
    "INT64": 8,
    "FLOAT64": 8,
    "NUMERIC": 16,
    "BIGNUMERIC": 32,
    "BOOL": 1,
    "DATE": 8,
    "DATETIME": 8,
    "TIME": 8,
    "TIMESTAMP": 8,
    "INTERVAL": 16,
}
"""Logical bytes of one value; STRING, BYTES and JSON are 2 bytes and their length, NULL is 0.

https://cloud.google.com/bigquery/pricing#data
"""

NUMBERS = ("INT64", "NUMERIC", "BIGNUMERIC", "FLOAT64")


@dataclass(frozen=True, slots=True)
class Type:
    """A GoogleSQL type; ``NULL`` is the type of an untyped NULL."""

    kind: str
    element: Type | None = None
    fields: tuple[tuple[str, Type], ...] = ()

    def __str__(self) -> str:
        if self.kind == "ARRAY":
            return f"ARRAY<{self.element}>"
        if self.kind == "STRUCT":
            inner = ", ".join(f"{name} {kind}".strip() for name, kind in self.fields)
            return f"STRUCT<{inner}>"
        return "INT64" if self.kind == "NULL" else self.kind

    @property
    def duckdb(self) -> str:
        """DuckDB's name of the type."""
        if self.kind == "ARRAY":
            return f"{self.item.duckdb}[]"
        if self.kind == "STRUCT":
            return "STRUCT(" + ", ".join(f"{quote(name)} {kind.duckdb}" for name, kind in self.fields) + ")"
        return _DUCKDB[self.kind]

    @property
    def item(self) -> Type:
        """The type of an array's elements."""
        return self.element if self.element is not None else NULL

    def field(self, name: str) -> tuple[str, Type] | None:
        """A struct's field by name, whatever its case."""
        return next((field for field in self.fields if field[0].lower() == name.lower()), None)

    def rest(self, name: str, mode: str = "NULLABLE") -> dict[str, Any]:
        """The TableFieldSchema of a column of this type."""
        if self.kind == "ARRAY":
            return self.item.rest(name, "REPEATED")
        schema: dict[str, Any] = {"name": name, "type": _REST.get(self.kind, self.kind), "mode": mode}
        if self.kind == "STRUCT":
            schema["fields"] = [kind.rest(inner) for inner, kind in self.fields]
        return schema


def scalar(kind: str) -> Type:
    """A type without parts, by any of its names; raises ``ApiError`` for an unknown one."""
    known = _ALIASES.get(kind.upper(), kind.upper())
    if known not in _DUCKDB:
        raise invalid(f"Invalid value for type: {kind} is not a valid value")
    return Type(known)


def array(element: Type) -> Type:
    """The type of an array."""
    return Type("ARRAY", element)


def struct(fields: Iterable[tuple[str, Type]]) -> Type:
    """The type of a struct; fields without a name are numbered as BigQuery's results number them."""
    named = tuple((name or f"_field_{place}", kind) for place, (name, kind) in enumerate(fields, 1))
    return Type("STRUCT", None, named)


NULL = Type("NULL")
INT64 = Type("INT64")
FLOAT64 = Type("FLOAT64")
NUMERIC = Type("NUMERIC")
BIGNUMERIC = Type("BIGNUMERIC")
BOOL = Type("BOOL")
STRING = Type("STRING")
BYTES = Type("BYTES")
DATE = Type("DATE")
DATETIME = Type("DATETIME")
TIME = Type("TIME")
TIMESTAMP = Type("TIMESTAMP")
INTERVAL = Type("INTERVAL")
JSON = Type("JSON")


def quote(name: str) -> str:
    """A DuckDB identifier."""
    return '"' + name.replace('"', '""') + '"'


def supertype(left: Type, right: Type) -> Type | None:
    """The type that both coerce to, or None."""
    if left == right or right.kind == "NULL":
        return left
    if left.kind == "NULL":
        return right
    if left.kind in NUMBERS and right.kind in NUMBERS:
        return max(left, right, key=lambda kind: NUMBERS.index(kind.kind))
    if left.kind == right.kind == "ARRAY":
        element = supertype(left.item, right.item)
        return array(element) if element is not None else None
    if left.kind == right.kind == "STRUCT" and len(left.fields) == len(right.fields):
        fields = [(a[0], supertype(a[1], b[1])) for a, b in zip(left.fields, right.fields, strict=True)]
        known = [(name, kind) for name, kind in fields if kind is not None]
        return struct(known) if len(known) == len(fields) else None
    if {left.kind, right.kind} == {"DATE", "DATETIME"}:
        return DATETIME
    return None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; ``mode`` is NULLABLE or REQUIRED, a repeated column has an array type."""

    name: str
    type: Type
    mode: str = "NULLABLE"
    description: str | None = None
    default: str | None = None

    def rest(self) -> dict[str, Any]:
        """The column's TableFieldSchema."""
        schema = self.type.rest(self.name, self.mode)
        if self.description is not None:
            schema["description"] = self.description
        if self.default is not None:
            schema["defaultValueExpression"] = self.default
        return schema


def column(schema: Mapping[str, Any]) -> Column:
    """A column from its TableFieldSchema; raises ``ApiError`` for unknown types and modes."""
    mode = str(schema.get("mode") or "NULLABLE").upper()
    if mode not in ("NULLABLE", "REQUIRED", "REPEATED"):
        raise invalid(f"Invalid value for mode: {mode} is not a valid value")
    name = schema.get("name")
    if not isinstance(name, str) or not name:
        raise invalid("Field name is missing or empty in the schema.")
    kind = str(schema.get("type") or "")
    if _ALIASES.get(kind.upper(), kind.upper()) == "STRUCT":
        inner = struct((part.name, part.type) for part in map(column, schema.get("fields") or ()))
    else:
        inner = scalar(kind)
    made = Column(name, inner, mode, schema.get("description"), schema.get("defaultValueExpression"))
    return replace(made, type=array(inner), mode="NULLABLE") if mode == "REPEATED" else made


def size_sql(reference: str, kind: Type) -> str:
    """A DuckDB expression for the logical bytes of a value; ``FIXED_BYTES`` names the source."""
    if kind.kind == "ARRAY":
        inner = size_sql("x", kind.item)
        return f"coalesce(list_sum(list_transform({reference}, lambda x: {inner})), 0)"
    if kind.kind == "STRUCT":
        parts = [size_sql(f"{reference}.{quote(name)}", inner) for name, inner in kind.fields]
        return "(" + " + ".join(parts or ["0"]) + ")"
    if kind.kind == "BYTES":
        return f"coalesce(2 + octet_length({reference}), 0)"
    if kind.kind in ("STRING", "JSON"):
        return f"coalesce(2 + strlen(CAST({reference} AS VARCHAR)), 0)"
    return f"(CASE WHEN {reference} IS NULL THEN 0 ELSE {FIXED_BYTES.get(kind.kind, 0)} END)"
