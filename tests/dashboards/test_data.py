"""Real points behind the dashboards: every question of a page is asked as it stands, and must find series.

A filter with a typo is valid and finds nothing; only data shows that. The sandbox answers ``ListTimeSeries`` with every aligner and
reducer; what it cannot answer is PromQL.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from google.api_core.exceptions import NotFound
from google.cloud.monitoring_v3 import Aggregation, ListTimeSeriesRequest, TimeInterval
from google.protobuf import json_format

from exporter.rendering import dashboards
from exporter.rendering.backends import Backend
from tests.dashboards import filters
from tests.dashboards.aggregation import groups, seconds
from tests.dashboards.known import World, metrics
from tests.dashboards.reading import DataSet, Part, data_sets
from tests.end_to_end.conftest import Run, running

CRITICAL, DEAD_LETTERS = 0, 3
"""Places in the sandbox's fleet: of a system that is collected each minute, and of the one that the scenario breaks."""

PROMQL = {("exporter", "Oldest watermarks[0]")}
"""What cannot be asked here."""

QUIET = {
    "exporter/budget": "the sandbox's configuration has no budget",
    "exporter/failures": "nothing failed",
    "exporter/overruns": "no cycle was left out",
    "exporter/windows_expired": "no window is over a day old",
}
"""Metrics without a point after good cycles, and why."""

QUIET_LABELS = {
    ("response_code_class", "5xx"): "the API answers",
}


@pytest.fixture(scope="module")
def measured() -> Iterator[Run]:
    """A small fleet, three hours old, after some cycles: what the monitoring costs is known an hour after it has caught up."""
    with running(4, scenario="dead-letter-flood", history_s=2 * 3600) as run:
        exporter = run.exporter()
        for pause_s in (0, 60, 3600):
            run.advance(pause_s)
            run.cycle(exporter)
        yield run


@pytest.fixture(scope="module")
def pages(measured: Run) -> dict[str, Any]:
    """Its dashboards by name, of two systems only."""
    found = dashboards.render(measured.parts.config, Backend.CLOUD_MONITORING)
    ids = [measured.parts.config.systems[place].id for place in (CRITICAL, DEAD_LETTERS)]
    names = [name for name in found if not name.startswith("system-")] + [f"system-{each}" for each in ids]
    return {name: json.loads(found[name]) for name in names}


def ask(run: Run, part: Part) -> list[Any]:
    """Series that a part of a query finds in the last day, aligned and reduced as the dashboard wants them."""
    end = run.parts.clients.now()
    aggregation = Aggregation()
    json_format.ParseDict(dict(part.aggregation), Aggregation.pb(aggregation))
    length = timedelta(seconds=max(86400, seconds(part.aggregation["alignmentPeriod"])))
    known = filters.parse(part.filter)
    project = known.resource_labels.get("project_id", (run.parts.config.exporter.monitoring_project,))[0]
    request = ListTimeSeriesRequest(
        name=f"projects/{project}",
        filter=filters.plain(part.filter),
        interval=TimeInterval(start_time=end - length, end_time=end),
        aggregation=aggregation,
    )
    return list(run.parts.clients.monitoring.list_time_series(request=request, retry=None, timeout=30))


def is_quiet(part: Part, world: World) -> bool:
    """Whether there may be nothing to find."""
    parsed = filters.parse(part.filter)
    labels = {(key, value) for key, values in parsed.metric_labels.items() for value in values}
    return metrics(world)[parsed.metric_type].name in QUIET or bool(labels & QUIET_LABELS.keys())


def asked(pages: dict[str, Any]) -> Iterator[tuple[str, DataSet, Part]]:
    for name, page in pages.items():
        for data_set in data_sets(page):
            for part in data_set.parts:
                yield name, data_set, part


def test_every_question_finds_series(measured: Run, pages: dict[str, Any]) -> None:
    world = World(measured.parts.config, Backend.CLOUD_MONITORING)
    empty, wrong = [], []
    for name, data_set, part in asked(pages):
        found = ask(measured, part)
        if bool(found) == is_quiet(part, world):
            empty.append((name, data_set.place, part.filter))
        kept = {key for _, key in groups(part.aggregation)}
        wrong += [(name, data_set.place) for each in found if not each.points or not kept <= labels_of(each)]
    assert empty == []
    assert wrong == []


def labels_of(series: Any) -> set[str]:
    return {*series.metric.labels, *series.resource.labels}


def test_what_cannot_be_asked_is_named(pages: dict[str, Any]) -> None:
    unasked = {(name, each.place) for name, page in pages.items() for each in data_sets(page) if not each.parts}
    assert unasked == PROMQL


def test_a_typo_finds_nothing(measured: Run, pages: dict[str, Any]) -> None:
    typos = {"Failing": ('"failing"', '"failed"'), "Pipelines[0]": ("pipeline/health", "pipeline/healthy")}
    parts = {each.place: part for name, each, part in asked(pages) if name == "fleet"}
    for place, (right, wrong) in typos.items():
        typo = replace(parts[place], filter=parts[place].filter.replace(right, wrong))
        assert typo != parts[place]
        assert ask(measured, parts[place])
        assert found_by(measured, typo) == []


def found_by(run: Run, part: Part) -> list[Any]:
    """The same, where there may be no such metric at all."""
    try:
        return ask(run, part)
    except NotFound:
        return []


def test_a_broken_system_shows_its_dead_letters_as_bars(measured: Run, pages: dict[str, Any]) -> None:
    system = measured.parts.config.systems[DEAD_LETTERS].id
    (bars,) = (
        each
        for each in data_sets(pages[f"system-{system}"])
        if each.place == "Duplicates, dead letters and refused messages per hour[0]"
    )
    series = ask(measured, bars.parts[0])
    assert "dead_lettered" in {each.metric.labels["outcome"] for each in series}
