"""The JSON Schema for editors: it takes what the parser takes, refuses what no reader of keys could take, and is documented."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from exporter import config
from tests.config.samples import EXAMPLE, GOOD, mistakes

SCHEMA = config.schema()
VALIDATOR = Draft202012Validator(SCHEMA)
DOCUMENTATION = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_command_prints_it() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "exporter", "schema"], capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(result.stdout) == json.loads(json.dumps(SCHEMA))
    assert result.stderr == ""


@pytest.mark.parametrize("text", [GOOD, EXAMPLE.read_text(encoding="utf-8")], ids=["small", "example"])
def test_it_takes_good_files(text: str) -> None:
    assert list(VALIDATOR.iter_errors(yaml.safe_load(text))) == []


# Every kind of value, drawn from its own definition in the schema.

_SPECIAL: dict[str, st.SearchStrategy[Any]] = {
    "window": st.sampled_from(["1m", "5m", "15m", "1h", "60s"]),
    "interval": st.sampled_from(["1h", "2h", "6h"]),
    "threshold": st.sampled_from(["0.1s", "30s", "1d"]),
    "data_age": st.sampled_from(["1m", "1h30m", "30d"]),
    "duplicate_lookback": st.sampled_from(["0s", "10m", "24h"]),
    "active_hours": st.sampled_from(["Mon-Fri 08:00-18:00 UTC", "Sat,Sun 22:00-06:00 Europe/Paris"]),
    "location": st.sampled_from(["US", "EU", "us-central1", "asia-northeast1"]),
    "listen": st.sampled_from(["127.0.0.1:8080", "localhost:0"]),
    "dead_letter_subscription": st.sampled_from(["a-dlq", "projects/acme-data/subscriptions/b-dlq"]),
    "publish_time": st.sampled_from(["publish_time", "published_at"]),
    "message_id": st.sampled_from(["message_id", "id"]),
    "subscription_name": st.sampled_from(["subscription_name", "_written_by"]),
    "ingest_time": st.sampled_from(["ingest_time", "Written"]),
}
"""Keys whose rules a schema cannot hold: limits of durations, zones, places that need another key, names that must differ."""


def _drawn(name: str, schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if name in _SPECIAL:
        return _SPECIAL[name]
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema["type"]
    if kind == "object":
        return _object(schema)
    if kind == "array":
        return st.lists(_drawn("", schema["items"]), min_size=schema["minItems"], max_size=3, unique=True)
    if kind == "string":
        return _matching(schema["pattern"])
    if kind == "integer":
        return st.integers(schema["minimum"], schema["maximum"])
    if "exclusiveMinimum" in schema:
        return st.floats(schema["exclusiveMinimum"], schema["exclusiveMaximum"], exclude_min=True, exclude_max=True)
    return st.floats(schema["minimum"], schema["maximum"]).map(abs)


def _matching(pattern: str) -> st.SearchStrategy[str]:
    """Text that a whole pattern takes; ``$`` alone would let a line end follow."""
    return st.from_regex(re.compile(pattern.removeprefix("^").removesuffix("$"), re.ASCII), fullmatch=True)


def _object(schema: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    required = schema.get("required", [])
    kinds = {name: _drawn(name, value) for name, value in schema["properties"].items() if name != "systems"}
    return st.fixed_dictionaries(
        {name: kind for name, kind in kinds.items() if name in required},
        optional={name: kind for name, kind in kinds.items() if name not in required},
    )


_SYSTEM = SCHEMA["properties"]["systems"]["items"]
_ROOT = {**SCHEMA, "required": ["fleet"]}


@st.composite
def _documents(draw: st.DrawFn) -> dict[str, Any]:
    """Good documents: each key there or not, each value anything that its kind allows."""
    document = draw(_object(_ROOT))
    exporter = document.get("exporter", {})
    if "otlp" in exporter and "otlp" not in exporter.get("sinks", []):
        exporter["sinks"] = [*exporter.get("sinks", []), "otlp"]
    defaults = document.setdefault("defaults", {})
    defaults.setdefault("project", "acme-data")
    defaults.setdefault("location", "EU")
    own = (lambda each: each["id"], lambda each: each["subscription"])
    document["systems"] = draw(st.lists(_object(_SYSTEM), min_size=1, max_size=3, unique_by=own))
    return document


def _dumped(document: dict[str, Any]) -> str:
    """JSON is YAML."""
    return json.dumps(document, indent=1)


@settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=60)
@given(_documents())
def test_it_and_the_parser_take_the_same(document: dict[str, Any]) -> None:
    reserved = any(system["id"] in ("exporter", "fleet") for system in document["systems"])
    assert list(VALIDATOR.iter_errors(document)) == []
    assert bool(mistakes(_dumped(document))) == reserved


def _sections(schema: dict[str, Any], path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Every value of the schema with the path at which a document holds it."""
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from _sections(inner, (*path, name))
    if "items" in schema:
        yield from _sections(schema["items"], (*path, 0))


