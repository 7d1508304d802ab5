"""The alert policies of a fleet: by kind, by (window, interval) class, and by owner where channels differ by that.

One condition each: a policy that uses PromQL takes no more (https://docs.cloud.google.com/monitoring/promql/create-promql-alerts).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from exporter.config import Config, format_duration
from exporter.model import System
from exporter.rendering import ranges, templates
from exporter.rendering.backends import Backend
from exporter.rendering.dashboards import fleet_variables
from exporter.rendering.encoding import encode

_PER_CLASS, _PER_OWNER = "${interval_s}", "${owner}"
"""What a template mentions that is rendered for each class, or for each owner."""

_RUNBOOKS = "docs/runbooks.md"
"""Where the runbooks are in this project: what notifications name where they are published nowhere."""


def render(config: Config, backend: Backend) -> Mapping[str, str]:
    """Policies as JSON of the API, by name: ``KIND``, then ``--WINDOW-INTERVAL`` and ``--OWNER`` where there is one of each."""
    common = {
        **fleet_variables(config, backend),
        "fleet_incident_systems": config.exporter.fleet_incident_systems,
        "absent_range_s": ranges.absent_s(config.systems),
        "runbooks": config.exporter.runbook_url or _RUNBOOKS,
        "runbook_url": config.exporter.runbook_url or "",
    }
    found: dict[str, str] = {}
    for kind, template in templates.read("alerts").items():
        for owner, systems in _owners(config.systems) if _PER_OWNER in template else [({}, config.systems)]:
            for of_class in map(_class, ranges.classes(systems)) if _PER_CLASS in template else [{}]:
                policy = templates.fill(template, {**common, **owner, **of_class})
                found[_name(kind, owner, of_class)] = encode(_linked(policy))
    return found


def _linked(policy: Any) -> Any:
    """Without the link to a runbook that is published nowhere."""
    said = policy["documentation"]
    links = [link for link in said["links"] if not link["url"].startswith("#")]
    return {**policy, "documentation": {**said, "links": links}}


def label(owner: str) -> str:
    """An owner as the value of a user label: lower case letters, digits, ``_`` and ``-``."""
    return re.sub(r"[^a-z0-9_-]", "_", owner.lower())


def _owners(systems: Sequence[System]) -> Iterator[tuple[Mapping[str, object], Sequence[System]]]:
    """Variables of each owner, and its systems."""
    for owner in sorted({system.owner for system in systems}):
        own = [system for system in systems if system.owner == owner]
        yield {"owner": owner, "owner_label": label(owner)}, own


def _class(pair: ranges.Class) -> Mapping[str, object]:
    return {**ranges.of_class(pair), "window": format_duration(pair[0]), "interval": format_duration(pair[1])}


def _name(kind: str, owner: Mapping[str, object], of_class: Mapping[str, object]) -> str:
    classes = [f"{of_class['window']}-{of_class['interval']}"] if of_class else []
    owners = [str(owner["owner"])] if owner else []
    return "--".join([kind, *classes, *owners])
