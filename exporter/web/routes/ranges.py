"""The time range that data routes take: ``last``, or ``start`` and ``end``."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import HTTPException, Query, Request

from exporter.config import parse_duration
from exporter.console.dashboards.spans import LONGEST
from exporter.console.series.model import Range

_SHORTEST = timedelta(minutes=1)
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)
"""Nothing that can be asked has values before; and a widget's own range may begin six weeks earlier."""
_AHEAD = timedelta(days=1)
"""Clocks and zones may differ; beyond this nothing has happened yet."""
_USUAL = "1h"

Last = Annotated[
    str | None,
    Query(description="how much, ending now: `30m`, `6h`, `7d`; at most `42d`", examples=["6h"], max_length=40),
]
Moment = Annotated[
    str | None,
    Query(
        description="RFC 3339 with a zone, such as `2026-11-24T12:00:00Z`",
        examples=["2026-11-24T12:00:00Z"],
        max_length=40,
    ),
]


_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d.*")


def ranges(now: Callable[[], datetime]) -> Callable[..., Range]:
    """The dependency that reads the range of a request; ``now`` is the exporter's clock."""

    def span(request: Request, last: Last = None, start: Moment = None, end: Moment = None) -> Range:
        try:
            _once(request)
            return _span(now, last, start, end)
        except (ValueError, OverflowError) as error:
            raise HTTPException(422, str(error)) from error

    return span


def _once(request: Request) -> None:
    for name in ("last", "start", "end"):
        if len(request.query_params.getlist(name)) > 1:
            raise ValueError(f"`{name}` is given more than once: nobody knows which is meant")


def _span(now: Callable[[], datetime], last: str | None, start: str | None, end: str | None) -> Range:
    if start is None and end is None:
        length = timedelta(seconds=parse_duration(_USUAL if last is None else last))
        # Whole minutes: identical questions are identical requests.
        until = now().replace(second=0, microsecond=0)
        return _checked(until - length if length <= LONGEST else until - LONGEST - _SHORTEST, until)
    if last is not None:
        raise ValueError("give either `last`, or `start` and `end`")
    if start is None or end is None:
        raise ValueError("`start` and `end` belong together")
    found = _checked(_moment(start, "start"), _moment(end, "end"))
    if found.start > now() + _AHEAD:
        raise ValueError("`start` lies in the future")
    return found


def _checked(start: datetime, end: datetime) -> Range:
    if end - start > LONGEST:
        raise ValueError(f"a range is at most {LONGEST.days} days long")
    if end - start < _SHORTEST:
        raise ValueError("a range is at least a minute long, and its end lies after its start")
    return Range(start, end)


def _moment(text: str, name: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        if _FORM.fullmatch(text):
            raise ValueError(f"`{name}` is no moment that there is: look at its day, its hour and its zone") from error
        raise ValueError(f"`{name}` is not of the form 2026-11-24T12:00:00Z") from error
    if found.tzinfo is None:
        raise ValueError(f"`{name}` needs a zone, such as 2026-11-24T12:00:00Z")
    # Before it becomes UTC: at the ends of the calendar that cannot be done.
    if found < _FIRST:
        raise ValueError(f"`{name}` lies before the year {_FIRST.year}")
    try:
        return found.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"`{name}` lies in the future") from error
