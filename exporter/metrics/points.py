"""How a window's values become points: the start that counts need, the labels that the catalogue names."""

from __future__ import annotations

from datetime import datetime

from exporter.model import Distribution, Point, System, Window


def gauge(system: System, metric: str, at: datetime, value: float, **labels: str) -> Point:
    """Build a value that holds at a moment."""
    return Point(metric=metric, job=system.id, end=at, value=float(value), labels=labels)


def count(system: System, metric: str, window: Window, value: float, **labels: str) -> Point:
    """Build a value that was counted in a window."""
    return Point(metric=metric, job=system.id, start=window.start, end=window.end, value=float(value), labels=labels)


def distribution(system: System, metric: str, window: Window, value: Distribution, **labels: str) -> Point:
    """Build a histogram of a window."""
    return Point(metric=metric, job=system.id, start=window.start, end=window.end, value=value, labels=labels)
