"""Mistakes in what the root module is given: each is one clear message, before anything is made."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pytest
import yaml

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
    "an empty secret": (
        "  default_route ",
        '  channel_secrets = { team = " " }\n  default_route ',
        "channel_secrets: one is empty",
    ),
    "a channel of another project": (
        'type = "email", address = "data-platform@example.com"',
        'type = "existing", address = "projects/acme-other/notificationChannels/1"',
        "channels: team of type existing lies in another project than the policies",
    ),
    "a folder for a file": ('"${path.module}/systems.yaml"', '".."', "config_file names no file"),
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


SCHEMA = {"name": "flight", "type": "AVRO", "definition": '{"type": "record"}'}

MISSPELT: Mapping[str, tuple[str, Sequence[str]]] = {
    "departures = {}": (
        """departures = {
          deletion_protecton = false
          columns = [{ name = "a", type = "STRING", descripton = "b" }]
          schema = { name = "abc", type = "AVRO", definition = "{\\"type\\": \\"record\\"}", encodng = "JSON" }
        }""",
        [
            "pipelines.departures.deletion_protecton (known: columns, data_required, data_type, dead_letter_topic,",
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
            "exporter.imgae (known: data_access, env, image, invokers, mode,",
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


GIVEN_BY_THE_ROOT: Mapping[str, set[str]] = {
    # Datasets are made by the variable datasets, because systems share them.
    "pipeline": {"create_dataset", "labels", "pubsub_service_agent", "system"},
    "exporter": {
        "cycle_minutes",
        "enable_apis",
        "labels",
        "monitoring_project",
        "project_id",
        "systems",
        "systems_yaml",
    },
}
"""What modules take that is no option of the root's, because the root knows it."""


def test_options_are_those_that_modules_take_and_are_given(workspaces: Workspaces) -> None:
    workspace = workspaces.copy("terraform", VERSIONS[-1])
    known = workspace.value("local.options", {"config_file": "../systems.example.yaml"})
    text = {name: (ROOT / "terraform" / name).read_text("utf-8") for name in ("pipelines.tf", "exporter.tf", "apis.tf")}
    assert set(known["pipelines"]) == set(re.findall(r"each\.value\.(\w+)", text["pipelines.tf"]))
    assert set(known["exporter"]) == set(re.findall(r"var\.exporter\.(\w+)", text["exporter.tf"] + text["apis.tf"]))
    modules = ROOT / "terraform" / "modules"
    of = {name: (modules / name / "variables.tf").read_text("utf-8") for name in ("alerts", "exporter", "pipeline")}
    taken = {name: set(re.findall(r'^variable "(\w+)"', of[name], re.MULTILINE)) for name in GIVEN_BY_THE_ROOT}
    assert set(known["pipelines"]) == taken["pipeline"] - GIVEN_BY_THE_ROOT["pipeline"]
    assert set(known["exporter"]) - {"project"} == taken["exporter"] - GIVEN_BY_THE_ROOT["exporter"]
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
        "departures = {}",
        """departures = {
          data_required = false, data_type = "JSON", dead_letter_topic = "departures-dead", deletion_protection = false
          max_delivery_attempts = 7, partition_unit = "MONTH"
        }""",
    )
    chosen = 'region = "us-central1", mode = "always_on", timeout_s = 600, invokers = ["user:me@example.com"]'
    path.write_text(text.replace('region = "us-central1"', chosen), "utf-8")
    plan = workspace.plan(VARIABLES[ONE])
    assert plan.said == ""
    pipeline = 'module.fleet.module.pipeline["departures"]'
    subscription = plan.after(f"{pipeline}.google_pubsub_subscription.main")
    table = plan.after(f"{pipeline}.google_bigquery_table.main")
    assert subscription["dead_letter_policy"][0]["max_delivery_attempts"] == 7
    assert (table["deletion_protection"], '"type":"JSON"' in table["schema"]) == (False, True)
    (template,) = plan.after("module.fleet.module.exporter[0].google_cloud_run_v2_service.exporter[0]")["template"]
    assert (table["time_partitioning"][0]["type"], '"mode":"REQUIRED"' in table["schema"]) == ("MONTH", False)
    assert plan.after(f"{pipeline}.google_pubsub_topic.dead_letters")["name"] == "departures-dead"
    assert (template["scaling"][0]["min_instance_count"], template["timeout"]) == (1, "600s")
    service = "module.fleet.module.exporter[0].google_cloud_run_v2_service_iam_member"
    assert plan.after(f'{service}.invoker["user:me@example.com"]')["role"] == "roles/run.invoker"
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
        ("exporter:", "fleet: other\nexporter:", "config_file has a key twice"),
        ("exporter:", '"fleet": other\nexporter:', "config_file has a key twice"),
        ("exporter:\n", "exporter:\n  auth: bearer\n", "config_file has a key twice"),
        ("  - id: departures", "  - id: departures\n    id: departures", "config_file has a key twice"),
        ("exporter:\n", "exporter:\n  budget: { monthly_usd: 1, monthly_usd: 2 }\n", "config_file has a key twice"),
        ("exporter:\n", 'exporter:\n  prices: {"slot_hour":1,"slot_hour":2}\n', "config_file has a key twice"),
        ("exporter:\n", "exporter:\n  fleet_incident_systems: 010\n", "a number that begins with 0"),
        ("exporter:\n", "exporter:\n  fleet_incident_systems: 0x10 # many\n", "a number that begins with 0"),
        ("exporter:\n", "exporter: # auth: {auth: bearer}, fleet: 010\n  fleet_incident_systems: 10\n", ""),
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


