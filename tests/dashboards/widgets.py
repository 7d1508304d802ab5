"""What the API's comments say of widgets and the discovery document's shapes do not, and what we ask of ours: words that help."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.dashboards.aggregation import seconds
from tests.dashboards.reading import DataSet, Json, kinds, sections, tiles, title

_COLOURS, _DIRECTIONS = ("RED", "YELLOW"), ("ABOVE", "BELOW")
_RANGED = ("LINE", "STACKED_AREA", "STACKED_BAR")
MOST_TEXT = 4000
"""More than this nobody reads beside a chart."""
FEWEST_WORDS = 4


def check(dashboard: Json) -> Iterator[str]:
    """What is wrong with widgets, beside their queries."""
    for tile in tiles(dashboard):
        widget = tile["widget"]
        if "xyChart" in widget:
            yield from (f"{title(tile)}: {finding}" for finding in _chart(widget))
        if "scorecard" in widget:
            yield from (f"{title(tile)}: {finding}" for finding in _card(widget["scorecard"]))
        if "timeSeriesTable" in widget:
            yield from (f"{title(tile)}: {finding}" for finding in _table(widget["timeSeriesTable"]))
        if "incidentList" in widget and not widget["incidentList"].get("monitoredResources"):
            yield f"{title(tile)}: lists incidents of everything"
        if "timeRange" in widget and "xyChart" not in widget:
            yield f"{title(tile)}: timeRange is for line, area and bar charts"
    for section in sections(dashboard):
        yield from _help(section)


def _chart(widget: Json) -> Iterator[str]:
    chart = widget["xyChart"]
    plots = [each.get("plotType") for each in chart["dataSets"]]
    if None in plots:
        yield "plotType is missing"
    if "HEATMAP" in plots and len(plots) > 1:
        yield "HEATMAP shows one data set alone"
    for threshold in chart.get("thresholds", ()):
        if "color" in threshold or "direction" in threshold:
            yield "a threshold of a chart has no color and no direction"
        if not threshold.get("label"):
            yield "a threshold needs a label"
    if not chart.get("yAxis", {}).get("label"):
        yield "yAxis needs a label: what is counted"
    second = any(each.get("targetAxis") == "Y2" for each in chart["dataSets"])
    if second != bool(chart.get("y2Axis", {}).get("label")):
        yield "y2Axis and data sets on Y2 belong together"
    if "timeRange" in widget:
        yield from _range(widget, plots)
    for each in chart["dataSets"]:
        if seconds(each.get("minAlignmentPeriod")) >= 86400 and "timeRange" not in widget:
            yield "daily values need a timeRange: the console shows an hour unless told"


def _range(widget: Json, plots: list[Any]) -> Iterator[str]:
    length_s = seconds(widget["timeRange"].get("relativeDuration"))
    longest_s = max(seconds(each.get("minAlignmentPeriod")) for each in widget["xyChart"]["dataSets"])
    if any(plot not in _RANGED for plot in plots):
        yield "timeRange is for line, area and bar charts"
    if not 7 * longest_s <= length_s <= 42 * 86400:
        yield "timeRange must hold at least seven values, and at most the six weeks that are kept"


def _card(card: Json) -> Iterator[str]:
    for threshold in card.get("thresholds", ()):
        if threshold.get("color") not in _COLOURS or threshold.get("direction") not in _DIRECTIONS:
            yield "a threshold of a scorecard needs color and direction"
        if "targetAxis" in threshold:
            yield "a threshold of a scorecard has no targetAxis"
    if len([name for name in ("sparkChartView", "gaugeView", "blankView") if name in card]) != 1:
        yield "a scorecard has one view"


def _table(table: Json) -> Iterator[str]:
    if table.get("metricVisualization") not in ("NUMBER", "BAR"):
        yield "metricVisualization is missing"
    if table.get("metricVisualization") == "BAR" and len(table["dataSets"]) != 1:
        yield "BAR compares the values of one data set"
    for column in table.get("columnSettings", ()):
        if not column.get("column") or not column.get("displayName") or not column.get("visible"):
            yield "a column needs an id, a name, and to be visible"


def _help(section: list[Json]) -> Iterator[str]:
    """Every widget is explained in the text beside it; every section says in its header what it is about."""
    words = "\n\n".join(tile["widget"]["text"]["content"] for tile in section if "text" in tile["widget"])
    explained = dict(re.findall(r"\*\*(.+?)\*\*: (.+)", words))
    for tile in section:
        if len(tile["widget"].get("text", {}).get("content", "")) > MOST_TEXT:
            yield f"{title(tile)}: more than {MOST_TEXT} characters"
        if "sectionHeader" in tile["widget"]:
            if len(tile["widget"]["sectionHeader"].get("subtitle", "").split()) < FEWEST_WORDS:
                yield f"{title(tile)}: the header needs a subtitle that says what the section is about"
        elif kinds(tile) != ["text"] and len(explained.get(title(tile), "").split()) < FEWEST_WORDS:
            yield f"{title(tile)}: the text beside it does not explain it"


def legend(data_set: DataSet, groups: tuple[tuple[str, str], ...]) -> Iterator[str]:
    """A legend can only name labels that are left after grouping, and must name all that tell the series apart."""
    named = re.findall(r"\$\{(metric|resource)\.labels\.(\w+)\}", data_set.legend or "")
    for side, key in named:
        if (side, key) not in groups:
            yield f"legendTemplate: {side}.labels.{key} is gone after grouping"
    if data_set.legend and "$" in re.sub(r"\$\{(metric|resource)\.labels\.\w+\}", "", data_set.legend):
        yield "legendTemplate: names labels as ${metric.labels.KEY} or ${resource.labels.KEY}"
    if data_set.widget != "xyChart" or data_set.plot == "HEATMAP" or "prometheusQuery" in data_set.query:
        return
    if not data_set.legend:
        yield "legendTemplate is missing"
    for side, key in groups:
        if (side, key) not in named:
            yield f"legendTemplate: several series have the same name without {side}.labels.{key}"
