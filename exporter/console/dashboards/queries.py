"""What data sets ask for: ``TimeSeriesQuery`` of the API.

https://cloud.google.com/monitoring/api/ref_v3/rest/v1/projects.dashboards#TimeSeriesQuery
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from exporter.console.dashboards.nodes import MAX_TEXT, Node
from exporter.console.dashboards.page import OwnRange
from exporter.console.dashboards.view import Query
from exporter.console.series.model import Aggregation, Part, Pick, Question

ELSEWHERE = "open the dashboard in Cloud Monitoring"
MAX_QUERIES = 500
_MAX_FILTER = 20_000
_MAX_GROUP_BY = 100
_MAX_PERIOD_S = 104 * 7 * 86_400
"""The longest alignment period that the API takes."""
_LANGUAGES = {
    "prometheusQuery": "PromQL",
    "timeSeriesQueryLanguage": "MQL",
    "opsAnalyticsQuery": "SQL",
    "traceQuery": "a query for traces",
}
_METHODS = {name: name for name in ("METHOD_MEAN", "METHOD_MAX", "METHOD_MIN", "METHOD_SUM", "METHOD_LATEST")}
_DIRECTIONS: Mapping[str, Literal["TOP", "BOTTOM"]] = {"TOP": "TOP", "BOTTOM": "BOTTOM"}
_OPERATION = re.compile(r"(?:ALIGN|REDUCE)_[A-Z0-9_]{1,40}")


@dataclass(slots=True)
class Queries:
    """The queries of a dashboard; identical ones share an id."""

    by_id: dict[str, Query] = field(default_factory=dict)
    _ids: dict[Query, str] = field(default_factory=dict)

    def add(self, query: Query, at: Node) -> str | None:
        """The id of a query; None where there are too many already."""
        if query not in self._ids:
            if len(self._ids) >= MAX_QUERIES:
                at.problem(f"{at.place} is one query too many: a dashboard may have {MAX_QUERIES} here.")
                return None
            name = f"q{len(self._ids) + 1}"
            self._ids[query] = name
            self.by_id[name] = query
        return self._ids[query]


def own_range(widget: Node) -> OwnRange | None:
    """The ``timeRange`` of a widget."""
    node = widget.child("timeRange")
    if node is None:
        return None
    if (last_s := node.duration_s("relativeDuration")) is not None:
        return OwnRange(last_s, None, None) if last_s > 0 else None
    window = node.child("absoluteWindow")
    start, end = (_moment(window, name) if window else None for name in ("startTime", "endTime"))
    if start and end and start < end:
        return OwnRange(None, start.isoformat(), end.isoformat())
    node.problem("timeRange says neither how long it is nor from when to when: the time of the page is shown.")
    return None


def query(
    data_set: Node, *, legend: str = "", step: Node | None = None, span: OwnRange | None = None, series: bool = False
) -> Query | None:
    """What a data set (or a scorecard) asks for; None where it cannot be asked, and why is noted.

    ``step`` holds ``minAlignmentPeriod``, if it is not the data set; ``series`` says that values over time are shown, so that
    ``outputFullDuration`` means nothing.
    """
    node = data_set.child("timeSeriesQuery")
    if node is None or not node.members:
        data_set.problem(f"{data_set.place} has no timeSeriesQuery: nothing is asked.")
        return None
    for name, language in _LANGUAGES.items():
        if node.has(name):
            data_set.problem(f"{data_set.place} asks in {language}, which is not evaluated here: {ELSEWHERE}.")
            return None
    question = _question(node, step or data_set)
    if question is None:
        return None
    whole = node.flag("outputFullDuration") and not series
    if span is None:
        return Query(question, legend, whole=whole)
    start, end = (datetime.fromisoformat(text) if text else None for text in (span.start, span.end))
    return Query(question, legend, span.last_s, start, end, whole)


def _question(node: Node, step: Node) -> Question | None:
    ratio, single = node.child("timeSeriesFilterRatio"), node.child("timeSeriesFilter")
    asked = single or ratio
    if asked is None:
        node.problem(f"{node.place} has neither timeSeriesFilter nor timeSeriesFilterRatio: nothing is asked.")
        return None
    if single is not None:
        numerator, denominator = _part(single), None
    else:
        numerator, denominator = (_side(asked, name) for name in ("numerator", "denominator"))
        if denominator is None:
            return None
    if numerator is None:
        return None
    apart = asked.apart()
    secondary = _aggregation(apart, "secondaryAggregation")
    if not asked.take(apart):
        return None
    step_s = step.duration_s("minAlignmentPeriod")
    return Question(
        numerator,
        denominator,
        secondary if secondary != Aggregation(period_s=secondary.period_s) else None,
        _pick(asked),
        math.ceil(step_s) if step_s and step_s <= _MAX_PERIOD_S else None,
        node.text("unitOverride") or None,
    )


def _side(ratio: Node, name: str) -> Part | None:
    node = ratio.child(name)
    if node is None:
        ratio.problem(f"{ratio.place} has no {name}: nothing is asked.")
        return None
    return _part(node)


def _part(node: Node) -> Part | None:
    """A filter and its aggregation; None where either is broken: values aligned in another way would be wrong."""
    apart = node.apart()
    text = apart.text("filter", _MAX_FILTER).strip()
    if not text:
        apart.problem(f"{node.place} has no filter: nothing is asked.")
    aggregation = _aggregation(apart, "aggregation")
    return Part(text, aggregation) if node.take(apart) else None


def _aggregation(owner: Node, name: str) -> Aggregation:
    node = owner.child(name)
    if node is None:
        return Aggregation()
    period_s = node.duration_s("alignmentPeriod")
    if period_s is not None and period_s > _MAX_PERIOD_S:
        node.problem(f"{node.at('alignmentPeriod')} is longer than 104 weeks, the most that the API takes.")
    return Aggregation(
        _operation(node, "perSeriesAligner", "ALIGN_NONE"),
        _operation(node, "crossSeriesReducer", "REDUCE_NONE"),
        math.ceil(period_s) if period_s else None,
        node.texts("groupByFields", _MAX_GROUP_BY),
    )


def _operation(node: Node, key: str, default: str) -> str:
    name = node.text(key, MAX_TEXT) or default
    if not _OPERATION.fullmatch(name) or name.partition("_")[0] != default.partition("_")[0]:
        node.problem(f"{node.at(key)} is not a name such as {default}: nothing is asked.")
    return name


def _pick(asked: Node) -> Pick | None:
    node = asked.child("pickTimeSeriesFilter")
    if node is None or not node.members:
        return None
    method = node.choice("rankingMethod", _METHODS, "")
    count = node.whole("numTimeSeries")
    if not method or count is None or count < 1:
        node.problem(f"{node.place} needs a rankingMethod and a numTimeSeries of at least 1: all series are shown.")
        return None
    if node.has("interval"):
        node.problem(f"{node.at('interval')} is not looked at: series are ranked over the time that is shown.")
    return Pick(method, count, node.choice("direction", _DIRECTIONS, "TOP"))


def _moment(node: Node, key: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(node.text(key))
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None
