"""Virtual environments under ``.venv/bench``: made once, and made anew where their requirements change."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[3]
DIRECTORY = ROOT / ".venv" / "bench"
_REQUIREMENTS = Path(__file__).parents[1] / "requirements"

QUERY_EXPORTER_PYTHON = (3, 12)
"""The oldest Python that query-exporter 5.2.2 runs on (its metadata)."""


def exporter() -> Path:
    """Python of an environment with what ``pip install .`` brings, and nothing that only development needs; as in production."""
    constraints = DIRECTORY / "exporter-constraints.txt"
    locked = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pins = "\n".join(re.findall(r"^\S+==[^\s\\]+(?: ; [^\\\n]+)?", locked, flags=re.MULTILINE))
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    constraints.write_text(pins + "\n", encoding="utf-8")
    arguments = ["--constraint", str(constraints), "--editable", str(ROOT)]
    content = "\n".join([str(ROOT), pins, (ROOT / "pyproject.toml").read_text(encoding="utf-8")])
    return _environment("exporter", sys.executable, arguments, content)


def slo_generator() -> Path:
    """Python of an environment with slo-generator."""
    return _pinned("slo-generator", sys.executable)


def query_exporter() -> Path | None:
    """Python of an environment with query-exporter; None where no Python is found that is new enough for it."""
    found = next(_newer_pythons(QUERY_EXPORTER_PYTHON), None)
    return None if found is None else _pinned("query-exporter", found)


def _pinned(name: str, python: str) -> Path:
    file = _REQUIREMENTS / f"{name}.txt"
    return _environment(name, python, ["--require-hashes", "-r", str(file)], file.read_text(encoding="utf-8"))


def _environment(name: str, python: str, arguments: Sequence[str], content: str) -> Path:
    directory = DIRECTORY / name
    made = directory / "made-from.txt"
    own = directory / "bin" / "python"
    if not made.exists() or made.read_text(encoding="utf-8") != content:
        print(f"setting up {name} (once)", file=sys.stderr)
        subprocess.run([python, "-m", "venv", "--clear", str(directory)], check=True)
        pip = [str(own), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *arguments], check=True, stdout=sys.stderr)
        made.write_text(content, encoding="utf-8")
    return own


def _newer_pythons(least: tuple[int, int]) -> Iterator[str]:
    """Pythons that are at least so new: this one, those on PATH, and those that pyenv has installed."""
    installed = sorted(Path.home().glob(".pyenv/versions/3.*/bin/python"), reverse=True)
    for candidate in (sys.executable, "python3.13", "python3.12", "python3.14", *map(str, installed)):
        test = f"import sys; sys.exit(sys.version_info < {least})"
        try:
            answer = subprocess.run([candidate, "-c", test], check=False, capture_output=True)
        except OSError:
            continue
        if answer.returncode == 0:
            yield candidate
