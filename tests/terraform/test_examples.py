"""The root module through its examples: what they plan, that a second plan is empty, and that a system more or less is only that.

``python -m tests.terraform.test_examples`` writes the inventories anew, to be reviewed as a difference.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.terraform import program
from tests.terraform.standin.schemas import VERSIONS
from tests.terraform.workspace import Workspace, Workspaces
from tests.torture.length import some

INVENTORIES = Path(__file__).parent / "inventories"
NEWEST = VERSIONS[-1]
ONE, FIFTY = "one-system", "fifty-systems"
IMAGE = "us-central1-docker.pkg.dev/acme-data/pipeline-exporter/exporter@sha256:" + "0" * 64
VARIABLES: Mapping[str, Mapping[str, object]] = {ONE: {"image": IMAGE}, FIFTY: {"image": IMAGE, "pagerduty_key": "key"}}


def example(workspaces: Workspaces, name: str, version: str = NEWEST) -> Workspace:
    return workspaces.copy(f"terraform/examples/{name}", version)


def planned(workspace: Workspace, name: str) -> Mapping[str, str]:
    """What would change, without the name that the example gives to the root module."""
    plan = workspace.plan(VARIABLES[name])
    assert plan.said == ""
    return {address.removeprefix("module.fleet."): change for address, change in plan.changes.items()}


def inventory(changes: Mapping[str, str]) -> str:
    return "".join(f"{address}\n" for address in sorted(changes))


def applied(workspace: Workspace, name: str) -> None:
    assert workspace.apply(VARIABLES[name]).said == ""
    assert planned(workspace, name) == {}


def add_system(workspace: Workspace, **system: object) -> None:
    path = workspace.folder / "systems.yaml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    own = {"topic": system["id"], "subscription": f"{system['id']}-bq", "table": f"raw.{system['id']}"}
    document["systems"].append({**own, **system})
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")


def unprotect(workspace: Workspace) -> None:
    path = workspace.folder / "main.tf"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("departures = {}", "departures = { deletion_protection = false }"), "utf-8")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", [ONE, FIFTY])
def test_an_example_is_valid_and_plans_what_was_reviewed(workspaces: Workspaces, name: str, version: str) -> None:
    workspace = example(workspaces, name, version)
    assert workspace.validate().said == ""
    changes = planned(workspace, name)
    assert set(changes.values()) == {"create"}
    assert inventory(changes) == (INVENTORIES / f"{name}.txt").read_text(encoding="utf-8")


def test_everything_is_formatted(workspaces: Workspaces) -> None:
    workspace = example(workspaces, ONE)
    assert workspace.run("fmt", "-check", "-recursive", "-no-color", str(workspace.tree / "terraform")).said == ""


@pytest.mark.parametrize("version", some(VERSIONS, 1))
def test_one_system_comes_and_goes(workspaces: Workspaces, version: str) -> None:
    workspace = example(workspaces, ONE, version)
    unprotect(workspace)
    applied(workspace, ONE)
    before = (workspace.folder / "systems.yaml").read_bytes()

    add_system(workspace, id="arrivals")
    changes = dict(planned(workspace, ONE))
    assert changes.pop('module.dashboards.google_monitoring_dashboard.this["system-arrivals"]') == "create"
    # What the exporter may read, and what it is told to.
    assert set(changes) == {
        'module.exporter[0].google_bigquery_table_iam_member.reader["acme-data.raw.arrivals"]',
        "module.exporter[0].google_secret_manager_secret_version.systems",
        "module.exporter[0].google_cloud_run_v2_service.exporter[0]",
    }
    applied(workspace, ONE)

    (workspace.folder / "systems.yaml").write_bytes(before)
    assert "delete" in planned(workspace, ONE).values()
    applied(workspace, ONE)
    assert workspace.destroy(VARIABLES[ONE]).said == ""
    assert workspace.resources() == {}


def test_the_fifty_first_system_changes_no_policy(workspaces: Workspaces) -> None:
    workspace = example(workspaces, FIFTY)
    applied(workspace, FIFTY)
    add_system(workspace, id="balloons", owner="sales", tier="critical")
    changes = planned(workspace, FIFTY)
    assert changes['module.dashboards.google_monitoring_dashboard.this["system-balloons"]'] == "create"
    policies = {address: change for address, change in changes.items() if "alert_policy" in address}
    # Sales had no critical system before: it gets policies for one, and nothing of what is there changes.
    assert len(policies) == 11
    assert set(policies.values()) == {"create"}
    assert all(re.search(r'--1m-1m--sales"\]$', address) for address in policies)
    add_system(workspace, id="zeppelins", owner="operations", tier="critical")
    assert {address for address in planned(workspace, FIFTY) if "alert_policy" in address} == set(policies)


def write_inventories() -> None:
    with tempfile.TemporaryDirectory() as folder:
        workspaces = Workspaces(program.need(), Path(folder))
        for name in (ONE, FIFTY):
            changes = planned(example(workspaces, name), name)
            (INVENTORIES / f"{name}.txt").write_text(inventory(changes), encoding="utf-8")


if __name__ == "__main__":
    INVENTORIES.mkdir(exist_ok=True)
    write_inventories()
