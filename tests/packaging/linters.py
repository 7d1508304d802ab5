"""Programs that check files of others' formats; they come with the development dependencies."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

_PATH = os.pathsep.join((str(Path(sys.prefix) / "bin"), os.environ.get("PATH", os.defpath)))
_TIMEOUT_S = 120


def run(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run one, and return its status and what it printed."""
    found = shutil.which(program, path=_PATH)
    assert found is not None, f"{program} is missing: run make clean, then make test"
    return subprocess.run([found, *arguments], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)


def dockerfile(path: Path) -> subprocess.CompletedProcess[str]:
    """What hadolint says of a Dockerfile; nothing when it is content."""
    return run("hadolint", "--no-color", path)


def schema(name: str, *paths: Path) -> subprocess.CompletedProcess[str]:
    """Validate against a JSON Schema that check-jsonschema brings: ``github-workflows``, ``dependabot``."""
    return run("check-jsonschema", "--builtin-schema", f"vendor.{name}", "--color", "never", *paths)


def audit(*paths: Path) -> subprocess.CompletedProcess[str]:
    """What zizmor knows to be dangerous in workflows; it asks nobody."""
    return run("zizmor", "--offline", "--persona", "pedantic", "--no-progress", "--color", "never", *paths)
