"""Whole processes and what they took: wall time, CPU of user and system, and the most memory that was resident."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KIB_PER_MIB = 1024

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Taken:
    """What one run of a process, or one cycle inside it, took; ``peak_rss_mib`` is since the process began."""

    wall_s: float
    cpu_s: float
    peak_rss_mib: float


def run(command: Sequence[str | Path], environment: Mapping[str, str], log: Path) -> Taken:
    """Run a process to its end; what it prints goes to ``log``. Raises ``RuntimeError`` where it fails."""
    begun_s = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=output, stderr=output)
        _, status, used = os.wait4(process.pid, 0)
    wall_s = time.monotonic() - begun_s
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise RuntimeError(f"{command[0]} ended with status {process.returncode}:\n{tail}")
    own_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if used.ru_maxrss <= own_kib:
        # The kernel counts a child from before it becomes the other program: a parent as big as it would hide it.
        raise RuntimeError("the bench itself is too big to measure the memory of its children")
    return Taken(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / KIB_PER_MIB)


def cpu_s(pid: int) -> float:
    """CPU time of a running process so far, user and system."""
    after_name = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / _TICKS_PER_S


def memory_mib(pid: int | str, name: str) -> float:
    """Memory of a running process: ``VmHWM`` is the most that was resident, ``VmRSS`` what is now."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / KIB_PER_MIB
    raise RuntimeError(f"no {name} of process {pid}")


class Driver:
    """A process that does one thing for each line that it is given, and answers with a line of JSON."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, **asked: Any) -> dict[str, Any]:
        """Have it done once; raises ``RuntimeError`` where the process ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended: its own words are above")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def driver(command: Sequence[str | Path]) -> Iterator[Driver]:
    """Start a driver, and end it."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Driver(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(timeout=60)
