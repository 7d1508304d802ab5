"""Dashboards that together use every layout and every widget, and ways to look at what became of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from pydantic import TypeAdapter

from exporter.console.dashboards.page import Group, Item, Page, Single, Widget
from exporter.console.dashboards.view import View

FILTER = 'metric.type="custom.googleapis.com/pipeline/latency" resource.type="generic_task"'
QUERY = {
    "timeSeriesFilter": {
        "filter": FILTER,
        "aggregation": {
            "alignmentPeriod": "300s",
            "perSeriesAligner": "ALIGN_DELTA",
            "crossSeriesReducer": "REDUCE_PERCENTILE_95",
            "groupByFields": ['resource.label."job"'],
        },
        "pickTimeSeriesFilter": {"rankingMethod": "METHOD_MAX", "numTimeSeries": 5, "direction": "TOP"},
    },
    "unitOverride": "s",
}
RATIO = {
    "timeSeriesFilterRatio": {
        "numerator": {"filter": FILTER, "aggregation": {"alignmentPeriod": "60s", "perSeriesAligner": "ALIGN_RATE"}},
        "denominator": {"filter": FILTER + " ${zone}", "aggregation": {"perSeriesAligner": "ALIGN_RATE"}},
        "secondaryAggregation": {"alignmentPeriod": "60s", "perSeriesAligner": "ALIGN_MEAN"},
    }
}
CHART = {
    "title": "Latency",
    "xyChart": {
        "dataSets": [
            {
                "plotType": "LINE",
                "targetAxis": "Y2",
                "legendTemplate": "${resource.labels.job}",
                "minAlignmentPeriod": "60.5s",
                "timeSeriesQuery": QUERY,
            },
            {"plotType": "STACKED_AREA", "timeSeriesQuery": RATIO},
            {"plotType": "STACKED_BAR", "timeSeriesQuery": {"prometheusQuery": "up"}},
        ],
        "thresholds": [{"value": 30, "label": "objective", "targetAxis": "Y2"}],
        "timeshiftDuration": "0s",
        "yAxis": {"label": "seconds", "scale": "LOG10"},
        "y2Axis": {"label": "share"},
        "chartOptions": {"mode": "X_RAY"},
    },
    "timeRange": {"relativeDuration": "86400s"},
}
HEATMAP = {"xyChart": {"dataSets": [{"plotType": "HEATMAP", "timeSeriesQuery": QUERY}]}}
CARD = {
    "title": "Now",
    "scorecard": {
        "timeSeriesQuery": QUERY | {"outputFullDuration": True},
        "gaugeView": {"lowerBound": 0, "upperBound": 60},
        "thresholds": [{"value": 30, "color": "RED", "direction": "ABOVE"}],
    },
}
SPARK = {
    "scorecard": {
        "timeSeriesQuery": QUERY,
        "sparkChartView": {"sparkChartType": "SPARK_BAR", "minAlignmentPeriod": "3600s"},
    }
}
TABLE = {
    "title": "Every system",
    "timeSeriesTable": {
        "dataSets": [{"tableTemplate": "${resource.labels.job}", "timeSeriesQuery": QUERY}],
        "columnSettings": [{"column": "job", "displayName": "System", "visible": True, "alignment": "RIGHT"}],
        "metricVisualization": "BAR",
    },
}
PIE = {
    "pieChart": {
        "chartType": "DONUT",
        "dataSets": [{"sliceNameTemplate": "${metric.labels.x}", "timeSeriesQuery": QUERY}],
        "showTotal": True,
    }
}
TEXT = {"title": "Words", "text": {"content": "**bold**", "format": "MARKDOWN", "style": {"backgroundColor": "#FFF"}}}
RAW = {"text": {"content": "<b>\nraw", "format": "RAW"}}
OTHERS: list[dict[str, Any]] = [
    {"sectionHeader": {"subtitle": "below", "dividerBelow": True}, "title": "Section"},
    {"incidentList": {"monitoredResources": [{"type": "generic_task", "labels": {"job": "a"}}], "policyNames": ["x"]}},
    {"alertChart": {"name": "projects/p/alertPolicies/1"}},
    {"blank": {}},
    {"logsPanel": {"filter": "x"}, "title": "Logs"},
    {"treemap": {}, "visibilityCondition": {"templateVariableCondition": {"templateVariable": "zone"}}},
]
WIDGETS: list[dict[str, Any]] = [CHART, HEATMAP, CARD, SPARK, TABLE, PIE, TEXT, RAW, *OTHERS]

FILTERS = [
    {"filterType": "RESOURCE_LABEL", "labelKey": "zone", "templateVariable": "zone", "stringValue": "a"},
    {"filterType": "METRIC_LABEL", "labelKey": "code", "stringArrayValue": {"values": ["1", "2"]}},
]


def mosaic(tiles: list[dict[str, Any]], columns: int = 12) -> dict[str, Any]:
    """A dashboard of tiles."""
    return {"displayName": "mosaic", "mosaicLayout": {"columns": columns, "tiles": tiles}}


def tile(x: int, y: int, w: int, h: int, widget: object) -> dict[str, Any]:
    """A tile of a mosaic."""
    return {"xPos": x, "yPos": y, "width": w, "height": h, "widget": widget}


def grid(widgets: list[Any], **more: Any) -> dict[str, Any]:
    """A dashboard of widgets in two columns."""
    return {"displayName": "grid", "gridLayout": {"columns": "2", "widgets": widgets}, **more}


SAMPLES: dict[str, dict[str, Any]] = {
    "mosaic": mosaic([tile(index % 3 * 4, index // 3 * 4, 4, 4, widget) for index, widget in enumerate(WIDGETS)])
    | {"dashboardFilters": FILTERS},
    "groups": mosaic(
        [
            tile(0, 0, 12, 8, {"title": "outer", "collapsibleGroup": {"collapsed": True}}),
            tile(6, 0, 6, 8, {"title": "one at a time", "singleViewGroup": {}}),
            tile(0, 0, 6, 8, CHART),
            tile(6, 0, 6, 8, TEXT),
            tile(6, 0, 6, 8, CARD),
            tile(0, 8, 12, 4, TABLE),
        ]
    ),
    "grid": grid(WIDGETS, dashboardFilters=FILTERS),
    "rows": {"rowLayout": {"rows": [{"weight": "2", "widgets": WIDGETS[:4]}, {"widgets": WIDGETS[4:]}]}},
    "columns": {"columnLayout": {"columns": [{"weight": 3, "widgets": WIDGETS[:6]}, {"widgets": WIDGETS[6:]}]}},
}

_PAGE: TypeAdapter[Page] = TypeAdapter(Page)


def checked(view: View) -> dict[str, Any]:
    """The JSON of a view, which must be just what the OpenAPI document says of it."""
    text = json.dumps(view.document(), ensure_ascii=False, allow_nan=False)
    found: dict[str, Any] = json.loads(text.encode())
    assert _PAGE.dump_python(_PAGE.validate_python(found), mode="json") == found
    return found


def items(view: View) -> Iterator[Item]:
    """All items of a page, those of groups too."""

    def walk(found: tuple[Item, ...]) -> Iterator[Item]:
        for each in found:
            yield each
            if isinstance(each.widget, Group | Single):
                yield from walk(each.widget.items)

    return walk(view.page.items)


def widgets(view: View) -> list[Widget]:
    """All widgets of a page."""
    return [each.widget for each in items(view)]


def shown(view: View) -> dict[str, Any]:
    """What is shown of each widget by its id: queries themselves instead of their ids, groups without their members."""

    def resolved(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: view.queries.get(each) if key == "query" else resolved(each) for key, each in value.items()}
        return [resolved(each) for each in value] if isinstance(value, tuple) else value

    found = {}
    for each in items(view):
        widget = replace(each.widget, items=(), problems=()) if isinstance(each.widget, Group | Single) else each.widget
        found[each.id] = resolved(asdict(widget))
    return found
