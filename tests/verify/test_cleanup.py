"""Whatever a run left is found by its names and labels and removed, and nothing else is."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from google.cloud import bigquery
from google.pubsub_v1 import types

from exporter import verifying
from exporter.errors import UsageError
from exporter.sandbox.server import Sandbox
from exporter.verify import cleanup
from exporter.verify.cleanup import LEFTOVER_AGE, Thing
from exporter.verify.services import Services, services
from tests.verify.places import NOW, Run, Told, call_count, contents, endpoints, options

RUN = "6aeb1e409c13"
MOMENTS = (2, 7, 12, 20, 29, 38, 47, 60, 75, 90)
"""Calls after which a run is killed: before it makes anything, while it makes things, while it publishes and provokes states."""


@pytest.fixture
def found(sandbox: Sandbox) -> Iterator[Services]:
    with services(sandbox.addresses.project, endpoints(sandbox), sandbox.addresses.control) as made:
        yield made


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_that_was_killed_is_cleaned_up(sandbox: Sandbox, tmp_path: Path, moment: int) -> None:
    before = contents(sandbox)
    until = call_count(sandbox) + moment
    run = Run(sandbox, tmp_path, "--yes")
    run.until(lambda: call_count(sandbox) >= until)
    run.signal(signal.SIGKILL)
    assert run.end()[0] == -signal.SIGKILL
    verifying.clean_up(options(sandbox, tmp_path), Told())
    assert contents(sandbox) == before


def test_the_next_run_removes_what_an_old_one_left_and_names_a_young_one(
    sandbox: Sandbox, tmp_path: Path, found: Services
) -> None:
    before = contents(sandbox)
    verifying.verify(options(sandbox, tmp_path / "r.json", only=("B01",), keep=True), Told())
    _forget_that_it_is_kept(found)
    young = Told()
    verifying.verify(options(sandbox, tmp_path / "r.json", only=("B01",)), young)
    assert "Other runs, kept or perhaps still under way; if not: exporter verify --cleanup" in young.lines
    assert contents(sandbox) != before
    sandbox.world.engines.clock.advance((LEFTOVER_AGE + timedelta(minutes=1)).total_seconds())
    old = Told()
    verifying.verify(options(sandbox, tmp_path / "r.json", only=("B01",)), old)
    assert "Runs that were not cleaned up; what they left is removed first:" in old.lines
    assert any(line.endswith("9 subscriptions, 9 topics, 1 dataset") for line in old.lines)
    assert contents(sandbox) == before


def _forget_that_it_is_kept(found: Services) -> None:
    """Leave what a killed run leaves, which nobody asked to keep."""
    (name,) = (each.dataset_id for each in found.bigquery.list_datasets() if "verify" in each.dataset_id)
    dataset = found.bigquery.get_dataset(name)
    dataset.labels = {**dataset.labels, "keep": None}
    found.bigquery.update_dataset(dataset, ["labels"])


def test_cleanup_asks_and_says_when_there_is_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    told = Told()
    verifying.clean_up(options(sandbox, tmp_path), told)
    assert told.lines == ["No run has left anything in flights-sandbox."]
    verifying.verify(options(sandbox, tmp_path / "r.json", only=("B01",), keep=True), Told())
    there = contents(sandbox)
    with pytest.raises(UsageError, match="nothing was removed"):
        verifying.clean_up(options(sandbox, tmp_path, yes=False, interactive=True), Told(answer=False))
    with pytest.raises(UsageError, match="say --yes"):
        verifying.clean_up(options(sandbox, tmp_path, yes=False), Told())
    assert contents(sandbox) == there
    verifying.clean_up(options(sandbox, tmp_path), Told())


def test_only_what_is_named_and_labelled_as_a_run_does_is_touched(sandbox: Sandbox, found: Services) -> None:
    parent = f"projects/{sandbox.addresses.project}"
    ours = {"app": "exporter-verify", "run": RUN}
    for name, labels in {
        f"exporter-verify-{RUN}-main": ours,
        f"exporter-verify-{RUN}-unlabelled": {},
        f"exporter-verify-{RUN}-foreign": {"app": "exporter-verify", "run": "0123456789ab"},
        f"exporter-verify-{RUN}-other": {"app": "my-app", "run": RUN},
        "exporter-verify-orders": ours,
        f"my-exporter-verify-{RUN}-main": ours,
    }.items():
        found.publisher.create_topic(types.Topic(name=f"{parent}/topics/{name}", labels=labels))
    for dataset, labels in {f"exporter_verify_{RUN}": ours, "exporter_verify_orders": ours}.items():
        made = bigquery.Dataset(f"{sandbox.addresses.project}.{dataset}")
        made.labels = labels
        found.bigquery.create_dataset(made)
    for metric in (f"exporter_verify_{RUN}/spacing", "exporter_verify_orders/spacing", f"my/exporter_verify_{RUN}/x"):
        kind = {"type": f"custom.googleapis.com/{metric}", "metric_kind": "GAUGE", "value_type": "DOUBLE"}
        found.monitoring.create_metric_descriptor(name=parent, metric_descriptor=kind)
    things = cleanup.find(found, sandbox.addresses.project)
    assert {str(thing) for thing in things} == {
        f"topic {parent}/topics/exporter-verify-{RUN}-main",
        f"dataset flights-sandbox.exporter_verify_{RUN}",
        f"descriptor {parent}/metricDescriptors/custom.googleapis.com/exporter_verify_{RUN}/spacing",
    }
    assert cleanup.find(found, sandbox.addresses.project, "0123456789ab") == []
    gone: list[Thing] = []
    assert cleanup.remove(found, things, lambda _: None, gone.append) == []
    assert sorted(map(str, gone)) == sorted(map(str, things))
    assert cleanup.find(found, sandbox.addresses.project) == []


def test_dashboards_and_policies_are_found_by_their_labels(sandbox: Sandbox, found: Services) -> None:
    project = sandbox.addresses.project
    labels = {"app": "exporter-verify", "run": RUN}
    dashboard = {"displayName": "x", "mosaicLayout": {"columns": 48}}
    condition = {
        "displayName": "never",
        "conditionPrometheusQueryLanguage": {"query": "vector(0) > 1", "duration": "60s", "evaluationInterval": "60s"},
    }
    policy = {"displayName": "x", "combiner": "OR", "enabled": False, "conditions": [condition]}
    found.rest.call("monitoring", "POST", f"v1/projects/{project}/dashboards", body={**dashboard, "labels": labels})
    for others in ({}, {"app": "my-app", "run": RUN}, {"app": "exporter-verify", "run": "production"}):
        found.rest.call("monitoring", "POST", f"v1/projects/{project}/dashboards", body={**dashboard, "labels": others})
    for _ in range(2):
        body = {**policy, "userLabels": labels}
        found.rest.call("monitoring", "POST", f"v3/projects/{project}/alertPolicies", body=body)
    found.rest.call("monitoring", "POST", f"v3/projects/{project}/alertPolicies", body=policy)
    things = cleanup.find(found, project)
    assert sorted(thing.kind for thing in things) == ["dashboard", "policy", "policy"]
    assert cleanup.remove(found, things, lambda _: None, lambda _: None) == []
    held = contents(sandbox)
    assert (len(held["dashboards"]), len(held["policies"])) == (3, 1)


def test_a_run_says_by_its_name_when_it_began() -> None:
    assert cleanup.began_at(f"{int(NOW.timestamp()):08x}ab12") == NOW
