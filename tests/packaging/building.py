"""Runs the steps of a Dockerfile where there is no container engine: each stage in a folder that stands for its file system.

Absolute paths of instructions are taken to lie in that folder. A fresh virtual environment stands for the base image's Python: with pip,
and nothing else. So a step that takes something for granted that only this machine has (a package, say) fails here as it would there.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.packaging.dockerfile import Instruction, Stage

_TIMEOUT_S = 250
_NO_INDEX = ("connection broken by", "(from versions: none)")
"""What pip says when there is nobody to ask; a version or a hash that is wrong it names otherwise."""


class NoIndex(Exception):
    """A step could not download what it needs."""


class StepFailed(Exception):
    """A step ended with another status than 0; says what it printed."""


@dataclass
class FileSystem:
    """A stage that was built: its files in ``root``, and what ENV, WORKDIR and the like said."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    directory: str = "/"
    key: str = sys.version
    """What the files follow from: the same key, the same files."""

    def path(self, text: str) -> Path:
        """Where a path of the image lies here."""
        return self.root / (text if text.startswith("/") else f"{self.directory}/{text}").lstrip("/")

    def localised(self, text: str) -> str:
        """A text whose absolute paths all lie in ``root``: no step can touch this machine's files by their names."""
        return re.sub(r"(?<![\w/.])(?=/\w)", str(self.root), text)

    @property
    def variables(self) -> dict[str, str]:
        """The environment of a process in it; programs of the system are those of this machine."""
        path = f"{self.root}/usr/local/bin:/usr/bin:/bin"
        return {"PATH": path, **{key: self.localised(value) for key, value in self.environment.items()}}


@dataclass(frozen=True)
class Builder:
    """Builds stages below ``folder`` from files of ``context``; dependencies that were installed once are kept in ``cache``."""

    context: Path
    folder: Path
    cache: Path

    def build(self, found: list[Stage]) -> FileSystem:
        """Build all stages, and return the last one."""
        built: dict[str, FileSystem] = {}
        for number, stage in enumerate(found):
            name = stage.name or str(number)
            files = FileSystem(self.folder / name, dict(built[stage.base].environment) if stage.base in built else {})
            files.root.mkdir(parents=True)
            if stage.instructions:
                self._base(files)
            for each in stage.instructions:
                self._step(each, files, built)
            built[name] = files
        return files

    def _base(self, files: FileSystem) -> None:
        """Stand in for the base image: its Python with pip and nothing else, and a folder for what is temporary."""
        files.path("/tmp").mkdir()
        python = self.folder / "python"
        if not python.exists():
            _run([sys.executable, "-m", "venv", str(python)], {}, self.folder)
            # Before Python 3.12 an environment begins with more than pip.
            _run([str(python / "bin" / "python"), "-m", "pip", "uninstall", "--yes", "setuptools"], {}, self.folder)
        shutil.copytree(python, files.path("/usr/local"), symlinks=True)

    def _step(self, step: Instruction, files: FileSystem, built: Mapping[str, FileSystem]) -> None:
        files.key = hashlib.sha256(f"{files.key}|{step}".encode()).hexdigest()
        match step.name:
            case "ENV":
                files.environment.update(step.pairs)
            case "WORKDIR":
                files.directory = step.text
                files.path(step.text).mkdir(parents=True, exist_ok=True)
            case "COPY":
                self._copy(step, files, built)
            case "RUN":
                self._execute(step, files)

    def _copy(self, step: Instruction, files: FileSystem, built: Mapping[str, FileSystem]) -> None:
        *sources, target = step.words
        where = files.path(target)
        for source in sources:
            if "from" in step.flags:
                shutil.copytree(built[step.flags["from"]].path(source), where, symlinks=True, copy_function=_link)
                files.key += str(uuid.uuid4())
            elif (found := self.context / source).is_dir():
                shutil.copytree(found, where, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
                files.key += str(uuid.uuid4())
            else:
                shutil.copy2(found, where)
                files.key += hashlib.sha256(found.read_bytes()).hexdigest()

    def _execute(self, step: Instruction, files: FileSystem) -> None:
        """Run a shell step; one that installs from a lock alone is taken from the cache where it was run before."""
        environment = {**_of_this_machine(), **files.variables}
        # A container has no cache of downloads; this machine's saves some.
        environment.pop("PIP_NO_CACHE_DIR", None)
        kept = re.search(r"--target (\S+) -r \S+\.lock", step.text)
        if kept is None:
            _run(["/bin/sh", "-e", "-c", files.localised(step.text)], environment, files.path("."))
            return
        target, saved = files.path(kept[1]), self.cache / files.key[:32]
        if not saved.exists():
            _run(["/bin/sh", "-e", "-c", files.localised(step.text)], environment, files.path("."))
            self._save(target, saved)
            return
        shutil.copytree(saved, target, symlinks=True, copy_function=_link)

    def _save(self, target: Path, saved: Path) -> None:
        """Keep a folder; of several who do so at once, one wins, and older ones are forgotten."""
        shutil.rmtree(self.cache, ignore_errors=True)
        self.cache.mkdir(parents=True, exist_ok=True)
        beside = self.cache / f"{saved.name}.{os.getpid()}"
        shutil.copytree(target, beside, symlinks=True, copy_function=_link)
        beside.rename(saved)


def _link(source: str, target: str) -> None:
    """Let two stages have the same file: nothing changes one once it is there."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _of_this_machine() -> dict[str, str]:
    """How this machine reaches its package index, and where it keeps what it downloaded."""
    return {
        key: value for key, value in os.environ.items() if key.startswith("PIP_") or key in ("HOME", "XDG_CACHE_HOME")
    }


def _run(command: list[str], environment: Mapping[str, str], directory: Path) -> None:
    done = subprocess.run(
        command,
        env=dict(environment),
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        said = done.stdout + done.stderr
        raise (NoIndex if any(sign in said for sign in _NO_INDEX) else StepFailed)(f"{command[-1]}\n{said}")
