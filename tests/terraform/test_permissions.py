"""Permissions: the module ``exporter`` grants those that are documented, and those are what the exporter asks for."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from exporter.checking import assess
from exporter.sandbox.iam import EXPORTER, Iam
from tests.end_to_end.conftest import running
from tests.terraform.program import ROOT
from tests.terraform.services import SCHEDULED
from tests.terraform.standin.schemas import VERSIONS
from tests.terraform.workspace import Workspaces

MODULE = "terraform/modules/exporter"


def table_rows(heading: str) -> list[list[str]]:
    """Cells of the rows of the first table whose header is this, in docs/permissions.md."""
    text = (ROOT / "docs" / "permissions.md").read_text(encoding="utf-8")
    _, _, rest = text.partition(f"{heading}\n|---|---|---|---|\n")
    rows = rest.partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def documented() -> set[str]:
    rows = table_rows("| permission | on | why | without it |")
    assert all(len(row) == 4 and all(row) for row in rows)
    return {permission for row in rows for permission in re.findall(r"`([\w.]+)`", row[0])}


def test_the_module_grants_what_is_documented(workspaces: Workspaces) -> None:
    granted: dict[str, list[str]] = workspaces.copy(MODULE, VERSIONS[-1]).value("local.permissions", SCHEDULED)
    assert {each for permissions in granted.values() for each in permissions} == documented()


def test_every_permission_in_the_module_is_explained() -> None:
    lines = (ROOT / MODULE / "roles.tf").read_text(encoding="utf-8").split("projects = {")[0].splitlines()
    for before, line in pairwise(lines):
        if permission := re.search(r'"(\w+\.\w+)\.\w+"', line):
            # A comment holds for all that is done to the same kind of thing.
            assert before.strip().startswith("#") or permission[1] in before, line


ASKED_BY_GOOGLE_ONLY = {"bigquery.routines.get", "bigquery.routines.list"}
"""What the sandbox does not ask for, but Google's documentation of INFORMATION_SCHEMA.TABLES does."""


def test_what_is_documented_is_what_the_exporter_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, set[str]] = {}
    allowed = Iam.allowed

    def recording(iam: Iam, principal: str, permission: str, resource: str) -> bool:
        if principal == EXPORTER:
            asked.setdefault(permission, set()).add(resource)
        return allowed(iam, principal, permission, resource)

    with running(6, history_s=3600) as run:
        monkeypatch.setattr(Iam, "allowed", recording)
        exporter = run.exporter()
        run.cycle(exporter)
        run.advance(3600)
        run.cycle(exporter)
        assess(run.parts, run.parts.clients.now())
    assert asked.keys() == documented() - ASKED_BY_GOOGLE_ONLY
    assert asked["bigquery.tables.getData"] == {str(system.table) for system in run.parts.config.systems}
