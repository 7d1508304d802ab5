"""What Cloud Monitoring says of points that it did not take, and what that means for each of them.

The status carries a ``CreateTimeSeriesSummary`` with counts by code; which series failed stands only in the message, as
``timeSeries[0-2,5]``: before the reason since 2025, behind it before
(https://github.com/GoogleCloudPlatform/opentelemetry-operations-python/issues/431,
https://github.com/GoogleCloudPlatform/opentelemetry-operations-java/issues/247).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from google.api_core import exceptions
from google.cloud.monitoring_v3 import CreateTimeSeriesSummary
from google.protobuf.any_pb2 import Any as AnyProto
from google.rpc.code_pb2 import Code

from exporter.calls import canonical_code

INVALID = "INVALID_ARGUMENT"
INVALID_VALUE = "INVALID_VALUE"
"""Our own code of values that are no finite numbers, or no distributions over our buckets: they are never sent."""

TOO_FREQUENT = "TOO_FREQUENT"
"""Our own code of points too close together: the API's says less, and what is to be done about it differs from all others."""

_TOO_CLOSE = "FAILED_PRECONDITION"
"""The code that spacing is counted under: https://github.com/GoogleCloudPlatform/prometheus-engine/issues/1083."""

_ORDER_TEXT = "must be written in order"
_SPACING_TEXT = "more frequently than the maximum sampling period"

_PREFIX = "One or more TimeSeries could not be written: "
_SERIES = re.compile(r"(?<!Field )timeSeries\[(\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*)\](?!\.)")
"""Names of series, as opposed to paths of their fields (``Field timeSeries[3].points[0]...``)."""


class Verdict(Enum):
    """What an answer means for a point."""

    WRITTEN = "written"
    ALREADY_WRITTEN = "already written"
    REJECTED = "rejected"
    RETRYABLE = "retryable"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one point; ``code`` is a canonical code name, ``TOO_FREQUENT`` or ``INVALID_VALUE``."""

    verdict: Verdict
    code: str = "OK"
    message: str = ""


WRITTEN = Answer(Verdict.WRITTEN)
ALREADY_WRITTEN = Answer(Verdict.ALREADY_WRITTEN, INVALID)


@dataclass(frozen=True, slots=True)
class PartialFailure:
    """A request of which some series were taken: answers by index for those that the message names as refused.

    ``unnamed`` counts the refused ones that it does not name, None where it cannot be known.
    """

    answers: Mapping[int, Answer]
    unnamed: int | None


def names_a_series(error: exceptions.GoogleAPICallError) -> bool:
    """Whether a message blames a series or a field of one."""
    return "timeSeries[" in error.message


def is_partial(error: exceptions.GoogleAPICallError) -> bool:
    """Whether some series of the request may have been taken for all that it failed."""
    return _summary(error) is not None or error.message.startswith(_PREFIX)


def partial_failure(error: exceptions.GoogleAPICallError, sent: int) -> PartialFailure | None:
    """Read the answer to a request of ``sent`` series; None where it failed as a whole."""
    if not is_partial(error):
        return None
    groups = list(_groups(error.message, sent))
    summary = _summary(error)
    if summary is None:
        counts = Counter({canonical_code(error): sent})
    else:
        counts = Counter({_code_name(each.status.code): each.point_count for each in summary.errors})
    others = _code_of_others(counts, groups)
    answers = {index: _judge(reason, others) for indices, reason in groups for index in indices}
    if summary is None:
        return PartialFailure(answers, None)
    refused = summary.total_point_count - summary.success_point_count
    return PartialFailure(answers, max(0, refused - len(answers)))


def _summary(error: exceptions.GoogleAPICallError) -> Any:
    """The summary of a status; the client library leaves details that it does not know packed."""
    for detail in error.details:
        found = CreateTimeSeriesSummary.pb()()
        if isinstance(detail, AnyProto) and detail.Unpack(found):
            return found
    return None


def _code_name(number: int) -> str:
    return str(Code.Name(number)) if number in Code.values() else "UNKNOWN"


def _groups(message: str, sent: int) -> Iterator[tuple[Sequence[int], str]]:
    """Indices of series that were refused for one reason, and the reason."""
    text = message.removeprefix(_PREFIX)
    names = list(_SERIES.finditer(text))
    leading = bool(names) and names[0].start() == 0
    if leading:
        names = [each for each in names if each.start() == 0 or text[: each.start()].endswith("; ")]
    for number, name in enumerate(names):
        if leading:
            end = names[number + 1].start() if number + 1 < len(names) else len(text)
            reason = text[name.end() : end].removesuffix("; ")
        else:
            start = names[number - 1].end() if number else 0
            # Behind a name may come the metric, and a semicolon: "...: global{} timeSeries[3]: custom.../x{}; Points must ...".
            reason = text[start : name.start()]
            reason = reason.partition("; ")[2] if number else reason
        yield _indices(name[1], sent), reason.strip(" :\n")


def _indices(ranges: str, sent: int) -> Sequence[int]:
    found: list[int] = []
    for part in ranges.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), min(int(last or first) + 1, sent))
    return found


def _code_of_others(counts: Mapping[str, int], groups: Sequence[tuple[Sequence[int], str]]) -> str:
    """The code of series refused for neither order nor spacing: the API tells codes by count, not by series.

    Where what may pass and what never will cannot be told apart, all may pass: it is sent again, and told apart then.
    """
    spaced = sum(len(indices) for indices, reason in groups if _SPACING_TEXT in reason)
    passing = {code: count for code, count in counts.items() if code != INVALID}
    if passing.get(_TOO_CLOSE, 0) <= spaced:
        passing.pop(_TOO_CLOSE, None)
    return min(passing, default=INVALID)


def _judge(reason: str, others: str) -> Answer:
    if _ORDER_TEXT in reason:
        return Answer(Verdict.ALREADY_WRITTEN, INVALID, reason)
    if _SPACING_TEXT in reason:
        return Answer(Verdict.RETRYABLE, TOO_FREQUENT, reason)
    return Answer(Verdict.REJECTED if others == INVALID else Verdict.RETRYABLE, others, reason)
