"""The workflows: valid for GitHub, without what is known to be dangerous, and by this project's own rules."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.packaging.linters import audit, schema
from tests.packaging.workflows import FOLDER, Workflow, apply_complaints, complaints, untested, workflows

ALL = workflows()


def planted(name: str, old: str, new: str) -> Workflow:
    """A workflow with a mistake."""
    assert old in ALL[name].text
    return Workflow(name, ALL[name].text.replace(old, new, 1))


def test_there_are_those_that_the_documents_name() -> None:
    assert set(ALL) == {"image.yml", "pull-request.yml", "release.yml", "terraform-apply.yml", "terraform-plan.yml"}


def test_github_would_accept_them() -> None:
    done = schema("github-workflows", *FOLDER.glob("*.yml"))
    assert done.returncode == 0, done.stdout
    done = schema("dependabot", FOLDER.parent / "dependabot.yml")
    assert done.returncode == 0, done.stdout


def test_nothing_dangerous_is_known_of_them() -> None:
    done = audit(FOLDER.parent)
    assert done.returncode == 0, done.stdout
    assert "No findings" in done.stdout + done.stderr


@pytest.mark.parametrize("name", ALL)
def test_they_keep_our_rules(name: str) -> None:
    assert list(complaints(ALL[name])) == []


def test_one_version_of_each_action_and_of_terraform() -> None:
    lines = {line.strip(" -") for each in ALL.values() for line in each.text.splitlines()}
    pins = [line.split("@")[0] for line in lines if line.startswith("uses:") and "@" in line]
    assert sorted(pins) == sorted(set(pins))
    assert len([line for line in lines if line.startswith("terraform_version:")]) == 1


def test_apply_takes_the_plan_that_was_approved() -> None:
    assert list(apply_complaints(ALL["terraform-apply.yml"])) == []


@pytest.mark.parametrize("name", ["image.yml", "terraform-apply.yml"])
def test_nothing_is_deployed_that_does_not_pass_the_tests(name: str) -> None:
    assert untested(ALL[name]) == set()
    assert "workflow_call" in ALL["pull-request.yml"].triggers
    # Those that call the tests do not wait for each other, nor take each other's place.
    assert "${{ github.workflow }}" in ALL["pull-request.yml"].document["concurrency"]["group"]


@pytest.mark.parametrize(
    ("name", "old", "new", "jobs"),
    [
        ("image.yml", "    needs: test\n", "", {"build", "deploy"}),
        ("terraform-apply.yml", "    needs: test\n", "", {"plan", "apply"}),
        ("image.yml", "    if: vars.CLOUD_RUN_SERVICE", "    if: always() && vars.CLOUD_RUN_SERVICE", {"deploy"}),
        (
            "image.yml",
            "uses: ./.github/workflows/pull-request.yml",
            "uses: ./.github/workflows/release.yml",
            {"test", "build", "deploy"},
        ),
    ],
)
def test_a_job_that_does_not_wait_for_the_tests_is_named(name: str, old: str, new: str, jobs: set[str]) -> None:
    assert untested(planted(name, old, new)) == jobs


def test_what_is_deployed_is_the_digest_that_was_built() -> None:
    step = ALL["image.yml"].step("deploy", "Deploy")
    assert step["env"]["DIGEST"] == "${{ needs.build.outputs.digest }}"
    assert '--image "$IMAGE@$DIGEST"' in step["run"]


@pytest.mark.parametrize(
    ("name", "old", "new", "named"),
    [
        (
            "image.yml",
            "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1",
            "actions/checkout@v7",
            "whole commit",
        ),
        (
            "image.yml",
            "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1",
            "actions/checkout@3d3c42e",
            "whole commit",
        ),
        ("image.yml", "90b1 # v7.0.1", "90b1", "which version"),
        ("pull-request.yml", "  pull_request:", "  pull_request_target:", "strangers"),
        ("pull-request.yml", "permissions: {}", "permissions: write-all", "not empty"),
        ("pull-request.yml", "permissions: {}\n", "", "not empty"),
        (
            "pull-request.yml",
            "    permissions:\n      contents: read\n    strategy",
            "    strategy",
            "which permissions",
        ),
        ("pull-request.yml", "      contents: read", "      contents: write", "may write contents"),
        ("pull-request.yml", "    timeout-minutes: 45\n", "", "timeout"),
        ("pull-request.yml", "persist-credentials: false", "persist-credentials: true", "keeps its token"),
        (
            "pull-request.yml",
            "run: make test",
            "run: make test ${{ github.event.pull_request.title }}",
            "put into a script",
        ),
        ("release.yml", "${{ github.token }}", "${{ secrets.TOKEN }}", "secret"),
        (
            "release.yml",
            "concurrency:\n  group: release-${{ github.ref }}\n  cancel-in-progress: false\n",
            "",
            "twice at once",
        ),
        ("image.yml", "needs.build.outputs.digest", "needs.build.outputs.hash", "is nowhere"),
        ("image.yml", "steps.auth.outputs", "steps.login.outputs", "no step login"),
        ("terraform-plan.yml", "steps.store.outputs.artifact-id", "steps.stored.outputs.artifact-id", "no step stored"),
        ("terraform-apply.yml", "outputs.sha256 }}", "outputs.sha }}", "is nowhere"),
    ],
)
def test_a_mistake_is_named(name: str, old: str, new: str, named: str) -> None:
    assert any(named in each for each in complaints(planted(name, old, new)))


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        (
            'terraform apply -input=false "$RUNNER_TEMP/plan/terraform.plan"',
            "terraform apply -auto-approve",
            "the stored plan",
        ),
        ("run: terraform apply", "run: terraform plan && terraform apply", "plans again"),
        ("artifact-ids: ${{ needs.plan.outputs.artifact }}", "name: terraform-plan-1", "of its own plan"),
        ("| sha256sum --check --strict", "", "which plan it has"),
        ("    environment: production\n", "", "nobody approves"),
        ("cancel-in-progress: false", "cancel-in-progress: true", "cancelled"),
        ("needs: plan\n", "needs: []\n", "pull requests show"),
    ],
)
def test_a_mistake_of_apply_is_named(old: str, new: str, named: str) -> None:
    assert any(named in each for each in apply_complaints(planted("terraform-apply.yml", old, new)))


Check = Callable[[Path], subprocess.CompletedProcess[str]]
VALID: Check = partial(schema, "github-workflows")


@pytest.mark.parametrize(
    ("check", "old", "new"),
    [
        (VALID, "    runs-on: ubuntu-24.04\n", ""),
        (VALID, "    timeout-minutes: 45", "    timeout: 45"),
        (audit, "  pull_request:", "  pull_request_target:"),
        (audit, "run: make test", "run: echo ${{ github.event.pull_request.title }}"),
        (audit, "@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "@v7"),
    ],
)
def test_the_programs_that_check_name_a_mistake(tmp_path: Path, check: Check, old: str, new: str) -> None:
    path = tmp_path / ".github" / "workflows" / "pull-request.yml"
    path.parent.mkdir(parents=True)
    path.write_text(planted("pull-request.yml", old, new).text, encoding="utf-8")
    assert check(path).returncode != 0
