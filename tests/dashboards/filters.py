"""Monitoring filters as our dashboards write them: comparisons beside each other, no words between them.

A dashboard may use only a part of the language (https://cloud.google.com/monitoring/api/v3/filters), so that everything in it can be held
against the catalogue. ``${name}`` stands for a dashboard filter, which the console fills in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_STRING = r'"([^"\\]*)"'
_PART = re.compile(
    rf"""\s*(?:
        (?P<field>metric\.type|resource\.type)={_STRING.replace("(", "(?P<name>", 1)}
        |(?P<side>metric|resource)\.label\."(?P<key>[^"]+)"=(?:"(?P<one>[^"\\]*)"|one_of\((?P<many>[^()]*)\))
        |\$\{{(?P<variable>\w+)\}}
    )(?=\s|$)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Filter:
    """What a filter asks for; values of labels are those that are let through."""

    metric_type: str
    resource_type: str
    metric_labels: Mapping[str, tuple[str, ...]]
    resource_labels: Mapping[str, tuple[str, ...]]
    variables: tuple[str, ...]


def parse(text: str) -> Filter:
    """Understand a filter; raises ``ValueError`` where it is none of ours, or says a thing twice."""
    types: dict[str, str] = {}
    labels: dict[str, dict[str, tuple[str, ...]]] = {"metric": {}, "resource": {}}
    variables: list[str] = []
    place = 0
    while place < len(text.rstrip()):
        found = _PART.match(text, place)
        if found is None:
            raise ValueError(f"cannot be read from {text[place : place + 40]!r} on")
        place = found.end()
        if found["variable"]:
            variables.append(found["variable"])
        elif found["field"]:
            _once(types, found["field"], found["name"])
        else:
            values = (found["one"],) if found["many"] is None else tuple(re.findall(_STRING, found["many"]))
            _once(labels[found["side"]], found["key"], values)
    if len(types) < 2:
        raise ValueError("must say metric.type and resource.type")
    return Filter(types["metric.type"], types["resource.type"], labels["metric"], labels["resource"], tuple(variables))


def plain(text: str) -> str:
    """A filter as it is while no dashboard filter is chosen."""
    return re.sub(r"\s*\$\{\w+\}", "", text)


def _once(found: dict[str, Any], key: str, value: Any) -> None:
    if key in found:
        raise ValueError(f"says {key} twice")
    found[key] = value
