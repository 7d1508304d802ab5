"""Questions as the API takes them: one ``ListTimeSeriesRequest`` for a filter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from google.cloud import monitoring_v3
from google.cloud.monitoring_v3 import ListTimeSeriesRequest, TimeInterval

from exporter.console.series import steps
from exporter.console.series.model import Aggregation, Part, Question, Range

NO_ALIGNER = "ALIGN_NONE"
NO_REDUCER = "REDUCE_NONE"

_PAGE_SIZE = 100_000
_SUMS = ("ALIGN_DELTA", "ALIGN_SUM", "ALIGN_COUNT", "ALIGN_COUNT_TRUE", "ALIGN_COUNT_FALSE")
_LONGEST_S = 104 * 7 * 86400
"""The API takes no longer period (comment of ``alignment_period``)."""

_AFTER_START = timedelta(microseconds=1)
"""A range leaves out its own start, the API's interval takes in points that end there."""

_Wire: Any = monitoring_v3.Aggregation
"""The client's own type: its enums are lists of all that the API knows."""

ALIGNERS: tuple[str, ...] = tuple(each.name for each in _Wire.Aligner)
REDUCERS: tuple[str, ...] = tuple(each.name for each in _Wire.Reducer)


class Unaskable(ValueError):
    """A question that cannot be put to the API; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Requests of one question, with the periods that were chosen; ``step_s`` is None without an aligner.

    ``second`` is what is left to be done after the ratio, with its own period. ``stretched`` is that of ``Answer``.
    """

    requests: tuple[Any, ...]
    step_s: int | None
    stretched: bool = False
    second: Aggregation | None = None


def of(question: Question, project: str, span: Range) -> Asked:
    """The requests of a question: one, or two for a ratio; raises ``Unaskable``."""
    span_s = (span.end - span.start).total_seconds()
    if span_s <= 0:
        raise Unaskable("the time range is empty: its end must lie after its start")
    parts = [question.numerator] if question.denominator is None else [question.numerator, question.denominator]
    wanted = [part.aggregation.period_s for part in parts if _aligns(part.aggregation)]
    # The length of a step cancels out where both parts of a ratio are sums.
    sums = (
        len({_sums(part.aggregation) for part in parts}) > 1
        if len(parts) > 1
        else _sums(question.numerator.aggregation)
    )
    first_s, stretched = _step(span_s, sums, question.step_s, *wanted) if wanted else (None, False)
    second, second_s = question.secondary, None
    if second is not None and _aligns(second):
        second_s, again = _step(span_s, _sums(second), first_s, second.period_s)
        stretched = stretched or again
    try:
        if question.denominator is None:
            made = [_request(question.numerator, project, span, first_s, second, second_s)]
        else:
            made = [_request(part, project, span, first_s) for part in parts]
    except Unaskable:
        raise
    except (ValueError, TypeError, OverflowError) as error:
        raise Unaskable(f"the question cannot be put to the API: {error}") from error
    left = None
    if question.denominator is not None and second is not None:
        left = Aggregation(second.aligner, second.reducer, second_s, second.group_by)
    return Asked(tuple(made), second_s or first_s, stretched, left)


def _step(span_s: float, sums: bool, *wanted_s: int | None) -> tuple[int, bool]:
    """The period, and whether sums are over a longer one than was asked for."""
    found_s = steps.step_s(span_s, *wanted_s, most=steps.MOST_SUMS if sums else steps.MOST_POINTS)
    named = [each for each in wanted_s if each is not None]
    return found_s, sums and bool(named) and found_s > max(steps.MINUTE_S, *named)


def _sums(aggregation: Aggregation) -> bool:
    """Whether values grow with the period; percentiles and numbers of series do not."""
    return aggregation.aligner in _SUMS and not aggregation.reducer.startswith(("REDUCE_PERCENTILE", "REDUCE_COUNT"))


def _aligns(aggregation: Aggregation) -> bool:
    return aggregation.aligner != NO_ALIGNER


def _request(
    part: Part,
    project: str,
    span: Range,
    period_s: int | None,
    second: Aggregation | None = None,
    second_s: int | None = None,
) -> Any:
    return ListTimeSeriesRequest(
        name=f"projects/{project}",
        filter=part.filter,
        interval=TimeInterval(start_time=span.start + _AFTER_START, end_time=span.end),
        aggregation=_aggregation(part.aggregation, period_s),
        secondary_aggregation=None if second is None else _aggregation(second, second_s),
        view=ListTimeSeriesRequest.TimeSeriesView.FULL,
        page_size=_PAGE_SIZE,
    )


def _aggregation(asked: Aggregation, period_s: int | None) -> Any:
    """The API's form; None where nothing is to be done."""
    if asked.aligner not in ALIGNERS:
        raise Unaskable(f"the API has no aligner {asked.aligner[:60]!r}")
    if asked.reducer not in REDUCERS:
        raise Unaskable(f"the API has no reducer {asked.reducer[:60]!r}")
    if not _aligns(asked) and asked.reducer == NO_REDUCER:
        return None
    if period_s is not None and period_s > _LONGEST_S:
        raise Unaskable(f"an alignment period is at most {_LONGEST_S} s long, not {period_s} s")
    return _Wire(
        alignment_period=timedelta(seconds=period_s) if _aligns(asked) and period_s is not None else None,
        per_series_aligner=asked.aligner,
        cross_series_reducer=asked.reducer,
        group_by_fields=asked.group_by,
    )
