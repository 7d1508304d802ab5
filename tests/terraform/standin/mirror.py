"""Where ``terraform init`` finds the stand-in: a filesystem mirror that holds one version of it, and a configuration
that knows nothing else.
"""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.terraform.program import ROOT, Program
from tests.terraform.standin import schemas

_REQUIRING = 'terraform {\n  required_providers {\n    google = {\n      source = "hashicorp/google"\n    }\n  }\n}\n'
_ADDRESS = re.compile(r"provider\[([^/\]]+)/hashicorp/google\]")


@dataclass(frozen=True)
class Mirror:
    """The file to name in ``TF_CLI_CONFIG_FILE``: providers come from the mirror, and from nowhere else."""

    configuration: Path

    @classmethod
    def make(cls, program: Program, folder: Path, version: str | None) -> Mirror:
        """Install a version of the provider, or none; skips the test where its schemas were not fetched."""
        providers = folder / "providers"
        providers.mkdir(parents=True)
        if version is not None:
            _install(program, folder, providers, version)
        configuration = folder / "terraform.rc"
        configuration.write_text(
            "disable_checkpoint = true\n\nprovider_installation {\n  filesystem_mirror {\n"
            f'    path = "{providers}"\n  }}\n}}\n',
            encoding="utf-8",
        )
        return cls(configuration)


def _install(program: Program, folder: Path, providers: Path, version: str) -> None:
    schema = schemas.need(version)
    target = providers / _host(program, folder) / "hashicorp" / "google" / version / program.platform
    target.mkdir(parents=True)
    script = target / f"terraform-provider-google_v{version}"
    words = shlex.join([sys.executable, "-P", "-m", "tests.terraform.standin", str(schema)])
    script.write_text(f"#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {words}\n", encoding="utf-8")
    script.chmod(0o755)


def _host(program: Program, folder: Path) -> str:
    """The registry under which Terraform looks for a provider whose source names none; Terraform itself says it."""
    asking = folder / "asking"
    asking.mkdir()
    (asking / "main.tf").write_text(_REQUIRING, encoding="utf-8")
    answer = program.run("providers", folder=asking)
    found = _ADDRESS.search(answer.output)
    if found is None:
        raise ValueError(f"terraform providers did not say where google comes from: {answer.output} {answer.said}")
    return found[1]
