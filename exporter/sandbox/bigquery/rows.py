"""Result rows as the API writes them: ``{"f": [{"v": ...}, ...]}``, every scalar a string."""

from __future__ import annotations

import base64
import decimal
import math
from collections.abc import Callable, Sequence
from typing import Any

from exporter.sandbox.bigquery.errors import invalid_query
from exporter.sandbox.bigquery.types import Column, Type

Encode = Callable[[Any], Any]


def encode_rows(
    rows: Sequence[Sequence[object]], columns: Sequence[Column], *, int64_timestamps: bool
) -> list[dict[str, Any]]:
    """Rows of values as ``translation.export`` yields them."""
    encoders = [encoder(column.type, int64_timestamps) for column in columns]
    return [{"f": [{"v": encode(value)} for encode, value in zip(encoders, row, strict=True)]} for row in rows]


def encoder(kind: Type, int64_timestamps: bool) -> Encode:
    """The function that encodes values of a type."""
    if kind.kind == "ARRAY":
        return _array(encoder(kind.item, int64_timestamps))
    if kind.kind == "STRUCT":
        parts = [(part, encoder(inner, int64_timestamps)) for part, inner in kind.fields]
        return lambda value: None if value is None else {"f": [{"v": encode(value[part])} for part, encode in parts]}
    plain = _timestamp_int if kind.kind == "TIMESTAMP" and int64_timestamps else _SCALARS.get(kind.kind, str)
    return lambda value: None if value is None else plain(value)


def _array(element: Encode) -> Encode:
    return lambda value: [{"v": element(item)} for item in value or ()]


def check_arrays(rows: Sequence[Sequence[object]], columns: Sequence[Column]) -> None:
    """Raise ``ApiError`` (invalidQuery) for an array that holds NULL, which no result may."""
    for place, column in enumerate(columns):
        if _holds_arrays(column.type) and any(_broken(row[place], column.type) for row in rows):
            raise invalid_query(f"Array cannot have a null element; error in writing field {column.name}")


def _holds_arrays(kind: Type) -> bool:
    return kind.kind == "ARRAY" or any(_holds_arrays(part) for _, part in kind.fields)


def _broken(value: Any, kind: Type) -> bool:
    if value is None or not _holds_arrays(kind):
        return False
    if kind.kind == "ARRAY":
        return None in value or any(_broken(item, kind.item) for item in value)
    return any(_broken(value[name], part) for name, part in kind.fields)


def _float(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _bytes(value: bytes) -> str:
    return base64.b64encode(bytes(value)).decode()


def decimal_text(value: decimal.Decimal) -> str:
    """A NUMERIC without trailing zeros or exponent."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _timestamp_int(value: int) -> str:
    return str(value)


def _timestamp_float(value: int) -> str:
    """Seconds as a float with all six digits, in the exponent form that the API uses."""
    if value == 0:
        return "0.0"
    mantissa, exponent = f"{decimal.Decimal(value).scaleb(-6):.15E}".split("E")
    mantissa = mantissa.rstrip("0")
    return f"{mantissa}0E{int(exponent)}" if mantissa.endswith(".") else f"{mantissa}E{int(exponent)}"


def _clock(value: str) -> str:
    """A civil time with all six digits of its fraction, where it has one."""
    whole, dot, fraction = value.partition(".")
    return f"{whole.replace(' ', 'T')}{dot}{fraction.ljust(6, '0') if fraction else ''}"


_SCALARS: dict[str, Encode] = {
    "FLOAT64": _float,
    "BOOL": _boolean,
    "BYTES": _bytes,
    "NUMERIC": decimal_text,
    "BIGNUMERIC": decimal_text,
    "TIMESTAMP": _timestamp_float,
    "DATETIME": _clock,
    "TIME": _clock,
}
