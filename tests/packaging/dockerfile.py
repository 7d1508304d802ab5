"""Reads a Dockerfile: its stages, and the instructions of each."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Instruction:
    """One instruction, ``RUN`` or ``COPY`` say; ``flags`` are its options, ``text`` is the rest on one line."""

    name: str
    flags: Mapping[str, str]
    text: str

    @property
    def words(self) -> list[str]:
        """What it is given: the elements of a JSON list, else words as a shell would divide them."""
        return [str(word) for word in json.loads(self.text)] if self.text.startswith("[") else shlex.split(self.text)

    @property
    def pairs(self) -> dict[str, str]:
        """``name=value`` of ENV, ARG and LABEL."""
        return dict(word.split("=", 1) for word in self.words)


@dataclass
class Stage:
    """What stands between a FROM and the next one; ``base`` is an image, or the name of a stage before."""

    base: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, name: str) -> list[Instruction]:
        """Its instructions of a kind, in order."""
        return [each for each in self.instructions if each.name == name]

    def last(self, name: str) -> Instruction:
        """The one of a kind that counts, where a later one replaces those before."""
        return self.all(name)[-1]

    @property
    def environment(self) -> dict[str, str]:
        """What its ENV instructions set."""
        return {key: value for each in self.all("ENV") for key, value in each.pairs.items()}


def stages(path: Path) -> list[Stage]:
    """The stages of a Dockerfile, in order."""
    found: list[Stage] = []
    for each in _instructions(path.read_text(encoding="utf-8")):
        if each.name == "FROM":
            base, *rest = each.words
            found.append(Stage(base, rest[1] if rest else ""))
        else:
            found[-1].instructions.append(each)
    return found


def _instructions(text: str) -> Iterator[Instruction]:
    kept = "\n".join(line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    for line in re.sub(r"\s*\\\n\s*", " ", kept).splitlines():
        name, rest = line.split(maxsplit=1)
        flags = {}
        while option := re.match(r"--([a-z-]+)=(\S+)\s+", rest):
            flags[option[1]] = option[2]
            rest = rest[option.end() :]
        yield Instruction(name.upper(), flags, rest.strip())
