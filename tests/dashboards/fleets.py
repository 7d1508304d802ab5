"""Fleets whose dashboards are looked at: one system and fifty, with and without an API, with odd names and every tier."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from exporter import config
from exporter.config import Config
from exporter.rendering import dashboards
from exporter.rendering.backends import Backend
from tests.dashboards.known import World

LONGEST_INTERVAL = "6h"

_HEAD = """
fleet: {fleet}
defaults: {{project: acme-data, location: us-central1, owner: data-platform}}
exporter: {{monitoring_project: acme-observability, metric_prefix: {prefix}}}
systems:
"""
_SYSTEM = "  - {{id: {id}, tier: {tier}, topic: {id}, subscription: {id}-bq, table: raw.{table}{more}}}\n"
_TIERS = ("critical", "standard", "batch")

_ODD = f"""
fleet: f
defaults: {{project: acme-data, location: EU}}
exporter: {{monitoring_project: "example.com:observed", metric_prefix: workload.googleapis.com/a/b}}
systems:
  - id: x
    topic: projects/example.com:messages/topics/t%41.~+_-z
    subscription: projects/other-project/subscriptions/s%41.~+_-z
    table: acme-data.raw_1.odd-Table_9
    owner: Team_A.b-C
    interval: {LONGEST_INTERVAL}
    api: a-{"b" * 61}
    objectives: {{latency: {{threshold: 0.1s, target: 0.999999}}, errors: {{target: 0.9999999}}, cost_per_message_usd: 2e-5, data_age: 30d}}
  - {{id: {"y" * 63}, tier: batch, topic: t-two, subscription: s-two, table: raw.two,
     dead_letter_subscription: projects/other-project/subscriptions/d%41.~+_-z,
     objectives: {{latency: {{threshold: 1m0.5s}}}}}}
"""


def _fleet(count: int, *, api: bool = False) -> str:
    text = _HEAD.format(fleet="flights", prefix="custom.googleapis.com/pipeline")
    for index in range(count):
        more = f", api: system-{index}-api" if api or index % 2 else ""
        tier = _TIERS[index % 3] if count > 1 else "standard"
        text += _SYSTEM.format(id=f"system-{index}", tier=tier, table=f"t{index}", more=more)
    return text


FLEETS = {"one": _fleet(1), "one with an API": _fleet(1, api=True), "fifty": _fleet(50), "odd": _ODD}


@cache
def loaded(fleet: str) -> Config:
    """The configuration of one of the fleets."""
    return config.parse(FLEETS[fleet], "systems.yaml")


@cache
def rendered(fleet: str, backend: Backend) -> dict[str, Any]:
    """All dashboards of a fleet by name, read from their JSON; copy before you change one."""
    return {name: json.loads(text) for name, text in dashboards.render(loaded(fleet), backend).items()}


def world(fleet: str, backend: Backend, name: str) -> World:
    """What a dashboard of a fleet is judged against."""
    found = loaded(fleet)
    systems = {f"system-{system.id}": system for system in found.systems}
    return World(found, backend, systems.get(name))
