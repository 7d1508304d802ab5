"""Runs a process as a container would: first of its processes, as nobody in particular, on a file system that cannot be written.

Only root can arrange all of that, and not in every sandbox. Elsewhere the process runs as the user of the tests, whom the modes of
the files keep from writing.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Self

WAIT_S = 60.0
_UNSHARED = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "/bin/sh", "-e", "-c"]
_READ_ONLY = 'mount -o bind,remount,ro /; exec "$@"'
# Reading everything is no privilege that a container would need: this machine keeps its Python where root alone may look.
_RIGHTS = ["--clear-groups", "--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]


@cache
def complete() -> bool:
    """Whether processes can be confined completely here."""
    if os.geteuid() != 0:
        return False
    try:
        tried = subprocess.run([*_UNSHARED, _READ_ONLY, "sh", "true"], capture_output=True, timeout=WAIT_S, check=False)
    except OSError:
        return False
    return tried.returncode == 0


def command(arguments: list[str], user: str) -> list[str]:
    """The command that runs another one confined, as far as that is possible; ``user`` is ``65532:65532``."""
    if os.geteuid() != 0:
        return arguments
    number, group = user.split(":")
    as_user = ["setpriv", f"--reuid={number}", f"--regid={group}", *_RIGHTS, *arguments]
    return [*_UNSHARED, _READ_ONLY, "sh", *as_user] if complete() else as_user


@dataclass
class Confined:
    """A confined process, ended at the latest when its block is; what it prints is kept in a file."""

    arguments: list[str]
    environment: Mapping[str, str]
    directory: Path
    user: str
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self.process = subprocess.Popen(
            command(self.arguments, self.user),
            env=dict(self.environment),
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=self._printed,
            stderr=subprocess.STDOUT,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._printed.close()

    @property
    def printed(self) -> str:
        """What it printed so far, on either stream."""
        self._printed.seek(0)
        return self._printed.read().decode()

    @property
    def pid(self) -> int:
        """The process itself, as this machine numbers it."""
        if not complete():
            return self.process.pid
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
        return int(children.split()[0])

    def status(self, key: str) -> list[str]:
        """A line of the kernel's own account of it: ``Uid``, ``NSpid``."""
        lines = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines()
        return next(line for line in lines if line.startswith(f"{key}:")).split()[1:]

    def signal(self, number: int) -> None:
        """Send a signal to the process itself."""
        os.kill(self.pid, number)

    def finish(self) -> int:
        """Wait until it is over, and return its exit status."""
        return self.process.wait(WAIT_S)
