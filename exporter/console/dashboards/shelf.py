"""Which dashboards there are: the fleet's own, and the files of a directory."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from exporter.config import Config
from exporter.console.dashboards.nodes import clean, not_json
from exporter.console.dashboards.parsing import parse
from exporter.console.dashboards.view import View
from exporter.rendering import dashboards
from exporter.rendering.backends import Backend

MAX_FILE_BYTES = 1024 * 1024
_MAX_FILES = 500
_OF_SYSTEM = "system-"
_LAST_COMMA = re.compile(r"""("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])""", re.DOTALL)
"""A string, which stays, or a comma that nothing follows."""


class Unreadable(Exception):
    """A file that holds no dashboard; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A dashboard of the shelf; ``system`` is whose own it is, and ``note`` says why it cannot be shown."""

    name: str
    title: str
    system: str | None = None
    note: str | None = None


class Shelf:
    """The dashboards of a fleet, which never change, and files, which are read each time; may be asked from any thread."""

    def __init__(self, config: Config, backend: Backend, directory: Path | None = None) -> None:
        self._config = config
        self._backend = backend
        self._directory = directory
        self._views: dict[str, View] = {}

    @property
    def known(self) -> Mapping[str, Sequence[str]]:
        """Values that fields of dashboards may choose from, by what they compare."""
        return {
            'resource.labels."job"': tuple(system.id for system in self._config.systems),
            'resource.labels."namespace"': (self._config.fleet,),
        }

    def entries(self) -> list[Entry]:
        """All dashboards: those of the fleet, of each system, and the files."""
        return [*self._own.values(), *(self._entry(name, path) for name, path in self._files().items())]

    def view(self, name: str) -> View | None:
        """A dashboard by name, None where there is none; raises ``Unreadable``."""
        if name in self._own:
            if name not in self._views:
                self._views[name] = parse(json.loads(self._rendered[name]), name, self.known)
            return self._views[name]
        path = self._files().get(name)
        return None if path is None else parse(_read(path), name, self.known)

    @cached_property
    def _rendered(self) -> Mapping[str, str]:
        return dashboards.render(self._config, self._backend)

    @cached_property
    def _own(self) -> Mapping[str, Entry]:
        systems = {f"{_OF_SYSTEM}{system.id}": system.id for system in self._config.systems}
        titles = {name: str(json.loads(text)["displayName"]) for name, text in self._rendered.items()}
        ordered = sorted(titles, key=lambda name: (name in systems, name != "fleet"))
        return {name: Entry(name, titles[name], systems.get(name)) for name in ordered}

    def _files(self) -> dict[str, Path]:
        """The files by the name of their dashboard; one that a dashboard of the fleet has already gets another."""
        if self._directory is None:
            return {}
        try:
            paths = sorted(path for path in self._directory.glob("*.json") if path.is_file())[:_MAX_FILES]
        except OSError:
            return {}
        by_stem = {clean(path.stem): path for path in paths}
        return {f"{stem}-file" if stem in self._own else stem: path for stem, path in by_stem.items()}

    def _entry(self, name: str, path: Path) -> Entry:
        try:
            title = parse(_read(path), name).page.title
        except Unreadable as error:
            return Entry(name, name, note=str(error))
        return Entry(name, title or name)


def _read(path: Path) -> object:
    name = clean(path.name)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise Unreadable(f"{name} is larger than {MAX_FILE_BYTES // 1024} KiB: no dashboard is.")
        return _decoded(content)
    except OSError as error:
        raise Unreadable(f"{name} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        yaml = not_json(content.decode("utf-8", "replace"))
        raise Unreadable(f"{name}: {yaml}" if yaml else f"{name} is no JSON: {error}.") from error


def _decoded(content: bytes) -> object:
    """JSON, or JSON with commas after the last part of a list or an object: ``gcloud`` reads them, and published dashboards have them."""
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        text = _LAST_COMMA.sub(lambda found: found[1] or "", content.decode("utf-8"))
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            raise error from None
