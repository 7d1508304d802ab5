"""The dashboards of a fleet: some of all systems, and one of each."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from exporter.config import Config, format_duration
from exporter.model import System
from exporter.rendering import templates
from exporter.rendering.backends import Backend, names
from exporter.rendering.encoding import encode, plain
from exporter.rendering.ranges import HOUR_S

_CLOUD_RUN = "cloud_run_revision"
_BILLIONTH = Decimal("1e-9")


def render(config: Config, backend: Backend) -> Mapping[str, str]:
    """Dashboards as JSON of the API, by name: ``system-ID`` for a system, else the template's name."""
    common = fleet_variables(config, backend)
    found: dict[str, str] = {}
    for name, template in templates.read("dashboards").items():
        if name == "system":
            for system in config.systems:
                filled = templates.fill(template, {**common, **_system_variables(system)})
                found[f"system-{system.id}"] = encode(_fitting(filled, system))
        else:
            found[name] = encode(templates.fill(template, common))
    return found


def fleet_variables(config: Config, backend: Backend) -> dict[str, object]:
    """Template variables that are the same for everything of a fleet."""
    return {
        **names(backend, config.exporter.metric_prefix),
        "fleet": config.fleet,
        "monitoring_project": config.exporter.monitoring_project,
    }


def _system_variables(system: System) -> dict[str, object]:
    """Template variables of one system; steps are alignment periods of gauges: shorter than their points are apart, lines have holes."""
    _, topic_project, _, topic = system.topic.split("/")
    _, subscription_project, _, subscription = system.subscription.split("/")
    objectives = system.objectives
    return {
        "id": system.id,
        "owner": system.owner,
        "tier": system.tier.value,
        "window": format_duration(system.window_s),
        "interval": format_duration(system.interval_s),
        "step_s": system.interval_s,
        "hour_step_s": max(HOUR_S, system.interval_s),
        "project": system.project,
        "topic_project": topic_project,
        "topic_id": topic,
        "subscription_project": subscription_project,
        "subscription_id": subscription,
        "table_project": system.table.project,
        "dataset": system.table.dataset,
        "table": system.table.table,
        "api": system.api or "",
        "dead_letters": _dead_letters(system),
        "latency_threshold_s": _number(objectives.latency_threshold_s),
        "latency_target": _number(objectives.latency_target),
        "errors_allowed": plain(max(_BILLIONTH, (1 - Decimal(repr(objectives.errors_target))).quantize(_BILLIONTH))),
        "data_age_s": _number(objectives.data_age_s),
    }


def _dead_letters(system: System) -> str:
    """How to read messages that failed, as Markdown: a finished command, which acknowledges nothing."""
    if system.dead_letter_subscription is None:
        return "systems.yaml names no dead-letter subscription"
    _, project, _, name = system.dead_letter_subscription.split("/")
    return f"`gcloud pubsub subscriptions pull {name} --project={project} --limit=10 --format=json`"


def _number(value: float) -> str:
    return plain(Decimal(repr(value)).quantize(_BILLIONTH))


def _fitting(dashboard: Any, system: System) -> Any:
    """Without the tiles about an API that the system does not have."""
    if system.api is not None:
        return dashboard
    layout = dashboard["mosaicLayout"]
    tiles = [tile for tile in layout["tiles"] if _CLOUD_RUN not in encode(tile)]
    return {**dashboard, "mosaicLayout": {**layout, "tiles": tiles}}
