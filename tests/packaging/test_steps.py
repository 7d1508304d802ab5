"""The scripts of the workflows' steps, run as the runner would: what they do with what they find."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from exporter import config
from tests.packaging.dockerfile import stages
from tests.packaging.workflows import ROOT, workflows

ALL = workflows()
CHANGELOG = """# Changelog

## [Unreleased]

### Added
- what is not out yet

## [1.2.0] - 2026-11-24

### Added
- what the release brings

## [1.1.0] - 2026-10-01

## [1.0.0] - 2026-09-01

### Added
- everything
"""

MAIN = """
variable "size" {
  type = number
}

resource "terraform_data" "thing" {
  input = var.size
}
"""


@dataclass
class Runner:
    """A checkout, and the files that a runner gives to steps."""

    checkout: Path
    temporary: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.checkout.mkdir(exist_ok=True)
        self.temporary.mkdir(exist_ok=True)

    def step(self, workflow: str, job: str, name: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a step's script with what it is given; the value of an expression comes from ``environment``."""
        found = ALL[workflow].step(job, name)
        assert set(found.get("env", {})) <= set(environment), "the test must say what these are"
        given = {
            **self.environment,
            "RUNNER_TEMP": str(self.temporary),
            "GITHUB_OUTPUT": str(self.temporary / "output"),
            "GITHUB_STEP_SUMMARY": str(self.temporary / "summary"),
            "GITHUB_SHA": "0123456789",
            "PATH": os.environ["PATH"],
        }
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", found["run"]],
            cwd=self.checkout,
            env={**given, **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    @property
    def outputs(self) -> Mapping[str, str]:
        """What the steps gave so far."""
        lines = (self.temporary / "output").read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines)


