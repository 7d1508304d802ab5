"""Fleets of all kinds, the policies rendered for them, and the rules that those are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from exporter.config import Config, Endpoints, ExporterSettings
from exporter.model import Objectives, System, Tier
from exporter.rendering import alerts
from exporter.rendering.backends import Backend
from tests.alerts.promql import seconds
from tests.builders import system

TIMES_S = {Tier.CRITICAL: (60, 60), Tier.STANDARD: (300, 900), Tier.BATCH: (3600, 3600)}
"""Window and interval of each tier."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One condition of a rendered policy."""

    kind: str
    owner: str
    window: str
    query: str
    duration_s: int
    every_s: int


def fleet(systems: Iterable[System], incident_systems: int = 5, fleet_name: str = "flights", **settings: Any) -> Config:
    """A configuration of these systems."""
    exporter = ExporterSettings("acme-observability", fleet_incident_systems=incident_systems, **settings)
    return Config(fleet_name, tuple(systems), exporter, Endpoints())


def some(number: int, tier: Tier = Tier.STANDARD, name: str = "s", **changes: Any) -> list[System]:
    """Systems of one tier that are alike but for their names."""
    window_s, interval_s = TIMES_S[tier]
    return [
        system(id=f"{name}{index}", tier=tier, window_s=window_s, interval_s=interval_s, **changes)
        for index in range(number)
    ]


def of_all_kinds() -> dict[str, Config]:
    """Fleets that policies are rendered for: small and large, many owners and classes, long names, odd objectives."""
    classes = [(60, 60), (60, 300), (300, 900), (900, 1800), (3600, 3600), (3600, 21_600)]
    owners = ["data-platform", "Sales.EMEA", "unassigned"]
    mixed = [
        replace(each, window_s=pair[0], interval_s=pair[1], owner=owners[number % 3])
        for number, each in enumerate(some(50))
        for pair in [classes[number % len(classes)]]
    ]
    longest = replace(some(1)[0], id="a" * 63, owner="O" * 63)
    odd = [
        Objectives(0.1, 0.000001, 0.999999999, 60.0, 0.000_000_001),
        Objectives(86_400.0, 0.999999999, 0.5, 2_592_000.0, 999_999.0),
    ]
    prefix = "workload.googleapis.com/" + "/".join(["a_B9" * 5] * 5)
    return {
        "one": fleet(some(1)),
        "fifty": fleet(mixed),
        "longest": fleet(
            [longest], 5000, "f" * 63, metric_prefix=prefix, runbook_url="https://wiki.example.com/runbooks"
        ),
        "odd": fleet([replace(each, id=f"odd{n}", objectives=odd[n]) for n, each in enumerate(some(2))], 1),
    }


def rendered(config: Config, backend: Backend = Backend.CLOUD_MONITORING) -> dict[str, dict[str, Any]]:
    """Every policy of a fleet by its name, decoded."""
    return {name: json.loads(text) for name, text in alerts.render(config, backend).items()}


def rules(policies: Sequence[dict[str, Any]]) -> list[Rule]:
    """All conditions of policies."""
    return [rule for policy in policies for rule in _rules(policy)]


def _rules(policy: dict[str, Any]) -> Iterator[Rule]:
    for condition in policy["conditions"]:
        asked = condition["conditionPrometheusQueryLanguage"]
        labels = policy["userLabels"]
        yield Rule(
            kind=labels["kind"],
            owner=labels.get("owner", ""),
            window=condition["displayName"].partition(":")[0],
            query=asked["query"],
            duration_s=seconds(asked.get("duration", "0s")),
            every_s=seconds(asked["evaluationInterval"]),
        )
