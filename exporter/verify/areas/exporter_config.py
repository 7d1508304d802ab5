"""The exporter's configuration for the throwaway pipelines: what somebody who measured them would write."""

from __future__ import annotations

import json
from typing import Any

from exporter.config import Config, parse
from exporter.verify.lab import Place
from exporter.verify.pipeline import PIPELINES, Pipeline

FLEET = "exporter-verify"
WINDOW_S = 300
"""Windows and intervals of all systems."""


def config(place: Place) -> Config:
    """One system for each pipeline, written below the run's prefix; raises ``ConfigError``."""
    content = {
        "fleet": FLEET,
        "defaults": {
            "project": place.project,
            "location": place.location,
            "metrics_location": place.region,
            "window": f"{WINDOW_S // 60}m",
            "interval": f"{WINDOW_S // 60}m",
            "owner": FLEET,
        },
        "systems": [_system(place, pipeline) for pipeline in PIPELINES],
        "exporter": {
            "metric_prefix": place.metric_prefix,
            "monitoring_project": place.project,
        },
    }
    return parse(json.dumps(content), "configuration of the throwaway pipelines")


def _system(place: Place, pipeline: Pipeline) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": pipeline.name,
        "topic": pipeline.topic(place),
        "subscription": pipeline.subscription(place),
        "table": pipeline.table(place),
    }
    if pipeline.view:
        found["view"] = f"{pipeline.table(place)}_view"
    if pipeline.dead_letters:
        found["dead_letter_subscription"] = pipeline.dead_letter_subscription(place)
    return found
