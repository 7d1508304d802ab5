"""Areas of questions: a module each, with its steps and its checks."""

from __future__ import annotations

from exporter.verify.areas import (
    appends,
    dashboards,
    delivery,
    descriptors,
    exporter,
    jobs,
    metadata,
    otlp,
    pubsub_metrics,
    statements,
    states,
    storage,
    writes,
    writing,
)
from exporter.verify.questions import Check, Step
from exporter.verify.steps import STEPS as _SHARED

_AREAS = (
    appends,
    metadata,
    delivery,
    states,
    writes,
    jobs,
    storage,
    pubsub_metrics,
    writing,
    descriptors,
    statements,
    dashboards,
    otlp,
    exporter,
)

STEPS: tuple[Step, ...] = tuple(dict.fromkeys((*_SHARED, *(step for area in _AREAS for step in area.STEPS))))
"""Each once: areas may share some."""

CHECKS: tuple[Check, ...] = tuple(check for area in _AREAS for check in area.CHECKS)