def released(folder: Path, tag: str, version: str, step: str) -> subprocess.CompletedProcess[str]:
    runner = Runner(folder, folder / "temporary", {"GITHUB_REF_NAME": tag})
    (folder / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
    (folder / "pyproject.toml").write_text(f'[project]\nversion = "{version}"\n', encoding="utf-8")
    return runner.step("release.yml", "build", step)


def test_the_notes_of_a_release_are_its_section(tmp_path: Path) -> None:
    assert released(tmp_path, "v1.2.0", "1.2.0", "Notes").returncode == 0
    notes = (tmp_path / "release" / "notes.md").read_text(encoding="utf-8")
    assert notes.strip() == "### Added\n- what the release brings"


@pytest.mark.parametrize("tag", ["v1.3.0", "v1.1.0", "v1.2", "v1.2.0rc1", "v1.2.00"])
def test_a_release_that_the_changelog_says_nothing_of_is_refused(tmp_path: Path, tag: str) -> None:
    done = released(tmp_path, tag, "1.2.0", "Notes")
    assert done.returncode == 1
    assert f"::error file=CHANGELOG.md::there is no section ## [{tag[1:]}]" in done.stdout


def test_the_version_must_be_the_tags(tmp_path: Path) -> None:
    assert released(tmp_path, "v1.2.0", "1.2.0", "Version").returncode == 0
    done = released(tmp_path, "v1.2.0", "1.1.0", "Version")
    assert done.returncode == 1
    assert "the tag is v1.2.0, and the version is 1.1.0" in done.stdout


def test_the_image_is_tried_with_a_configuration_that_is_good(tmp_path: Path) -> None:
    """Docker is not there: a program in its place says what it was asked to do."""
    runner = Runner(tmp_path / "checkout", tmp_path / "temporary")
    shutil.copy(ROOT / "systems.example.yaml", runner.checkout)
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n', encoding="utf-8")
    docker.chmod(0o755)
    done = runner.step("pull-request.yml", "image", "Start", PATH=f"{docker.parent}:{os.environ['PATH']}")
    assert done.returncode == 0, done.stderr
    asked = done.stdout.splitlines()
    assert {"--read-only", "--cap-drop"} <= set(asked)
    written = runner.temporary / "systems.yaml"
    assert f"{written}:{stages(ROOT / 'Dockerfile')[-1].last('CMD').words[-1]}:ro" in asked
    loaded = config.load(written)
    assert loaded.exporter.auth == "bearer"
    assert loaded.endpoints.monitoring == "127.0.0.1:9"


@pytest.mark.parametrize(
    ("owner", "status", "said"),
    [("data-platform", 0, ""), ("data platform", 2, "systems.yaml:5: defaults.owner: must be")],
)
def test_what_the_exporter_would_refuse_is_not_planned(tmp_path: Path, owner: str, status: int, said: str) -> None:
    runner = Runner(tmp_path / "checkout", tmp_path / "temporary")
    document = ["fleet: flights", "defaults:", "  project: acme-data", "  location: EU", f"  owner: {owner}"]
    system = ["systems:", "  - {id: departures, topic: departures, subscription: departures-bq, table: raw.departures}"]
    (runner.checkout / "systems.yaml").write_text("\n".join([*document, *system]), encoding="utf-8")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = runner.step("terraform-plan.yml", "check", "Check", PATH=path)
    assert (done.returncode, said in done.stderr) == (status, True), done.stderr
    assert ALL["terraform-plan.yml"].jobs["plan"]["needs"] == "check"


class Terraform:
    """Runners of the workflows that plan and apply, on one state; Terraform is real, and the bucket a file."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("terraform") is None:
            pytest.skip("terraform is not installed: https://developer.hashicorp.com/terraform/install")
        self.folder = folder
        self.state = folder / "state"

    def runner(self, name: str, size: int) -> Runner:
        """A fresh runner whose checkout wants a thing of this size."""
        nothing = self.folder / "terraformrc"
        nothing.touch()
        settings = {"TF_CLI_CONFIG_FILE": str(nothing), "CHECKPOINT_DISABLE": "1", "TF_VAR_size": str(size)}
        runner = Runner(self.folder / name, self.folder / f"{name}.temporary", settings)
        backend = f'terraform {{\n  backend "local" {{\n    path = "{self.state}"\n  }}\n}}\n'
        (runner.checkout / "main.tf").write_text(MAIN + backend, encoding="utf-8")
        # Terraform writes none where there are no providers.
        (runner.checkout / ".terraform.lock.hcl").touch()
        command = ["terraform", "init", "-input=false"]
        environment = {**settings, "PATH": os.environ["PATH"]}
        subprocess.run(command, cwd=runner.checkout, env=environment, capture_output=True, timeout=120, check=True)
        return runner

    def plan(self, name: str, size: int) -> Runner:
        runner = self.runner(name, size)
        done = runner.step("terraform-plan.yml", "plan", "Plan")
        assert done.returncode == 0, done.stderr
        return runner

    def apply(
        self, planned: Runner, name: str
    ) -> tuple[subprocess.CompletedProcess[str], subprocess.CompletedProcess[str]]:
        """Take the plan of another runner and apply it, as the job does; what the check and the apply said."""
        # A runner whose own idea of the size is another: what is applied must come from the plan.
        runner = self.runner(name, 999)
        shutil.copytree(planned.temporary / "plan", runner.temporary / "plan")
        checked = runner.step(
            "terraform-apply.yml",
            "apply",
            "Check that it is the plan that was reviewed",
            SHA256=planned.outputs["sha256"],
        )
        return checked, runner.step("terraform-apply.yml", "apply", "Apply")


def test_what_was_planned_is_applied_and_then_there_is_nothing_to_do(tmp_path: Path) -> None:
    terraform = Terraform(tmp_path)
    planned = terraform.plan("first", 1)
    assert planned.outputs["changes"] == "true"
    assert planned.step("terraform-plan.yml", "plan", "Summary").returncode == 0
    summary = (planned.temporary / "summary").read_text(encoding="utf-8")
    assert "Plan of 0123456789" in summary
    assert "# terraform_data.thing will be created" in summary
    checked, applied = terraform.apply(planned, "apply")
    assert (checked.returncode, applied.returncode) == (0, 0), applied.stderr
    assert terraform.plan("second", 1).outputs["changes"] == "false"
    assert terraform.plan("third", 2).outputs["changes"] == "true"


def test_a_plan_that_was_overtaken_is_refused(tmp_path: Path) -> None:
    terraform = Terraform(tmp_path)
    earlier, later = terraform.plan("earlier", 1), terraform.plan("later", 2)
    assert terraform.apply(later, "apply later")[1].returncode == 0
    _, applied = terraform.apply(earlier, "apply earlier")
    assert applied.returncode == 1
    assert "Saved plan is stale" in applied.stderr


def test_another_plan_than_the_reviewed_one_is_noticed(tmp_path: Path) -> None:
    terraform = Terraform(tmp_path)
    reviewed, other = terraform.plan("reviewed", 1), terraform.plan("other", 2)
    shutil.copy(other.temporary / "plan" / "terraform.plan", reviewed.temporary / "plan" / "terraform.plan")
    checked, _ = terraform.apply(reviewed, "apply")
    assert checked.returncode == 1


def test_a_plan_that_fails_fails_its_step(tmp_path: Path) -> None:
    runner = Terraform(tmp_path).runner("broken", 1)
    done = runner.step("terraform-plan.yml", "plan", "Plan", TF_VAR_size="large")
    assert done.returncode == 1
    assert not (runner.temporary / "output").exists()
