"""What makes a dashboard one that Cloud Monitoring takes, beyond its shape.

Sources: the discovery document of ``monitoring`` v1, and https://cloud.google.com/monitoring/dashboards/api-layout. Not checked:
whether metrics exist, what filters and queries say, units, and what a widget needs beyond one source for each data set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from exporter.sandbox.conduct import Conduct
from exporter.sandbox.rest import shapes
from exporter.sandbox.rest.answers import Refused, invalid

Json = Mapping[str, Any]

MOST_COLUMNS = 48
_LAYOUTS = ("gridLayout", "mosaicLayout", "rowLayout", "columnLayout")
_AROUND = ("id", "title", "timeRange", "visibilityCondition")
_SOURCES = (
    "opsAnalyticsQuery",
    "prometheusQuery",
    "timeSeriesFilter",
    "timeSeriesFilterRatio",
    "timeSeriesQueryLanguage",
    "traceQuery",
)


def check(dashboard: Json, conduct: Conduct) -> None:
    """Raise ``Refused`` (INVALID_ARGUMENT) for a dashboard that would not be taken."""
    shapes.check(dashboard, "Dashboard", "dashboard")
    if not dashboard.get("displayName"):
        raise invalid("Field displayName is required.", "dashboard.display_name")
    if len([name for name in _LAYOUTS if name in dashboard]) > 1:
        raise invalid("A dashboard has one layout.", "dashboard")
    if "mosaicLayout" in dashboard:
        _check_mosaic(dashboard["mosaicLayout"])
    widgets = list(_widgets(dashboard))
    if len(widgets) > conduct.dashboard_widgets:
        raise invalid(f"A dashboard has at most {conduct.dashboard_widgets} widgets, not {len(widgets)}.", "dashboard")
    for place, widget in enumerate(widgets):
        _check_widget(widget, f"widget {place}")


def _widgets(dashboard: Json) -> Iterator[Json]:
    """The widgets of every kind of layout."""
    yield from (tile.get("widget", {}) for tile in dashboard.get("mosaicLayout", {}).get("tiles", ()))
    yield from dashboard.get("gridLayout", {}).get("widgets", ())
    for layout, parts in (("rowLayout", "rows"), ("columnLayout", "columns")):
        for part in dashboard.get(layout, {}).get(parts, ()):
            yield from part.get("widgets", ())


def _check_mosaic(layout: Json) -> None:
    columns = int(layout.get("columns", 0))
    if not 1 <= columns <= MOST_COLUMNS:
        raise _bad_mosaic(f"columns must lie between 1 and {MOST_COLUMNS}, not {columns}")
    tiles: Sequence[Json] = layout.get("tiles", ())
    for place, tile in enumerate(tiles):
        x, y, width, height = _box(tile)
        if width < 1 or height < 1:
            raise _bad_mosaic(f"tiles[{place}] has no width or no height")
        if x < 0 or y < 0 or x + width > columns:
            raise _bad_mosaic(f"tiles[{place}] lies outside the grid of {columns} columns")
        if "widget" not in tile:
            raise _bad_mosaic(f"tiles[{place}] has no widget")
    for (one, first), (other, second) in combinations(enumerate(tiles), 2):
        if _overlap(_box(first), _box(second)) and not (_holds(first) or _holds(second)):
            raise _bad_mosaic(f"tiles[{one}] and tiles[{other}] lie upon each other")


def _box(tile: Json) -> tuple[int, int, int, int]:
    x, y, width, height = (int(tile.get(name, 0)) for name in ("xPos", "yPos", "width", "height"))
    return x, y, width, height


def _overlap(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    (x, y, width, height), (u, v, breadth, depth) = one, other
    return x < u + breadth and u < x + width and y < v + depth and v < y + height


def _holds(tile: Json) -> bool:
    """Whether a tile is a group, upon which others lie."""
    return any(name in tile.get("widget", {}) for name in ("collapsibleGroup", "singleViewGroup"))


def _bad_mosaic(reason: str) -> Refused:
    return invalid(f"Field mosaicLayout has an invalid value: {reason}.", "dashboard.mosaic_layout")


def _check_widget(widget: Json, name: str) -> None:
    content = [key for key in widget if key not in _AROUND]
    if len(content) > 1:
        raise invalid(f"The {name} has one content, not {', '.join(content)}.", "dashboard")
    for chart in ("xyChart", "pieChart", "timeSeriesTable"):
        if chart in widget and not widget[chart].get("dataSets"):
            raise invalid(f"The {name} has a {chart} without dataSets.", "dashboard")
    for query in _queries(widget):
        if len([source for source in _SOURCES if source in query]) != 1:
            raise invalid(f"A timeSeriesQuery of the {name} has not exactly one source.", "dashboard")


def _queries(value: Any) -> Iterator[Json]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            if key == "timeSeriesQuery":
                yield each
            yield from _queries(each)
    elif isinstance(value, list):
        for each in value:
            yield from _queries(each)
