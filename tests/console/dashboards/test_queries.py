"""What data sets ask for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from exporter.console.dashboards import spans
from exporter.console.dashboards.parsing import parse
from exporter.console.dashboards.view import Query, View
from exporter.console.series.model import Aggregation, Part, Pick, Question, Range
from tests.console.dashboards.samples import CHART, FILTER, QUERY, grid, widgets

END = datetime(2026, 11, 24, 12, tzinfo=UTC)
PAGE = Range(END - timedelta(hours=1), END)


def charted(*queries: Any, **more: Any) -> View:
    return parse(grid([{"xyChart": {"dataSets": [{"timeSeriesQuery": each} for each in queries]}, **more}]), "d")


def question(query: Any) -> Question:
    return charted(query).questions["q1"]


def problems(query: Any) -> tuple[str, ...]:
    view = charted(query)
    assert not view.queries
    return widgets(view)[0].problems


def test_filters_and_ratios() -> None:
    view = parse(grid([CHART]), "d")
    assert view.questions == {
        "q1": Question(
            Part(FILTER, Aggregation("ALIGN_DELTA", "REDUCE_PERCENTILE_95", 300, ('resource.label."job"',))),
            pick=Pick("METHOD_MAX", 5, "TOP"),
            step_s=61,
            unit="s",
        ),
        "q2": Question(
            Part(FILTER, Aggregation("ALIGN_RATE", period_s=60)),
            Part(FILTER + " ${zone}", Aggregation("ALIGN_RATE")),
            Aggregation("ALIGN_MEAN", period_s=60),
        ),
    }


def test_the_second_aggregation_of_a_single_filter() -> None:
    of_none = {"alignmentPeriod": "60s", "perSeriesAligner": "ALIGN_NONE", "crossSeriesReducer": "REDUCE_NONE"}
    assert question({"timeSeriesFilter": {"filter": "x", "secondaryAggregation": of_none}}) == Question(Part("x"))
    some = {"crossSeriesReducer": "REDUCE_MEAN", "groupByFields": []}
    found = question({"timeSeriesFilter": {"filter": "x", "secondaryAggregation": some}})
    assert found.secondary == Aggregation(reducer="REDUCE_MEAN")


def test_identical_questions_share_an_id() -> None:
    named = {"timeSeriesQuery": QUERY, "legendTemplate": "a"}
    card = {"scorecard": {"timeSeriesQuery": QUERY}}
    other = {"timeSeriesQuery": QUERY | {"unitOverride": "ms"}}
    view = parse(grid([{"xyChart": {"dataSets": [named, named, {"timeSeriesQuery": QUERY}, other]}}, card]), "d")
    assert [each.query for each in widgets(view)[0].series] == ["q1", "q1", "q2", "q3"]  # type: ignore[union-attr]
    assert widgets(view)[1].query == "q2"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"prometheusQuery": "up"}, "asks in PromQL"),
        ({"timeSeriesQueryLanguage": "fetch x"}, "asks in MQL"),
        ({"opsAnalyticsQuery": {"sql": "SELECT 1"}}, "asks in SQL"),
        ({}, "has no timeSeriesQuery"),
        (None, "has no timeSeriesQuery"),
        ({"unitOverride": "s"}, "has neither timeSeriesFilter nor timeSeriesFilterRatio"),
        ({"timeSeriesFilter": {}}, "timeSeriesFilter has no filter"),
        ({"timeSeriesFilter": {"filter": "  "}}, "timeSeriesFilter has no filter"),
        ({"timeSeriesFilter": {"filter": "x" * 20_001}}, "is longer than 20000 characters"),
        ({"timeSeriesFilterRatio": {"numerator": {"filter": "x"}}}, "has no denominator"),
        (
            {"timeSeriesFilter": {"filter": "x", "aggregation": {"perSeriesAligner": "REDUCE_SUM"}}},
            "perSeriesAligner is not a name such as ALIGN_NONE",
        ),
        (
            {"timeSeriesFilter": {"filter": "x", "aggregation": {"alignmentPeriod": "1h"}}},
            "alignmentPeriod should be a duration such as 3600s",
        ),
        (
            {"timeSeriesFilter": {"filter": "x", "aggregation": {"alignmentPeriod": "62899201s"}}},
            "alignmentPeriod is longer than 104 weeks",
        ),
        (
            {"timeSeriesFilter": {"filter": "x", "aggregation": {"groupByFields": [1]}}},
            "groupByFields should be a list of texts",
        ),
    ],
)
def test_what_is_not_asked(query: Any, problem: str) -> None:
    assert any(problem in each and each.startswith("xyChart.dataSets[0]") for each in problems(query))


def test_a_broken_pick_shows_all_series() -> None:
    pick = {"rankingMethod": "METHOD_BEST", "numTimeSeries": 3}
    view = charted({"timeSeriesFilter": {"filter": "x", "pickTimeSeriesFilter": pick}})
    assert view.questions["q1"].pick is None
    assert any("all series are shown" in each for each in widgets(view)[0].problems)


def test_too_many_queries() -> None:
    cards = [
        {
            "xyChart": {
                "dataSets": [{"timeSeriesQuery": {"timeSeriesFilter": {"filter": f"{n}-{m}"}}} for m in range(50)]
            }
        }
        for n in range(11)
    ]
    view = parse(grid(cards), "d")
    assert len(view.queries) == 500
    assert "xyChart.dataSets[0] is one query too many: a dashboard may have 500 here." in widgets(view)[-1].problems


def test_the_whole_time_in_one_value() -> None:
    asked = QUERY | {"outputFullDuration": True}
    card = {"timeSeriesQuery": asked}
    view = parse(
        grid(
            [
                {"scorecard": card},
                {"scorecard": card | {"sparkChartView": {"sparkChartType": "SPARK_LINE"}}},
                {"pieChart": {"dataSets": [card]}},
            ]
        ),
        "d",
    )
    whole, line = view.queries["q1"], view.queries["q2"]
    assert (whole.whole, line.whole) == (True, False)
    assert widgets(view)[2].series[0].query == "q1"  # type: ignore[union-attr]
    assert spans.question(line, PAGE) == line.question
    found = spans.question(whole, PAGE)
    assert (found.step_s, found.numerator.aggregation.period_s) == (3600, 3600)


@pytest.mark.parametrize(
    ("time_range", "expected"),
    [
        ({"relativeDuration": "86400s"}, Range(END - timedelta(days=1), END)),
        ({"relativeDuration": "9999999999s"}, Range(END - timedelta(days=42), END)),
        (
            {"absoluteWindow": {"startTime": "2026-01-01T00:00:00Z", "endTime": "2026-01-02T01:00:00+01:00"}},
            Range(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)),
        ),
        (
            {"absoluteWindow": {"startTime": "2025-01-01T00:00:00Z", "endTime": "2026-01-02T00:00:00Z"}},
            Range(datetime(2025, 11, 21, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)),
        ),
        ({"absoluteWindow": {"startTime": "0001-01-01T00:00:00Z", "endTime": "0001-01-02T00:00:00Z"}}, None),
        ({"relativeDuration": "0s"}, PAGE),
        ({}, PAGE),
    ],
)
def test_the_time_of_a_widget(time_range: Any, expected: Range | None) -> None:
    view = charted(QUERY, timeRange=time_range)
    found = spans.own(view.queries["q1"], PAGE)
    assert found == (expected or Range(datetime(1, 1, 1, tzinfo=UTC), datetime(1, 1, 2, tzinfo=UTC)))


def test_a_query_of_the_page_has_its_time() -> None:
    assert spans.own(Query(Question(Part("x"))), PAGE) == PAGE
