"""Reads the workflows, and names what breaks this project's rules for them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github" / "workflows"

_USES = re.compile(r"^\s*(?:- )?uses: (?P<action>\S+?)(?:@(?P<ref>\S+))?(?: # (?P<version>\S+).*)?$", re.MULTILINE)
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_TESTS = "./.github/workflows/pull-request.yml"
_APPLY = 'terraform apply -input=false "$RUNNER_TEMP/plan/terraform.plan"'
_MAY_WRITE = {"id-token": "*", "contents": "release.yml"}


@dataclass(frozen=True)
class Workflow:
    """One workflow: its file's name, its text, and what that says."""

    name: str
    text: str

    @property
    def document(self) -> Mapping[Any, Any]:
        """The parsed file; the key ``on`` is read as True, as YAML 1.1 has it."""
        found: Mapping[Any, Any] = yaml.safe_load(self.text)
        return found

    @property
    def triggers(self) -> Mapping[str, Any]:
        """What starts it."""
        found: Mapping[str, Any] = self.document[True]
        return found

    @property
    def jobs(self) -> Mapping[str, Mapping[str, Any]]:
        """Its jobs by id."""
        found: Mapping[str, Mapping[str, Any]] = self.document["jobs"]
        return found

    def step(self, job: str, name: str) -> Mapping[str, Any]:
        """A step of a job, by its name."""
        found: Mapping[str, Any] = next(each for each in self.jobs[job]["steps"] if each.get("name") == name)
        return found


def workflows() -> dict[str, Workflow]:
    """All workflows by the names of their files."""
    return {path.name: Workflow(path.name, path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.yml"))}


def complaints(workflow: Workflow) -> Iterator[str]:
    """What breaks a rule that holds for every workflow."""
    yield from _pins(workflow)
    if {"pull_request_target", "workflow_run"} & set(workflow.triggers):
        yield "it runs with rights on what strangers wrote"
    if workflow.document.get("permissions") != {}:
        yield "permissions of the whole workflow are not empty"
    if "secrets" in " ".join(_EXPRESSION.findall(workflow.text)):
        yield "it uses a secret: there are no keys here"
    for name, job in workflow.jobs.items():
        for each in _of_job(workflow, name, job):
            yield f"{name}: {each}"


def _pins(workflow: Workflow) -> Iterator[str]:
    found = list(_USES.finditer(workflow.text))
    if len(found) != workflow.text.count("uses:"):
        yield "a line with uses: cannot be read"
    for each in found:
        local = each["action"].startswith("./")
        if not local and not re.fullmatch(r"[0-9a-f]{40}", each["ref"] or ""):
            yield f"{each['action']} is not pinned by a whole commit"
        if not local and not re.fullmatch(r"v\d+\.\d+\.\d+", each["version"] or ""):
            yield f"{each['action']}: no comment says which version it is"


def _of_job(workflow: Workflow, name: str, job: Mapping[str, Any]) -> Iterator[str]:
    permissions = job.get("permissions")
    if not isinstance(permissions, dict):
        yield "it does not say which permissions it needs"
    else:
        for scope, access in permissions.items():
            if access == "write" and _MAY_WRITE.get(scope) not in ("*", workflow.name):
                yield f"it may write {scope}"
    if "steps" in job and "timeout-minutes" not in job:
        yield "it has no timeout"
    if not {"concurrency"} & {*workflow.document, *job} and "uses" not in job and "steps" in job:
        yield "nothing says what happens when it runs twice at once"
    for step in job.get("steps", ()):
        if "${{" in step.get("run", ""):
            yield f"an expression is put into a script: {step['run']}"
        if (
            str(step.get("uses", "")).startswith("actions/checkout@")
            and step.get("with", {}).get("persist-credentials") is not False
        ):
            yield "the checkout keeps its token"
    yield from _references(workflow, job)


def _references(workflow: Workflow, job: Mapping[str, Any]) -> Iterator[str]:
    """Outputs that are used, and that no step or job before gives."""
    needs = _needs(job)
    for before, output in re.findall(r"needs\.([\w-]+)\.outputs\.([\w-]+)", str(job)):
        if before not in needs or output not in _outputs(workflow.jobs.get(before, {})):
            yield f"needs.{before}.outputs.{output} is nowhere"
    known: set[str] = set()
    for step in job.get("steps", ()):
        for used in re.findall(r"steps\.([\w-]+)\.outputs", str(step)):
            if used not in known:
                yield f"no step {used} comes before it"
        known.add(step.get("id", ""))
    for used in re.findall(r"steps\.([\w-]+)\.outputs", str(job.get("outputs", ""))):
        if used not in known:
            yield f"no step {used} gives the output"


def _needs(job: Mapping[str, Any]) -> list[str]:
    """The jobs that come before."""
    needed: str | list[str] = job.get("needs", [])
    return [needed] if isinstance(needed, str) else needed


def _outputs(job: Mapping[str, Any]) -> set[str]:
    """Names of a job's outputs; of one that calls another workflow, those of that workflow."""
    if "uses" not in job:
        return set(job.get("outputs", ()))
    called = workflows()[Path(job["uses"]).name]
    return set(called.triggers["workflow_call"]["outputs"])


def untested(workflow: Workflow) -> set[str]:
    """Jobs that run though the tests of that commit may have failed: they need no job that calls the tests, directly or through others."""
    sound = {name for name, job in workflow.jobs.items() if job.get("uses") == _TESTS}
    while more := {
        name
        for name, job in workflow.jobs.items()
        if name not in sound
        and sound & set(_needs(job))
        and not re.search(r"\b(always|failure|cancelled)\(", job.get("if", ""))
    }:
        sound |= more
    return set(workflow.jobs) - sound


def apply_complaints(workflow: Workflow) -> Iterator[str]:
    """What would let another plan be applied than the one that was approved."""
    job = workflow.jobs["apply"]
    steps = job["steps"]
    scripts = [step.get("run", "") for step in steps]
    places = [place for place, script in enumerate(scripts) if "terraform apply" in script]
    if places != [len(steps) - 1] or scripts[-1].strip() != _APPLY:
        yield "it does not apply the stored plan, as the last thing it does"
    if any(re.search(r"terraform (plan|refresh|destroy|import)\b", script) for script in scripts):
        yield "it plans again"
    taken = [step for step in steps if str(step.get("uses", "")).startswith("actions/download-artifact@")]
    if [step["with"].get("artifact-ids") for step in taken] != ["${{ needs.plan.outputs.artifact }}"]:
        yield "it does not take the artifact of its own plan"
    if not any("sha256sum --check" in script for script in scripts):
        yield "it does not check which plan it has"
    if job.get("environment") != "production":
        yield "nobody approves it"
    if job.get("concurrency", {}).get("cancel-in-progress") is not False:
        yield "it may be cancelled while it works"
    if workflow.jobs["plan"]["uses"] != "./.github/workflows/terraform-plan.yml" or job["needs"] != "plan":
        yield "the plan is not the one that pull requests show"
