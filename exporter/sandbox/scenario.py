"""Scenarios: faults on a timeline, read from YAML files with a strict small format.

    title: one line
    description: a sentence or two
    lead: 30m                # with history, it starts this long before now
    odd: [empty, ...]        # odd systems to add (fleet.ODDITIES)
    faults:
      - {kind: behaviour, systems: [2], from: 0s, until: 20m, set: {extra_latency_s: 90}}

Kinds: ``behaviour`` (set: fields of Behaviour), ``require_column``, ``delete_table``, ``revoke`` (principal, permission), ``silence``,
``reads`` (factor), ``load_rows`` (rows) and ``api`` (fault: fields of Fault). Systems are indexes in the fleet, or ``odd:NAME``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml

from exporter.config import parse_duration
from exporter.sandbox.fleet import ODDITIES

KINDS = ("behaviour", "require_column", "delete_table", "revoke", "silence", "reads", "load_rows", "api")
_TOP = {"title", "description", "lead", "odd", "faults"}
_FAULT = {"kind", "systems", "from", "until", "set", "principal", "permission", "factor", "rows", "fault"}


class ScenarioError(ValueError):
    """A scenario that does not exist or cannot be read."""


@dataclass(frozen=True, slots=True)
class TimedFault:
    """One fault; times are seconds after the scenario's start, ``until_s`` None for good."""

    kind: str
    systems: tuple[int | str, ...]
    from_s: float
    until_s: float | None
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A named list of faults."""

    name: str
    title: str
    description: str
    lead_s: float
    odd: tuple[str, ...]
    faults: tuple[TimedFault, ...]


def names() -> list[str]:
    """All scenarios that come with the sandbox."""
    folder = resources.files("exporter.sandbox").joinpath("scenarios")
    return sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml"))


def load(name: str) -> Scenario:
    """Read a scenario by its name; raises ``ScenarioError``."""
    if name not in names():
        raise ScenarioError(f"no scenario {name!r}: choose one of {', '.join(names())}")
    text = resources.files("exporter.sandbox").joinpath("scenarios", f"{name}.yaml").read_text(encoding="utf-8")
    return parse(name, text)


def parse(name: str, text: str) -> Scenario:
    """Read a scenario; raises ``ScenarioError``."""
    document = yaml.safe_load(text)
    if not isinstance(document, dict) or set(document) - _TOP or not {"title", "description"} <= set(document):
        raise ScenarioError(f"{name}: keys are title, description and, if need be, lead, odd and faults")
    unknown = set(document.get("odd", ())) - set(ODDITIES)
    if unknown:
        raise ScenarioError(f"{name}: no such odd systems: {', '.join(sorted(unknown))}")
    return Scenario(
        name=name,
        title=str(document["title"]),
        description=str(document["description"]),
        lead_s=parse_duration(document.get("lead", "0s")),
        odd=tuple(document.get("odd", ())),
        faults=tuple(_fault(name, given) for given in document.get("faults", ())),
    )


def _fault(name: str, given: Any) -> TimedFault:
    if not isinstance(given, dict) or set(given) - _FAULT or given.get("kind") not in KINDS:
        raise ScenarioError(f"{name}: a fault has a kind ({', '.join(KINDS)}) and {', '.join(sorted(_FAULT))}: {given}")
    try:
        until = given.get("until")
        return TimedFault(
            kind=given["kind"],
            systems=tuple(given.get("systems", ())),
            from_s=parse_duration(given.get("from", "0s")),
            until_s=None if until is None else parse_duration(until),
            options={key: given[key] for key in given.keys() - {"kind", "systems", "from", "until"}},
        )
    except (ValueError, TypeError) as error:
        raise ScenarioError(f"{name}: {error}") from error
