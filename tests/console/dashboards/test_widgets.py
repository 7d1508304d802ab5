"""Every widget of the API becomes what the browser draws, and what cannot be drawn is named."""

from __future__ import annotations

from typing import Any

import pytest

from exporter.console.dashboards.page import Widget
from exporter.console.dashboards.parsing import parse
from tests.console.dashboards.samples import (
    CARD,
    CHART,
    FILTERS,
    HEATMAP,
    OTHERS,
    PIE,
    QUERY,
    RAW,
    SPARK,
    TABLE,
    TEXT,
    checked,
    grid,
    widgets,
)

ELSEWHERE = "open the dashboard in Cloud Monitoring"


def drawn(widget: Any) -> dict[str, Any]:
    """The JSON of a single widget."""
    found: dict[str, Any] = checked(parse(grid([widget], dashboardFilters=FILTERS), "d"))["items"][0]["widget"]
    return found


def read(widget: Any) -> Widget:
    return widgets(parse(grid([widget]), "d"))[0]


def test_chart() -> None:
    assert drawn(CHART) == {
        "kind": "chart",
        "title": "Latency",
        "problems": [f"xyChart.dataSets[2] asks in PromQL, which is not evaluated here: {ELSEWHERE}."],
        "series": [
            {"query": "q1", "plot": "line", "axis": "y2", "legend": "${resource.labels.job}"},
            {"query": "q2", "plot": "area", "axis": "y1", "legend": ""},
        ],
        "y": {"label": "seconds", "scale": "log10"},
        "y2": {"label": "share", "scale": "linear"},
        "thresholds": [{"value": 30.0, "label": "objective", "color": None, "direction": None, "axis": "y2"}],
        "mode": "x_ray",
        "range": {"last_s": 86400.0, "start": None, "end": None},
    }
    assert drawn(HEATMAP)["series"] == [{"query": "q1", "plot": "heatmap", "axis": "y1", "legend": ""}]


def test_scorecards() -> None:
    found = drawn(CARD)
    assert found == {
        "kind": "scorecard",
        "title": "Now",
        "problems": [],
        "query": "q1",
        "gauge": {"lower": 0.0, "upper": 60.0},
        "spark": None,
        "thresholds": [{"value": 30.0, "label": "", "color": "red", "direction": "above", "axis": "y1"}],
    }
    assert (drawn(SPARK)["gauge"], drawn(SPARK)["spark"]) == (None, "bar")


def test_tables_and_pies() -> None:
    found = drawn(TABLE)
    assert found["series"] == [{"query": "q1", "legend": "${resource.labels.job}"}]
    assert found["bars"] is True
    column = {"column": "job", "title": "System", "visible": True, "alignment": "right", "thresholds": []}
    assert found["columns"] == [column]
    found = drawn(PIE)
    assert (found["donut"], found["total"], found["series"][0]["legend"]) == (True, True, "${metric.labels.x}")


def test_texts() -> None:
    found = drawn(TEXT)
    assert found["html"] == "<p><strong>bold</strong></p>\n"
    assert found["style"] == {
        "background": "#FFF",
        "color": None,
        "font_size": None,
        "padding": None,
        "horizontal": None,
        "vertical": None,
    }
    assert drawn(RAW)["html"] == "<p>&lt;b&gt;<br>\nraw</p>\n"
    style = {
        "textColor": "AABBCC",
        "fontSize": "FS_SMALL",
        "padding": "P_LARGE",
        "horizontalAlignment": "H_CENTER",
        "verticalAlignment": "V_TOP",
        "backgroundColor": "red;background:url(http://x)",
    }
    found = drawn({"text": {"content": "", "style": style}})
    assert found["style"] == {
        "background": None,
        "color": "#AABBCC",
        "font_size": "small",
        "padding": "large",
        "horizontal": "center",
        "vertical": "top",
    }
    assert found["problems"] == ["text.style.backgroundColor should be a colour such as #AABBCC, and is left out."]


def test_the_others() -> None:
    header, incidents, alert, blank, logs, treemap = (drawn(each) for each in OTHERS)
    assert (header["kind"], header["subtitle"], header["divider"]) == ("header", "below", True)
    assert incidents["resources"] == [{"type": "generic_task", "labels": {"job": "a"}}]
    assert incidents["policies"] == ["x"]
    assert alert["policy"] == "projects/p/alertPolicies/1"
    assert blank["kind"] == "blank"
    assert (logs["kind"], logs["what"], logs["title"]) == ("unsupported", "logsPanel", "Logs")
    assert logs["why"].startswith("It lists log entries, which are not read here")
    assert treemap["what"] == "treemap"
    assert treemap["problems"] == [
        "visibilityCondition is not applied here: Cloud Monitoring shows this widget only for some values of zone."
    ]


