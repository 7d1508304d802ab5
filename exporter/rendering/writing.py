"""Rendered documents on their way out: one file each, or all of them together."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from exporter.errors import UsageError
from exporter.rendering.encoding import decode, encode


def joined(documents: Mapping[str, str]) -> str:
    """All documents as one JSON object by name."""
    return encode({name: decode(text) for name, text in documents.items()})


def write(documents: Mapping[str, str], directory: Path) -> None:
    """Write ``NAME.json`` for each document, each file whole or not at all; raises ``UsageError`` where the directory cannot be written."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory, prefix=".render-") as unfinished:
            for name, text in documents.items():
                Path(unfinished, f"{name}.json").write_text(text, encoding="utf-8")
            for name in documents:
                Path(unfinished, f"{name}.json").replace(directory / f"{name}.json")
    except OSError as error:
        raise UsageError(
            f"{directory} cannot be written: {error.strerror}: name another directory with --out"
        ) from error
