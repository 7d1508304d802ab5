"""The fleet: systems named after real routes, mixed as fleets are, in a configuration that the exporter accepts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from exporter import config
from exporter.model import Tier
from exporter.sandbox import fleet, provisioning
from exporter.sandbox.fleet import ODDITIES
from exporter.sandbox.traffic.flights import routes

ENDPOINTS = {
    "bigquery": "http://127.0.0.1:1",
    "pubsub": "127.0.0.1:2",
    "monitoring": "127.0.0.1:3",
    "clock": "http://127.0.0.1:4/clock",
}


@pytest.mark.parametrize("count", [1, 2, 50, 201, 5000])
def test_the_configuration_of_a_fleet_is_valid(count: int, tmp_path: Path) -> None:
    path = tmp_path / "systems.yaml"
    pipelines = fleet.usual(count, seed=1)
    provisioning.write_config(pipelines, ENDPOINTS, path)
    loaded = config.load(path)
    assert [system.id for system in loaded.systems] == [pipeline.id for pipeline in pipelines]
    assert loaded.exporter.monitoring_project == fleet.PROJECT
    for system, pipeline in zip(loaded.systems, pipelines, strict=True):
        assert system.topic == pipeline.topic
        assert system.subscription == pipeline.subscription
        assert (system.table, system.view, system.location) == (pipeline.table, pipeline.view, pipeline.location)
        expected = pipeline.dead_letter_subscription if pipeline.dead_letters else None
        assert system.dead_letter_subscription == expected


def test_the_configuration_of_odd_systems_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "systems.yaml"
    pipelines = [*fleet.usual(3, seed=1), *fleet.odd(ODDITIES, 3)]
    provisioning.write_config(pipelines, ENDPOINTS, path)
    loaded = {system.id: system for system in config.load(path).systems}
    assert len(loaded) == 3 + len(ODDITIES)
    assert loaded["odd-view-as-table"].table == loaded["odd-view-as-table"].view
    assert loaded["odd-shared-table"].table == loaded["odd-second-subscription"].table
    assert {loaded[f"odd-location-{each}"].location for each in ("us", "eu", "europe-west1")} == {
        "US",
        "EU",
        "europe-west1",
    }
    assert {system.metrics_location for system in loaded.values()} == {"us-central1", "europe-west1"}


def test_systems_are_named_after_real_routes_and_mixed() -> None:
    pipelines = fleet.usual(50, seed=1)
    assert {pipeline.id for pipeline in pipelines} <= set(routes())
    tiers = Counter(pipeline.tier for pipeline in pipelines)
    assert tiers["standard"] > tiers["critical"] > 0 < tiers["batch"]
    assert set(tiers) == set(Tier)
    assert len({pipeline.owner for pipeline in pipelines}) > 1
    assert {pipeline.data_type for pipeline in pipelines} == {"BYTES", "JSON"}
    assert 0 < sum(not pipeline.dead_letters for pipeline in pipelines) < 25
    assert all(6 <= pipeline.rate <= 60 for pipeline in pipelines)
    assert 15 <= sum(pipeline.rate for pipeline in pipelines) / 50 <= 25


def test_a_system_is_the_same_in_a_larger_fleet_and_differs_with_the_seed() -> None:
    assert fleet.usual(150, seed=1)[:20] == fleet.usual(20, seed=1)
    assert [each.rate for each in fleet.usual(20, seed=1)] != [each.rate for each in fleet.usual(20, seed=2)]


def test_no_two_of_five_thousand_systems_share_a_name() -> None:
    pipelines = fleet.usual(5000, seed=1)
    assert len({pipeline.id for pipeline in pipelines}) == 5000
    assert len({pipeline.table for pipeline in pipelines}) == 5000
