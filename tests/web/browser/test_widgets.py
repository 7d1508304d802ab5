"""Every kind of widget, what is said where something cannot be shown, and what strangers write into dashboards."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from google.api import metric_pb2, monitored_resource_pb2
from google.api.distribution_pb2 import Distribution
from google.cloud.monitoring_v3 import Point, TimeInterval, TimeSeries, TypedValue
from playwright.sync_api import Page

from exporter.sandbox.faults import Fault
from tests.end_to_end.conftest import NOON
from tests.web.browser.looking import Look
from tests.web.consoles import Console, consoles

ODD = "custom.googleapis.com/odd"
EVEN = "custom.googleapis.com/even"
SCRIPT = "<img src=x onerror='ran=1'><script>ran=1</script>"
LINK = '<a href="javascript:ran=1">x</a><a href="https://example.com/">y</a>'
_END_S = int(NOON.timestamp())


@pytest.fixture(scope="module")
def console() -> Iterator[Console]:
    """Two systems, and series that nobody here would write."""
    with consoles(2) as served:
        _write(served, SCRIPT, {-600: 1.0, -540: 2.0, -480: 3.0, -180: 4.0, -120: 5.0})
        _write(served, "=1+1", {-240: 7.0})
        _write_even(served)
        yield served


def _write(console: Console, name: str, values: Mapping[int, float]) -> None:
    project = f"projects/{console.run.parts.config.exporter.monitoring_project}"
    metric = metric_pb2.Metric(type=ODD, labels={"name": name})
    resource = monitored_resource_pb2.MonitoredResource(type="global")
    for at_s, value in values.items():
        at = TimeInterval(end_time={"seconds": _END_S + at_s})
        point = Point(interval=at, value=TypedValue(double_value=value))
        series = TimeSeries(metric=metric, resource=resource, points=[point])
        console.run.parts.clients.monitoring.create_time_series(name=project, time_series=[series])


def _write_even(console: Console) -> None:
    """Distributions with buckets of one width: such a heatmap Plotly may draw as one image."""
    project = f"projects/{console.run.parts.config.exporter.monitoring_project}"
    metric = metric_pb2.Metric(type=EVEN)
    resource = monitored_resource_pb2.MonitoredResource(type="global")
    buckets = Distribution.BucketOptions(
        linear_buckets=Distribution.BucketOptions.Linear(num_finite_buckets=4, width=1, offset=1)
    )
    for at_s in range(-600, 0, 60):
        counts = Distribution(count=6, mean=2.5, bucket_options=buckets, bucket_counts=[0, 1, 2, 2, 1])
        at = TimeInterval(end_time={"seconds": _END_S + at_s})
        point = Point(interval=at, value=TypedValue(distribution_value=counts))
        series = TimeSeries(metric=metric, resource=resource, points=[point], metric_kind="GAUGE")
        console.run.parts.clients.monitoring.create_time_series(name=project, time_series=[series])


def query(metric: str, aligner: str = "ALIGN_MEAN", reducer: str | None = None, period_s: int = 60) -> dict[str, Any]:
    aggregation: dict[str, Any] = {"alignmentPeriod": f"{period_s}s", "perSeriesAligner": aligner}
    if reducer is not None:
        aggregation["crossSeriesReducer"] = reducer
    return {"timeSeriesFilter": {"filter": f'metric.type="{metric}"', "aggregation": aggregation}}


def chart(title: str, *data_sets: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"title": title, "xyChart": {"dataSets": list(data_sets), **more}}


def data_set(asked: Mapping[str, Any], plot: str = "LINE", **more: Any) -> dict[str, Any]:
    return {"timeSeriesQuery": asked, "plotType": plot, "minAlignmentPeriod": "60s", **more}


def dashboard(*tiles: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Tiles below each other, eight blocks high where they do not say."""
    return {"displayName": "Strange", **more, "mosaicLayout": {"columns": 48, "tiles": list(_below(tiles))}}


