"""Widgets that show time series: charts, scorecards, tables and pies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeVar

from exporter.console.dashboards import queries
from exporter.console.dashboards.legends import MAX_LEGEND
from exporter.console.dashboards.nodes import Node
from exporter.console.dashboards.page import Axis, Chart, Column, Gauge, Named, Pie, Plot, Scorecard, Table, Threshold
from exporter.console.dashboards.queries import ELSEWHERE, Queries
from exporter.console.dashboards.view import Query

MAX_DATA_SETS = 50
_MAX_THRESHOLDS = 20
_MAX_COLUMNS = 100
_PLOTS: Mapping[str, Literal["line", "area", "bar", "heatmap"]] = {
    "LINE": "line",
    "STACKED_AREA": "area",
    "STACKED_BAR": "bar",
    "HEATMAP": "heatmap",
}
_AXES: Mapping[str, Literal["y1", "y2"]] = {"Y1": "y1", "Y2": "y2"}
_SCALES: Mapping[str, Literal["linear", "log10"]] = {"LINEAR": "linear", "LOG10": "log10"}
_MODES: Mapping[str, Literal["color", "x_ray", "stats"]] = {"COLOR": "color", "X_RAY": "x_ray", "STATS": "stats"}
_COLORS: Mapping[str, Literal["yellow", "red"]] = {"YELLOW": "yellow", "RED": "red"}
_DIRECTIONS: Mapping[str, Literal["above", "below"]] = {"ABOVE": "above", "BELOW": "below"}
_SPARKS: Mapping[str, Literal["line", "bar"]] = {"SPARK_LINE": "line", "SPARK_BAR": "bar"}
_ALIGNMENTS: Mapping[str, Literal["left", "center", "right"]] = {"LEFT": "left", "CENTER": "center", "RIGHT": "right"}
_OF_SQL = ("dimensions", "measures", "breakdowns")
_T = TypeVar("_T")


def chart(title: str, widget: Node, node: Node, asked: Queries) -> Chart:
    """``xyChart``."""
    span = queries.own_range(widget)

    def plot(data_set: Node) -> Plot | None:
        legend = data_set.text("legendTemplate", MAX_LEGEND)
        query = queries.query(data_set, legend=legend, span=span, series=True)
        name = _added(query, data_set, asked)
        if name is None:
            return None
        how = data_set.choice("plotType", _PLOTS, "line")
        return Plot(name, how, data_set.choice("targetAxis", _AXES, "y1"), legend)

    series = _data_sets(node, plot)
    if node.duration_s("timeshiftDuration"):
        node.problem(
            f"{node.at('timeshiftDuration')} compares with an earlier time, which is not drawn here: {ELSEWHERE}."
        )
    options = node.child("chartOptions")
    if options is not None and options.flag("displayHorizontal"):
        options.problem(f"{options.at('displayHorizontal')} is not drawn here: values go upwards.")
    mode = options.choice("mode", _MODES, "color") if options is not None else "color"
    y, y2, thresholds = _axis(node, "yAxis"), _axis(node, "y2Axis"), _thresholds(node)
    return Chart(title, tuple(node.problems), series, y, y2, thresholds, mode, span)


def scorecard(title: str, _: Node, node: Node, asked: Queries) -> Scorecard:
    """``scorecard``."""
    view = node.child("sparkChartView")
    _refuse_sql(node)
    name = _added(queries.query(node, step=view, series=view is not None), node, asked)
    spark = view.choice("sparkChartType", _SPARKS, "line") if view is not None else None
    gauge, thresholds = _gauge(node), _thresholds(node)
    return Scorecard(title, tuple(node.problems), name, gauge, spark, thresholds)


def table(title: str, _: Node, node: Node, asked: Queries) -> Table:
    """``timeSeriesTable``."""
    series = _data_sets(node, lambda data_set: _named(data_set, "tableTemplate", asked))
    columns = tuple(_column(each) for each in node.children("columnSettings", _MAX_COLUMNS))
    bars = node.choice("metricVisualization", {"NUMBER": False, "BAR": True}, default=False)
    return Table(title, tuple(node.problems), series, columns, bars)


def pie(title: str, _: Node, node: Node, asked: Queries) -> Pie:
    """``pieChart``."""
    series = _data_sets(node, lambda data_set: _named(data_set, "sliceNameTemplate", asked))
    donut = node.choice("chartType", {"PIE": False, "DONUT": True}, default=False)
    total = node.flag("showTotal")
    return Pie(title, tuple(node.problems), series, donut, total)


def _data_sets(node: Node, read: Callable[[Node], _T | None]) -> tuple[_T, ...]:
    if not node.has("dataSets"):
        node.problem(f"{node.at('dataSets')} is empty: there is nothing to draw.")
    found = []
    for data_set in node.children("dataSets", MAX_DATA_SETS):
        _refuse_sql(data_set)
        one = read(data_set)
        if one is not None:
            found.append(one)
    return tuple(found)


def _named(data_set: Node, template: str, asked: Queries) -> Named | None:
    legend = data_set.text(template, MAX_LEGEND)
    name = _added(queries.query(data_set, legend=legend), data_set, asked)
    return None if name is None else Named(name, legend)


def _added(query: Query | None, at: Node, asked: Queries) -> str | None:
    return None if query is None else asked.add(query, at)


def _refuse_sql(node: Node) -> None:
    for name in _OF_SQL:
        if node.has(name):
            node.problem(f"{node.at(name)} is not applied here: {ELSEWHERE}.")


def _axis(node: Node, key: str) -> Axis | None:
    found = node.child(key)
    return None if found is None else Axis(found.text("label"), found.choice("scale", _SCALES, "linear"))


def _thresholds(node: Node) -> tuple[Threshold, ...]:
    found = []
    for each in node.children("thresholds", _MAX_THRESHOLDS):
        # The API leaves out a value of zero.
        value = each.number("value") if each.get("value") is not None else 0.0
        if value is not None:
            color, direction = each.choice("color", _COLORS, None), each.choice("direction", _DIRECTIONS, None)
            axis = each.choice("targetAxis", _AXES, "y1")
            found.append(Threshold(value, each.text("label"), color, direction, axis))
    return tuple(found)


def _gauge(node: Node) -> Gauge | None:
    found = node.child("gaugeView")
    if found is None:
        return None
    lower, upper = found.number("lowerBound") or 0.0, found.number("upperBound") or 0.0
    if lower < upper:
        return Gauge(lower, upper)
    found.problem(f"{found.place} needs an upperBound above its lowerBound: the value is shown without a gauge.")
    return None


def _column(node: Node) -> Column:
    column = node.text("column")
    alignment = node.choice("alignment", _ALIGNMENTS, None)
    title = node.text("displayName") or column
    return Column(column, title, node.flag("visible"), alignment, _thresholds(node))
