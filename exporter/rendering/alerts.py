"""The alert policies of a fleet: by kind, and where channels differ by owner; one condition per (window, interval) class."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from exporter.config import Config
from exporter.model import System
from exporter.rendering import ranges, templates
from exporter.rendering.backends import Backend
from exporter.rendering.dashboards import duration, fleet_variables
from exporter.rendering.encoding import encode

_PER_CLASS, _PER_OWNER = "${interval_s}", "${owner}"
"""What a template mentions that has a condition per class, or that is rendered for each owner."""


def render(config: Config, backend: Backend) -> Mapping[str, str]:
    """Policies as JSON of the API, by name: ``KIND--OWNER`` where a kind is rendered for each owner, else ``KIND``."""
    common = {
        **fleet_variables(config, backend),
        "fleet_incident_systems": config.exporter.fleet_incident_systems,
        "absent_range_s": ranges.absent_s(config.systems),
    }
    found: dict[str, str] = {}
    for kind, template in templates.read("alerts").items():
        if _PER_OWNER in template:
            for owner in sorted({system.owner for system in config.systems}):
                own = [system for system in config.systems if system.owner == owner]
                of_owner = {**common, "owner": owner, "owner_label": label(owner)}
                found[f"{kind}--{owner}"] = encode(_policy(template, of_owner, own))
        else:
            found[kind] = encode(_policy(template, common, config.systems))
    return found


def label(owner: str) -> str:
    """An owner as the value of a user label: lower case letters, digits, ``_`` and ``-``."""
    return re.sub(r"[^a-z0-9_-]", "_", owner.lower())


def _policy(template: str, variables: Mapping[str, object], systems: Sequence[System]) -> Any:
    """One policy, with the conditions of all classes that these systems have."""
    if _PER_CLASS not in template:
        return templates.fill(template, variables)
    filled = [templates.fill(template, {**variables, **_class(pair)}) for pair in ranges.classes(systems)]
    return {**filled[0], "conditions": [condition for each in filled for condition in each["conditions"]]}


def _class(pair: ranges.Class) -> Mapping[str, object]:
    return {**ranges.of_class(pair), "window": duration(pair[0]), "interval": duration(pair[1])}
