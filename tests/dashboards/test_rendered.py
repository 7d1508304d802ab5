"""Every rendered dashboard is valid, makes sense, and asks only for what there is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import pytest

from exporter.metrics.catalog import CATALOG
from exporter.rendering import templates
from exporter.rendering.backends import Backend
from exporter.sandbox.monitoring import kinds
from tests.dashboards import aggregation, filters
from tests.dashboards.fleets import FLEETS, loaded, rendered, world
from tests.dashboards.known import metrics, promql_name
from tests.dashboards.reading import data_sets, tiles, title
from tests.dashboards.rules import findings

NOT_SHOWN = {
    "info": "how alert policies choose the systems of a class or an owner; the page of a system says it in words",
}
"""Metrics of the catalogue that are on no dashboard, and why."""

BOTH = pytest.mark.parametrize("backend", list(Backend))


@BOTH
@pytest.mark.parametrize("fleet", FLEETS)
def test_every_dashboard_is_without_findings(fleet: str, backend: Backend) -> None:
    found = {name: findings(each, world(fleet, backend, name)) for name, each in rendered(fleet, backend).items()}
    assert {name: each for name, each in found.items() if each} == {}


def test_there_is_one_dashboard_for_each_system_and_four_for_all() -> None:
    names = rendered("fifty", Backend.CLOUD_MONITORING).keys()
    assert sorted(name for name in names if not name.startswith("system-")) == ["compare", "cost", "exporter", "fleet"]
    assert {name.removeprefix("system-") for name in names if name.startswith("system-")} == {
        system.id for system in loaded("fifty").systems
    }


def shown(fleet: str, backend: Backend) -> Iterator[str]:
    """Names of the catalogue's metrics on the dashboards of a fleet, as often as a query asks for them."""
    for name, dashboard in rendered(fleet, backend).items():
        here = world(fleet, backend, name)
        known = metrics(here)
        flat = {promql_name(metric, here): metric for metric in CATALOG}
        for data_set in data_sets(dashboard):
            for part in data_set.parts:
                metric = known[filters.parse(part.filter).metric_type].name
                if metric is not None:
                    yield metric
            yield from (flat[each] for each in re.findall(r"([\w:]+)\{", data_set.query.get("prometheusQuery", "")))


@BOTH
def test_every_metric_of_the_catalogue_is_on_a_dashboard(backend: Backend) -> None:
    assert CATALOG.keys() - set(shown("one", backend)) <= NOT_SHOWN.keys()
    assert not NOT_SHOWN.keys() & set(shown("one", backend))


def test_both_backends_ask_for_the_same_metrics() -> None:
    assert Counter(shown("one", Backend.OTLP)) == Counter(shown("one", Backend.CLOUD_MONITORING))


def test_a_system_without_an_api_has_the_same_page_without_the_last_section() -> None:
    without, with_api = (
        tiles(rendered(fleet, Backend.CLOUD_MONITORING)["system-system-0"]) for fleet in ("one", "one with an API")
    )
    gone = [tile for tile in with_api if tile not in without]
    assert [tile for tile in with_api if tile in without] == without
    assert "The API on Cloud Run" in {title(tile) for tile in gone}
    assert len(gone) == 5
    assert min(tile["yPos"] for tile in gone) >= max(tile.get("yPos", 0) + tile["height"] for tile in without)


def test_templates_hold_nothing_that_only_one_renderer_understands() -> None:
    for name, template in templates.read("dashboards").items():
        dollars = re.findall(r"\$+(?:\{[^}]*\})?", template)
        assert all(re.fullmatch(r"\$\{[a-z_]+\}|\$\$\{[a-zA-Z_.]+\}", each) for each in dollars), name
        assert "%{" not in template, name


def test_our_rules_for_aligners_and_reducers_are_the_sandbox_s() -> None:
    # Written down twice from the same comments of the API, by different hands.
    shapes = [(kind, value_type) for kind in (1, 2, 3) for value_type in kinds.VALUE_FIELDS]
    for ours, theirs in ((aggregation.ALIGNERS, kinds.ALIGNERS), (aggregation.REDUCERS, kinds.REDUCERS)):
        assert ours.keys() == theirs.keys()
        for name, step in ours.items():
            for kind, value_type in shapes:
                words = kinds.kind_name(kind), kinds.type_name(value_type)
                assert step.takes(words) == theirs[name].takes(kind, value_type), (name, words)
                if step.takes(words):
                    given = theirs[name].gives(kind, value_type)
                    assert step.gives(words) == (kinds.kind_name(given[0]), kinds.type_name(given[1])), (name, words)
