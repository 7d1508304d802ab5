"""``verify-report.json``: what was asked, what was seen, and nothing that names anybody."""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from exporter.errors import UsageError
from exporter.verify.lab import Place
from exporter.verify.questions import Check, Result, Verdict
from exporter.verify.scrubbing import Scrub

VERSION = 1
_PACKAGE = "pubsub-bigquery-exporter"
_LIBRARIES = (
    "google-api-core",
    "google-auth",
    "google-cloud-bigquery",
    "google-cloud-monitoring",
    "google-cloud-pubsub",
    "grpcio",
    "opentelemetry-exporter-gcp-monitoring",
    "opentelemetry-sdk",
    "protobuf",
)


def document(
    place: Place,
    scrub: Scrub,
    checks: Sequence[Check],
    results: Mapping[str, Result],
    between: tuple[datetime, datetime],
) -> dict[str, Any]:
    """The report as JSON; ``between`` is when the run began and ended, aware UTC."""
    began, ended = between
    return {
        "version": VERSION,
        "tool": _version(_PACKAGE),
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in _LIBRARIES},
        "began": _time(began),
        "ended": _time(ended),
        "place": {"location": place.location, "region": place.region},
        "checks": [_entry(check, results[check.id], scrub) for check in checks if check.id in results],
        "parameters": scrub.json(parameters([results[check.id] for check in checks if check.id in results])),
    }


def parameters(results: Sequence[Result]) -> dict[str, Any]:
    """All measured values by name; those that are objects, such as delays by metric, are put together."""
    found: dict[str, Any] = {}
    for result in results:
        for name, value in result.parameters.items():
            before = found.get(name)
            both = isinstance(before, Mapping) and isinstance(value, Mapping)
            found[name] = {**before, **value} if both and before is not None else value
    return found


def succeeded(results: Sequence[Result]) -> bool:
    """Whether nothing differs and all could be asked that can be asked there."""
    return all(
        result.verdict is Verdict.OK or (result.verdict is Verdict.COULD_NOT_ASK and result.by_design)
        for result in results
    )


def check_writable(path: Path) -> None:
    """Raise ``UsageError`` where a report cannot be written in the end."""
    if path.is_dir():
        raise UsageError(f"--out: {path} is a directory: name a file")
    if path.exists() and not path.is_file():
        raise UsageError(f"--out: {path} is no regular file: name one, or one that is not there yet")
    folder = path.resolve().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise UsageError(f"--out: {folder} is no directory that can be written to: name another")


def write(content: Mapping[str, Any], path: Path) -> None:
    """Write the report whole or not at all, to where links lead; raises ``OSError``."""
    text = json.dumps(_finite(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    path = path.resolve()
    if path.exists() and not path.is_file():
        raise OSError(f"{path} is no regular file")
    unfinished = path.with_name(f".{path.name}.new")
    try:
        with unfinished.open("w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _entry(check: Check, result: Result, scrub: Scrub) -> dict[str, Any]:
    return {
        "id": check.id,
        "question": check.question,
        "expected": check.expected,
        "source": check.source,
        "verdict": result.verdict.value,
        "by_design": result.by_design,
        "seen": scrub.text(result.seen),
        "waited_s": round(result.waited_s, 3),
        "evidence": scrub.json(result.evidence),
    }


def _finite(value: Any) -> Any:
    """JSON has no word for what is not finite."""
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
