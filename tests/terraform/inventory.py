"""Reviewed inventories of plans, and modules that are called with one mistake each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.terraform.problems import Problem
from tests.terraform.workspace import Plan, Workspaces

Inventory = Mapping[str, Mapping[str, Any]]
"""Address of a resource -> the arguments that a reviewer cares for; nested blocks are lists, as in Terraform's JSON."""


@dataclass(frozen=True)
class Mistake:
    """What is wrong with the variables of a module, and words of the refusal; ``where`` names it in a test's id."""

    where: str
    changes: Mapping[str, Any]
    said: str


def assert_creates(plan: Plan, inventory: Inventory) -> None:
    """The plan creates these resources and no others, with these arguments at least."""
    assert plan.said == ""
    assert plan.changes == dict.fromkeys(inventory, "create")
    for address, wanted in inventory.items():
        assert _reviewed(plan.after(address), wanted) == wanted, address


def refusals(
    workspaces: Workspaces, version: str, module: str, good: Mapping[str, Any], mistakes: Mapping[str, Mistake]
) -> dict[str, list[Problem]]:
    """Errors of plans that call a module once per mistake, by the name of the mistake.

    Each call has a file of its own. Terraform looks at rules between variables only when there is nothing else to refuse: so what was
    refused is taken out, until nothing is.
    """
    calls = {
        name: json.dumps({"module": {name: _escaped({"source": module, **good, **mistake.changes})}})
        for name, mistake in mistakes.items()
    }
    files = {f"{name}.tf.json": call for name, call in calls.items()}
    workspace = workspaces.written({"main.tf": "terraform {}\n", **files}, version)
    found: dict[str, list[Problem]] = {}
    while errors := workspace.plan().errors:
        for error in errors:
            name = error.where.partition(".tf.json:")[0]
            assert name in calls, f"not about one of the calls: {error}"
            found.setdefault(name, []).append(error)
        for name in found:
            (workspace.folder / f"{name}.tf.json").unlink(missing_ok=True)
    return found


def _reviewed(actual: Any, wanted: Any) -> Any:
    """The part of a value that an inventory speaks of."""
    if isinstance(wanted, Mapping) and isinstance(actual, Mapping):
        return {key: _reviewed(actual.get(key), each) for key, each in wanted.items()}
    if isinstance(wanted, list) and isinstance(actual, list) and len(wanted) == len(actual):
        return [_reviewed(*pair) for pair in zip(actual, wanted, strict=True)]
    return actual


def _escaped(value: Any) -> Any:
    """A value as JSON configuration takes it literally: no text of ours is a template."""
    return json.loads(json.dumps(value).replace("${", "$${").replace("%{", "%%{"))
