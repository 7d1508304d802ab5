"""Programs of others that tests run: where they are, and how Debian's packages of them come here.

``python -m tests.programs`` unpacks what is missing beside the virtual environment's own files, and what the tests of Terraform take from
PyPI: nothing of the system changes, no service is started, and ``make clean`` takes it away again. It never fails: what cannot be had is
named on standard error.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

HOME = Path(sys.prefix) / "programs"
"""One folder for each package, and ``bin`` with a script for each program."""

PACKAGES: Mapping[str, Mapping[str, str]] = {
    "prometheus": {"prometheus": "usr/bin/prometheus", "promtool": "usr/bin/promtool"},
    # The program itself: the script in usr/bin looks for it in the system.
    "chromium": {"chromium": "usr/lib/chromium/chromium"},
}
"""Programs of each Debian package, and where in it (or in the packages that it needs) they lie."""

_TIMEOUT_S = 300


class Missing(Exception):
    """A package cannot be had; says why."""


def find(name: str) -> str | None:
    """Path of a program: what was unpacked here comes before what the system has."""
    return shutil.which(name, path=os.pathsep.join((str(HOME / "bin"), os.environ.get("PATH", os.defpath))))


def need(name: str) -> str:
    """Path of a program; skips the test where it is not there."""
    path = find(name)
    if path is None:
        (package,) = (package for package, programs in PACKAGES.items() if name in programs)
        pytest.skip(f"{name} is not installed (Debian package {package}; make programs unpacks it where it can)")
    return path


def provide(packages: Mapping[str, Mapping[str, str]] = PACKAGES) -> list[str]:
    """Unpack the packages of programs that are missing; says of each that cannot be had which programs those are, and why."""
    missing = {package: names for package, names in packages.items() if not all(map(find, names))}
    if not missing:
        return []
    print(f"unpacking {', '.join(missing)} into {HOME} (once, about half a minute)", file=sys.stderr)
    HOME.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=HOME, prefix=".new-") as folder:
        apt = _Apt(Path(folder))
        complaints = []
        for package, names in missing.items():
            try:
                apt.fetch(package)
                _install(apt, package, names)
            except (Missing, OSError) as why:
                complaints.append(f"{', '.join(names)} (Debian package {package}): {why}")
    return complaints


_APT_CONFIGURATION = """
Dir::State::Lists "{folder}/lists";
Dir::Cache "{folder}";
Dir::Cache::Archives "{folder}/archives";
Debug::NoLocking "1";
APT::Sandbox::User "";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "0";
Acquire::http::Timeout "15";
Acquire::https::Timeout "15";
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
"""
"""Indexes and archives in a folder of our own, and no hooks: neither root nor the system's locks are needed."""


class _Apt:
    """apt with everything that it writes in one folder."""

    def __init__(self, folder: Path) -> None:
        self.archives = folder / "archives"
        (folder / "lists" / "partial").mkdir(parents=True)
        self._configuration = folder / "apt.conf"
        self._configuration.write_text(_APT_CONFIGURATION.format(folder=folder), encoding="utf-8")
        self._updated: list[str | None] = []

    def fetch(self, package: str) -> None:
        """Download a package, and those that it needs and the system has not."""
        if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
            raise Missing("there is no apt-get here")
        shutil.rmtree(self.archives, ignore_errors=True)
        (self.archives / "partial").mkdir(parents=True)
        if not self._updated:
            self._updated.append(self._run("update"))
        why = self._run("install", "--download-only", "--no-install-recommends", "--yes", package)
        if why is not None:
            # One of several sources may fail where the package comes from another.
            raise Missing(self._updated[0] or why)

    def _run(self, *arguments: str) -> str | None:
        return _complaint(["apt-get", "-qq", f"--config-file={self._configuration}", *arguments])


def _complaint(command: list[str]) -> str | None:
    """Run a command; None when it succeeds, else the first error that it names."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return None
    said = (done.stderr or done.stdout).strip().splitlines()
    return next(
        (line for line in said if line.startswith("E:")), said[-1] if said else f"exit status {done.returncode}"
    )


def _install(apt: _Apt, package: str, names: Mapping[str, str]) -> None:
    """Unpack what was fetched, and keep it if its programs run."""
    target = HOME / package
    shutil.rmtree(target, ignore_errors=True)
    for archive in sorted(apt.archives.glob("*.deb")):
        why = _complaint(["dpkg-deb", "--extract", str(archive), str(target)])
        if why is not None:
            raise Missing(why)
    (HOME / "bin").mkdir(exist_ok=True)
    for name, path in names.items():
        script = HOME / "bin" / name
        script.write_text(_script(target, path), encoding="utf-8")
        script.chmod(0o755)
        why = _complaint([str(script), "--version"])
        if why is not None:
            script.unlink()
            raise Missing(why)


def _script(target: Path, path: str) -> str:
    """A script that becomes the program; what it needs lies beside it where the system has it not."""
    lines = ["#!/bin/sh"]
    folders = sorted({str(library.parent) for library in (target / "usr" / "lib").glob("*-linux-*/**/*.so*")})
    if folders:
        lines.append(f'export LD_LIBRARY_PATH="{":".join(folders)}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"')
    if (target / "etc" / "fonts").exists():
        lines.append(f'export FONTCONFIG_SYSROOT="{target}"')
    return "\n".join([*lines, f'exec "{target / path}" "$@"', ""])


if __name__ == "__main__":
    from tests.terraform import packages
    from tests.terraform.standin import schemas

    for complaint in [*provide(), *packages.provide(), *schemas.provide()]:
        print(f"tests that need it are skipped: {complaint}", file=sys.stderr)
