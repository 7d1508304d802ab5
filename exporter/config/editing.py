"""Changes intervals in systems.yaml, and nothing else: every other byte of the file stays as it was."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from exporter.config.parser import parse
from exporter.config.types import Config
from exporter.config.values import format_duration
from exporter.errors import ConfigError, ExporterError

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""Line breaks of YAML 1.1."""

_INSERTED_AFTER = ("window", "tier", "id", "topic", "subscription", "table")
"""Behind which key a system's interval is put where it has none: the first of these that is there."""


class NotEdited(ExporterError):
    """The file could not be changed safely, and was left as it was."""


@dataclass(frozen=True, slots=True)
class _Edit:
    """Text that takes the place of ``[start, end)``, in characters."""

    start: int
    end: int
    text: str


def set_intervals(path: Path, intervals_s: Mapping[str, int]) -> None:
    """Set intervals in seconds by system id, in one step: after it the file is either the old or the new one.

    Raises ``NotEdited`` where it cannot be done, or not without changing more, and ``ConfigError`` where the file is not valid.
    """
    try:
        target = path.resolve(strict=True)
        text = target.read_bytes().decode("utf-8")
        after = with_intervals(text, intervals_s, str(path))
        if after != text:
            _write(target, after.encode("utf-8"))
    except UnicodeDecodeError as error:
        raise NotEdited(f"{path} was left as it was: it is not UTF-8") from error
    except OSError as error:
        raise NotEdited(f"{path} was left as it was: {error.strerror}: write the intervals by hand") from error


def with_intervals(text: str, intervals_s: Mapping[str, int], file: str) -> str:
    """The text of a configuration with other intervals; raises as ``set_intervals`` does."""
    config = parse(text, file)
    wanted = {
        system.id: intervals_s[system.id]
        for system in config.systems
        if intervals_s.get(system.id, system.interval_s) != system.interval_s
    }
    edited = text
    for edit in sorted(_edits(text, wanted, file), key=lambda each: -each.start):
        edited = edited[: edit.start] + edit.text + edited[edit.end :]
    _prove(config, edited, wanted, file)
    return edited


def _prove(config: Config, edited: str, wanted: Mapping[str, int], file: str) -> None:
    """Read the edited text again: it must say the same but for the intervals that were to change."""
    expected = replace(
        config,
        systems=tuple(
            replace(system, interval_s=wanted.get(system.id, system.interval_s)) for system in config.systems
        ),
    )
    try:
        found = parse(edited, file)
    except ConfigError as error:
        raise NotEdited(f"{file} was left as it was: with the new intervals it would not be valid:\n{error}") from error
    if found != expected:
        changed = [new.id for new, old in zip(found.systems, expected.systems, strict=True) if new != old]
        names = ", ".join(changed) or "what is common to all systems"
        remedy = "an anchor is shared, perhaps: write the interval of each system out, and try again"
        raise NotEdited(f"{file} was left as it was: more than the intervals would change ({names}): {remedy}")


def _edits(text: str, wanted: Mapping[str, int], file: str) -> list[_Edit]:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    places = _Places(text)
    edits = []
    for node in _systems(root):
        keys = {key.value: (key, value) for key, value in node.value if isinstance(key, ScalarNode)}
        system_id = keys["id"][1].value
        if system_id in wanted:
            edit = places.edit(node, keys, format_duration(wanted[system_id]))
            if edit is None:
                line = node.start_mark.line + 1
                remedy = f"write an interval of {format_duration(wanted[system_id])} there by hand"
                raise NotEdited(f"{file}:{line} was left as it was: no place for an interval was found: {remedy}")
            edits.append(edit)
    return edits


def _systems(root: Node | None) -> list[MappingNode]:
    """The mappings of all systems, of a text that was parsed before."""
    assert isinstance(root, MappingNode)
    systems = next(value for key, value in root.value if key.value == "systems")
    assert isinstance(systems, SequenceNode)
    return [node for node in systems.value if isinstance(node, MappingNode)]


Keys = Mapping[str, tuple[ScalarNode, Node]]


class _Places:
    """Where scalars and aliases stand in a text: nodes know where their anchor or tag begins, and not where they are referred to."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._scalars: dict[int, int] = {}
        self._aliases: dict[int, int] = {}
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.ScalarToken):
                self._scalars[token.end_mark.index] = token.start_mark.index
            elif isinstance(token, yaml.AliasToken):
                self._aliases[token.start_mark.index] = token.end_mark.index

    def edit(self, node: MappingNode, keys: Keys, interval: str) -> _Edit | None:
        """How a system gets an interval: another value for the one it has, or one more key; None where neither is possible."""
        if "interval" in keys:
            return self._replacement(*keys["interval"], interval)
        for name in _INSERTED_AFTER:
            if name in keys and self._is_plain(*keys[name]):
                key, value = keys[name]
                return self._in_flow(key, value, interval) if node.flow_style else self._in_block(key, value, interval)
        return None

    def _replacement(self, key: ScalarNode, value: Node, interval: str) -> _Edit | None:
        after_key = key.end_mark.index
        if value.start_mark.index < after_key:
            # The value is an alias: the node is what its anchor names, further up.
            start = min((place for place in self._aliases if place >= after_key), default=None)
            return None if start is None else _Edit(start, self._aliases[start], interval)
        end = value.end_mark.index
        start = self._scalars.get(end)
        if start is None or not isinstance(value, ScalarNode):
            return None
        old = self._text[start:end]
        quote = old[0] if value.style in ("'", '"') else ""
        # A block scalar holds its line break.
        rest = old[len(old.rstrip()) :]
        return _Edit(start, end, f"{quote}{interval}{quote}{rest}")

    def _is_plain(self, key: ScalarNode, value: Node) -> bool:
        """Whether key and value stand side by side on one line."""
        return (
            isinstance(value, ScalarNode)
            and value.start_mark.index >= key.end_mark.index
            and key.start_mark.line == value.end_mark.line
        )

    def _in_flow(self, key: ScalarNode, value: Node, interval: str) -> _Edit:
        quote = '"' if key.style == '"' else ""
        end = value.end_mark.index
        return _Edit(end, end, f", {quote}interval{quote}: {quote}{interval}{quote}")

    def _in_block(self, key: ScalarNode, value: Node, interval: str) -> _Edit:
        line = " " * key.start_mark.column + f"interval: {interval}"
        ending = _BREAK.search(self._text, value.end_mark.index)
        if ending is not None:
            return _Edit(ending.end(), ending.end(), line + ending[0])
        first = _BREAK.search(self._text)
        end = len(self._text)
        return _Edit(end, end, (first[0] if first is not None else "\n") + line)


def _write(target: Path, content: bytes) -> None:
    """Put a file in the place of another, with its permissions; raises ``OSError`` and leaves nothing behind."""
    number, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(target, name)
        owner = target.stat()
        with contextlib.suppress(PermissionError):
            os.chown(name, owner.st_uid, owner.st_gid)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
