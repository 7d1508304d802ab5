"""Bad weather: faults of the three APIs, drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

Fault = Mapping[str, Any]

_WRITE = {"api": "monitoring", "method": "CreateTimeSeries"}
_READ = {"api": "monitoring", "method": "ListTimeSeries"}
_QUERY = {"api": "bigquery", "method": "jobs.query"}

FAULTS: Sequence[Fault] = (
    {**_WRITE, "status": "UNAVAILABLE"},
    {**_WRITE, "status": "INTERNAL"},
    {**_WRITE, "status": "DEADLINE_EXCEEDED"},
    {**_WRITE, "status": "RESOURCE_EXHAUSTED"},
    {**_WRITE, "garbage": True},
    {**_WRITE, "status": "UNAVAILABLE", "after": True},
    {**_WRITE, "status": "DEADLINE_EXCEEDED", "after": True},
    {**_WRITE, "garbage": True, "after": True},
    {**_WRITE, "status": "UNAVAILABLE", "series": 3},
    {**_WRITE, "status": "INTERNAL", "series": 1},
    {**_WRITE, "status": "RESOURCE_EXHAUSTED", "series": 7},
    {**_WRITE, "delay_ms": 150},
    {**_READ, "status": "UNAVAILABLE"},
    {**_READ, "status": "INTERNAL"},
    {**_READ, "status": "RESOURCE_EXHAUSTED"},
    {**_READ, "garbage": True},
    {**_READ, "delay_ms": 150},
    {"api": "monitoring", "status": "UNAVAILABLE"},
    {"api": "monitoring", "method": "CreateMetricDescriptor", "status": "UNAVAILABLE"},
    {"api": "monitoring", "method": "ListMetricDescriptors", "status": "INTERNAL"},
    {**_QUERY, "status": "UNAVAILABLE"},
    {**_QUERY, "status": "INTERNAL"},
    {**_QUERY, "status": "RATE_LIMIT_EXCEEDED"},
    {**_QUERY, "garbage": True},
    {**_QUERY, "delay_ms": 300},
    {"api": "bigquery", "status": "UNAVAILABLE"},
    {"api": "pubsub", "status": "UNAVAILABLE"},
    {"api": "pubsub", "status": "RESOURCE_EXHAUSTED"},
    {"api": "pubsub", "garbage": True},
)
"""Everything that passes: after none of it may anything be missing."""


def draw(source: random.Random, at_most: int = 3) -> list[Fault]:
    """Some faults, each of which hits some of the calls."""
    chosen = source.sample(FAULTS, source.randint(0, at_most))
    return [{**fault, "probability": source.choice((0.1, 0.3, 0.6))} for fault in chosen]
