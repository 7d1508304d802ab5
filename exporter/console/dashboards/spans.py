"""Which stretch of time a query asks for: the page's, or its widget's own."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from exporter.console.dashboards.view import Query
from exporter.console.series.model import Aggregation, Part, Question, Range

LONGEST = timedelta(days=42)
"""Cloud Monitoring keeps custom metrics for six weeks as they are: https://cloud.google.com/monitoring/quotas."""


def own(query: Query, page: Range) -> Range:
    """The range of a query when the page shows another; never longer than ``LONGEST``."""
    if query.last_s is not None:
        return Range(page.end - timedelta(seconds=min(query.last_s, LONGEST.total_seconds())), page.end)
    if query.start is not None and query.end is not None:
        return Range(query.end - min(LONGEST, query.end - query.start), query.end)
    return page


def question(query: Query, span: Range) -> Question:
    """The question of a query for a range: with the range as its period, where one value of the whole is wanted."""
    if not query.whole:
        return query.question
    whole_s = max(1, int((span.end - span.start).total_seconds()))

    def aligned(aggregation: Aggregation) -> Aggregation:
        return replace(aggregation, period_s=whole_s)

    def part(each: Part) -> Part:
        return replace(each, aggregation=aligned(each.aggregation))

    asked = query.question
    return replace(
        asked,
        numerator=part(asked.numerator),
        denominator=None if asked.denominator is None else part(asked.denominator),
        secondary=None if asked.secondary is None else aligned(asked.secondary),
        step_s=whole_s,
    )
