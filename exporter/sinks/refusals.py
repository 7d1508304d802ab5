"""What Cloud Monitoring says of a request that it did not take whole.

The status carries a ``CreateTimeSeriesSummary`` with counts; which series failed stands only in the message, as
``timeSeries[0-2,5]`` before the reason, or (older wording) behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from google.api_core import exceptions
from google.cloud.monitoring_v3 import CreateTimeSeriesSummary

_PREFIX = "One or more TimeSeries could not be written: "
_LEADING = re.compile(r"timeSeries\[([\d,-]+)\] (.*?)(?=; timeSeries\[|; and \d+ more$|$)", re.DOTALL)
_TRAILING = re.compile(r"(.*?): timeSeries\[([\d,-]+)\](?:; |$)", re.DOTALL)


class Verdict(Enum):
    """What a refusal means for the point."""

    ALREADY_WRITTEN = "already written"
    REJECTED = "rejected"
    RETRYABLE = "retryable"


@dataclass(frozen=True, slots=True)
class Refused:
    """Series of a request, by index, that were refused for one reason."""

    indices: tuple[int, ...]
    reason: str
    verdict: Verdict
    code: str


@dataclass(frozen=True, slots=True)
class PartialFailure:
    """A request of which some series were written; ``failed`` counts the others, named or not."""

    failed: int
    refused: tuple[Refused, ...]

    @property
    def named(self) -> int:
        """How many of the failed series the message names."""
        return sum(len(each.indices) for each in self.refused)


def partial_failure(error: exceptions.GoogleAPICallError) -> PartialFailure | None:
    """Read a partial failure, or None where the request failed as a whole."""
    summary = next((each for each in error.details if isinstance(each, CreateTimeSeriesSummary.pb())), None)
    if summary is None:
        return None
    codes = {_code_name(each.status.code) for each in summary.errors}
    groups = tuple(_classified(indices, reason, codes) for indices, reason in _groups(error.message))
    return PartialFailure(summary.total_point_count - summary.success_point_count, groups)


def _code_name(number: int) -> str:
    names = {
        3: "INVALID_ARGUMENT",
        9: "FAILED_PRECONDITION",
        8: "RESOURCE_EXHAUSTED",
        13: "INTERNAL",
        14: "UNAVAILABLE",
    }
    return names.get(number, f"CODE_{number}")


def _groups(message: str) -> Iterator[tuple[tuple[int, ...], str]]:
    text = message.removeprefix(_PREFIX)
    if text.startswith("timeSeries["):
        for match in _LEADING.finditer(text):
            yield _indices(match[1]), match[2]
    else:
        for match in _TRAILING.finditer(text):
            yield _indices(match[2]), match[1]


def _indices(ranges: str) -> tuple[int, ...]:
    found: list[int] = []
    for part in ranges.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return tuple(found)


def _classified(indices: tuple[int, ...], reason: str, codes: set[str]) -> Refused:
    text = reason.lower()
    if "must be written in order" in text:
        return Refused(indices, reason, Verdict.ALREADY_WRITTEN, "OUT_OF_ORDER")
    if "more frequently than the maximum sampling period" in text:
        return Refused(indices, reason, Verdict.RETRYABLE, "TOO_FREQUENT")
    passing = codes - {"INVALID_ARGUMENT", "FAILED_PRECONDITION"}
    if passing:
        # The message does not say which reason has which code: what may pass is sent again, and told apart then.
        return Refused(indices, reason, Verdict.RETRYABLE, min(passing))
    return Refused(indices, reason, Verdict.REJECTED, "INVALID_ARGUMENT")
