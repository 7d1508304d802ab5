"""Whether a document has the shape that the API's discovery document gives it: fields, types, words of enumerations.

Refusals are worded as Google's JSON parser words them, with the names of the protocol's fields.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from exporter.sandbox.rest.answers import Refused, invalid

FILE = Path(__file__).parent.parent / "data" / "monitoring_shapes.json"
"""Field names and kinds by schema, made by ``tests/sandbox/make_shapes.py``.

A kind is a primitive's format, ``@SCHEMA``, ``[]KIND`` a list, ``{}KIND`` an object of any keys, ``=A|B`` words.
"""

DURATION = re.compile(r"-?\d+(\.\d{1,9})?s")
_WHOLE = re.compile(r"-?\d+")
_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")


@cache
def _shapes() -> Mapping[str, Mapping[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def check(document: Any, schema: str, root: str) -> None:
    """Raise ``Refused`` for a document that is no such schema; ``root`` is what the request's message calls it."""
    _object(document, schema, root)


def _object(value: Any, schema: str, path: str) -> None:
    if not isinstance(value, Mapping):
        raise _bad(path, value, "type.googleapis.com/" + schema)
    known = _shapes()[schema]
    for name, given in value.items():
        if name not in known:
            raise invalid(
                f"Invalid JSON payload received. Unknown name \"{name}\" at '{path}': Cannot find field.", path
            )
        if given is not None:
            _value(given, known[name], f"{path}.{_CAPITAL.sub(lambda found: '_' + found[1].lower(), name)}")


def _value(value: Any, kind: str, path: str) -> None:
    if kind.startswith("@"):
        _object(value, kind[1:], path)
    elif kind.startswith("[]"):
        if not isinstance(value, list):
            raise _bad(path, value, "a list")
        for place, each in enumerate(value):
            _value(each, kind[2:], f"{path}[{place}]")
    elif kind.startswith("{}"):
        if not isinstance(value, Mapping):
            raise _bad(path, value, "an object")
        for key, each in value.items():
            _value(each, kind[2:], f"{path}[{key}]")
    elif kind.startswith("="):
        if value not in kind[1:].split("|"):
            raise _bad(path, value, "one of " + kind[1:].replace("|", ", "))
    elif not _PRIMITIVES.get(kind, lambda _: True)(value):
        raise _bad(path, value, _NAMES.get(kind, kind))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any) -> bool:
    return (_is_number(value) and int(value) == value) or (isinstance(value, str) and bool(_WHOLE.fullmatch(value)))


_PRIMITIVES: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "int32": _is_whole,
    "int64": _is_whole,
    "double": lambda value: _is_number(value) or value in ("NaN", "Infinity", "-Infinity"),
    "float": lambda value: _is_number(value) or value in ("NaN", "Infinity", "-Infinity"),
    "google-duration": lambda value: isinstance(value, str) and bool(DURATION.fullmatch(value)),
    "google-datetime": lambda value: isinstance(value, str),
    "date-time": lambda value: isinstance(value, str),
}
_NAMES: Mapping[str, str] = {"google-duration": "a duration such as 60s", "google-datetime": "a time"}


def _bad(path: str, value: Any, wanted: str) -> Refused:
    shown = json.dumps(value, ensure_ascii=False)[:100]
    return invalid(f"Invalid value at '{path}' ({wanted}), {shown}", path)