@pytest.mark.parametrize(
    ("widget", "what"),
    [
        ({"title": "none"}, "a widget of no known kind"),
        ({"customWidget": {}}, "customWidget"),
        ({"x" * 500: 1}, "x" * 80),
        ({"errorReportingPanel": {}, "id": "a", "timeRange": {}}, "errorReportingPanel"),
        ("no widget", "a widget of no known kind"),
    ],
)
def test_unknown_kinds(widget: Any, what: str) -> None:
    assert drawn(widget)["what"] == what


@pytest.mark.parametrize(
    ("widget", "problem"),
    [
        ({"xyChart": {"dataSets": []}}, "xyChart.dataSets is empty: there is nothing to draw."),
        ({"xyChart": 7}, "xyChart should be an object, is a number, and is left out."),
        (
            {"xyChart": {"dataSets": [{"timeSeriesQuery": QUERY, "plotType": "DOTS"}]}},
            "xyChart.dataSets[0].plotType should be one of LINE, STACKED_AREA, STACKED_BAR, HEATMAP, and is left out.",
        ),
        (
            {"xyChart": {"dataSets": [], "timeshiftDuration": "3600s"}},
            f"xyChart.timeshiftDuration compares with an earlier time, which is not drawn here: {ELSEWHERE}.",
        ),
        (
            {"xyChart": {"dataSets": [{"timeSeriesQuery": QUERY, "breakdowns": [{}]}]}},
            f"xyChart.dataSets[0].breakdowns is not applied here: {ELSEWHERE}.",
        ),
        (
            {"xyChart": {"dataSets": [], "thresholds": [{"value": "much"}]}},
            "xyChart.thresholds[0].value should be a finite number, is a text, and is left out.",
        ),
        (
            {"xyChart": {"dataSets": [], "chartOptions": {"displayHorizontal": True}}},
            "xyChart.chartOptions.displayHorizontal is not drawn here: values go upwards.",
        ),
        (
            {"xyChart": {"dataSets": [{"timeSeriesQuery": QUERY}] * 51}},
            "xyChart.dataSets has 51 parts: the first 50 are shown.",
        ),
        (
            {"scorecard": {"timeSeriesQuery": QUERY, "gaugeView": {"lowerBound": 5}}},
            "scorecard.gaugeView needs an upperBound above its lowerBound: the value is shown without a gauge.",
        ),
        ({"alertChart": {}}, "alertChart names no alert policy."),
        ({"text": {"content": ["x"]}}, "text.content should be a text, is a list, and is left out."),
        ({"text": {"content": "x" * 20_001}}, "text.content is longer than 20000 characters, and is cut."),
        ({"blank": {}, "text": {}}, "The widget is text and blank at once: text is shown."),
        (
            {"text": {}, "timeRange": {"relativeDuration": "60s"}},
            "timeRange is for charts: the time of the page is shown.",
        ),
        (
            {"xyChart": {"dataSets": []}, "timeRange": {"absoluteWindow": {"startTime": "2026-01-01"}}},
            "timeRange says neither how long it is nor from when to when: the time of the page is shown.",
        ),
        (
            {"text": {}, "visibilityCondition": {}},
            "visibilityCondition is not applied here: Cloud Monitoring shows this widget only under a condition.",
        ),
    ],
)
def test_what_cannot_be_shown_is_named(widget: Any, problem: str) -> None:
    assert problem in read(widget).problems


def test_a_threshold_of_nothing_is_zero() -> None:
    """The API leaves zeros out."""
    found = drawn({"xyChart": {"dataSets": [{"timeSeriesQuery": QUERY}], "thresholds": [{"label": "zero"}]}})
    assert found["thresholds"][0]["value"] == 0.0
    assert not found["problems"]


@pytest.mark.parametrize("value", [10**400, float("nan"), float("inf"), "1e999", "NaN", "x", True, [1]])
def test_what_is_no_number(value: Any) -> None:
    found = drawn({"xyChart": {"dataSets": [{"timeSeriesQuery": QUERY}], "thresholds": [{"value": value}]}})
    assert found["thresholds"] == []
    assert found["problems"][0].startswith("xyChart.thresholds[0].value should be a finite number")


def test_names_in_snake_case() -> None:
    """As `gcloud` and the client libraries write them, too."""
    query = {"time_series_filter": {"filter": "x", "aggregation": {"per_series_aligner": "ALIGN_MEAN"}}}
    found = drawn({"xy_chart": {"data_sets": [{"time_series_query": query, "plot_type": "STACKED_BAR"}]}})
    assert (found["kind"], found["problems"], found["series"][0]["plot"]) == ("chart", [], "bar")


def test_many_problems_end_somewhere() -> None:
    broken = {"xyChart": {"dataSets": [{"plotType": number} for number in range(50)]}}
    assert len(read(broken).problems) == 20