def _put(document: dict[str, Any], path: tuple[Any, ...], value: Any) -> None:
    """Set a value, with sections on the way to it where there are none."""
    place: Any = document
    for step, following in pairwise(path):
        if isinstance(place, dict):
            place = place.setdefault(step, [None] if following == 0 else {})
        else:
            place = place[step]
    place[path[-1]] = value


_VALUES = [(path, value) for path, value in _sections(SCHEMA) if path]
_WRONG: dict[str, Any] = {"object": "text", "array": "text", "string": 5, "number": "5", "integer": 2.5}


@pytest.mark.parametrize(("path", "schema"), _VALUES, ids=[".".join(map(str, path)) for path, _ in _VALUES])
def test_a_wrong_type_is_refused_by_both(path: tuple[Any, ...], schema: dict[str, Any]) -> None:
    document = yaml.safe_load(GOOD)
    _put(document, path, _WRONG[schema.get("type", "string")])
    assert any(tuple(error.absolute_path) == path for error in VALIDATOR.iter_errors(document))
    assert mistakes(_dumped(document))


_MAPPINGS = [path for path, schema in _sections(SCHEMA) if schema.get("type") == "object"]


@pytest.mark.parametrize("path", _MAPPINGS, ids=[".".join(map(str, path)) or "root" for path in _MAPPINGS])
def test_an_unknown_key_is_refused_by_both(path: tuple[Any, ...]) -> None:
    document = yaml.safe_load(GOOD)
    _put(document, (*path, "surprise"), 1)
    assert any("surprise" in error.message for error in VALIDATOR.iter_errors(document))
    assert any(mistake.key.endswith("surprise") for mistake in mistakes(_dumped(document)))


@pytest.mark.parametrize("name", ["fleet", "systems"])
def test_a_missing_key_is_refused_by_both(name: str) -> None:
    document = yaml.safe_load(GOOD)
    del document[name]
    assert not VALIDATOR.is_valid(document)
    assert [mistake.key for mistake in mistakes(_dumped(document))] == [name]


def _documented() -> dict[str, str]:
    """Rows of the reference by the key in their first cell, as the file nests it."""
    rows = {}
    for line in DOCUMENTATION.read_text(encoding="utf-8").splitlines():
        if line.startswith("| `"):
            key, _, rest = line.removeprefix("| `").partition("` |")
            rows[key] = rest
    return rows


def _keys() -> set[str]:
    """Every key of the schema; what defaults and systems share is documented once, under defaults."""
    shared = set(SCHEMA["properties"]["defaults"]["properties"])
    names = set()
    for path, _ in _VALUES:
        if path[-1] == 0 or (path[0] == "systems" and len(path) > 2 and path[2] in shared):
            continue
        names.add(".".join("[]" if step == 0 else step for step in path).replace(".[]", "[]"))
    return names


def test_every_key_is_documented_and_no_other() -> None:
    assert set(_documented()) == _keys()


def test_every_row_says_type_default_and_meaning() -> None:
    for key, rest in _documented().items():
        cells = [cell.strip() for cell in rest.removesuffix("|").split("|")]
        assert len(cells) == 3, key
        assert all(cells), key
