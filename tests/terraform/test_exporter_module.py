"""The module ``exporter``: the service, who may call it, what it may do, and that the program does what the service tells it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.end_to_end.conftest import running
from tests.terraform.inventory import Mistake, assert_creates, refusals
from tests.terraform.problems import Problem
from tests.terraform.program import ROOT
from tests.terraform.services import (
    ACCOUNT,
    ALWAYS_ON,
    ALWAYS_ON_INVENTORY,
    DOCUMENT,
    ROLES,
    SCHEDULED,
    SCHEDULED_INVENTORY,
    SYSTEMS,
)
from tests.terraform.standin.identities import project_number
from tests.terraform.standin.schemas import VERSIONS
from tests.terraform.workspace import Workspace, Workspaces
from tests.torture.length import some

MODULE = "terraform/modules/exporter"
WAIT_S = 60.0


def document(**changes: Any) -> dict[str, Any]:
    return {"systems_yaml": yaml.safe_dump({**DOCUMENT, **changes})}


MISTAKES: Mapping[str, Mistake] = {
    each.where: each
    for each in (
        Mistake("tag", {"image": "us-central1-docker.pkg.dev/p/r/exporter:latest"}, "image must end with its digest"),
        Mistake(
            "digest", {"image": "us-central1-docker.pkg.dev/p/r/exporter@sha256:123"}, "image must end with its digest"
        ),
        Mistake("mode", {"mode": "sometimes"}, "mode must be"),
        Mistake("minutes", {"cycle_minutes": 7}, "cycle_minutes must be"),
        Mistake("minutes_none", {"cycle_minutes": 0}, "cycle_minutes must be"),
        Mistake("region", {"region": "US"}, "region must be a region"),
        Mistake("scheduler_region", {"scheduler_region": "EU"}, "scheduler_region must be a region"),
        Mistake("name_long", {"name": "a-name-that-is-far-too-long"}, "name must be 6 to 23"),
        Mistake("name_form", {"name": "Exporter"}, "name must be 6 to 23"),
        Mistake("project", {"project_id": "acme"}, "project_id must be a project id"),
        Mistake("monitoring_form", {"monitoring_project": "Acme"}, "monitoring_project must be a project id"),
        Mistake(
            "monitoring",
            {"monitoring_project": "acme-elsewhere"},
            "monitoring_project differs from exporter.monitoring_project",
        ),
        Mistake("cpu", {"resources": {"cpu": "0.5"}}, "resources.cpu must be"),
        Mistake("memory", {"resources": {"memory": "256Mi"}}, "resources.memory must be"),
        Mistake("memory_unit", {"resources": {"memory": "1G"}}, "resources.memory must be"),
        Mistake("memory_little", {"resources": {"cpu": "8", "memory": "2Gi"}}, "4Gi to 32Gi with 8"),
        Mistake("memory_few_cpus", {"resources": {"cpu": "1", "memory": "8Gi"}}, "512Mi to 4Gi with 1 CPU"),
        Mistake("memory_most", {"resources": {"cpu": "8", "memory": "33Gi"}}, "4Gi to 32Gi with 8"),
        Mistake("timeout", {"timeout_s": 3600}, "timeout_s must be"),
        Mistake("everybody", {"invokers": ["allUsers"]}, "invokers: a member is written"),
        Mistake("env_port", {"env": {"PORT": "80"}}, "env: a name is"),
        Mistake("secret_name", {"secret_env": {"A-B": {"secret": "s"}}}, "secret_env: a name is"),
        Mistake("secret_twice", {"env": {"A": "b"}, "secret_env": {"A": {"secret": "s"}}}, "is not in env, too"),
        Mistake(
            "secret_form", {"secret_env": {"A": {"secret": "projects/acme-data/secrets/s/versions/1"}}}, "as its id"
        ),
        Mistake("secret_version", {"secret_env": {"A": {"secret": "s", "version": "0"}}}, "a version is a number"),
        Mistake(
            "headers",
            document(
                exporter={
                    "monitoring_project": "acme-observability",
                    "auth": "cloud_run",
                    "sinks": ["otlp"],
                    "otlp": {"headers_file": "headers.txt"},
                }
            ),
            "give the headers as secret_env",
        ),
        Mistake("label", {"labels": {"team": "Data"}}, "labels: at most 64"),
        Mistake("no_systems", {"systems": {}}, "systems must hold at least one system"),
        Mistake(
            "system_project",
            {"systems": {"arrivals": {**SYSTEMS["arrivals"], "project": "x"}}},
            "systems: a project id is",
        ),
        Mistake("no_yaml", {"systems_yaml": "a: [1"}, "systems_yaml must be the text of systems.yaml"),
        Mistake(
            "auth", document(exporter={"monitoring_project": "acme-observability"}), "set exporter.auth to cloud_run"
        ),
        Mistake("endpoints", document(endpoints={"pubsub": "localhost:1"}), "names endpoints"),
        Mistake("large", {"systems_yaml": yaml.safe_dump(DOCUMENT) + "#" * 2**16}, "Secret Manager takes 64 KiB"),
    )
}


@pytest.fixture(params=some(VERSIONS, 1))
def workspace(workspaces: Workspaces, request: pytest.FixtureRequest) -> Workspace:
    return workspaces.copy(MODULE, request.param)


@pytest.fixture
def newest(workspaces: Workspaces) -> Workspace:
    return workspaces.copy(MODULE, VERSIONS[-1])


@pytest.fixture(scope="module")
def refused(workspaces: Workspaces) -> dict[str, list[Problem]]:
    return refusals(workspaces, VERSIONS[-1], "../modules/exporter", SCHEDULED, MISTAKES)


def test_it_is_formatted_and_valid(workspace: Workspace) -> None:
    assert workspace.fmt().said == ""
    assert workspace.validate().said == ""


def test_called_by_cloud_scheduler(workspace: Workspace) -> None:
    assert_creates(workspace.plan(SCHEDULED), SCHEDULED_INVENTORY)


def test_always_on(workspace: Workspace) -> None:
    assert_creates(workspace.plan(ALWAYS_ON), ALWAYS_ON_INVENTORY)


def test_it_is_applied_once_and_can_be_taken_away(workspace: Workspace) -> None:
    assert workspace.apply(SCHEDULED).said == ""
    assert workspace.plan(SCHEDULED).changes == {}
    outputs, resources = workspace.outputs(), workspace.resources()
    assert outputs["roles"] == ROLES
    assert outputs["repository"] == "us-central1-docker.pkg.dev/acme-observability/pipeline-exporter"
    assert outputs["tables"] == ["acme-data.raw.arrivals", "acme-tables.raw.departures"]
    uri = f"https://pipeline-exporter-{project_number('acme-observability')}.us-central1.run.app"
    assert outputs["uri"] == uri
    (target,) = resources['google_cloud_scheduler_job.cycle["scheduled"]']["http_target"]
    assert target["uri"] == f"{uri}/cycle"
    # Cloud Run takes its own address for the audience, without a path.
    assert target["oidc_token"] == [{"audience": uri, "service_account_email": outputs["caller"]}]
    (template,) = resources["google_cloud_run_v2_service.exporter[0]"]["template"]
    assert template["service_account"] == outputs["service_account"]
    (mounted,) = template["volumes"][0]["secret"]
    version = resources["google_secret_manager_secret_version.systems"]["version"]
    assert (mounted["secret"], mounted["items"][0]["version"]) == ("pipeline-exporter-systems", version)
    assert workspace.destroy(SCHEDULED).said == ""
    assert workspace.resources() == {}


def test_a_new_system_gets_what_it_needs_and_changes_nothing_else(newest: Workspace) -> None:
    before = {**SCHEDULED, "systems": {"arrivals": SYSTEMS["arrivals"]}}
    assert newest.apply(before).said == ""
    text = before["systems_yaml"] + "# changed\n"
    plan = newest.plan({**SCHEDULED, "systems_yaml": text})
    assert plan.said == ""
    # A new version of the file is a new revision of the service; nothing else changes.
    changed = {address for address, action in plan.changes.items() if action != "create"}
    assert "google_secret_manager_secret_version.systems" in changed
    assert changed <= {"google_cloud_run_v2_service.exporter[0]", "google_secret_manager_secret_version.systems"}
    created = {address for address, action in plan.changes.items() if action == "create"}
    projects = ROLES.keys() - {"acme-data", "acme-observability"}
    # APIs are turned on where something is done now.
    turned_on = {address for address in created if address.startswith("google_project_service.main[")}
    assert {address.split('"')[1].split("/")[0] for address in turned_on} == projects
    assert created - turned_on == {
        'google_bigquery_table_iam_member.reader["acme-tables.raw.departures"]',
        'google_project_iam_custom_role.reader["acme-tables"]',
        *(f'google_project_iam_custom_role.exporter["{project}"]' for project in projects),
        *(f'google_project_iam_member.exporter["{project}"]' for project in projects),
    }


def test_secrets_reach_the_container_and_the_account_may_read_these_alone(newest: Workspace) -> None:
    variables = {
        **SCHEDULED,
        "secret_env": {
            "OTEL_EXPORTER_OTLP_METRICS_HEADERS": {"secret": "otlp-headers", "version": "3"},
            "OTHER": {"secret": "projects/acme-vault/secrets/other"},
            "SAME": {"secret": "projects/acme-observability/secrets/otlp-headers"},
        },
    }
    plan = newest.plan(variables)
    assert plan.said == ""
    (template,) = plan.after("google_cloud_run_v2_service.exporter[0]")["template"]
    given = {
        each["name"]: tuple(each["value_source"][0]["secret_key_ref"][0][key] for key in ("secret", "version"))
        for each in template["containers"][0]["env"]
    }
    assert given == {
        "OTEL_EXPORTER_OTLP_METRICS_HEADERS": ("otlp-headers", "3"),
        "OTHER": ("projects/acme-vault/secrets/other", "latest"),
        "SAME": ("otlp-headers", "latest"),
    }
    assert newest.apply(variables).said == ""
    assert newest.plan(variables).changes == {}
    granted = {
        (values["project"], values["secret_id"], values["role"], values["member"])
        for address, values in newest.resources().items()
        if address.startswith("google_secret_manager_secret_iam_member.")
    }
    assert granted == {
        (project, secret, "roles/secretmanager.secretAccessor", ACCOUNT)
        for project, secret in (
            ("acme-observability", "pipeline-exporter-systems"),
            ("acme-observability", "otlp-headers"),
            ("acme-vault", "other"),
        )
    }


def test_an_image_that_was_deployed_since_is_left_alone(newest: Workspace) -> None:
    assert newest.apply(SCHEDULED).said == ""
    other = SCHEDULED["image"].replace("0", "1")
    assert newest.plan({**SCHEDULED, "image": other}).changes == {}
    resized = newest.plan({**SCHEDULED, "image": other, "resources": {"memory": "1Gi"}})
    assert resized.changes == {"google_cloud_run_v2_service.exporter[0]": "update"}
    (template,) = resized.after("google_cloud_run_v2_service.exporter[0]")["template"]
    assert template["containers"][0]["image"] == SCHEDULED["image"]


def test_without_an_image_there_is_a_repository_to_push_it_to(newest: Workspace) -> None:
    plan = newest.plan({**SCHEDULED, "image": None})
    assert plan.said == ""
    missing = SCHEDULED_INVENTORY.keys() - plan.changes.keys()
    assert {address.partition(".")[0] for address in missing} == {
        "google_cloud_run_v2_service",
        "google_cloud_run_v2_service_iam_member",
        "google_cloud_scheduler_job",
    }
    assert plan.changes.keys() < SCHEDULED_INVENTORY.keys()


@pytest.mark.parametrize(
    ("minutes", "schedule"),
    [(1, "* * * * *"), (20, "1,21,41 * * * *"), (30, "1,31 * * * *"), (60, "1 * * * *")],
)
def test_calls_are_as_frequent_as_the_shortest_window(newest: Workspace, minutes: int, schedule: str) -> None:
    assert newest.value("local.schedule", {**SCHEDULED, "cycle_minutes": minutes}) == schedule


def test_a_rare_call_is_tried_again(newest: Workspace) -> None:
    plan = newest.plan({**SCHEDULED, "cycle_minutes": 60, "scheduler_region": "us-east1", "enable_apis": False})
    assert plan.said == ""
    job = plan.after('google_cloud_scheduler_job.cycle["scheduled"]')
    assert (job["region"], job["retry_config"][0]["retry_count"]) == ("us-east1", 2)
    assert not any("google_project_service" in address for address in plan.changes)


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_refused_by_name(refused: dict[str, list[Problem]], mistake: Mistake) -> None:
    (error,) = refused[mistake.where]
    assert mistake.said in error.detail.replace("\n", " ")


def test_nothing_but_the_mistakes_is_refused(refused: dict[str, list[Problem]]) -> None:
    assert refused.keys() == MISTAKES.keys()


def test_members_are_the_two_accounts_and_no_role_is_basic(newest: Workspace) -> None:
    assert newest.apply(SCHEDULED).said == ""
    resources = newest.resources()
    granted = {each: values for each, values in resources.items() if "_iam_member" in each}
    by_member: dict[str, set[str]] = {}
    for values in granted.values():
        by_member.setdefault(values["member"], set()).add(values["role"])
    own = {
        values["name"] for address, values in resources.items() if address.startswith("google_project_iam_custom_role")
    }
    assert by_member == {
        ACCOUNT: own | {"roles/secretmanager.secretAccessor"},
        ACCOUNT.replace("@", "-caller@"): {"roles/run.invoker"},
    }
    # The one role that reads is granted on tables, never on a project.
    readers = {address for address, values in granted.items() if values["role"].endswith("_reader")}
    assert {address.partition(".")[0] for address in readers} == {"google_bigquery_table_iam_member"}


@pytest.mark.parametrize("module", ["pipeline", "exporter"])
def test_no_module_speaks_of_basic_roles_or_of_everybody(module: str) -> None:
    for path in (ROOT / "terraform" / "modules" / module).glob("*.tf"):
        code = [line for line in path.read_text(encoding="utf-8").splitlines() if "error_message" not in line]
        assert not re.search(r"roles/(owner|editor|viewer)\b|allUsers|allAuthenticatedUsers", "\n".join(code)), path


# The container: what the module tells Cloud Run holds for the real program.


@contextmanager
def started(arguments: Sequence[str], tmp_path: Path) -> Iterator[str]:
    """Run the exporter as the container does, against a sandbox; gives its address."""
    with running(1, history_s=0) as run:
        own = yaml.safe_load(Path(run.sandbox.addresses.config).read_text(encoding="utf-8"))
        own.setdefault("exporter", {})["auth"] = "cloud_run"
        mounted = tmp_path / "systems.yaml"
        mounted.write_text(yaml.safe_dump(own), encoding="utf-8")
        words = [str(mounted) if word == "/etc/exporter/systems.yaml" else word for word in arguments]
        command = [sys.executable, "-m", "exporter", *words, "--listen", "0.0.0.0:0"]
        environment = {**os.environ, "K_SERVICE": "pipeline-exporter"}
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        try:
            assert process.stderr is not None
            found = next((match for line in process.stderr if (match := re.search(r"http://[\d.]+:(\d+)", line))), None)
            assert found is not None, "it did not start"
            yield f"http://127.0.0.1:{found[1]}"
        finally:
            process.terminate()
            process.communicate(timeout=WAIT_S)


@pytest.mark.parametrize("variables", [SCHEDULED, ALWAYS_ON], ids=["scheduled", "always_on"])
def test_the_program_takes_the_arguments_and_answers_where_it_is_asked(
    newest: Workspace, variables: Mapping[str, Any], tmp_path: Path
) -> None:
    (template,) = newest.plan(variables).after("google_cloud_run_v2_service.exporter[0]")["template"]
    (container,) = template["containers"]
    with started(container["args"], tmp_path) as address:
        for probe in ("startup_probe", "liveness_probe"):
            (asked,) = container[probe][0]["http_get"]
            with urllib.request.urlopen(f"{address}{asked['path']}", timeout=WAIT_S) as answer:
                assert answer.status == 200
        with urllib.request.urlopen(
            urllib.request.Request(f"{address}/cycle", method="POST"), timeout=WAIT_S
        ) as answer:
            assert answer.status == 200
