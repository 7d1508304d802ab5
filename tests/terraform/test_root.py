"""Mistakes in what the root module is given: each is one clear message, before anything is made."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import pytest

from exporter import config
from tests.terraform.program import ROOT
from tests.terraform.standin.schemas import VERSIONS
from tests.terraform.test_examples import FIFTY, IMAGE, ONE, VARIABLES, add_system, example
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
    "an option of another type": (
        "departures = {}",
        'departures = { max_delivery_attempts = "many" }',
        "The given value is not suitable for module.fleet.module.pipeline",
    ),
    "pipelines in a list": ("{ departures = {} }", '["departures"]', "pipelines must be objects by the ids of systems"),
    "a pipeline of no options": ("departures = {}", "departures = null", "pipelines must be objects by the ids"),
    "an exporter nowhere": ('region = "us-central1"', 'mode = "scheduled"', "exporter.region is missing"),
    "a channel without type": ('type = "email",', "", "channels must be objects with a type"),
    "a label in capitals": ("  datasets ", '  labels = { Team = "data" }\n  datasets ', "labels: at most 63"),
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


MISSPELT: Mapping[str, tuple[str, Sequence[str]]] = {
    "departures = {}": (
        """departures = {
          deletion_protecton = false
          columns = [{ name = "a", type = "STRING", descripton = "b" }]
          schema = { name = "abc", type = "AVRO", definition = "{\\"type\\": \\"record\\"}", encodng = "JSON" }
        }""",
        [
            "pipelines.departures.deletion_protecton (known: columns, data_type, deletion_protection,",
            "pipelines.departures.columns[0].descripton (known: name, type, mode, description)",
            "pipelines.departures.schema.encodng (known: name, type, definition, encoding)",
        ],
    ),
    'region = "us-central1"': (
        """region = "us-central1"
          imgae = "x"
          resources = { ram = "1Gi" }
          secret_env = { A = { secret = "s", verson = "1" } }""",
        [
            "exporter.imgae (known: data_access, env, image, mode,",
            "exporter.resources.ram (known: cpu, memory)",
            "exporter.secret_env.A.verson (known: secret, version)",
        ],
    ),
    'ticket = ["team"]': ('tickets = ["team"]', ["default_route.tickets (known: page, ticket)"]),
    'type = "email",': ('type = "email", adress = "x",', ["channels.team.adress (known: type, address)"]),
    "  default_route ": (
        '  routes = { data-platform = { pages = ["team"] } }\n  default_route ',
        ["routes.data-platform.pages (known: page, ticket)"],
    ),
}
"""What is written in place of a part of the example, and what is said of it."""


def test_options_that_nothing_knows_are_named_together(workspaces: Workspaces) -> None:
    workspace = example(workspaces, ONE)
    path = workspace.folder / "main.tf"
    text = path.read_text("utf-8")
    for before, (after, _) in MISSPELT.items():
        assert before in text
        text = text.replace(before, after)
    path.write_text(text, "utf-8")
    (error,) = workspace.plan(VARIABLES[ONE]).errors
    said = " ".join(str(error).split())
    assert "Unknown options: " in said
    for _, words in MISSPELT.values():
        assert all(each in said for each in words), said


def options(text: str, variable: str) -> set[str]:
    """Attributes of a variable's object type, in the text of a module's variables."""
    block = text.split(f'variable "{variable}" {{')[1].split("default ")[0]
    return set(re.findall(r"^    (\w+) += ", block, re.MULTILINE))


def test_options_are_those_that_modules_take_and_are_given(workspaces: Workspaces) -> None:
    workspace = workspaces.copy("terraform", VERSIONS[-1])
    known = workspace.value("local.options", {"config_file": "../systems.example.yaml"})
    text = {name: (ROOT / "terraform" / name).read_text("utf-8") for name in ("pipelines.tf", "exporter.tf", "apis.tf")}
    assert set(known["pipelines"]) == set(re.findall(r"each\.value\.(\w+)", text["pipelines.tf"]))
    assert set(known["exporter"]) == set(re.findall(r"var\.exporter\.(\w+)", text["exporter.tf"] + text["apis.tf"]))
    modules = ROOT / "terraform" / "modules"
    of = {name: (modules / name / "variables.tf").read_text("utf-8") for name in ("alerts", "exporter", "pipeline")}
    assert set(known["columns"]) == options(of["pipeline"], "columns")
    assert set(known["schema"]) == options(of["pipeline"], "schema")
    assert set(known["resources"]) == options(of["exporter"], "resources")
    assert set(known["secret_env"]) == options(of["exporter"], "secret_env")
    assert set(known["channels"]) == options(of["alerts"], "channels")
    assert set(known["routes"]) == options(of["alerts"], "default_route") == options(of["alerts"], "routes")


def test_options_reach_what_they_are_for(workspaces: Workspaces) -> None:
    workspace = example(workspaces, ONE)
    path = workspace.folder / "main.tf"
    text = path.read_text("utf-8").replace(
        "departures = {}", 'departures = { data_type = "JSON", max_delivery_attempts = 7, deletion_protection = false }'
    )
    path.write_text(text.replace('region = "us-central1"', 'region = "us-central1"\n    mode = "always_on"'), "utf-8")
    plan = workspace.plan(VARIABLES[ONE])
    assert plan.said == ""
    pipeline = 'module.fleet.module.pipeline["departures"]'
    subscription = plan.after(f"{pipeline}.google_pubsub_subscription.main")
    table = plan.after(f"{pipeline}.google_bigquery_table.main")
    assert subscription["dead_letter_policy"][0]["max_delivery_attempts"] == 7
    assert (table["deletion_protection"], '"type":"JSON"' in table["schema"]) == (False, True)
    (template,) = plan.after("module.fleet.module.exporter[0].google_cloud_run_v2_service.exporter[0]")["template"]
    assert template["scaling"][0]["min_instance_count"] == 1
    assert not any("cloudscheduler" in address for address in plan.changes)


def test_root_and_module_turn_on_the_same_apis(workspaces: Workspaces) -> None:
    """What the exporter needs alone is what the root turns on for it, beside what pipelines are made of."""
    services = {
        module: {
            address.partition('"')[2].rstrip('"]')
            for address in workspace.plan(variables).changes
            if "google_project_service" in address
        }
        for module, workspace, variables in (
            ("root", example(workspaces, FIFTY), VARIABLES[FIFTY]),
            ("exporter", workspaces.copy("terraform/modules/exporter", VERSIONS[-1]), fifty()),
        )
    }
    assert services["root"] == services["exporter"] != set()


def fifty() -> dict[str, object]:
    """The fleet of fifty as the module ``exporter`` is given it."""
    text = (ROOT / "terraform" / "examples" / FIFTY / "systems.yaml").read_text("utf-8")
    loaded = config.parse(text, "systems.yaml")
    return {
        "project_id": loaded.exporter.monitoring_project,
        "monitoring_project": loaded.exporter.monitoring_project,
        "region": "us-central1",
        "mode": "always_on",
        "systems_yaml": text,
        "systems": {
            each.id: {
                "id": each.id,
                "project": each.project,
                "topic": {"project": each.topic.split("/")[1], "id": each.topic.split("/")[3]},
                "subscription": {"project": each.subscription.split("/")[1], "id": each.subscription.split("/")[3]},
                "table": asdict(each.table),
            }
            for each in loaded.systems
        },
    }


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("exporter:", "fleet: other\nexporter:", "config_file has a key twice at its top"),
        ("  - id: departures", "  - <<: {owner: sales}\n    id: departures", "merge keys (<<) are not supported"),
        ("systems:", "# systems:\nsystems:", ""),
    ],
)
def test_what_yaml_lets_terraform_pass_over_is_refused(
    workspaces: Workspaces, before: str, after: str, said: str
) -> None:
    workspace = example(workspaces, ONE)
    path = workspace.folder / "systems.yaml"
    path.write_text(path.read_text("utf-8").replace(before, after, 1), "utf-8")
    errors = [" ".join(str(error).split()) for error in workspace.plan(VARIABLES[ONE]).errors]
    assert [said in error for error in errors] == [True] * bool(said)


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
