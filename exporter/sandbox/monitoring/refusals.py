"""Points that are refused, and the one error that tells of all of them.

The service names the series only in the text. Wording of 2025 and later:
https://github.com/GoogleCloudPlatform/opentelemetry-operations-python/issues/431 and
https://github.com/chainguard-dev/terraform-infra-common/pull/959; before:
https://github.com/googleforgames/open-match/issues/569. Codes in the summary (9 for points too close together, 3 for the rest):
https://github.com/GoogleCloudPlatform/prometheus-engine/issues/1083.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import grpc
from google.cloud.monitoring_v3.types import CreateTimeSeriesSummary

from exporter.sandbox.conduct import Conduct
from exporter.sandbox.monitoring.errors import Proto, Refused, field_text
from exporter.sandbox.monitoring.resources import PROJECT_LABEL

MAX_TEXT = 3000
"""Characters of a message: it travels twice in the metadata of a call, of which gRPC clients take 8 KB."""

INVALID, TOO_CLOSE = "INVALID_ARGUMENT", "FAILED_PRECONDITION"


class PointRefused(Exception):
    """One point that is not written; ``code`` is the canonical code name that the summary counts it under.

    ``field`` is the part of the series that is wrong, relative to the series, empty for the series as a whole. A point that the
    store itself refuses is ``stored`` with the resource it belongs to. ``detail`` differs between points that are refused for the
    same reason.
    """

    def __init__(
        self,
        reason: str,
        *,
        field: str | None = None,
        value: str | None = None,
        code: str = INVALID,
        stored: bool = False,
        detail: str = "",
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field
        self.value = value
        self.code = code
        self.stored = stored
        self.detail = detail

    def text(self, prefix: str = "") -> str:
        """What is wrong, with the path of the series before that of the field."""
        if self.field is None:
            return self.reason + self.detail
        path = (prefix + self.field).rstrip(".")
        return field_text(path, self.value, self.reason) if path else self.reason


@dataclass(frozen=True, slots=True)
class RefusedPoint:
    """A refused point by the index and content of its series in the request."""

    index: int
    series: Proto
    refusal: PointRefused


def partial_failure(
    refused: Sequence[RefusedPoint], total: int, conduct: Conduct, *, none_written: bool = False
) -> Refused:
    """The error of a request of which ``total - len(refused)`` points were written, or none."""
    groups = (_current if conduct.wording == "current" else _older)(refused)
    codes = Counter(each.refusal.code for each in refused)
    others = [code for code in codes if code not in (INVALID, TOO_CLOSE)]
    summary = CreateTimeSeriesSummary.pb(CreateTimeSeriesSummary())
    summary.total_point_count = total
    summary.success_point_count = 0 if none_written else total - len(refused)
    for code, count in codes.items():
        summary.errors.add(point_count=count).status.code = grpc.StatusCode[code].value[0]
    text = f"One or more TimeSeries could not be written: {_joined(groups)}"
    return Refused(others[0] if others else INVALID, text, (summary,) if conduct.partial_failure_summary else ())


def _joined(groups: Sequence[str]) -> str:
    text = groups[0][:MAX_TEXT]
    for number, group in enumerate(groups[1:], 1):
        if len(text) + len(group) > MAX_TEXT:
            return f"{text}; and {len(groups) - number} more"
        text = f"{text}; {group}"
    return text


def _grouped(
    refused: Sequence[RefusedPoint], key: Callable[[RefusedPoint], object]
) -> list[tuple[RefusedPoint, list[int]]]:
    groups: dict[object, tuple[RefusedPoint, list[int]]] = {}
    for each in refused:
        groups.setdefault(key(each), (each, []))[1].append(each.index)
    return list(groups.values())


def _current(refused: Sequence[RefusedPoint]) -> list[str]:
    def key(each: RefusedPoint) -> object:
        refusal = each.refusal
        place = _resource(each.series) if refusal.stored else None
        return refusal.code, refusal.field, refusal.reason, place

    texts = []
    for first, indices in _grouped(refused, key):
        labels = ", ".join(f'"{name}": "{value}"' for name, value in sorted(first.series.metric.labels.items()))
        example = "example " if len(indices) > 1 else ""
        metric = f'({example}metric.type="{first.series.metric.type}", metric.labels={{{labels}}})'
        reason = first.refusal.text()
        if first.refusal.stored:
            reason = f"write for resource={_resource(first.series)} failed with: {reason}"
        texts.append(f"timeSeries[{ranges(indices)}] {metric}: {reason}")
    return texts


def _older(refused: Sequence[RefusedPoint]) -> list[str]:
    def key(each: RefusedPoint) -> object:
        return each.refusal.text(f"timeSeries[{each.index}].")

    return [
        f"{first.refusal.text(f'timeSeries[{first.index}].')}: timeSeries[{ranges(indices)}]"
        for first, indices in _grouped(refused, key)
    ]


def _resource(series: Proto) -> str:
    labels = sorted(item for item in series.resource.labels.items() if item[0] != PROJECT_LABEL)
    return f"{series.resource.type}{{{','.join(f'{key}:{value}' for key, value in labels)}}}"


def ranges(indices: Sequence[int]) -> str:
    """Ascending numbers with runs of three and more as ranges: ``0,1,4-7``."""
    runs: list[list[int]] = []
    for index in indices:
        if runs and runs[-1][-1] == index - 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    parts = []
    for run in runs:
        parts += [f"{run[0]}-{run[-1]}"] if len(run) > 2 else [str(index) for index in run]
    return ",".join(parts)