@pytest.mark.parametrize(
    ("of_departures", "of_arrivals", "options", "named"),
    [
        ({}, {"topic": "departures"}, {}, "topic acme-data/departures"),
        ({}, {"dead_letter_subscription": "departures-bq"}, {}, "subscription acme-data/departures-bq"),
        ({}, {"subscription": "departures-dlq"}, {}, "subscription acme-data/departures-dlq"),
        ({}, {"view": "raw.departures"}, {}, "table acme-data.raw.departures"),
        ({}, {"topic": "departures-dlq"}, {}, "topic acme-data/departures-dlq"),
        ({}, {"topic": "dead"}, {"departures": {"dead_letter_topic": "dead"}}, "topic acme-data/dead"),
        (
            {"dead_letter_subscription": None},
            {"topic": "departures-bq-dead-letters"},
            {},
            "topic acme-data/departures-bq-dead-letters",
        ),
        (
            {"dead_letter_subscription": None},
            {"subscription": "departures-bq-dead-letters"},
            {},
            "subscription acme-data/departures-bq-dead-letters",
        ),
        ({}, {}, {key: {"schema": SCHEMA} for key in ("departures", "arrivals")}, "schema acme-data/flight"),
        ({}, {}, {}, ""),
    ],
)
def test_what_two_pipelines_would_make_is_named(
    workspaces: Workspaces,
    of_departures: Mapping[str, Any],
    of_arrivals: Mapping[str, Any],
    options: Mapping[str, Any],
    named: str,
) -> None:
    workspace = example(workspaces, ONE)
    add_system(workspace, id="arrivals", **of_arrivals)
    path = workspace.folder / "systems.yaml"
    document = yaml.safe_load(path.read_text("utf-8"))
    changed = {**document["systems"][0], "dead_letter_subscription": "departures-dlq", **of_departures}
    document["systems"][0] = {key: value for key, value in changed.items() if value is not None}
    path.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
    path = workspace.folder / "main.tf"
    pipelines = json.dumps({"departures": {}, "arrivals": {}, **options})
    path.write_text(path.read_text("utf-8").replace("{ departures = {} }", pipelines), "utf-8")
    said = [" ".join(str(error).split()) for error in workspace.plan(VARIABLES[ONE]).errors]
    assert [f"several systems would make {named}. " in each for each in said] == [True] * bool(named), said


def test_more_policies_than_a_project_takes_are_refused_before_any_is_made(workspaces: Workspaces) -> None:
    workspace = example(workspaces, ONE)
    path = workspace.folder / "systems.yaml"
    document = yaml.safe_load(path.read_text("utf-8"))
    names = [f"system-{number}" for number in range(60)]
    document["systems"] += [
        {"id": name, "owner": name, "topic": name, "subscription": f"{name}-bq", "table": f"raw.{name}"}
        for name in names
    ]
    path.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
    said = [" ".join(str(error).split()) for error in workspace.plan(VARIABLES[ONE]).errors]
    assert ["More policies than the 500 that a project takes" in each for each in said] == [True], said


def test_a_protected_pipeline_refuses_before_anything_of_it_is_gone(workspaces: Workspaces) -> None:
    workspace = example(workspaces, ONE)
    assert workspace.apply(VARIABLES[ONE]).said == ""
    main, systems = workspace.folder / "main.tf", workspace.folder / "systems.yaml"
    texts = main.read_text("utf-8"), systems.read_text("utf-8")
    add_system(workspace, id="arrivals")
    document = yaml.safe_load(systems.read_text("utf-8"))
    systems.write_text(yaml.safe_dump({**document, "systems": document["systems"][1:]}), "utf-8")
    main.write_text(re.sub(r"(?m)^  (datasets|pipelines) .*$", "", texts[0]), "utf-8")
    before = {each for each in workspace.resources() if ".module.pipeline[" in each or "bigquery_dataset" in each}
    assert len(before) > 9
    plan = workspace.plan(VARIABLES[ONE])
    assert {plan.changes.get(each) for each in before if ".data." not in each} == {"delete"}
    assert "The pipeline of departures is protected" in workspace.apply(VARIABLES[ONE]).said
    assert before - workspace.resources().keys() == set()

    # Put back, all is as it was.
    main.write_text(texts[0], "utf-8")
    systems.write_text(texts[1], "utf-8")
    assert not any("pipeline[" in each for each in workspace.plan(VARIABLES[ONE]).changes)


def test_a_new_image_is_said_in_the_plan_though_it_changes_no_service(workspaces: Workspaces) -> None:
    workspace = example(workspaces, ONE)
    text = (workspace.folder / "main.tf").read_text("utf-8")
    (workspace.folder / "main.tf").write_text(
        text + 'output "deploy" {\n  value = module.fleet.exporter.deploy\n}\n', "utf-8"
    )
    assert workspace.apply(VARIABLES[ONE]).said == ""
    new = IMAGE.replace("0" * 64, "1" * 64)
    plan = workspace.plan({"image": new})
    assert plan.changes == {}
    update = "gcloud run services update pipeline-exporter --project acme-data --region us-central1 --image"
    assert plan.document["output_changes"]["deploy"]["before"] == f"{update} {IMAGE}"
    assert plan.document["output_changes"]["deploy"]["after"] == f"{update} {new}"


def test_the_rollout_names_what_is_made(workspaces: Workspaces) -> None:
    plan = example(workspaces, ONE).plan({"image": IMAGE})
    job = plan.after('module.fleet.module.exporter[0].google_cloud_scheduler_job.cycle["scheduled"]')
    assert (
        f"gcloud scheduler jobs run {job['name']} --location {job['region']}" in (ROOT / "docs/rollout.md").read_text()
    )
