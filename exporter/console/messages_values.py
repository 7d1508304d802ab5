"""BigQuery's values and types as JSON can hold them without loss: what a number cannot hold is text."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, Protocol

_NAMES: Mapping[str, str] = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}
"""GoogleSQL's names of the types that the API calls differently."""

_EXACT = 2**53
"""Beyond this a whole number is not exact in JavaScript."""


class Field(Protocol):
    """A column of the API's schema, or a field within one."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def field_type(self) -> str:
        """Its type as the API calls it."""
        ...

    @property
    def mode(self) -> str:
        """NULLABLE, REQUIRED or REPEATED."""
        ...

    @property
    def fields(self) -> Sequence[Any]:
        """The fields of a STRUCT."""
        ...


def type_of(field: Field) -> str:
    """A column's type as GoogleSQL writes it, such as ``ARRAY<STRUCT<key STRING, value STRING>>``."""
    name = _NAMES.get(field.field_type, field.field_type)
    if name == "STRUCT":
        name = f"STRUCT<{', '.join(f'{part.name} {type_of(part)}' for part in field.fields)}>"
    return f"ARRAY<{name}>" if field.mode == "REPEATED" else name


def as_json(value: Any) -> Any:
    """A value as the client library gives it, as JSON.

    Bytes are base64, times RFC 3339 (UTC with Z where they have a zone), NUMERIC and anything else that JSON lacks is text, as are whole
    numbers beyond 2^53, NaN and the infinities.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, int):
        return value if -_EXACT <= value <= _EXACT else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else _float(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {_string(str(key)): as_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(each) for each in value]
    return _text(value)


def _string(value: str) -> str:
    """A string that can be sent: half a surrogate pair, which JSON can spell and UTF-8 cannot, becomes a question mark."""
    return value if value.isascii() else value.encode(errors="replace").decode()


def _float(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _text(value: Any) -> str:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)
