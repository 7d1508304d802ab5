"""Mistakes in what the root module is given: each is one clear message, before anything is made."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.terraform.program import ROOT
from tests.terraform.test_examples import IMAGE, ONE, VARIABLES, add_system, example
from tests.terraform.workspace import Workspaces

MISTAKES: Mapping[str, tuple[str, str, str]] = {
    "a channel that is not there": (
        'page = ["team"]',
        'page = ["night"]',
        "default_route names channels that are not in channels: night",
    ),
    "a route of nobody": (
        "default_route =",
        'routes = { sales = { page = ["team"] } }\n  default_route =',
        "routes name owners that no system has: sales",
    ),
    "a kind of channel": (
        'type = "email"',
        'type = "pigeon"',
        "type must be email, slack, pagerduty, webhook, pubsub or existing",
    ),
    "an address": ('address = "data-platform@example.com"', 'address = "data-platform"', "email wants name@host"),
    "a missing address": (', address = "data-platform@example.com"', "", "every type but pagerduty needs an address"),
    "a missing secret": (
        'team = { type = "email", address = "data-platform@example.com" }',
        'team = { type = "pagerduty" }',
        "channel_secrets.team is missing",
    ),
    "a pipeline of no system": (
        "departures = {}",
        "depatures = {}",
        "pipelines names systems that are not in config_file",
    ),
    "a dataset without project": ('"acme-data.raw"', '"raw"', "write each as PROJECT.DATASET"),
    "a dataset of nobody": ('"acme-data.raw"', '"acme-data.raw2"', "no pipeline here uses acme-data.raw2"),
    "a file that is not there": ("/systems.yaml", "/system.yaml", "config_file names no file"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_message(workspaces: Workspaces, name: str) -> None:
    workspace = example(workspaces, ONE)
    before, after, said = MISTAKES[name]
    path = workspace.folder / "main.tf"
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")
    found = workspace.plan(VARIABLES[ONE])
    assert [said in " ".join(str(error).split()) for error in found.errors] == [True], found.said


def test_what_two_pipelines_would_make_is_named(workspaces: Workspaces) -> None:
    workspace = example(workspaces, ONE)
    add_system(workspace, id="arrivals", topic="departures")
    path = workspace.folder / "main.tf"
    path.write_text(path.read_text("utf-8").replace("departures = {}", "departures = {}, arrivals = {}"), "utf-8")
    said = [" ".join(str(error).split()) for error in workspace.plan(VARIABLES[ONE]).errors]
    assert len(said) == 1
    assert "several systems would make topic acme-data/departures." in said[0]


def test_the_rollout_names_what_is_made(workspaces: Workspaces) -> None:
    plan = example(workspaces, ONE).plan({"image": IMAGE})
    job = plan.after('module.fleet.module.exporter[0].google_cloud_scheduler_job.cycle["scheduled"]')
    assert (
        f"gcloud scheduler jobs run {job['name']} --location {job['region']}" in (ROOT / "docs/rollout.md").read_text()
    )
