"""What docs/rollout.md says to type makes files that this project takes, whatever the project is called."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from exporter import config
from tests.terraform.program import ROOT
from tests.terraform.standin.schemas import VERSIONS
from tests.terraform.test_examples import IMAGE
from tests.terraform.workspace import Workspace, Workspaces

PAGE = (ROOT / "docs" / "rollout.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
PROJECT = "another-project-7"


def typed(folder: Path, script: str, **environment: str) -> None:
    """Run a part of the page as it stands, in a folder."""
    done = subprocess.run(
        ["bash", "-eu", "-c", script],
        cwd=folder,
        env={**os.environ, "PROJECT": PROJECT, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def written(name: str) -> str:
    """The here-document that makes a file."""
    (found,) = (
        each[0]
        for block in BLOCKS
        for each in re.finditer(rf"^cat > {re.escape(name)} <<.*?^END$", block, re.MULTILINE | re.DOTALL)
    )
    return found


@pytest.fixture
def workspace(workspaces: Workspaces) -> Workspace:
    made = workspaces.copy("terraform", VERSIONS[-1])
    for name in ("systems.yaml", "terraform/terraform.tfvars", "terraform/backend.tf"):
        typed(made.tree, written(name))
    return made


def test_what_is_typed_is_planned_for_the_project_that_was_named(workspace: Workspace) -> None:
    loaded = config.parse((workspace.tree / "systems.yaml").read_text("utf-8"), "systems.yaml")
    assert {each.project for each in loaded.systems} == {loaded.exporter.monitoring_project} == {PROJECT}
    assert f'"{PROJECT}-terraform"' in (workspace.folder / "backend.tf").read_text("utf-8")
    assert workspace.init().errors == ()
    assert workspace.run("fmt", "-check", "-diff", "-no-color", "terraform.tfvars", "backend.tf").said == ""
    plan = workspace.plan()
    assert plan.said == ""
    assert {plan.after(each).get("project") for each in plan.changes if ".google_pubsub_" in each} == {PROJECT}
    assert (
        "acme-data"
        not in (workspace.tree / "systems.yaml").read_text() + (workspace.folder / "terraform.tfvars").read_text()
    )


def test_the_image_is_written_into_the_file_and_the_file_stays_formatted(workspace: Workspace) -> None:
    (block,) = (block for block in BLOCKS if "terraform.tfvars > new.tfvars" in block)
    edit = "\n".join(line for line in block.splitlines() if "tfvars" in line)
    repository, _, digest = IMAGE.partition("/exporter@")
    typed(workspace.folder, edit, REPOSITORY=repository, DIGEST=digest)
    assert workspace.init().errors == ()
    assert workspace.run("fmt", "-check", "-diff", "-no-color", "terraform.tfvars").said == ""
    plan = workspace.plan()
    assert plan.said == ""
    (template,) = plan.after("module.exporter[0].google_cloud_run_v2_service.exporter[0]")["template"]
    assert template["containers"][0]["image"] == IMAGE


def test_nothing_is_asked_of_one_kind_of_sed_alone() -> None:
    assert "sed -i" not in PAGE
    assert "GNU" not in PAGE


def test_the_topic_of_the_channel_is_made() -> None:
    (topic,) = re.findall(r'type = "pubsub", address = "projects/[^/]+/topics/([^"]+)"', PAGE)
    assert f"gcloud pubsub topics create {topic}\n" in PAGE


@pytest.mark.parametrize("page", ["rollout.md", "deploying.md"])
def test_the_next_image_is_deployed_by_the_command_that_terraform_names(page: str) -> None:
    text = (ROOT / "docs" / page).read_text("utf-8")
    assert "gcloud run services update pipeline-exporter " in text
    assert "`exporter.deploy`" in text
