"""The exporter's own numbers of throwaway pipelines in a sandbox: right where the services behave as expected, else seen to be wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.pricing import billed_publish_bytes, load, publish_usd
from exporter.snapshots import PublishMinute
from exporter.verify import leaving
from exporter.verify.areas.exporter_config import config
from exporter.verify.areas.exporter_costs import cost_bounds
from exporter.verify.areas.exporter_cycles import BROKEN, CYCLES
from exporter.verify.book import Book
from exporter.verify.lab import Lab
from exporter.verify.pipeline import PIPELINES
from exporter.verify.questions import Verdict
from tests.verify.area_runs import behave, lab_at
from tests.verify.labs import PLACE
from tests.verify.monitoring_runs import (
    CHECKS,
    asked,
    asked_with_stops,
    differing,
    names_of,
    sandbox_late,
    unasked,
)
from tests.verify.places import contents

NAMES = names_of("X")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    directory = tmp_path_factory.mktemp("run")
    with sandbox_late() as sandbox:
        stops = asked_with_stops(sandbox, directory, NAMES, 100)
        with lab_at(sandbox, directory, 1) as lab:
            yield SimpleNamespace(lab=lab, stops=stops, results=dict(lab.book.results))


@pytest.mark.parametrize("name", NAMES)
def test_the_exporter_measures_what_the_run_knows(run: Any, name: str) -> None:
    assert run.results[name].verdict is Verdict.OK, run.results[name].seen


def test_it_was_stopped_and_taken_up_again(run: Any) -> None:
    assert run.stops >= 2


def knowing(lab: Lab, directory: Path, **facts: Any) -> Lab:
    """The same run, but it knows some facts otherwise."""
    known = json.loads((lab.book.directory / "verify-run.json").read_text(encoding="utf-8"))
    directory.mkdir()
    kept = {name: value for name, value in known["facts"].items() if not name.startswith("began ")}
    changed = {**known, "facts": {**kept, **facts}, "results": {}}
    (directory / "verify-run.json").write_text(json.dumps(changed), encoding="utf-8")
    return replace(lab, book=Book(directory))


FACTS: dict[str, tuple[str, Callable[[Any], Any], set[str]]] = {
    "a message less": ("messages main", lambda sent: sent[:-1], {"X01", "X02", "X12", "X13"}),
    "a message without its attributes": (
        "messages main",
        lambda sent: [{**sent[0], "size_bytes": sent[0]["size_bytes"] - 13}, *sent[1:]],
        {"X12"},
    ),
    "published an hour before": (
        "messages main",
        lambda sent: [{**each, "before": _earlier(each["before"]), "after": _earlier(each["after"])} for each in sent],
        {"X05"},
    ),
    "another state": (
        BROKEN,
        lambda noted: {**noted, "states": {**noted["states"], "denied": "ACTIVE"}},
        {"X06"},
    ),
    "a point that was refused": (
        CYCLES,
        lambda cycles: [{**cycles[0], "rejected": ["latency: INVALID_ARGUMENT"]}, *cycles[1:]],
        {"X09"},
    ),
    "a failure of main": (
        CYCLES,
        lambda cycles: [{**cycles[0], "failures": [["main", "landing", "notFound"]]}, *cycles[1:]],
        {"X10"},
    ),
    "a last message an hour later": (
        "step poisoned",
        lambda step: {**step, "at": step["at"].replace("T12", "T13")},
        {"X08"},
    ),
}
"""What a run may know otherwise: the fact, how it is changed, and the checks that must see it."""


def _earlier(moment: str) -> str:
    return moment.replace("T12", "T11")


@pytest.mark.parametrize("name", FACTS)
def test_what_does_not_agree_is_seen(run: Any, tmp_path: Path, name: str) -> None:
    fact, change, expected = FACTS[name]
    lab = knowing(run.lab, tmp_path / "run", **{fact: change(run.lab.book.get(fact))})
    assert differing(asked(lab, NAMES)).keys() == expected


def test_services_that_count_otherwise_are_seen_in_the_numbers(tmp_path: Path) -> None:
    """What these fields change is asked for by other checks; the exporter's numbers must follow, and those alone."""
    with sandbox_late() as sandbox, lab_at(sandbox, tmp_path, 1) as lab:
        behave(sandbox, {"message_sizes_counts": "batches", "dead_letter_count_written": False})
        results = asked(lab, NAMES)
    found = differing(results)
    assert found.keys() == {"X01", "X04", "X11", "X13"}
    assert found["X04"] == "0; known are 8"
    assert unasked(results) == {}


def test_the_exporter_copes_with_what_documentation_leaves_open(tmp_path: Path) -> None:
    """Another wording, no summaries, labels that are added and points that can be read late change none of its numbers."""
    open_points = {"wording": "older", "partial_failure_summary": False, "new_labels": "add", "read_delay_s": 45.0}
    with sandbox_late() as sandbox, lab_at(sandbox, tmp_path, 1) as lab:
        before = contents(sandbox)
        behave(sandbox, open_points)
        results = asked(lab, NAMES)
        assert (differing(results), unasked(results)) == ({}, {})
        assert len(contents(sandbox)["metrics"]) > len(before["metrics"])
        assert leaving.remove(lab, lambda _: None) == []
        assert contents(sandbox) == before


def test_the_configuration_is_that_of_all_pipelines() -> None:
    found = config(PLACE)
    assert [system.id for system in found.systems] == [pipeline.name for pipeline in PIPELINES]
    for system, pipeline in zip(found.systems, PIPELINES, strict=True):
        assert system.subscription == pipeline.subscription(PLACE)
        assert (system.location, system.metrics_location) == (PLACE.location, PLACE.region)
        assert (system.dead_letter_subscription is not None) == pipeline.dead_letters
        assert (system.view is not None) == pipeline.view
    assert found.exporter.metric_prefix == PLACE.metric_prefix


requests = st.lists(st.tuples(st.integers(1, 50), st.integers(1, 20_000)), min_size=1, max_size=12)


@given(requests, st.data())
def test_the_cost_lies_within_its_bounds_however_requests_share_minutes(
    sent: list[tuple[int, int]], data: st.DataObject
) -> None:
    prices = load({}, systems=1)
    minutes = data.draw(st.lists(st.integers(0, 3), min_size=len(sent), max_size=len(sent)))
    found = []
    for minute in range(4):
        own = [request for request, place in zip(sent, minutes, strict=True) if place == minute]
        found.append(PublishMinute(sum(n for n, _ in own), sum(size for _, size in own), len(own)))
    cost = publish_usd(prices, billed_publish_bytes(prices, found))
    least, most = cost_bounds(sent)
    assert least <= cost <= most
    assert most - least < len(sent) * 1000 * Fraction(40, 2**40)


def test_every_check_names_where_its_number_is_defined() -> None:
    text = Path("docs/metrics.md").read_text(encoding="utf-8")
    for name in NAMES:
        metric = CHECKS[name].source.split(", ", 1)[1].partition(";")[0]
        assert f"`{metric}`" in text, name
