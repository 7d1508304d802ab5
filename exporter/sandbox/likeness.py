"""A report of ``exporter verify``, as far as a sandbox can take over what it saw."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exporter.sandbox.conduct import KNOBS, Conduct
from exporter.sandbox.monitoring.services import check_metrics

VERSIONS = (1,)
"""Versions of reports that are understood."""


class _NotAReport(ValueError):
    """JSON of another kind."""


def conduct_of(path: Path) -> Conduct:
    """The conduct that a report's ``parameters`` describe; raises ``ValueError`` with one sentence that says what to do."""
    report = _read(path)
    version = report.get("version")
    if version not in VERSIONS or isinstance(version, bool):
        raise ValueError(
            f"{path} is of version {json.dumps(version)}, and this exporter reads {', '.join(map(str, VERSIONS))}: "
            "use the exporter that wrote it, or a newer one"
        )
    parameters = report.get("parameters")
    if not isinstance(parameters, Mapping):
        raise _NotAReport(f"{path} has no object `parameters`: give a verify-report.json as exporter verify wrote it")
    unknown = sorted(parameters.keys() - KNOBS.keys())
    if unknown:
        raise ValueError(
            f"{path} has parameters that this exporter does not know: {', '.join(unknown)}: a newer exporter wrote it: "
            "use that one, or take them out"
        )
    try:
        conduct = Conduct().changed(parameters)
        check_metrics(conduct)
    except ValueError as error:
        raise ValueError(f"{path}: parameters: {error}") from error
    return conduct


def _read(path: Path) -> Mapping[str, Any]:
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}: give a verify-report.json") from error
    if not isinstance(report, Mapping):
        raise _NotAReport(f"{path} is no report: give a verify-report.json as exporter verify wrote it")
    return report
