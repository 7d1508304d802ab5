"""What is on a dashboard: tiles, widgets, data sets, each with a place that a finding can name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]

KINDS = ("xyChart", "scorecard", "timeSeriesTable", "incidentList", "text", "sectionHeader")
"""The widgets that our dashboards use; the API knows more."""


@dataclass(frozen=True, slots=True)
class Part:
    """A filter and how its series are aggregated: a whole query, or one side of a ratio."""

    filter: str
    aggregation: Json
    secondary: Json | None


@dataclass(frozen=True, slots=True)
class DataSet:
    """A query and how it is shown; ``min_period`` is what keeps the console from asking for finer periods."""

    place: str
    widget: str
    query: Json
    plot: str | None
    legend: str | None
    axis: str | None
    min_period: str | None

    @property
    def ratio(self) -> bool:
        return "timeSeriesFilterRatio" in self.query

    @property
    def unit(self) -> str | None:
        unit: str | None = self.query.get("unitOverride")
        return unit

    @property
    def asked(self) -> Json:
        """The filter or ratio itself; empty for PromQL."""
        found: Json = self.query.get("timeSeriesFilterRatio") or self.query.get("timeSeriesFilter") or {}
        return found

    @property
    def pick(self) -> Json | None:
        found: Json | None = self.asked.get("pickTimeSeriesFilter")
        return found

    @property
    def parts(self) -> tuple[Part, ...]:
        """None for PromQL, one for a filter, two for a ratio: numerator and denominator."""
        sides = [self.asked.get(name, {}) for name in ("numerator", "denominator")] if self.ratio else [self.asked]
        secondary = self.asked.get("secondaryAggregation")
        return tuple(Part(side["filter"], side.get("aggregation", {}), secondary) for side in sides if "filter" in side)


def tiles(dashboard: Json) -> list[Json]:
    """The tiles of the grid."""
    found: list[Json] = dashboard["mosaicLayout"]["tiles"]
    return found


def title(tile: Json) -> str:
    """What a tile is called."""
    return str(tile["widget"].get("title", "(no title)"))


def kinds(tile: Json) -> list[str]:
    """Which of the widgets that exclude each other a tile holds: exactly one, when all is well."""
    return [name for name in tile["widget"] if name not in ("title", "timeRange", "id", "visibilityCondition")]


def find(dashboard: Json, name: str) -> Any:
    """The widget with a title."""
    return next(tile["widget"] for tile in tiles(dashboard) if title(tile) == name)


def sections(dashboard: Json) -> list[list[Json]]:
    """Tiles by the header above them, from top to bottom; what stands above the first header comes first."""
    found: list[list[Json]] = [[]]
    for tile in sorted(tiles(dashboard), key=lambda tile: (tile.get("yPos", 0), tile.get("xPos", 0))):
        if "sectionHeader" in tile["widget"]:
            found.append([])
        found[-1].append(tile)
    return found


def data_sets(dashboard: Json) -> Iterator[DataSet]:
    """Every query of a dashboard."""
    for tile in tiles(dashboard):
        widget, place = tile["widget"], title(tile)
        for kind in ("xyChart", "timeSeriesTable"):
            for index, each in enumerate(widget.get(kind, {}).get("dataSets", ())):
                yield _data_set(f"{place}[{index}]", kind, each)
        if "scorecard" in widget:
            spark = widget["scorecard"].get("sparkChartView", {})
            yield _data_set(place, "scorecard", {**spark, "timeSeriesQuery": widget["scorecard"]["timeSeriesQuery"]})


def _data_set(place: str, kind: str, each: Json) -> DataSet:
    return DataSet(
        place,
        kind,
        each["timeSeriesQuery"],
        each.get("plotType"),
        each.get("legendTemplate"),
        each.get("targetAxis"),
        each.get("minAlignmentPeriod"),
    )