def _below(tiles: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    top = 0
    for widget in tiles:
        yield {"yPos": top, "width": 48, "height": 8, "widget": widget}
        top += 8


def show(look: Look, wanted: Mapping[str, Any]) -> None:
    """Paste a dashboard where any can be opened."""
    look.open("/open?last=1h")
    look.page.get_by_label("Or paste it").fill(json.dumps(wanted))
    look.page.get_by_role("button", name="Show", exact=True).click()
    look.page.wait_for_selector(".opened .grid")
    look.settle()


def test_what_strangers_write_is_shown_and_never_run(look: Look) -> None:
    thresholds = [{"value": 2.5, "label": SCRIPT + LINK}]
    odd = data_set(query(ODD), legendTemplate="${metric.labels.name} " + LINK)
    show(
        look,
        dashboard(
            chart(SCRIPT, odd, thresholds=thresholds, yAxis={"label": SCRIPT}),
            {
                "title": LINK,
                "scorecard": {"timeSeriesQuery": query(ODD), "thresholds": [{**thresholds[0], "color": "RED"}]},
            },
            {"title": "Table", "timeSeriesTable": {"dataSets": [{"timeSeriesQuery": query(ODD)}]}},
            {"title": "Pie", "pieChart": {"dataSets": [{"timeSeriesQuery": query(ODD)}]}},
            {
                "title": "Text",
                "text": {"content": f"{SCRIPT} [x](javascript:ran=1) ![x](x) {LINK}", "format": "MARKDOWN"},
            },
            {"title": SCRIPT, "sectionHeader": {"subtitle": SCRIPT}},
            {"title": SCRIPT, "<script>": {}},
            displayName=SCRIPT,
            dashboardFilters=[{"filterType": "RESOURCE_LABEL", "labelKey": SCRIPT}],
        ),
    )
    _move_over(look.page, ".plot")
    shown = look.page.locator(".opened")
    assert shown.locator("script, img, iframe, object, [onerror]").count() == 0
    assert look.page.locator('[href^="javascript:"], [*|href^="javascript:"]').count() == 0
    assert look.page.locator(".plot a").count() == 0
    assert SCRIPT in shown.locator(".chart h3").inner_text()
    assert look.texts("h1") == [SCRIPT]
    assert SCRIPT in look.texts(".of-table tbody td")
    assert any(SCRIPT in text for text in look.texts(".legend .name"))
    assert look.page.evaluate("typeof ran") == "undefined"


def _move_over(page: Page, selector: str) -> None:
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    for part in range(1, 20):
        page.mouse.move(box["x"] + box["width"] * part / 20, box["y"] + box["height"] / 2)


def test_gaps_stay_gaps_and_lonely_points_are_dots(look: Look) -> None:
    show(look, dashboard(chart("Odd", data_set(query(ODD)))))
    (drawn,) = look.drawn()
    lines = sorted(drawn["traces"], key=lambda trace: len(trace["x"]))
    assert [trace["y"] for trace in lines] == [[7.0], [1.0, 2.0, 3.0, None, 4.0, 5.0]]
    sizes = look.page.evaluate("document.querySelector('.plot').data.map((trace) => trace.marker?.size ?? null)")
    assert sorted(sizes, key=str) == sorted([[6], None], key=str)


def test_every_kind_of_plot(look: Look) -> None:
    delivered = "custom.googleapis.com/pipeline/messages"
    latency = "custom.googleapis.com/pipeline/latency"
    counts = query(delivered, "ALIGN_DELTA", period_s=300)
    show(
        look,
        dashboard(
            chart("Area", data_set(counts, "STACKED_AREA")),
            chart("Bars", data_set(counts, "STACKED_BAR")),
            chart("Heat", data_set(query(latency, "ALIGN_DELTA", "REDUCE_SUM", 300), "HEATMAP")),
            chart("Even", data_set(query(EVEN, "ALIGN_SUM"), "HEATMAP")),
            chart(
                "Axes",
                data_set(query(ODD), targetAxis="Y1"),
                data_set(counts, targetAxis="Y2"),
                y2Axis={"scale": "LOG10"},
                thresholds=[{"value": 2.5, "label": "odd"}],
            ),
        ),
    )
    drawn = {each["title"]: each["traces"] for each in look.drawn()}
    assert {title: {trace["type"] for trace in traces} for title, traces in drawn.items()} == {
        "Area": {"scatter"},
        "Bars": {"bar"},
        "Heat": {"heatmap"},
        "Even": {"heatmap"},
        "Axes": {"scatter"},
    }
    axes = "({ layout: { yaxis, yaxis2, shapes } }) => [yaxis.type, yaxis2?.type ?? null, shapes?.length ?? 0]"
    layouts = look.page.evaluate(f"[...document.querySelectorAll('.plot')].map({axes})")
    assert layouts == [
        ["linear", None, 0],
        ["linear", None, 0],
        ["log", None, 0],
        ["linear", None, 0],
        ["linear", "log", 1],
    ]
    bars = look.page.evaluate("document.querySelectorAll('.plot')[1].data[0]")
    assert all(-width < offset + width <= 0 for offset, width in zip(bars["offset"], bars["width"], strict=True))


def test_scorecards_are_coloured_by_the_worst_threshold_that_is_crossed(look: Look) -> None:
    thresholds = [
        {"value": 4, "color": "YELLOW", "direction": "ABOVE", "label": "high"},
        {"value": 4.5, "color": "RED", "direction": "ABOVE", "label": "higher"},
        {"value": 1, "color": "RED", "direction": "BELOW"},
    ]
    asked = query(ODD, reducer="REDUCE_MIN")
    gauge = {"gaugeView": {"lowerBound": 0, "upperBound": 10}}
    show(look, dashboard({"title": "Red", "scorecard": {"timeSeriesQuery": asked, "thresholds": thresholds, **gauge}}))
    card = look.page.locator(".scorecard")
    assert card.get_attribute("data-colour") == "red"
    assert card.locator(".figure").inner_text() == "5"
    assert "higher" in card.locator(".as-of").inner_text()
    assert card.locator(".gauge").count() == 1


def test_a_reload_shows_the_opened_dashboard_again(look: Look) -> None:
    show(look, dashboard(chart("Kept", data_set(query(ODD)))))
    look.page.reload()
    look.settle()
    look.page.wait_for_selector(".board .card h3")
    assert look.texts(".board .card h3") == ["Kept"]
    assert "Only this tab knows the file" in look.texts(".kept")[0]


def test_a_long_text_says_that_there_is_more_and_grows(look: Look) -> None:
    content = "\n\n".join(f"Paragraph {number} of a long text." for number in range(20))
    tiles = [
        {"width": 48, "height": 8, "widget": {"title": "Long", "text": {"content": content}}},
        {"yPos": 8, "width": 48, "height": 4, "widget": {"title": "Below", "sectionHeader": {"subtitle": "of `x`"}}},
    ]
    show(look, {"displayName": "Texts", "mosaicLayout": {"columns": 48, "tiles": tiles}})
    assert look.texts(".section-header code") == ["x"]
    more = look.page.get_by_role("button", name="More", exact=True)
    more.click()
    more.wait_for(state="hidden")
    text = look.page.locator(".prose").bounding_box()
    below = look.page.get_by_role("heading", name="Below").bounding_box()
    assert text is not None
    assert below is not None
    assert text["y"] + text["height"] <= below["y"]


def test_groups_fold_and_what_is_below_moves_up(look: Look) -> None:
    tiles = [
        {"yPos": 0, "width": 48, "height": 16, "widget": {"title": "Fold me", "collapsibleGroup": {}}},
        {"yPos": 0, "width": 48, "height": 16, "widget": {"title": "Inside", "text": {"content": "inside"}}},
        {"yPos": 16, "width": 48, "height": 4, "widget": {"title": "Below", "sectionHeader": {}}},
    ]
    show(look, {"displayName": "Groups", "mosaicLayout": {"columns": 48, "tiles": tiles}})
    below = look.page.get_by_role("heading", name="Below")
    before = below.bounding_box()
    look.page.get_by_role("button", name="Fold me").click()
    after = below.bounding_box()
    assert not look.page.get_by_text("inside", exact=True).is_visible()
    assert before is not None
    assert after is not None
    assert before["y"] - after["y"] == 16 * 18


def test_what_cannot_be_shown_is_said_in_its_place(look: Look) -> None:
    show(
        look,
        dashboard(
            {"title": "Logs", "logsPanel": {"filter": ""}},
            {"title": "Future", "hologram": {}},
            chart("Ask", data_set({"prometheusQuery": "up"})),
            chart("None", data_set(query("custom.googleapis.com/none"))),
        ),
    )
    assert look.texts(".unsupported .what") == ["Not shown: logsPanel", "Not shown: hologram"]
    reason, nothing = look.texts(".chart .no-data")
    assert "PromQL" in reason
    assert "no such metric" in nothing


def test_refusals_of_google_and_of_the_server_are_shown_in_words(look: Look, console: Console) -> None:
    faults = console.run.sandbox.world.engines.faults
    faults.add(Fault("monitoring", "ListTimeSeries", status="PERMISSION_DENIED"))
    try:
        show(look, dashboard(chart("Denied", data_set(query("custom.googleapis.com/denied")))))
        assert look.texts(".chart .problems")[0] != ""
    finally:
        faults.clear()
    look.open("/systems/nowhere")
    assert "there is no such system" in look.texts(".facts .failure")[0]
    assert look.page.get_by_role("button", name="Try again").count() == 2
    assert all("Failed to load resource" in each for each in look.wrong)
    look.wrong.clear()


@pytest.mark.parametrize("text", ["{", "[]", "null", '{"mosaicLayout": 3}'])
def test_files_that_are_no_dashboards_break_nothing(look: Look, text: str) -> None:
    look.open("/open")
    look.page.get_by_label("Or paste it").fill(text)
    look.page.get_by_role("button", name="Show", exact=True).click()
    look.page.wait_for_selector(".said:not(:empty), .notes .problems")
