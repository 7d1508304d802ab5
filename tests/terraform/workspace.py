"""Our Terraform files in a temporary place, and what Terraform makes of them there.

A test asks the fixture ``workspaces`` (``conftest.py``) for a workspace: a copy of ``terraform/``, ``dashboards/`` and
``alerts/``, initialised with one version of the provider, with no state. Its files may be changed at will; ``terraform
init`` is run once for each root module, version and session, and shared. ::

    @pytest.mark.parametrize("version", VERSIONS)                      # of tests.terraform.standin.schemas
    def test_one_topic(workspaces: Workspaces, version: str) -> None:
        workspace = workspaces.copy("terraform/modules/pipeline", version)
        variables = {"project": "p", "id": "orders"}
        assert workspace.validate().said == ""                         # .errors as values, .said as one text

        plan = workspace.plan(variables)
        assert plan.said == ""
        assert plan.changes["google_pubsub_topic.this"] == "create"    # what does not change is not in it
        assert plan.after("google_pubsub_topic.this")["name"] == "orders"

        assert workspace.apply(variables).said == ""
        assert workspace.outputs()["topic_id"] == "projects/p/topics/orders"
        assert workspace.plan(variables).changes == {}                 # no perpetual difference
        assert workspace.destroy(variables).said == ""

    def test_a_mistake(workspaces: Workspaces) -> None:
        workspace = workspaces.written({"main.tf": 'resource "google_pubsub_topic" "this" { nmae = "x" }'}, "8.7.0")
        assert 'An argument named "nmae" is not expected here' in workspace.validate().said

Without a version there is no provider: for modules that need none, and then nothing has to be fetched either.
``written`` puts files into ``terraform/written`` of the copy, so that a module is ``source = "../modules/pipeline"``
there.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.terraform.problems import Outcome
from tests.terraform.program import ROOT, Program
from tests.terraform.standin.mirror import Mirror

COPIED = ("terraform", "dashboards", "alerts", "systems.example.yaml")
"""What a workspace holds of the project, under the same names."""

_NOT_COPIED = shutil.ignore_patterns(
    ".terraform*", "*.tfstate*", "*.tfplan", "*.tfvars", "*.tfvars.json", "backend.tf", "override.tf", "*_override.tf"
)
"""What somebody who uses the project has written beside our files: their own values, and where their state is."""


@dataclass(frozen=True)
class Plan(Outcome):
    """A plan, and where Terraform keeps it."""

    workspace: Workspace = field(kw_only=True)
    path: Path = field(kw_only=True)

    @cached_property
    def changes(self) -> Mapping[str, str]:
        """Address of each resource that changes, and how: create, update, replace or delete."""
        planned = (event["change"] for event in self.events if event.get("type") == "planned_change")
        return {change["resource"]["addr"]: change["action"] for change in planned}

    @cached_property
    def document(self) -> Mapping[str, Any]:
        """The whole plan in Terraform's JSON (``terraform show -json``)."""
        shown = self.workspace.run("show", "-json", str(self.path))
        if shown.errors:
            raise ValueError(shown.said)
        return dict(json.loads(shown.output))

    def after(self, address: str) -> Mapping[str, Any]:
        """What a resource will be; values that are known only after apply are left out."""
        (change,) = (change for change in self.document["resource_changes"] if change["address"] == address)
        return dict(change["change"]["after"])


