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
from exporter.sandbox.faults import Fault
from exporter.sandbox.fleet import ODDITIES
from exporter.sandbox.pubsub.behaviour import Behaviour

OPTIONS: Mapping[str, tuple[str, ...]] = {
    "behaviour": ("set",),
    "require_column": (),
    "delete_table": (),
    "revoke": ("principal", "permission"),
    "silence": (),
    "reads": ("factor",),
    "load_rows": ("rows",),
    "api": ("fault",),
}
"""The kinds of faults, and what each says beside its systems and times."""

_TOP = {"title", "description", "lead", "odd", "faults"}


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
    try:
        document = yaml.safe_load(text)
        if not isinstance(document, dict) or set(document) - _TOP or not {"title", "description"} <= set(document):
            raise ScenarioError("keys are title, description and, if need be, lead, odd and faults")
        unknown = set(document.get("odd", ())) - set(ODDITIES)
        if unknown:
            raise ScenarioError(f"no such odd systems: {', '.join(sorted(map(str, unknown)))}")
        return Scenario(
            name=name,
            title=str(document["title"]),
            description=str(document["description"]),
            lead_s=parse_duration(document.get("lead", "0s")),
            odd=tuple(document.get("odd", ())),
            faults=tuple(_fault(given) for given in document.get("faults", ())),
        )
    except (ValueError, TypeError, yaml.YAMLError) as error:
        raise ScenarioError(f"{name}: {error}") from error


def _fault(given: Any) -> TimedFault:
    if not isinstance(given, dict) or given.get("kind") not in OPTIONS:
        raise ScenarioError(f"a fault has one of the kinds {', '.join(OPTIONS)}: {given}")
    kind = given["kind"]
    whole = OPTIONS[kind] if kind == "api" else ("systems", *OPTIONS[kind])
    if given.keys() - {"kind", "from", "until"} != set(whole):
        raise ScenarioError(f"a fault of the kind {kind} has {', '.join(whole) or 'nothing more'}: {given}")
    options = {key: given[key] for key in OPTIONS[kind]}
    _check(kind, options)
    from_s = parse_duration(given.get("from", "0s"))
    until_s = None if given.get("until") is None else parse_duration(given["until"])
    if until_s is not None and until_s <= from_s:
        raise ScenarioError(f"a fault ends after it has begun: {given}")
    return TimedFault(kind, tuple(given.get("systems", ())), from_s, until_s, options)


def _check(kind: str, options: Mapping[str, Any]) -> None:
    """Raise ``ValueError`` or ``TypeError`` for what could not be carried out when its time comes."""
    if kind == "behaviour":
        Behaviour(**options["set"])
    elif kind == "api":
        Fault(**options["fault"])
    elif kind == "reads" and not float(options["factor"]) >= 0:
        raise ValueError(f"factor must not be negative, not {options['factor']}")
    elif kind == "load_rows" and not int(options["rows"]) > 0:
        raise ValueError(f"rows must be at least 1, not {options['rows']}")
