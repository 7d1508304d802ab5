"""Which of several exporters a system belongs to: the same answer everywhere, without anybody being asked."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exporter.errors import UsageError
from exporter.model import System


@dataclass(frozen=True, slots=True)
class Shard:
    """One of ``count`` exporters that share a fleet; ``index`` is 1 to ``count``."""

    index: int = 1
    count: int = 1

    def __str__(self) -> str:
        return f"shard-{self.index}-of-{self.count}"


WHOLE = Shard()
"""A single exporter for the whole fleet."""


def parse(text: str) -> Shard:
    """Read ``2/3``; raises ``UsageError``."""
    found = re.fullmatch(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})", text)
    if found is None or int(found[1]) > int(found[2]):
        raise UsageError(f"--shard: {text!r} is no shard: write I/N with I from 1 to N, such as 2/3")
    return Shard(int(found[1]), int(found[2]))


def of_environment(environ: Mapping[str, str]) -> Shard:
    """The shard of a task of a Cloud Run job, which counts its tasks from 0; the whole fleet elsewhere; raises ``UsageError``."""
    index, count = environ.get("CLOUD_RUN_TASK_INDEX"), environ.get("CLOUD_RUN_TASK_COUNT")
    if index is None or count is None:
        return WHOLE
    if not index.isdecimal() or not count.isdecimal() or int(index) >= int(count):
        raise UsageError(f"CLOUD_RUN_TASK_INDEX={index} and CLOUD_RUN_TASK_COUNT={count} are no task of a job")
    return Shard(int(index) + 1, int(count))


def owner(system: str, count: int) -> int:
    """Which of ``count`` shards a system belongs to: the one that scores highest for it (rendezvous hashing).

    With one shard more, a system stays or moves to the new one; with one less, only the systems of the last one move.
    """
    return max(range(1, count + 1), key=lambda index: hashlib.sha256(f"{index}/{system}".encode()).digest())


def share(systems: Sequence[System], shard: Shard) -> tuple[System, ...]:
    """The systems of one shard."""
    return tuple(system for system in systems if owner(system.id, shard.count) == shard.index)
