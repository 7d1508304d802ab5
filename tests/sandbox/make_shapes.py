"""Writes ``exporter/sandbox/data/monitoring_shapes.json``: field names and types of Dashboard and AlertPolicy.

They are taken out of Google's discovery documents, as the development dependency google-api-python-client has them. Run it when that
is updated: ``python -m tests.sandbox.make_shapes``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import googleapiclient  # type: ignore[import-untyped]

from exporter.sandbox.rest.shapes import FILE

ROOTS = {"monitoring.v1.json": "Dashboard", "monitoring.v3.json": "AlertPolicy"}
_DOCUMENTS = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"


def shapes() -> dict[str, dict[str, str]]:
    """What the discovery documents say, as the file has it."""
    found: dict[str, dict[str, str]] = {}
    for document, root in ROOTS.items():
        schemas = json.loads((_DOCUMENTS / document).read_text(encoding="utf-8"))["schemas"]
        wanted = [root]
        while wanted:
            name = wanted.pop()
            if name in found:
                continue
            properties = schemas[name].get("properties", {})
            found[name] = {key: _kind(value) for key, value in properties.items()}
            wanted += [each for value in properties.values() for each in _references(value)]
    return {name: dict(sorted(found[name].items())) for name in sorted(found)}


def _kind(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return f"@{schema['$ref']}"
    if schema["type"] == "array":
        return f"[]{_kind(schema['items'])}"
    if "additionalProperties" in schema:
        return f"{{}}{_kind(schema['additionalProperties'])}"
    if "enum" in schema:
        return f"={'|'.join(schema['enum'])}"
    return str(schema.get("format", schema["type"]))


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for value in schema.values():
            yield from _references(value)


if __name__ == "__main__":
    FILE.write_text(json.dumps(shapes(), indent=1) + "\n", encoding="utf-8")
