"""Every page of the console, over fifty systems with an hour of history."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Route

from tests.web.browser.conftest import SYSTEMS
from tests.web.browser.looking import Look
from tests.web.consoles import Console

PAGES = {
    "/": "Fleet",
    "/systems/jfk-lax": "jfk-lax",
    "/systems/jfk-lax?tab=messages": "jfk-lax",
    "/compare": "Compare",
    "/correlate": "Correlate",
    "/trends": "Trends",
    "/cost": "Cost",
    "/incidents": "Incidents",
    "/exporter": "Exporter",
    "/open": "Open a dashboard",
    "/dashboards/cost": "Pipelines of flights: cost",
}
_PROMQL = "xyChart.dataSets[0] asks in PromQL, which is not evaluated here: open the dashboard in Cloud Monitoring."
_AXE = """
async (rules) => {
  const options = rules ? { runOnly: { type: 'rule', values: rules } } : { resultTypes: ['violations'] };
  const found = await axe.run(document, options);
  return found.violations.filter(({ id, impact }) => impact === 'serious' || impact === 'critical' || id === 'landmark-unique')
    .map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 160)).join(' | ')}`);
}
"""


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_complete_and_can_be_used_by_everybody(look: Look, path: str) -> None:
    look.open(path)
    assert look.page.title() == f"{PAGES[path]} · Pipelines"
    assert look.texts("h1") == [PAGES[path]]
    assert look.texts(".failure, .problems") == ([_PROMQL] if path == "/exporter" else [])
    look.page.evaluate(AXE_SCRIPT)
    assert look.page.evaluate(_AXE, None) == []
    look.page.emulate_media(color_scheme="dark")
    assert look.page.evaluate(_AXE, ["color-contrast"]) == []
    look.page.set_viewport_size({"width": 390, "height": 844})
    width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert look.page.evaluate(width) == 0


@pytest.mark.parametrize(
    ("path", "dashboard"), [("/", "fleet"), ("/systems/jfk-lax", "system-jfk-lax"), ("/compare", "compare")]
)
def test_charts_hold_the_values_that_the_api_returns(look: Look, path: str, dashboard: str) -> None:
    look.open(f"{path}?last=1h")
    answers = look.fetch(f"/api/dashboards/{dashboard}/data?last=1h")["answers"]
    charts = [
        item["widget"]
        for item in look.fetch(f"/api/dashboards/{dashboard}")["items"]
        if item["widget"]["kind"] == "chart"
    ]
    expected = {chart["title"]: _series(chart, answers) for chart in charts}
    drawn = {chart["title"]: _traces(chart["traces"]) for chart in look.drawn()}
    assert drawn == {title: series for title, series in expected.items() if series}
    assert sum(map(len, drawn.values())) > 5


def _series(chart: Mapping[str, Any], answers: Mapping[str, Any]) -> dict[str, Any]:
    """Points by series as the API gives them; of a heatmap only how many values fell into each period."""
    found: dict[str, Any] = {}
    for plot in chart["series"]:
        for index, series in enumerate(answers[plot["query"]]["series"]):
            values = [sum(each) for each in series["values"]] if plot["plot"] == "heatmap" else series["values"]
            if values:
                found[f"{plot['query']}.{index}"] = dict(zip(series["ends_s"], values, strict=True))
    return found


def _traces(traces: list[dict[str, Any]]) -> dict[str, Any]:
    """Points by series as Plotly has them, without the gaps."""
    found: dict[str, dict[float, float]] = defaultdict(dict)
    for trace in traces:
        x, y = trace["x"], trace["y"]
        if trace["type"] == "heatmap":
            x, y = x[1:], [sum(count or 0 for count in column) or None for column in zip(*trace["z"], strict=True)]
        found[trace["meta"]["key"]] |= {at / 1000: value for at, value in zip(x, y, strict=True) if value is not None}
    return dict(found)


def test_the_time_range_is_in_the_address_and_moves_the_charts(look: Look) -> None:
    look.open("/systems/jfk-lax")
    look.page.get_by_role("button", name="1h", exact=True).click()
    look.settle_at("last=1h")
    data = look.fetch("/api/dashboards/system-jfk-lax/data?last=1h")
    start, end = (datetime.fromisoformat(data[edge]).timestamp() * 1000 for edge in ("start", "end"))
    by_title = {chart["title"]: chart["range"] for chart in look.drawn()}
    assert by_title["Latency from publish to queryable"] == [start, end]
    assert by_title["Errors per day"] == [end - 30 * 86_400_000, end]  # it has a range of its own
    look.page.go_back()
    look.settle()
    assert look.page.get_by_role("button", name="6h", exact=True).get_attribute("aria-pressed") == "true"


def test_a_range_without_data_has_no_zeros(look: Look) -> None:
    look.open("/systems/jfk-lax?start=2026-10-01T00:00:00Z&end=2026-10-01T06:00:00Z")
    assert look.drawn() == []
    assert look.page.locator(".figure").count() == 0
    assert set(look.texts(".no-data")) <= {"No data in this range", "No incidents in this range"}


@pytest.mark.parametrize("query", ["last=43d", "last=abc", "start=x&end=y"])
def test_a_range_that_cannot_be_asked_leaves_nothing_waiting(look: Look, query: str) -> None:
    look.open(f"/?{query}")
    assert look.page.locator(".board .failure").count() == 1
    assert look.page.locator(".board .waiting").count() == 0
    look.wrong.clear()


def test_incidents_are_shown_before_the_data_of_the_dashboard(look: Look) -> None:
    held: list[Route] = []
    look.page.route("**/api/dashboards/fleet/data*", lambda route: held.append(route))
    look.page.goto(f"{look.address}/")
    look.page.wait_for_selector(".incidents .scroller")
    assert look.page.locator(".board .waiting").count() > 3
    look.page.wait_for_function("document.querySelector('.glance-list .chips')")
    for route in held:
        route.continue_()
    look.settle()
    assert look.page.locator(".board .waiting").count() == 0


def test_a_filter_narrows_the_tables_and_is_in_the_address(look: Look) -> None:
    look.open("/")
    rows = look.page.locator(".cell.of-table tbody tr")
    assert rows.count() == SYSTEMS
    look.page.get_by_label("system", exact=True).select_option("jfk-lax")
    look.settle_at("filter=system:jfk-lax")
    assert rows.count() == 1
    assert rows.locator("td").first.inner_text() == "jfk-lax"
    look.open("/?filter=system:jfk-lax")
    assert rows.count() == 1


def test_a_table_has_a_row_per_system_with_the_newest_values(look: Look) -> None:
    look.open("/")
    answers = look.fetch("/api/dashboards/fleet/data?last=6h")["answers"]
    widgets = [item["widget"] for item in look.fetch("/api/dashboards/fleet")["items"]]
    (table,) = (widget for widget in widgets if widget["kind"] == "table")
    newest = [
        {series["labels"]["job"]: series["values"][-1] for series in answers[each["query"]]["series"]}
        for each in table["series"]
    ]
    rows = list(csv.reader(io.StringIO(_download(look, "Download Pipelines as CSV"))))[1:]
    assert {row[0]: [float(cell) if cell else None for cell in row[1:]] for row in rows} == {
        job: [column.get(job) for column in newest] for job in set().union(*newest)
    }


def _download(look: Look, label: str) -> str:
    button = look.page.get_by_role("button", name=label, exact=True)
    with look.page.expect_download() as started:
        button.click()
    return Path(started.value.path()).read_text(encoding="utf-8")


def test_a_file_has_exactly_what_is_drawn(look: Look) -> None:
    look.open("/systems/jfk-lax?last=1h")
    (chart,) = (each for each in look.drawn() if each["title"] == "Backlog")
    rows = list(csv.reader(io.StringIO(_download(look, "Download Backlog as CSV"))))
    assert rows[0] == ["time", "waiting [{message}]"]
    (points,) = _traces(chart["traces"]).values()
    assert {datetime.fromisoformat(at).timestamp(): float(value) for at, value in rows[1:]} == points
    assert all(datetime.fromisoformat(at).tzinfo == UTC for at, _ in rows[1:])


def test_values_of_a_chart_can_be_read_as_a_table(look: Look) -> None:
    look.open("/systems/jfk-lax?last=1h")
    look.page.get_by_role("button", name="Values of Backlog as a table").click()
    dialog = look.page.get_by_role("dialog")
    (chart,) = (each for each in look.drawn() if each["title"] == "Backlog")
    assert dialog.locator("tbody tr").count() == sum(map(len, _traces(chart["traces"]).values()))
    look.page.keyboard.press("Escape")
    assert dialog.count() == 0


def test_the_scatter_plot_has_a_point_per_system_and_names_it(look: Look, console: Console) -> None:
    look.open("/correlate?x=delivered_per_s&y=latency_p95")
    answer = look.fetch("/api/correlation?x=delivered_per_s&y=latency_p95&last=6h")
    assert {point["system"] for point in answer["points"]} == {system.id for system in console.run.parts.config.systems}
    (scatter,) = look.drawn()
    (dots,) = (trace for trace in scatter["traces"] if trace["meta"] == {"points": True})
    assert list(zip(dots["x"], dots["y"], strict=True)) == [(point["x"], point["y"]) for point in answer["points"]]
    assert len(dots["x"]) == SYSTEMS
    assert f"{answer['spearman']:.2f}".replace("-", "\N{MINUS SIGN}") in look.texts(".statistics strong")
    place = look.page.evaluate(
        """() => { const plot = document.querySelector('.plot'), { xaxis, yaxis } = plot._fullLayout, [dots] = plot.data.slice(-1),
             box = plot.getBoundingClientRect();
           return [box.left + xaxis._offset + xaxis.l2p(dots.x[0]), box.top + yaxis._offset + yaxis.l2p(dots.y[0])]; }"""
    )
    look.page.mouse.move(*place)
    look.page.wait_for_selector(".tooltip:not([hidden])")
    named = look.texts(".tooltip .when")[0]
    assert named in {point["system"] for point in answer["points"]}
    look.page.mouse.click(*place)
    look.settle_at(f"/systems/{named}")


def test_a_cell_of_the_matrix_loads_its_pair(look: Look) -> None:
    look.open("/correlate")
    matrix = look.fetch("/api/correlations?between=measures&last=6h")
    row, column = matrix["names"].index("cost_per_message"), matrix["names"].index("latency_p50")
    cell = look.page.locator(".coefficient").and_(
        look.page.get_by_label(f"{matrix['titles'][column]} with {matrix['titles'][row]}:")
    )
    assert cell.inner_text() == f"{matrix['spearman'][row][column]:.2f}".replace("-", "\N{MINUS SIGN}")
    cell.click()
    look.settle_at("x=latency_p50&y=cost_per_message")
    assert look.texts(".scatter h2") == [f"{matrix['titles'][row]} against {matrix['titles'][column]}"]


def test_bars_compare_all_systems_and_trends_draw_them(look: Look) -> None:
    look.open("/compare?measure=published_per_s&of=mean&order=bottom&count=10")
    systems = look.fetch("/api/measures/published_per_s?last=6h")["systems"]
    smallest = sorted((system["mean"], system["id"]) for system in systems if system["mean"] is not None)[:10]
    assert look.texts(".bars tbody th") == [name for _, name in smallest]
    look.open("/trends?measure=published_per_s&systems=jfk")
    (chart,) = look.drawn()
    assert {trace["meta"]["query"] for trace in chart["traces"]} == {
        s["id"] for s in systems if "jfk" in s["id"] and s["values"]
    }


def test_a_system_and_the_way_back_need_no_mouse(look: Look) -> None:
    look.open("/")
    look.page.keyboard.press("/")
    look.page.keyboard.type("jfk-la")
    look.page.wait_for_selector("#jump-0")
    look.page.keyboard.press("ArrowDown")
    look.page.keyboard.press("ArrowUp")
    look.page.keyboard.press("Enter")
    look.settle_at("/systems/")
    assert look.texts("h1")[0].startswith("jfk-la")
    assert look.page.evaluate("document.activeElement.id") == "content"
    for _ in range(40):
        look.page.keyboard.press("Shift+Tab")
        if look.page.evaluate("document.activeElement.textContent") == "Fleet":
            break
    assert look.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    look.page.keyboard.press("Enter")
    look.page.wait_for_url(lambda url: "/systems/" not in url)
    look.settle()
    assert look.texts("h1") == ["Fleet"]
