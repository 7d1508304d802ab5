"""Hold JSON against Google's discovery documents: the shapes of its REST APIs, offline, from the package google-api-python-client.

A discovery document knows fields, types and enum values, and nothing of ranges, of what is required, or of fields that exclude each other:
tests of dashboards and of alerts add what they need.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

_DURATION = re.compile(r"-?\d{1,12}(\.\d{1,9})?s")
_INTEGER = re.compile(r"-?(0|[1-9]\d*)")
_RANGES = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1), "uint32": (0, 2**32 - 1)}
_KINDS = {"string": "a string", "boolean": "a boolean", "integer": "an integer", "number": "a number"}
_NAMES = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}

_DROPPED_ENUM = re.compile(r"[A-Z0-9_]*_UNSPECIFIED|ALIGN_NONE|REDUCE_NONE")


def check(document: Mapping[str, Any], schema: str, api: str) -> list[str]:
    """Everything in which a document differs from a schema (``AlertPolicy``) of an API (``monitoring.v3``), each with its place.

    Unknown, read-only and deprecated fields are findings, and so are null and values of another type, format or enum.
    """
    schemas = _schemas(api)
    if schema not in schemas:
        raise KeyError(f"{api} has no schema {schema}")
    return list(_walk(document, {"$ref": schema}, schemas, schema))


def dropped(document: Any, place: str = "") -> list[str]:
    """Places of values that the API does not give back, because they are defaults: Terraform would change them for ever."""
    match document:
        case dict() if document:
            return [found for name, value in document.items() for found in dropped(value, f"{place}.{name}")]
        case list() if document:
            return [found for index, value in enumerate(document) for found in dropped(value, f"{place}[{index}]")]
    is_default = document in ({}, [], "", None) or (isinstance(document, (int, float, Decimal)) and document == 0)
    is_default = is_default or (isinstance(document, str) and bool(_DROPPED_ENUM.fullmatch(document)))
    return [f"{place.lstrip('.')}: {document!r} is a default"] if is_default else []


@cache
def _schemas(api: str) -> Mapping[str, Any]:
    path = resources.files("googleapiclient.discovery_cache.documents") / f"{api}.json"
    found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))["schemas"]
    return found


def _walk(value: Any, schema: Mapping[str, Any], schemas: Mapping[str, Any], place: str) -> Iterator[str]:
    if "$ref" in schema:
        schema = schemas[schema["$ref"]]
    match schema["type"]:
        case "any":
            return
        case "object":
            yield from _object(value, schema, schemas, place)
        case "array":
            if not isinstance(value, list):
                yield f"{place}: must be an array, is {_name(value)}"
                return
            for index, each in enumerate(value):
                yield from _walk(each, schema["items"], schemas, f"{place}[{index}]")
        case _:
            yield from _scalar(value, schema, place)


def _object(value: Any, schema: Mapping[str, Any], schemas: Mapping[str, Any], place: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{place}: must be an object, is {_name(value)}"
        return
    known = schema.get("properties", {})
    others = schema.get("additionalProperties")
    for name, each in value.items():
        if name in known:
            if any(known[name].get(mark) for mark in ("readOnly", "deprecated")):
                yield f"{place}.{name}: is read-only or deprecated"
            yield from _walk(each, known[name], schemas, f"{place}.{name}")
        elif others is not None:
            yield from _walk(each, others, schemas, f"{place}.{name}")
        else:
            yield f"{place}.{name}: is not a field of {schema.get('id', 'the schema')}"


def _scalar(value: Any, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    kind, form = schema["type"], schema.get("format")
    accepted: Any = {"string": str, "boolean": bool, "integer": int, "number": (int, float, Decimal)}[kind]
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind != "boolean"):
        yield f"{place}: must be {_KINDS[kind]}, is {_name(value)}"
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{place}: {value!r} is none of {', '.join(schema['enum'])}"
    elif not _fits(value, form):
        yield f"{place}: {value!r} is no {form}"


def _fits(value: Any, form: str | None) -> bool:
    """Whether a value of the right type has a format of Google's: https://developers.google.com/discovery/v1/type-format."""
    match form:
        case None:
            return True
        case "google-duration":
            return bool(_DURATION.fullmatch(value))
        case "google-datetime":
            return _is_datetime(value)
        case "byte":
            return _is_base64(value)
        case "double" | "float":
            return math.isfinite(value)
        case "int32" | "int64" | "uint32":
            lowest, highest = _RANGES[form]
            return bool(_INTEGER.fullmatch(str(value))) and lowest <= int(value) <= highest
        case _:
            raise ValueError(f"format {form} is not known here")


def _is_datetime(value: str) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _is_base64(value: str) -> bool:
    try:
        base64.b64decode(value, validate=True)
    except binascii.Error:
        return False
    return True


def _name(value: Any) -> str:
    return _NAMES.get(type(value), f"the number {value}")
