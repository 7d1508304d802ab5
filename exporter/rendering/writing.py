"""Rendered documents on their way out: one file each, or all of them together."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Set
from hashlib import sha256
from pathlib import Path
from typing import Any

from exporter.errors import UsageError
from exporter.rendering.encoding import decode, encode


def joined(documents: Mapping[str, str]) -> str:
    """All documents as one JSON object by name."""
    return encode({name: decode(text) for name, text in documents.items()})


def write(documents: Mapping[str, str], directory: Path, what: str) -> None:
    """Write ``NAME.json`` for each document, each file whole or not at all; raises ``UsageError`` where the directory cannot be written.

    A file that the last call for the same ``what`` (dashboards, alerts) wrote, and that nobody has changed since, is removed when it is no
    document any more; ``.rendered-WHAT`` says which those are. Nothing else is removed.
    """
    files = {f"{name}.json": text for name, text in documents.items()}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _replace(files, directory)
        remembered = directory / f".rendered-{what}"
        _remove(_former(remembered), files.keys(), directory)
        digests = {name: _digest(text.encode()) for name, text in sorted(files.items())}
        _replace({remembered.name: json.dumps(digests, indent=2) + "\n"}, directory)
    except OSError as error:
        raise UsageError(
            f"{directory} cannot be written: {error.strerror}: name another directory with --out"
        ) from error


def _remove(former: Mapping[str, Any], kept: Set[str], directory: Path) -> None:
    for name in former.keys() - kept:
        path = directory / name
        if path.is_file() and _digest(path.read_bytes()) == former[name]:
            path.unlink()


def _replace(files: Mapping[str, str], directory: Path) -> None:
    with tempfile.TemporaryDirectory(dir=directory, prefix=".render-") as unfinished:
        for name, text in files.items():
            Path(unfinished, name).write_text(text, encoding="utf-8")
        for name in files:
            Path(unfinished, name).replace(directory / name)


def _former(remembered: Path) -> Mapping[str, Any]:
    """Digests of the files that the last call wrote, by name; none where nobody knows. A name with a path is none of ours."""
    try:
        found = json.loads(remembered.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return (
        {name: digest for name, digest in found.items() if Path(name).name == name} if isinstance(found, dict) else {}
    )


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()
