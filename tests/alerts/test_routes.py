"""Who hears of which policy: the module ``alerts`` with the policies of two owners, planned by Terraform."""

from __future__ import annotations

import json
from typing import Any

import pytest

from exporter.rendering import alerts
from exporter.rendering.backends import Backend
from tests.alerts.policies import fleet, some
from tests.terraform import program
from tests.terraform.standin.schemas import VERSIONS
from tests.terraform.workspace import Plan, Workspaces

PROJECT = "acme-observability"
ADDRESS = "module.alerts.google_monitoring_alert_policy.this"
OF_MANY = {"fleet-incident": "page", "fleet-error": "ticket", "fleet-warning": "ticket"}


@pytest.fixture(scope="module")
def workspaces(tmp_path_factory: pytest.TempPathFactory) -> Workspaces:
    return Workspaces(program.need(), tmp_path_factory.mktemp("routes"))


def channel(name: str) -> str:
    return f"projects/{PROJECT}/notificationChannels/{name}"


def planned(
    workspaces: Workspaces, default_route: dict[str, list[str]], routes: dict[str, dict[str, list[str]]]
) -> Plan:
    """A plan of the policies of data-platform and sales; every channel that a route names is there already."""
    config = fleet([*some(2), *some(1, name="sold", owner="sales")])
    policies = alerts.render(config, Backend.CLOUD_MONITORING)
    named = {name for route in [default_route, *routes.values()] for names in route.values() for name in names}
    call = {
        "source": "../modules/alerts",
        "project": PROJECT,
        "owners": ["data-platform", "sales"],
        "policies": policies,
        "policy_owners": {name: name.split("--")[2] for name in policies if name.count("--") == 2},
        "channels": {name: {"type": "existing", "address": channel(name)} for name in named},
        "default_route": default_route,
        "routes": routes,
    }
    text = json.dumps({"module": {"alerts": call}}).replace("${", "$${")
    return workspaces.written({"main.tf.json": text}, VERSIONS[-1]).plan()


def heard(plan: Plan, policy: str) -> list[str]:
    """Channels of a policy, by their names."""
    after: Any = plan.after(f'{ADDRESS}["{policy}"]')
    return [name.rsplit("/", 1)[1] for name in after["notification_channels"] or []]


def warned(plan: Plan) -> str:
    """What a plan that is carried out all the same warns of."""
    assert not plan.errors
    return " ".join(" ".join(map(str, plan.problems)).split())


def test_an_owner_hears_of_what_holds_its_own_incidents_back(workspaces: Workspaces) -> None:
    routes = {"sales": {"page": ["sales-page"], "ticket": ["sales-list"]}}
    plan = planned(workspaces, {"page": ["night"], "ticket": ["list"]}, routes)
    assert warned(plan) == ""
    for kind, route in OF_MANY.items():
        told = {"page": ["night", "sales-page"], "ticket": ["list", "sales-list"]}[route]
        assert sorted(heard(plan, f"{kind}--5m-15m")) == sorted(told)
    assert heard(plan, "backlog--5m-15m--sales") == ["sales-page"]
    assert heard(plan, "backlog--5m-15m--data-platform") == heard(plan, "exporter-absent") == ["night"]


def test_without_a_default_route_the_silence_is_said_first(workspaces: Workspaces) -> None:
    routes = {owner: {"page": ["page"], "ticket": ["list"]} for owner in ("data-platform", "sales")}
    plan = planned(workspaces, {}, routes)
    assert [heard(plan, f"{kind}--5m-15m") for kind in OF_MANY] == [["page"], ["list"], ["list"]]
    said = warned(plan)
    assert (
        "Nobody will hear when nothing is measured any more (exporter-absent): name channels in default_route.page."
        in said
    )
    assert "Critical policies that notify nobody: exporter-absent." in said
    assert "These policies notify nobody: exporter-absent, exporter-over-budget." in said


def test_more_channels_than_a_policy_takes_are_named(workspaces: Workspaces) -> None:
    own = [f"page-{number:02}" for number in range(20)]
    plan = planned(
        workspaces, {"page": ["night"], "ticket": ["list"]}, {"sales": {"page": own[:16], "ticket": own[16:]}}
    )
    assert sorted(heard(plan, "fleet-incident--5m-15m")) == ["night", *own[:15]]
    assert "Not told: fleet-incident--5m-15m: page-15." in warned(plan)
