"""Reads argument schemas out of the JavaScript that ``cdktn-provider-google`` is generated as.

Each resource is a class, each nested block another; a comment before every property says whether it is computed,
optional or required, and the function that writes HCL says its type and nesting. A schema here is plain JSON: a block
is ``{"attributes": {...}, "blocks": {...}}``, an attribute ``{"type": TYPE, "required"|"optional"|"computed": true,
"values": [...]}`` with Terraform's own notation of types, and a nested block ``{"nesting": "list", "min": 0, "max": 1,
"block": {...}}``, where a max of 0 is no limit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Block = dict[str, Any]

_CLASS = re.compile(r"^class (\w+) extends cdktn\.(\w+) \{\n(.*?)^\}\n", re.MULTILINE | re.DOTALL)
_FUNCTION = re.compile(r"^function (\w+)ToHclTerraform\(struct\) \{\n(.*?)^\}\n", re.MULTILINE | re.DOTALL)
_SYNTHESIS = re.compile(r"^    synthesizeHclAttributes\(\) \{\n(.*?)^    \}\n", re.MULTILINE | re.DOTALL)
_PROPERTY = re.compile(
    r"^    // (\w+) - computed: (true|false), optional: (true|false), required: (true|false)\n(.*?)(?=^    // \w+ - computed: |\Z)",
    re.MULTILINE | re.DOTALL,
)
_ENTRY = re.compile(r'^ +(\w+): \{\n +value: (.*?),\n +isBlock: (true|false),\n +type: "(\w+)",\n', re.MULTILINE)
_INTERFACE = re.compile(r"^export interface (\w+)(?: extends [\w.]+)? \{\n(.*?)^\}\n", re.MULTILINE | re.DOTALL)
_DOCUMENTED = re.compile(r"/\*\*\n(.*?)\*/\n\s+readonly (\w+)\??: ", re.DOTALL)
_VALUES = re.compile(r"Possible values: (\[[^\]]*\])")
_SIMPLE = re.compile(r"cdktn\.(string|number|boolean)To(?:Hcl)?Terraform")
_STRUCTURE = re.compile(r"(\w+)ToHclTerraform")
_GETTER = re.compile(r"this\.get(String|Number|Boolean|List|StringMap)Attribute\('")
_NESTED = re.compile(r'= new (\w+?)List\(this, "\w+", (true|false)\)')
_STRING_MAP = re.compile(r"= new cdktn\.StringMap\(this, ")

_FLAGS = ("computed", "optional", "required")
_TYPES = {"string": "string", "number": "number", "boolean": "bool"}
_GETTERS: Mapping[str, Any] = {
    "String": "string",
    "Number": "number",
    "Boolean": "bool",
    "List": ["list", "string"],
    "StringMap": ["map", "string"],
}


class Unreadable(Exception):
    """The package is not written as this module knows it; names the class and the property."""


@dataclass(frozen=True)
class _Entry:
    """What the function that writes HCL says of a property."""

    value: str
    is_block: bool
    nesting: str


class Bindings:
    """One resource's generated source: its JavaScript, and the declarations that hold the documentation."""

    def __init__(self, javascript: str, declarations: str) -> None:
        self._bodies = {found[1]: found[3] for found in _CLASS.finditer(javascript)}
        self._parents = {found[1]: found[2] for found in _CLASS.finditer(javascript)}
        self._functions = {found[1]: _entries(found[2]) for found in _FUNCTION.finditer(javascript)}
        self._values = {found[1]: _enumerations(found[2]) for found in _INTERFACE.finditer(declarations)}

    def schema(self) -> Block:
        """The arguments of the resource, data source or provider."""
        wanted = ("TerraformResource", "TerraformDataSource", "TerraformProvider")
        (name,) = (name for name, parent in self._parents.items() if parent in wanted)
        synthesis = _SYNTHESIS.search(self._bodies[name])
        if synthesis is None:
            raise Unreadable(f"{name} has no synthesizeHclAttributes")
        block = self._block(name, self._bodies[name], _entries(synthesis[1]), self._values.get(f"{name}Config", {}))
        if self._parents[name] == "TerraformProvider":
            # Terraform's own argument, which every provider has.
            block["attributes"].pop("alias", None)
        return block

    def _block(self, owner: str, body: str, entries: Mapping[str, _Entry], values: Mapping[str, list[str]]) -> Block:
        attributes: dict[str, Any] = {}
        blocks: dict[str, Any] = {}
        for found in _PROPERTY.finditer(body):
            name, code = found[1], found[5]
            flags = {flag: True for flag, said in zip(_FLAGS, found.groups()[1:4], strict=True) if said == "true"}
            entry = entries.get(name)
            if entry is not None and entry.is_block:
                blocks[name] = self._nested(entry, required="required" in flags)
                continue
            kind = self._computed(f"{owner}.{name}", code) if entry is None else self._typed(entry)
            attributes[name] = {"type": kind, **flags}
            if _camel(name) in values:
                attributes[name]["values"] = values[_camel(name)]
        return {"attributes": attributes, "blocks": blocks}

    def _nested(self, entry: _Entry, *, required: bool) -> dict[str, Any]:
        """A block inside a block: one where HCL is not written with a mapper over a list."""
        nesting = "single" if entry.nesting == "struct" else entry.nesting
        several = "listMapper" in entry.value or nesting == "single"
        return {
            "nesting": nesting,
            "min": int(required),
            "max": 0 if several else 1,
            "block": self._structure(_structure_of(entry)),
        }

    def _structure(self, name: str) -> Block:
        """The block that a structure describes. The provider's structures have no class: there, all is optional."""
        entries = self._functions[name[0].lower() + name[1:]]
        body = self._bodies.get(f"{name}OutputReference")
        if body is not None:
            return self._block(name, body, entries, self._values.get(name, {}))
        return {
            "attributes": {key: {"type": self._typed(entry), "optional": True} for key, entry in entries.items()},
            "blocks": {},
        }

    def _typed(self, entry: _Entry) -> Any:
        """The type of an argument that can be given."""
        simple = _SIMPLE.search(entry.value)
        if simple is None:
            return [entry.nesting, self._object(_structure_of(entry))]
        if "hashMapper" in entry.value:
            return ["map", _TYPES[simple[1]]]
        return [entry.nesting, _TYPES[simple[1]]] if "listMapper" in entry.value else _TYPES[simple[1]]

    def _computed(self, name: str, code: str) -> Any:
        """The type of a value that only the provider gives."""
        if _STRING_MAP.search(code):
            return ["map", "string"]
        nested = _NESTED.search(code)
        if nested is not None:
            return ["set" if nested[2] == "true" else "list", self._object(nested[1])]
        getter = _GETTER.search(code)
        if getter is None:
            raise Unreadable(f"{name} has a type that is not known here")
        kind = _GETTERS[getter[1]]
        return ["set", "string"] if "Fn.tolist" in code and getter[1] == "List" else kind

    def _object(self, name: str) -> Any:
        """A structure as a type."""
        block = self._structure(name)
        if block["blocks"]:
            raise Unreadable(f"{name} is an attribute with blocks in it")
        return ["object", {key: attribute["type"] for key, attribute in block["attributes"].items()}]


def _structure_of(entry: _Entry) -> str:
    found = _STRUCTURE.search(entry.value)
    if found is None:
        raise Unreadable(f"no structure in {entry.value}")
    return found[1][0].upper() + found[1][1:]


def _entries(code: str) -> dict[str, _Entry]:
    return {found[1]: _Entry(found[2], found[3] == "true", found[4]) for found in _ENTRY.finditer(code)}


def _enumerations(code: str) -> dict[str, list[str]]:
    """Properties with an enumeration, and the values that it allows."""
    found = {each[2]: _VALUES.search(each[1].replace("\n    * ", " ")) for each in _DOCUMENTED.finditer(code)}
    return {name: json.loads(values[1]) for name, values in found.items() if values is not None}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)
