"""Workspaces with the Terraform that there is."""

from __future__ import annotations

import pytest

from tests.terraform import program
from tests.terraform.workspace import Workspaces


@pytest.fixture(scope="session")
def workspaces(tmp_path_factory: pytest.TempPathFactory) -> Workspaces:
    return Workspaces(program.need(), tmp_path_factory.mktemp("terraform"))
