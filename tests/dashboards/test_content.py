"""What the pages show: the four charts that a system's page is for, objectives as lines, red and yellow where they belong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from exporter.rendering.backends import Backend
from tests.dashboards import filters
from tests.dashboards.aggregation import groups
from tests.dashboards.fleets import loaded, rendered
from tests.dashboards.reading import DataSet, data_sets, find, sections, tiles, title

PREFIX = "custom.googleapis.com/pipeline/"
JOB = ("resource", "job")


@pytest.fixture
def page() -> Any:
    """The page of one system."""
    return rendered("one with an API", Backend.CLOUD_MONITORING)["system-system-0"]


@pytest.fixture
def fleet() -> Any:
    """The page of all systems."""
    return rendered("fifty", Backend.CLOUD_MONITORING)["fleet"]


def sets(dashboard: Any, name: str) -> list[DataSet]:
    """The data sets of a widget."""
    return [each for each in data_sets(dashboard) if each.place.partition("[")[0] == name]


def metric(data_set: DataSet, part: int = 0) -> str:
    """Which of our metrics a part asks for."""
    return filters.parse(data_set.parts[part].filter).metric_type.removeprefix(PREFIX)


def lines(dashboard: Any, name: str) -> dict[str, float]:
    """Threshold lines of a chart."""
    return {each["label"]: each["value"] for each in find(dashboard, name)["xyChart"]["thresholds"]}


def test_latency_is_a_line_for_each_quantile_with_the_objective_and_a_heatmap(page: Any) -> None:
    found = {}
    for line in sets(page, "Latency from publish to queryable"):
        assert (metric(line), line.plot, groups(line.parts[0].aggregation)) == ("latency_quantile", "LINE", ())
        (found[line.legend],) = filters.parse(line.parts[0].filter).metric_labels["quantile"]
    assert found == {"p50": "0.5", "p95": "0.95", "p99": "0.99"}
    assert lines(page, "Latency from publish to queryable") == {"latency objective": 30}
    (heat,) = sets(page, "How latency is spread")
    assert (metric(heat), heat.plot) == ("latency", "HEATMAP")
    assert heat.parts[0].aggregation["perSeriesAligner"] == "ALIGN_DELTA"
    assert heat.parts[0].aggregation["crossSeriesReducer"] == "REDUCE_SUM"


def test_lines_are_as_fine_as_points_are_close() -> None:
    pages = rendered("fifty", Backend.CLOUD_MONITORING)
    found = [
        sets(pages[f"system-system-{index}"], "Latency from publish to queryable")[0]
        .parts[0]
        .aggregation["alignmentPeriod"]
        for index in range(3)
    ]
    assert found == ["60s", "900s", "3600s"]


def test_commands_have_the_names_of_the_system() -> None:
    """They can be copied as they are: nothing is left to fill in."""
    fleet = loaded("odd")
    for system in fleet.systems:
        text = json.dumps(rendered("odd", Backend.CLOUD_MONITORING)[f"system-{system.id}"], ensure_ascii=False)
        _, project, _, subscription = system.subscription.split("/")
        assert f"gcloud pubsub subscriptions describe {subscription} --project={project} " in text
        assert (
            f"bq show --schema --format=prettyjson {system.table.project}:{system.table.dataset}.{system.table.table}`"
            in text
        )
        if system.dead_letter_subscription is None:
            assert "Messages that failed: systems.yaml names no dead-letter subscription" in text
        else:
            _, project, _, name = system.dead_letter_subscription.split("/")
            assert f"`gcloud pubsub subscriptions pull {name} --project={project} --limit=10" in text
    assert {system.dead_letter_subscription is None for system in fleet.systems} == {True, False}


def test_errors_are_a_bar_a_day_a_ratio_of_sums_with_what_is_allowed(page: Any) -> None:
    (bars,) = sets(page, "Errors per day")
    assert bars.plot == "STACKED_BAR"
    assert bars.ratio
    for part in bars.parts:
        assert part.aggregation == {
            "alignmentPeriod": "86400s",
            "perSeriesAligner": "ALIGN_DELTA",
            "crossSeriesReducer": "REDUCE_SUM",
        }
    up, down = (filters.parse(part.filter) for part in bars.parts)
    assert up.metric_type == down.metric_type == f"{PREFIX}slo_events"
    assert up.metric_labels == {"objective": ("errors",), "result": ("bad",)}
    assert down.metric_labels == {"objective": ("errors",)}
    assert lines(page, "Errors per day") == {"allowed": 0.001}


def test_cost_per_message_is_a_line_for_each_horizon_beside_the_objective(page: Any) -> None:
    cost, objective = sets(page, "Cost per message")
    assert (metric(cost), cost.plot) == ("cost_per_message", "LINE")
    assert groups(cost.parts[0].aggregation) == (("metric", "horizon"),)
    assert (metric(objective), objective.plot) == ("objective", "LINE")
    assert filters.parse(objective.parts[0].filter).metric_labels == {"objective": ("cost_per_message_usd",)}


def test_volume_is_a_stacked_area_an_hour_by_outcome(page: Any) -> None:
    area, published = sets(page, "Messages per hour")
    assert (metric(area), area.plot) == ("messages", "STACKED_AREA")
    assert groups(area.parts[0].aggregation) == (("metric", "outcome"),)
    for each in (area, published):
        assert each.parts[0].aggregation["alignmentPeriod"] == "3600s"
        assert each.parts[0].aggregation["perSeriesAligner"] == "ALIGN_DELTA"
    # Published messages are not stacked upon what became of them: that would count each twice.
    assert filters.parse(area.parts[0].filter).metric_labels["outcome"] == (
        "delivered",
        "duplicate",
        "dead_lettered",
        "rejected",
    )
    assert published.plot == "LINE"
    assert filters.parse(published.parts[0].filter).metric_labels == {"outcome": ("published",)}


@pytest.mark.parametrize(
    ("name", "metrics"),
    [
        ("Bytes per query", {"query_bytes", "queries"}),
        ("Queries per hour", {"queries"}),
        ("How long queries take", {"query_duration"}),
        ("Storage", {"storage_bytes"}),
        ("Published and delivered", {"messages"}),
        ("Backlog", {"backlog_messages"}),
        ("Age of the newest queryable message", {"data_age"}),
        ("Requests per second by class", {"run.googleapis.com/request_count"}),
        ("How long requests take", {"run.googleapis.com/request_latencies"}),
        ("Failed requests", {"run.googleapis.com/request_count"}),
    ],
)
def test_a_system_s_page_shows(page: Any, name: str, metrics: set[str]) -> None:
    found = sets(page, name)
    assert {metric(each, part) for each in found for part in range(len(each.parts))} == metrics


def test_bytes_per_query_are_a_ratio_of_what_was_billed_and_processed(page: Any) -> None:
    found = sets(page, "Bytes per query")
    assert all(each.ratio for each in found)
    assert [filters.parse(each.parts[0].filter).metric_labels["kind"] for each in found] == [
        ("billed",),
        ("processed",),
    ]


def test_objectives_are_drawn_where_they_are_judged(page: Any) -> None:
    assert lines(page, "On time per hour") == {"target": 0.99}
    assert lines(page, "Age of the newest queryable message") == {"age objective": 900}
    cards = {title(tile): tile["widget"]["scorecard"] for tile in tiles(page) if "scorecard" in tile["widget"]}
    marks = {
        name: [(each["color"], each["direction"], each["value"]) for each in card.get("thresholds", ())]
        for name, card in cards.items()
    }
    assert marks == {
        "Health": [("RED", "BELOW", 0.5), ("YELLOW", "BELOW", 1.5)],
        "95% arrive within": [("RED", "ABOVE", 30)],
        "On time, last hour": [("YELLOW", "BELOW", 0.99)],
        "Age of the newest message": [("YELLOW", "ABOVE", 900)],
        "Messages waiting": [],
    }


def test_odd_objectives_arrive_as_they_were_written() -> None:
    page = rendered("odd", Backend.CLOUD_MONITORING)["system-x"]
    assert lines(page, "Latency from publish to queryable") == {"latency objective": 0.1}
    assert lines(page, "Errors per day") == {"allowed": 1e-7}
    assert lines(page, "On time per hour") == {"target": 0.999999}


def test_google_s_metrics_are_those_of_the_system_s_own_topic_subscription_and_service() -> None:
    page = rendered("odd", Backend.OTLP)["system-x"]
    found = {}
    for each in data_sets(page):
        for part in each.parts:
            parsed = filters.parse(part.filter)
            if not parsed.metric_type.startswith("prometheus.googleapis.com/"):
                found[parsed.resource_type] = parsed.resource_labels
    assert found == {
        "pubsub_topic": {"project_id": ("example.com:messages",), "topic_id": ("t%41.~+_-z",)},
        "pubsub_subscription": {"project_id": ("other-project",), "subscription_id": ("s%41.~+_-z",)},
        "cloud_run_revision": {"project_id": ("acme-data",), "service_name": (f"a-{'b' * 61}",)},
    }


def test_the_fleet_s_page_has_a_row_for_each_system_with_all_that_matters(fleet: Any) -> None:
    columns = sets(fleet, "Pipelines")
    assert [metric(each) for each in columns] == [
        "health",
        "latency_quantile",
        "slo_events",
        "data_age",
        "error_ratio",
        "backlog_messages",
        "messages",
        "cost_per_message",
    ]
    assert {groups(part.aggregation) for each in columns for part in each.parts} == {(JOB,)}


@pytest.mark.parametrize(
    ("name", "colour"), [("Failing", "RED"), ("Degraded", "YELLOW"), ("Unknown", "YELLOW"), ("Healthy", None)]
)
def test_systems_by_health_are_coloured(fleet: Any, name: str, colour: str | None) -> None:
    (card,) = sets(fleet, name)
    assert filters.parse(card.parts[0].filter).metric_labels == {"health": (name.lower(),)}
    thresholds = find(fleet, name)["scorecard"].get("thresholds", ())
    assert [each["color"] for each in thresholds] == ([colour] if colour else [])


def test_shards_add_up() -> None:
    # Each shard writes the fleet's metrics for its own systems, as a task of its own.
    for each in data_sets(rendered("fifty", Backend.CLOUD_MONITORING)["fleet"]):
        if metric(each) in ("fleet/systems", "fleet/messages_per_second"):
            assert each.parts[0].aggregation["crossSeriesReducer"] == "REDUCE_SUM", each.place


def test_comparisons_are_bars_and_rank_both_ends() -> None:
    page = rendered("fifty", Backend.CLOUD_MONITORING)["compare"]
    bars = [
        tile for tile in tiles(page) if tile["widget"].get("timeSeriesTable", {}).get("metricVisualization") == "BAR"
    ]
    asked = {metric(each) for tile in bars for each in sets(page, title(tile))}
    assert asked == {
        "latency",
        "slo_events",
        "cost_per_message",
        "messages",
        "backlog_messages",
        "data_age",
        "queries",
        "storage_bytes",
    }
    ranked = [each.pick["direction"] for each in data_sets(page) if each.pick is not None]
    assert ranked == ["TOP", "BOTTOM"] * 3


def test_what_the_monitoring_costs_is_held_against_its_budget() -> None:
    for name, chart in (
        ("cost", "Monitoring a month by component, and the budget"),
        ("exporter", "Monitoring a month, and the budget"),
    ):
        cost, budget = sets(rendered("one", Backend.CLOUD_MONITORING)[name], chart)
        assert (metric(cost), cost.plot) == ("exporter/observer_cost", "STACKED_AREA")
        assert (metric(budget), budget.plot) == ("exporter/budget", "LINE")


def test_adding_a_system_changes_no_page_of_all_systems() -> None:
    one, fifty = (rendered(fleet, Backend.CLOUD_MONITORING) for fleet in ("one", "fifty"))
    names = [name for name in one if not name.startswith("system-")]
    assert len(names) == 4
    assert {name: one[name] for name in names} == {name: fifty[name] for name in names}


def test_headers_lead_from_now_to_details(page: Any) -> None:
    assert [title(section[0]) for section in sections(page) if section] == [
        "Now",
        "Latency, errors, cost and volume",
        "On time and fresh",
        "Delivery",
        "Queries, storage and cost",
        "What Google says of topic and subscription",
        "The API on Cloud Run",
    ]
