"""Series of the console for tests: times in seconds, labels in short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from exporter.console.series.model import Series


def series(
    points: Mapping[float, Any] | Sequence[tuple[float, Any]],
    metric: Mapping[str, str] | None = None,
    resource: Mapping[str, str] | None = None,
    **more: Any,
) -> Series:
    """A gauge of doubles by end and value, in ascending order."""
    items = list(points.items() if isinstance(points, Mapping) else points)
    ends = tuple(float(end) for end, _ in items)
    common: dict[str, Any] = {
        "metric_type": "custom.googleapis.com/m",
        "metric_labels": metric or {},
        "resource_type": "generic_task",
        "resource_labels": {"project_id": "p", **(resource or {})},
        "kind": "gauge",
        "value_type": "double",
        "unit": "1",
        "starts_s": ends,
        "ends_s": ends,
        "values": tuple(value for _, value in items),
    }
    return Series(**{**common, **more})


def points(found: Series) -> dict[float, Any]:
    """Values by end."""
    return dict(zip(found.ends_s, found.values, strict=True))
