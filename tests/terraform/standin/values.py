"""Values as Terraform sends them: MessagePack, in which a value that is not known yet has a type of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import msgpack


class _Unknown:
    """A value that is known only after apply."""

    def __repr__(self) -> str:
        return "(known after apply)"


UNKNOWN = _Unknown()
"""Stands for every unknown value; Terraform's refinements of it are not kept."""


def unpack(value: Any) -> Any:
    """A message's value as Python's; None where there is none."""
    if value.msgpack:
        return msgpack.unpackb(value.msgpack, ext_hook=lambda code, data: UNKNOWN, strict_map_key=False)
    return json.loads(value.json) if value.json else None


def pack(value: Any) -> dict[str, bytes]:
    """The fields of a message's value."""
    return {"msgpack": msgpack.packb(value, default=lambda unknown: msgpack.ExtType(0, b"\0"))}


def known(value: Any) -> bool:
    """Whether a value and everything in it is known."""
    if isinstance(value, dict):
        return all(map(known, value.values()))
    return all(map(known, value)) if isinstance(value, list) else value is not UNKNOWN


def mapped(
    block: Mapping[str, Any], value: Mapping[str, Any], change: Callable[[str, Mapping[str, Any], Any], Any]
) -> dict[str, Any]:
    """A copy of a resource's value, with ``change(name, attribute, value)`` for every attribute of it and of its
    blocks.
    """
    changed = dict(value)
    for name, attribute in block["attributes"].items():
        changed[name] = change(name, attribute, value.get(name))
    for name, nested in block["blocks"].items():
        inner = value.get(name)
        if isinstance(inner, list):
            changed[name] = [
                mapped(nested["block"], each, change) if isinstance(each, dict) else each for each in inner
            ]
        elif isinstance(inner, dict) and nested["nesting"] == "single":
            changed[name] = mapped(nested["block"], inner, change)
    return changed
