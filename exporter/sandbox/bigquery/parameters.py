"""Query parameters of the API: their types, and their values as DuckDB takes them."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import decimal
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exporter.sandbox.bigquery.errors import ApiError, invalid, invalid_query
from exporter.sandbox.bigquery.types import Type, array, scalar, struct
from exporter.sandbox.clock import EPOCH, to_us


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter: its name, or its number from 1, its type and its value."""

    name: str
    type: Type
    value: object


def parse_parameters(items: Sequence[Mapping[str, Any]]) -> list[Parameter]:
    """The parameters of a request; raises ``ApiError`` for values that are not of their type."""
    found = []
    for number, item in enumerate(items, 1):
        kind = _type(item.get("parameterType") or {})
        name = str(item["name"]).lower() if item.get("name") else str(number)
        found.append(Parameter(name, kind, _value(item.get("parameterValue") or {}, kind)))
    return found


def _type(schema: Mapping[str, Any]) -> Type:
    name = str(schema.get("type") or "").upper()
    if name == "ARRAY":
        return array(_type(schema.get("arrayType") or {}))
    if name in ("STRUCT", "RECORD"):
        parts = schema.get("structTypes") or ()
        return struct((part.get("name") or "", _type(part.get("type") or {})) for part in parts)
    return scalar(name)


def _value(value: Mapping[str, Any], kind: Type) -> object:
    if kind.kind == "ARRAY":
        items = value.get("arrayValues")
        return None if items is None and "value" not in value else [_value(item, kind.item) for item in items or ()]
    if kind.kind == "STRUCT":
        parts = value.get("structValues")
        if parts is None:
            return None
        return {name: _value(parts.get(name) or {}, part) for name, part in kind.fields}
    text = value.get("value")
    return None if text is None else _scalar(str(text), kind)


def _scalar(text: str, kind: Type) -> object:
    try:
        return parse_text(text, kind)
    except (ValueError, decimal.InvalidOperation, binascii.Error) as error:
        raise invalid_query(f"Unparseable query parameter `` in type `{kind}`, Invalid value: '{text}'") from error


def parse_text(text: str, kind: Type) -> object:
    """A scalar from its text; raises ``ValueError`` (or a kin of it) where it is none."""
    match kind.kind:
        case "INT64":
            return int(text)
        case "FLOAT64":
            return float(text)
        case "BOOL":
            if text.lower() not in ("true", "false"):
                raise ValueError(text)
            return text.lower() == "true"
        case "BYTES":
            return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
        case "NUMERIC" | "BIGNUMERIC":
            return decimal.Decimal(text)
        case "DATE":
            return dt.date.fromisoformat(_six_digits(text))
        case "TIME":
            return dt.time.fromisoformat(_six_digits(text))
        case "DATETIME":
            return dt.datetime.fromisoformat(_six_digits(text))
        case "TIMESTAMP":
            return parse_timestamp(text)
        case _:
            return text


_FRACTION = re.compile(r"\.(\d{1,9})")
_OFFSET = re.compile(r"([+-])(\d{1,2})(?::?(\d{2}))?$")


_DAY = re.compile(r"^(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)")


def _six_digits(text: str) -> str:
    """The text with all digits of its month, day and fraction, as Python's ISO formats have them."""
    whole = _DAY.sub(lambda match: "-".join(part.rjust(2, "0") for part in match.groups()), text.strip())
    return _FRACTION.sub(lambda match: "." + match.group(1)[:6].ljust(6, "0"), whole)


def parse_timestamp(text: str) -> dt.datetime:
    """An aware time from BigQuery's forms: ISO 8601, a blank for the T, ``UTC`` or ``Z`` or an offset, or nothing for UTC."""
    plain = _six_digits(text).replace(" UTC", "Z").replace("z", "Z")
    if re.fullmatch(r"-?\d+(\.\d+)?([eE]\+?\d+)?", plain) and not re.fullmatch(r"\d{4}", plain):
        return EPOCH + dt.timedelta(microseconds=int(decimal.Decimal(plain) * 1_000_000))
    body, _, clock = plain.replace("T", " ").partition(" ")
    zone = dt.UTC
    if match := _OFFSET.search(clock):
        sign = -1 if match.group(1) == "-" else 1
        zone = dt.timezone(sign * dt.timedelta(hours=int(match.group(2)), minutes=int(match.group(3) or 0)))
        clock = clock[: match.start()]
    moment = dt.datetime.fromisoformat(f"{body}T{clock.removesuffix('Z').strip() or '00:00:00'}")
    return moment.replace(tzinfo=zone).astimezone(dt.UTC)


def from_json(value: object, kind: Type, name: str) -> object:
    """A value of a table row as the API writes rows in JSON; raises ``ApiError`` (invalid) naming the field."""
    if value is None:
        return [] if kind.kind == "ARRAY" else None
    try:
        return _from_json(value, kind)
    except ApiError:
        raise
    except (ValueError, TypeError, AttributeError, decimal.InvalidOperation, OverflowError) as error:
        raise invalid(f"Cannot convert value to {kind} (bad value): {value}", name) from error


def _from_json(value: object, kind: Type) -> object:
    if kind.kind == "ARRAY":
        if not isinstance(value, list):
            raise TypeError("an array is needed")
        return [_from_json(item, kind.item) for item in value]
    if kind.kind == "STRUCT":
        if not isinstance(value, dict):
            raise TypeError("an object is needed")
        return {part: from_json(value.get(part), inner, part) for part, inner in kind.fields}
    if kind.kind == "JSON":
        return json_text(value)
    if kind.kind == "TIMESTAMP":
        return to_us(parse_timestamp(str(value)))
    if kind.kind == "STRING":
        if isinstance(value, dict | list):
            raise TypeError("a string is needed")
        return (
            value if isinstance(value, str) else "true" if value is True else "false" if value is False else str(value)
        )
    return parse_text(str(value), kind)


def json_text(value: object) -> str:
    """A JSON value from its text or from what JSON was parsed into; raises ``ValueError``."""
    return json.dumps(json.loads(value) if isinstance(value, str) else value, separators=(",", ":"))
