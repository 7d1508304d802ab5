"""What a run remembers, on disk, so that it can be stopped, killed, and taken up again."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from exporter.errors import UsageError
from exporter.verify.questions import Result, Verdict

_FILE = "verify-run.json"
_VERSION = 1


class Book:
    """Facts of a run by name, and its results; every change is on disk before the next thing is done.

    Raises ``UsageError`` for a directory that cannot be used.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._path = directory / _FILE
        self._facts: dict[str, Any] = {}
        self._results: dict[str, Result] = {}
        try:
            directory.mkdir(parents=True, exist_ok=True)
            if self._path.exists():
                self._read(json.loads(self._path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise UsageError(f"--resume: {self._path} cannot be used: {error}: name another directory") from error

    @property
    def results(self) -> Mapping[str, Result]:
        """Results so far, by check."""
        return self._results

    def get(self, name: str, default: Any = None) -> Any:
        """A fact that was noted before, as JSON has it."""
        return self._facts.get(name, default)

    def names(self, start: str) -> list[str]:
        """Names of facts that begin so."""
        return [name for name in self._facts if name.startswith(start)]

    def note(self, name: str, value: Any) -> None:
        """Note a fact; the value must be JSON, else ``TypeError``."""
        self._facts[name] = json.loads(json.dumps(value))
        self._write()

    def append(self, name: str, value: Any) -> None:
        """Add to a list of facts."""
        self.note(name, [*self.get(name, []), value])

    def conclude(self, result: Result) -> None:
        """Note a result for good; of evidence that is no JSON the words are kept."""
        kept = {
            name: json.loads(json.dumps(dict(getattr(result, name)), default=str))
            for name in ("parameters", "evidence")
        }
        self._results[result.check_id] = replace(result, **kept)
        self._write()

    def _read(self, found: Mapping[str, Any]) -> None:
        if found["version"] != _VERSION:
            raise ValueError(f"it is of version {found['version']}, not {_VERSION}")
        self._facts = dict(found["facts"])
        for name, each in found["results"].items():
            self._results[name] = Result(**{**each, "verdict": Verdict(each["verdict"])})

    def _write(self) -> None:
        results = {name: asdict(result) for name, result in self._results.items()}
        text = json.dumps({"version": _VERSION, "facts": self._facts, "results": results})
        unfinished = self._path.with_suffix(".new")
        with unfinished.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._path)
