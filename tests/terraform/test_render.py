"""The module ``render`` against ``exporter render``: the same systems, and the same bytes."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pytest
import yaml

from exporter import config
from exporter.config import Config
from exporter.errors import ConfigError
from exporter.model import System
from exporter.rendering import alerts, dashboards
from exporter.rendering.backends import Backend, backend_of
from exporter.windows import period_s
from tests.terraform.program import ROOT
from tests.terraform.workspace import Workspace, Workspaces

MAIN = """
variable "backend" {
  type    = string
  default = null
}
variable "text" { type = string }
module "render" {
  source  = "../modules/render"
  backend = var.backend
  config  = yamldecode(var.text)
}
output "backend" { value = module.render.backend }
output "dashboards" { value = module.render.dashboards }
output "fleet" { value = module.render.fleet }
output "monitoring_project" { value = module.render.monitoring_project }
output "policies" { value = module.render.policies }
output "systems" { value = module.render.systems }
output "cycle_minutes" { value = module.render.cycle_minutes }
"""

GOOD: dict[str, Any] = {
    "fleet": "flights",
    "defaults": {"project": "acme-data", "location": "EU"},
    "systems": [{"id": "departures", "topic": "ttt", "subscription": "sss", "table": "raw.t"}],
}


@pytest.fixture
def workspace(workspaces: Workspaces) -> Workspace:
    return workspaces.written({"main.tf": MAIN})


def drawn(seed: int) -> dict[str, Any]:
    """A fleet of whatever the configuration allows, as a document."""
    draw = random.Random(seed)
    classes = draw.sample([("1m", "1m"), ("5m", "15m"), ("1h", "6h"), ("2m", "90m"), ("20m", "1h"), ("1h", "1h")], 4)

    def shared() -> dict[str, Any]:
        window, interval = draw.choice(classes)
        every: dict[str, Any] = {
            "location": draw.choice(["EU", "us", "us-central1", "europe-west4"]),
            "owner": draw.choice(["data-platform", "Sales.EMEA", "a--b", "ops_2"]),
            "window": window,
            "interval": interval,
            "objectives": {
                "latency": {
                    "threshold": draw.choice(["0.1s", "30s", "1m30s", "1h0.25s"]),
                    "target": draw.choice([0.9, 0.999]),
                },
                "errors": {"target": draw.choice([0.5, 0.9995, 0.9999999999])},
                "data_age": draw.choice(["15m", "1d12h", "90s"]),
            },
        }
        every["objectives"] = {k: v for k, v in every["objectives"].items() if draw.random() < 0.6}
        return {key: value for key, value in every.items() if draw.random() < 0.5 or key in ("window", "interval")}

    systems = []
    for number in range(draw.choice([1, 2, 7])):
        own = shared()
        if draw.random() < 0.4:
            own = {"tier": draw.choice(["critical", "batch"])}
        optional = {
            "api": f"api-{number}",
            "view": draw.choice(["curated.v", "acme-views.curated.v"]),
            "dead_letter_subscription": draw.choice([f"dlq-{number}", f"projects/acme-two/subscriptions/dlq-{number}"]),
            "query_projects": ["acme-reports"],
            "project": "acme-two",
        }
        systems.append(
            {
                "id": f"s{number}",
                "topic": draw.choice([f"topic.{number}", f"projects/acme-three/topics/t~{number}"]),
                "subscription": draw.choice([f"sub-{number}", f"projects/acme-three/subscriptions/sub-{number}"]),
                "table": draw.choice([f"raw.t{number}", f"acme-three.raw.t_{number}"]),
                **own,
                **{key: value for key, value in optional.items() if draw.random() < 0.5},
            }
        )
    settings = {
        "monitoring_project": "acme-observability",
        "metric_prefix": draw.choice(["custom.googleapis.com/pipeline", "workload.googleapis.com/team/flights"]),
        "sinks": draw.choice([["otlp"], ["cloud_monitoring", "otlp"], ["prometheus", "cloud_monitoring"]]),
        "fleet_incident_systems": draw.choice([2, 12]),
        "runbook_url": draw.choice(["https://wiki.example.com/pipelines", "http://docs.example.com:8080/a~b/c"]),
    }
    found: dict[str, Any] = {
        "fleet": "flights",
        "defaults": {"project": "acme-data", "location": "EU", **shared()},
        "systems": systems,
        "exporter": {key: value for key, value in settings.items() if draw.random() < 0.6},
    }
    return found


def rendered(workspace: Workspace, text: str, backend: Backend | None) -> Mapping[str, Any]:
    applied = workspace.apply({"text": text, "backend": backend})
    assert applied.said == ""
    return workspace.outputs()


def known(loaded: Config, system: System) -> dict[str, Any]:
    """A system as the module describes it."""

    def place(name: str) -> dict[str, str]:
        _, project, _, short = name.split("/")
        return {"project": project, "id": short}

    return {
        "id": system.id,
        "project": system.project,
        "location": system.location,
        "tier": system.tier.value,
        "owner": system.owner,
        "window_s": system.window_s,
        "interval_s": system.interval_s,
        "api": system.api,
        "topic": place(system.topic),
        "subscription": place(system.subscription),
        "dead_letter_subscription": place(system.dead_letter_subscription) if system.dead_letter_subscription else None,
        "table": asdict(system.table),
        "view": None if system.view is None else asdict(system.view),
        "query_projects": list(system.query_projects),
        "latency_threshold_s": pytest.approx(system.objectives.latency_threshold_s),
        "latency_target": system.objectives.latency_target,
        "errors_target": system.objectives.errors_target,
        "data_age_s": pytest.approx(system.objectives.data_age_s),
    }


def agree(outputs: Mapping[str, Any], loaded: Config, backend: Backend) -> None:
    assert outputs["backend"] == backend
    assert outputs["fleet"] == loaded.fleet
    assert outputs["monitoring_project"] == loaded.exporter.monitoring_project
    assert outputs["cycle_minutes"] * 60 == period_s(loaded.systems)
    assert outputs["systems"] == {system.id: known(loaded, system) for system in loaded.systems}
    for name, renderer in (("dashboards", dashboards.render), ("policies", alerts.render)):
        ours = renderer(loaded, backend)
        assert outputs[name].keys() == ours.keys()
        for key in ours:
            assert outputs[name][key] == ours[key], key


@pytest.mark.parametrize("backend", [None, *Backend])
def test_the_example_is_the_same_in_both_languages(workspace: Workspace, backend: Backend | None) -> None:
    text = (ROOT / "systems.example.yaml").read_text(encoding="utf-8")
    loaded = config.parse(text, "systems.yaml")
    agree(rendered(workspace, text, backend), loaded, backend or backend_of(loaded))


def test_whatever_the_configuration_allows_is_the_same_in_both_languages(workspace: Workspace) -> None:
    for seed in range(12):
        text = yaml.safe_dump(drawn(seed), sort_keys=False)
        loaded = config.parse(text, "systems.yaml")
        agree(rendered(workspace, text, None), loaded, backend_of(loaded))


def test_numbers_of_systems(workspaces: Workspaces) -> None:
    outcome, counts = workspaces.copy("terraform/modules/render").test()
    assert outcome.said == ""
    assert counts == {"passed": 4, "failed": 0, "errored": 0, "skipped": 0}


def changed(path: str, value: object) -> str:
    """The good configuration with one thing that is not right; None takes it away."""
    document = yaml.safe_load(yaml.safe_dump(GOOD))
    *way, last = path.split(".")
    node: Any = document
    for step in way:
        node = node[int(step)] if isinstance(node, list) else node.setdefault(step, {})
    if value is None:
        del node[last]
    else:
        node[last] = value
    return yaml.safe_dump(document)


MISTAKES = {
    "an unknown key": ("systems.0.topics", "t", "systems[0].topics: unknown key"),
    "a value": ("defaults.owner", "data platform", "defaults.owner must be a name"),
    "no systems": ("systems", None, "systems is missing: add it"),
    "odd window": ("systems.0.window", "7m", "A window must divide an hour"),
    "interval that is no multiple": ("systems.0.interval", "7m", "an interval be a multiple"),
    "seven classes": (
        "systems",
        [
            {**GOOD["systems"][0], "id": f"s{n}", "subscription": f"sub-{n}", "window": "5m", "interval": f"{n * 5}m"}
            for n in range(1, 8)
        ],
        "More than six different pairs",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named(workspace: Workspace, name: str) -> None:
    path, value, said = MISTAKES[name]
    plan = workspace.plan({"text": changed(path, value)})
    assert [said in " ".join(str(error).split()) for error in plan.errors] == [True], plan.said
    with pytest.raises(ConfigError):
        config.parse(changed(path, value), "systems.yaml")


def test_sinks_that_nobody_can_look_into_are_named(workspace: Workspace) -> None:
    plan = workspace.plan({"text": changed("exporter.sinks", ["prometheus"])})
    assert "writes nothing that Cloud Monitoring could show" in " ".join(plan.said.split())
    assert workspace.plan({"text": changed("exporter.sinks", ["prometheus"]), "backend": "otlp"}).said == ""


def test_another_backend_is_named(workspace: Workspace) -> None:
    plan = workspace.plan({"text": yaml.safe_dump(GOOD), "backend": "prometheus"})
    assert "backend must be cloud_monitoring, otlp or null" in plan.said