@dataclass(frozen=True)
class Workspace:
    """One root module, initialised: ``folder`` is where its files are, ``tree`` the copy of the project around it."""

    program: Program
    tree: Path
    folder: Path
    mirror: Mirror

    def run(self, *arguments: str, said: str | None = None) -> Outcome:
        """Run any command in the root module."""
        environment = {"TF_CLI_CONFIG_FILE": str(self.mirror.configuration), "TF_DATA_DIR": str(self.tree / ".data")}
        return self.program.run(*arguments, folder=self.folder, environment=environment, said=said)

    def init(self) -> Outcome:
        """Needed again only after a change of modules or of required providers; the state is always kept in the
        workspace.
        """
        if any(_BACKEND.search(path.read_text(encoding="utf-8")) for path in self.folder.glob("*.tf")):
            (self.folder / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n', encoding="utf-8")
        return self.run("init", "-no-color", "-input=false")

    def fmt(self) -> Outcome:
        """Fails, naming the files and showing the difference, when a file below is not formatted as Terraform formats."""
        return self.run("fmt", "-check", "-recursive", "-diff", "-no-color")

    def validate(self) -> Outcome:
        """Check names, types and references without variables."""
        return self.run("validate", "-json")

    def plan(self, variables: Mapping[str, object] | None = None, *arguments: str) -> Plan:
        """Plan against the state so far; ``arguments`` such as ``-destroy`` are passed on."""
        path = self.tree / ".planned"
        path.unlink(missing_ok=True)
        done = self.run("plan", "-json", "-input=false", f"-out={path}", *arguments, *self._given(variables))
        return Plan(done.status, done.output, done.problems, done.events, workspace=self, path=path)

    def apply(self, variables: Mapping[str, object] | None = None) -> Outcome:
        """Plan and apply."""
        return self.run("apply", "-json", "-input=false", "-auto-approve", *self._given(variables))

    def apply_planned(self, plan: Plan) -> Outcome:
        """Apply exactly what was planned: the newest plan of this workspace."""
        return self.run("apply", "-json", "-input=false", str(plan.path))

    def destroy(self, variables: Mapping[str, object] | None = None) -> Outcome:
        """Plan and apply the end of everything."""
        return self.run("destroy", "-json", "-input=false", "-auto-approve", *self._given(variables))

    def outputs(self) -> Mapping[str, Any]:
        """The outputs after ``apply``, by name."""
        shown = self.run("output", "-json")
        return {name: each["value"] for name, each in json.loads(shown.output).items()}

    def resources(self) -> Mapping[str, Mapping[str, Any]]:
        """Everything in the state, data sources included: values by address."""
        root = json.loads(self.run("show", "-json").output).get("values", {}).get("root_module", {})
        return dict(_resources(root))

    def console(self, expression: str, variables: Mapping[str, object] | None = None) -> Outcome:
        """Evaluate an expression; its value, as Terraform writes it, is the output."""
        return self.run("console", *self._given(variables), said=expression + "\n")

    def value(self, expression: str, variables: Mapping[str, object] | None = None) -> Any:
        """Evaluate an expression on one line, as JSON; an error is raised with Terraform's message."""
        answer = self.console(f"jsonencode({expression})", variables)
        if answer.errors:
            raise ValueError(answer.said)
        return json.loads(json.loads(answer.output))

    def test(self, *arguments: str) -> tuple[Outcome, Mapping[str, int]]:
        """Run the module's ``*.tftest.hcl``; counts of runs that passed, failed, errored and were skipped: none of them
        is no success.
        """
        done = self.run("test", "-json", *arguments)
        summaries = [event["test_summary"] for event in done.events if event.get("type") == "test_summary"]
        counts = {name: int(summaries[-1][name]) for name in _COUNTS} if summaries else dict.fromkeys(_COUNTS, 0)
        return done, counts

    def _given(self, variables: Mapping[str, object] | None) -> list[str]:
        if variables is None:
            return []
        path = self.tree / ".variables.tfvars.json"
        path.write_text(json.dumps(variables), encoding="utf-8")
        return [f"-var-file={path}"]


_BACKEND = re.compile(r'^\s*backend\s+"', re.MULTILINE)
_COUNTS = ("passed", "failed", "errored", "skipped")


def _resources(module: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    own = [(each["address"], each["values"]) for each in module.get("resources", ())]
    return own + [found for child in module.get("child_modules", ()) for found in _resources(child)]


class Workspaces:
    """Makes workspaces, each with a state of its own, out of modules that are initialised once."""

    def __init__(self, program: Program, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self._originals: dict[tuple[str, str | None], Workspace] = {}
        self._mirrors: dict[str | None, Mirror] = {}
        self._made = 0

    def copy(self, module: str, version: str | None = None) -> Workspace:
        """A root module of the project, by its folder, such as ``terraform/examples/one-system``, with a version of the
        provider.
        """
        original = self._originals.get((module, version))
        if original is None:
            original = self._fresh(module, version)
            _initialise(original)
            self._originals[module, version] = original
        tree = self._next()
        shutil.copytree(original.tree, tree, symlinks=True)
        return Workspace(self._program, tree, tree / module, original.mirror)

    def written(self, files: Mapping[str, str], version: str | None = None) -> Workspace:
        """A root module of the test's own; an ``init`` that fails raises ValueError with Terraform's message."""
        workspace = self.uninitialised(files, version)
        _initialise(workspace)
        return workspace

    def uninitialised(self, files: Mapping[str, str], version: str | None = None) -> Workspace:
        """The same before ``init``, for tests of ``init``."""
        workspace = self._fresh("terraform/written", version)
        for name, text in files.items():
            path = workspace.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return workspace

    def _fresh(self, module: str, version: str | None) -> Workspace:
        if version not in self._mirrors:
            self._mirrors[version] = Mirror.make(self._program, self._folder / f"mirror-{version}", version)
        tree = self._next()
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, tree / name, ignore=_NOT_COPIED)
            elif (ROOT / name).exists():
                tree.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, tree / name)
        (tree / module).mkdir(parents=True, exist_ok=True)
        return Workspace(self._program, tree, tree / module, self._mirrors[version])

    def _next(self) -> Path:
        self._made += 1
        return self._folder / f"workspace-{self._made}"


def _initialise(workspace: Workspace) -> None:
    done = workspace.init()
    if done.errors:
        raise ValueError(done.said)
