"""Planted mistakes: each is found, and named."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from exporter.rendering.backends import Backend
from tests.dashboards import filters
from tests.dashboards.fleets import rendered, world
from tests.dashboards.reading import find, tiles, title
from tests.dashboards.rules import findings

Change = Callable[[Any], object]

LATENCY, HEAT, ERRORS = "Latency from publish to queryable", "How latency is spread", "Errors per day"
COST, VOLUME, CARD, QUERIES = "Cost per message", "Messages per hour", "Health", "How long queries take"


def tile(page: Any, name: str) -> Any:
    return next(each for each in page["mosaicLayout"]["tiles"] if title(each) == name)


def chart(page: Any, name: str, index: int = 0) -> Any:
    return find(page, name)["xyChart"]["dataSets"][index]


def part(page: Any, name: str, index: int = 0) -> Any:
    """The filter of a data set, or the numerator of a ratio."""
    query = chart(page, name, index)["timeSeriesQuery"]
    return query.get("timeSeriesFilter") or query["timeSeriesFilterRatio"]["numerator"]


def row_query(page: Any) -> Any:
    """The first column of the table of all systems."""
    return find(page, "Pipelines")["timeSeriesTable"]["dataSets"][0]["timeSeriesQuery"]["timeSeriesFilter"]


def aggregation(page: Any, name: str, **changes: Any) -> None:
    part(page, name)["aggregation"].update(changes)


def replaced(page: Any, name: str, old: str, new: str) -> None:
    found = part(page, name)
    assert old in found["filter"]
    found["filter"] = found["filter"].replace(old, new)


def without(holder: Any, key: str) -> None:
    del holder[key]


def periods(page: Any, name: str, period: str) -> None:
    aggregation(page, name, alignmentPeriod=period)
    chart(page, name)["minAlignmentPeriod"] = period


MISTAKES: dict[str, tuple[Change, str]] = {
    # what Google's discovery document knows
    "a field that is none": (lambda p: chart(p, LATENCY).update(showLegend=True), "is not a field"),
    "a plot that is none": (lambda p: chart(p, LATENCY).update(plotType="SCATTER"), "SCATTER"),
    "a number as text": (lambda p: tile(p, LATENCY).update(width="18"), "must be an integer"),
    "a period without unit": (lambda p: periods(p, HEAT, "300"), "google-duration"),
    # defaults
    "a default position": (lambda p: tile(p, "Now").update(xPos=0), "is a default"),
    "an empty list": (lambda p: find(p, LATENCY)["xyChart"].update(thresholds=[]), "is a default"),
    "no aligner, in words": (lambda p: aggregation(p, LATENCY, perSeriesAligner="ALIGN_NONE"), "is a default"),
    "no, in words": (lambda p: find(p, "Now")["sectionHeader"].update(dividerBelow=False), "is a default"),
    # the grid
    "beyond the right edge": (lambda p: tile(p, LATENCY).update(width=49), "outside the grid"),
    "upon another": (lambda p: tile(p, HEAT).update(xPos=17), "lies upon"),
    "too small": (lambda p: tile(p, LATENCY).update(width=5), "is smaller"),
    "too many": (lambda p: tiles(p).extend([copy.deepcopy(tiles(p)[-1]) for _ in range(3)]), "at most 50"),
    "a hole": (lambda p: [each.update(yPos=each["yPos"] + 4) for each in p["mosaicLayout"]["tiles"][-5:]], "not all filled"),
    "twelve columns": (lambda p: p["mosaicLayout"].update(columns=12), "must have 48 columns"),
    "two widgets in one": (lambda p: find(p, LATENCY).update(text={"content": "x"}), "must hold one of"),
    "no widget": (lambda p: without(find(p, LATENCY), "xyChart"), "holds nothing"),
    "no title": (lambda p: without(find(p, LATENCY), "title"), "has no title"),
    "a title twice": (lambda p: find(p, LATENCY).update(title=HEAT), "have this title"),
    # words
    "no explanation": (lambda p: find(p, LATENCY).update(title="Speed"), "does not explain it"),
    "no axis": (lambda p: without(find(p, LATENCY)["xyChart"], "yAxis"), "yAxis needs a label"),
    "no legend": (lambda p: without(chart(p, LATENCY), "legendTemplate"), "legendTemplate is missing"),
    "a legend that names what is gone": (lambda p: chart(p, LATENCY).update(legendTemplate="${metric.labels.result}"), "is gone"),
    "a legend that tells nothing apart": (
        lambda p: chart(p, "Subscription and destination").update(legendTemplate="state"),
        "have the same name",
    ),
    "no unit": (lambda p: without(chart(p, LATENCY)["timeSeriesQuery"], "unitOverride"), "unitOverride is missing"),
    "a wrong unit": (lambda p: chart(p, LATENCY)["timeSeriesQuery"].update(unitOverride="ms"), "'ms' is none of s"),
    "a ratio as a count": (lambda p: chart(p, ERRORS)["timeSeriesQuery"].update(unitOverride="{event}"), "is none of 10^2.%"),
    # thresholds
    "a coloured line": (lambda p: find(p, LATENCY)["xyChart"]["thresholds"][0].update(color="RED"), "no color"),
    "a line with a direction": (lambda p: find(p, LATENCY)["xyChart"]["thresholds"][0].update(direction="ABOVE"), "no color"),
    "a nameless line": (lambda p: without(find(p, LATENCY)["xyChart"]["thresholds"][0], "label"), "needs a label"),
    "a colourless card": (lambda p: without(find(p, CARD)["scorecard"]["thresholds"][0], "color"), "needs color"),
    "a card with an axis": (lambda p: find(p, CARD)["scorecard"]["thresholds"][0].update(targetAxis="Y1"), "no targetAxis"),
    "an axis for nobody": (lambda p: find(p, LATENCY)["xyChart"].update(y2Axis={"label": "x"}), "belong together"),
    # queries
    "a typo in a metric": (lambda p: replaced(p, LATENCY, "latency_quantile", "latency_quantiles"), "there is no metric"),
    "another resource": (lambda p: replaced(p, LATENCY, "generic_task", "global"), "is written on generic_task"),
    "a label that is none": (lambda p: replaced(p, COST, 'resource.label."job"', 'metric.label."job"'), "has no label job"),
    "another fleet": (lambda p: replaced(p, LATENCY, '"flights"', '"trains"'), "namespace must be the fleet"),
    "another system": (lambda p: replaced(p, LATENCY, '"system-0"', '"system-1"'), "job must be system-0"),
    "all systems": (lambda p: replaced(p, LATENCY, ' resource.label."job"="system-0"', ""), "job must be system-0"),
    "a broken filter": (lambda p: replaced(p, LATENCY, 'resource.type="', "resource.type=" + '""'), "cannot be read"),
    "a dashboard filter that is none": (lambda p: replaced(p, LATENCY, "metric.type", "${zone} metric.type"), "no dashboard filter"),
    "everybody's topics": (
        lambda p: replaced(p, "Publish requests per minute", ' resource.label."topic_id"="system-0"', ""),
        "topic_id is missing",
    ),
    "raw points": (lambda p: without(part(p, LATENCY), "aggregation"), "aggregation is missing"),
    "a delta of a gauge": (lambda p: aggregation(p, LATENCY, perSeriesAligner="ALIGN_DELTA"), "cannot be applied to GAUGE"),
    "a mean of a cumulative": (lambda p: aggregation(p, HEAT, perSeriesAligner="ALIGN_MEAN"), "cannot be applied to CUMULATIVE"),
    "a rate of a distribution": (lambda p: aggregation(p, HEAT, perSeriesAligner="ALIGN_RATE"), "cannot be applied to CUMULATIVE"),
    "a maximum of distributions": (lambda p: aggregation(p, HEAT, crossSeriesReducer="REDUCE_MAX"), "cannot be applied to DELTA"),
    "a mean of quantiles": (lambda p: aggregation(p, LATENCY, perSeriesAligner="ALIGN_MEAN"), "no quantile"),
    "a percentile of numbers": (lambda p: aggregation(p, COST, crossSeriesReducer="REDUCE_PERCENTILE_95"), "no percentiles of"),
    "a mean of counts": (lambda p: aggregation(p, VOLUME, crossSeriesReducer="REDUCE_MEAN"), "only sums of counts"),
    "a reducer alone": (lambda p: without(part(p, LATENCY)["aggregation"], "perSeriesAligner"), "needs a perSeriesAligner"),
    "a group that is none": (lambda p: aggregation(p, LATENCY, groupByFields=['metric.label."zone"']), "no label zone"),
    "a resource's group that is none": (lambda p: aggregation(p, LATENCY, groupByFields=['resource.label."zone"']), "no label zone"),
    "a group in other words": (lambda p: aggregation(p, LATENCY, groupByFields=["metric.labels.quantile"]), "as the console"),
    "too fine": (lambda p: periods(p, HEAT, "30s"), "at least 60"),
    "half an hour of hourly counts": (lambda p: periods(p, QUERIES, "1800s"), "has holes"),
    "an hour and a half of hourly counts": (lambda p: periods(p, QUERIES, "5400s"), "no multiple of the 3600s"),
    "a collection's gauge each minute": (lambda p: periods(p, LATENCY, "60s"), "has holes"),
    "finer on the screen": (lambda p: chart(p, HEAT).update(minAlignmentPeriod="60s"), "must be the alignmentPeriod"),
    "a lame ratio": (lambda p: aggregation(p, ERRORS, alignmentPeriod="3600s"), "aligned and grouped alike"),
    "a second step that does not fit": (
        lambda p: part(p, HEAT).update(
            secondaryAggregation={"alignmentPeriod": "300s", "perSeriesAligner": "ALIGN_MEAN", "crossSeriesReducer": "REDUCE_MEAN"}
        ),
        "cannot be applied to DELTA DISTRIBUTION",
    ),
    "a heatmap of numbers": (lambda p: chart(p, LATENCY).update(plotType="HEATMAP"), "HEATMAP shows distributions"),
    "a line of distributions": (lambda p: chart(p, HEAT).update(plotType="LINE"), "HEATMAP shows distributions"),
    "a heatmap among others": (lambda p: find(p, HEAT)["xyChart"]["dataSets"].append(chart(p, LATENCY)), "alone"),
    "stacked percentiles": (lambda p: chart(p, QUERIES).update(plotType="STACKED_AREA"), "cannot be stacked"),
    "bars of days in an hour": (lambda p: without(find(p, ERRORS), "timeRange"), "need a timeRange"),
    "four days of days": (lambda p: find(p, ERRORS)["timeRange"].update(relativeDuration="345600s"), "at least seven"),
    "a range for a heatmap": (lambda p: find(p, HEAT).update(timeRange={"relativeDuration": "86400s"}), "timeRange is for"),
    "a card of many": (
        lambda p: find(p, CARD)["scorecard"]["timeSeriesQuery"]["timeSeriesFilter"]["aggregation"].update(
            groupByFields=['resource.label."job"']
        ),
        "shows one value",
    ),
    "two questions": (lambda p: chart(p, LATENCY)["timeSeriesQuery"].update(prometheusQuery="up"), "one question"),
    "a choice among one": (
        lambda p: part(p, HEAT).update(pickTimeSeriesFilter={"rankingMethod": "METHOD_MAX", "direction": "TOP", "numTimeSeries": 5}),
        "chooses some of several",
    ),
    "everybody's incidents": (
        lambda p: find(p, "Open incidents of this pipeline").update(incidentList={"policyNames": ["alertPolicies/1"]}),
        "incidents of everything",
    ),
    "another system's incidents": (
        lambda p: find(p, "Open incidents of this pipeline")["incidentList"]["monitoredResources"][0]["labels"].update(job="x"),
        "incidents of other systems",
    ),
}  # fmt: skip

FLEET_MISTAKES: dict[str, tuple[str, Change, str]] = {
    "a filter that nobody uses": (
        "cost",
        lambda p: p["dashboardFilters"].append({**p["dashboardFilters"][0], "templateVariable": "x"}),
        "used nowhere",
    ),
    "a filter that empties the fleet's own": (
        "fleet",
        lambda p: replaced(p, "Worst latency in the fleet", "metric.type", "${system} metric.type"),
        "would empty",
    ),
    "one system where all should be": (
        "compare",
        lambda p: replaced(p, "Age of data", " ${system}", ' resource.label."job"="x"'),
        "left open",
    ),
    "a table without rows": (
        "fleet",
        lambda p: row_query(p)["aggregation"].pop("groupByFields"),
        "a row for each system",
    ),
    "bars of two things": (
        "compare",
        lambda p: find(p, "Storage")["timeSeriesTable"]["dataSets"].append(find(p, "Backlog")["timeSeriesTable"]["dataSets"][0]),
        "one data set",
    ),
    "a column without a name": (
        "compare",
        lambda p: find(p, "Storage")["timeSeriesTable"]["columnSettings"][0].pop("displayName"),
        "a column needs",
    ),
    "PromQL for a metric that is none": (
        "exporter",
        lambda p: chart(p, "Oldest watermarks")["timeSeriesQuery"].update(prometheusQuery='x{namespace="flights"}'),
        "there is no metric x",
    ),
    "PromQL for all fleets": (
        "exporter",
        lambda p: chart(p, "Oldest watermarks")["timeSeriesQuery"].update(
            prometheusQuery="custom_googleapis_com:pipeline_exporter_watermark{}"
        ),
        "namespace must be the fleet",
    ),
}  # fmt: skip


def _found(fleet: str, name: str, change: Change) -> list[str]:
    page = copy.deepcopy(rendered(fleet, Backend.CLOUD_MONITORING)[name])
    change(page)
    return findings(page, world(fleet, Backend.CLOUD_MONITORING, name))


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_on_a_system_s_page_is_found(mistake: str) -> None:
    change, words = MISTAKES[mistake]
    found = _found("one with an API", "system-system-0", change)
    assert any(words in each for each in found), found


@pytest.mark.parametrize("mistake", FLEET_MISTAKES)
def test_a_mistake_on_a_page_of_all_systems_is_found(mistake: str) -> None:
    name, change, words = FLEET_MISTAKES[mistake]
    found = _found("fifty", name, change)
    assert any(words in each for each in found), found


@pytest.mark.parametrize(
    "text",
    [
        'metric.type="a"',
        'resource.type="b"',
        'metric.type="a" metric.type="b" resource.type="c"',
        'metric.type="a" resource.type="b" resource.label."k"="1" resource.label."k"="2"',
        'metric.type="a" resource.type="b" resource.label.k="1"',
        'metric.type="a" resource.type="b" OR resource.label."k"="1"',
        'metric.type="a"resource.type="b"',
        'metric.type = "a" resource.type = "b"',
        "",
    ],
)
def test_a_filter_in_other_words_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be read|must say|twice"):
        filters.parse(text)


def test_a_filter_is_read_to_its_end() -> None:
    read = filters.parse(
        'metric.type="a/b" resource.type="c" resource.label."k"="v" metric.label."l"=one_of("x","y") ${name}'
    )
    assert (read.metric_type, read.resource_type) == ("a/b", "c")
    assert (read.resource_labels, read.metric_labels) == ({"k": ("v",)}, {"l": ("x", "y")})
    assert read.variables == ("name",)
    assert filters.plain('metric.type="a" ${name}') == 'metric.type="a"'
