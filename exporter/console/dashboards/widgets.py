"""One widget of the API, whatever it is, as what the browser draws.

https://cloud.google.com/monitoring/api/ref_v3/rest/v1/projects.dashboards#Widget
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from exporter.console.dashboards import markdown, series
from exporter.console.dashboards.nodes import Node, clean, spelled
from exporter.console.dashboards.page import (
    Alert,
    Blank,
    Group,
    Header,
    Incidents,
    Resource,
    Single,
    Style,
    Text,
    Unsupported,
    Widget,
)
from exporter.console.dashboards.queries import ELSEWHERE, Queries

MAX_CONTENT = 20_000
_MAX_NAMES = 100
_MAX_NAME = 80
_ABOUT = frozenset({"title", "id", "visibilityCondition", "visibility_condition", "timeRange", "time_range"})
"""What a widget has beside its content."""
_NO_KIND = "a widget of no known kind"
_WHY = {
    "logsPanel": "It lists log entries, which are not read here: open the dashboard, or the Logs Explorer, in Google Cloud.",
    "errorReportingPanel": "It lists errors of Error Reporting, which is not asked here: open it in Google Cloud.",
    "filterControl": "It is a field of the dashboard: here all fields are at the top of the page.",
    "treemap": f"Treemaps are not drawn here: {ELSEWHERE}.",
}
_COLOR = re.compile(r"#(?:[0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})")
_SIZES = ("extra_small", "small", "medium", "large", "extra_large")
_FONTS = {f"FS_{each.upper()}": each for each in _SIZES}
_PADDINGS = {f"P_{each.upper()}": each for each in _SIZES}
_HORIZONTAL = {"H_LEFT": "left", "H_CENTER": "center", "H_RIGHT": "right"}
_VERTICAL = {"V_TOP": "top", "V_CENTER": "center", "V_BOTTOM": "bottom"}

_Read = Callable[[str, Node, Node, Queries], Widget]
"""From title, widget, content and the queries so far to what is drawn."""


def read(widget: Node, asked: Queries) -> Widget:
    """What is drawn of a widget; a kind that is not drawn here comes back by its name."""
    title = widget.text("title")
    _visibility(widget)
    known = [name for name in _KINDS if widget.get(name) is not None]
    if not known:
        return _unsupported(title, widget)
    if len(known) > 1:
        widget.problem(f"The widget is {' and '.join(known)} at once: {known[0]} is shown.")
    content = widget.child(known[0])
    if content is None:
        content = Node({}, known[0], widget.problems)
    if widget.has("timeRange") and known[0] != "xyChart":
        widget.problem("timeRange is for charts: the time of the page is shown.")
    return _KINDS[known[0]](title, widget, content, asked)


def _visibility(widget: Node) -> None:
    condition = widget.child("visibilityCondition")
    if condition is None:
        return
    variable = (condition.child("templateVariableCondition") or condition).text("templateVariable", _MAX_NAME)
    where = f"for some values of {variable}" if variable else "under a condition"
    widget.problem(f"visibilityCondition is not applied here: Cloud Monitoring shows this widget only {where}.")


def _unsupported(title: str, widget: Node) -> Unsupported:
    names = [name for name in widget.members if name not in _ABOUT and widget.members[name] is not None]
    what = clean(names[0][:_MAX_NAME]) if names else _NO_KIND
    why = _WHY.get(spelled(what), f"There is no such widget here: {ELSEWHERE}.")
    return Unsupported(title, tuple(widget.problems), what, why if names else "It holds nothing that could be shown.")


def _text(title: str, _: Node, node: Node, __: Queries) -> Text:
    content = node.text("content", MAX_CONTENT)
    raw = node.choice("format", {"MARKDOWN": False, "RAW": True}, default=False)
    html = markdown.plain(content) if raw else markdown.render(content)
    style = _style(node)
    return Text(title, tuple(node.problems), html, style)


def _style(text: Node) -> Style | None:
    node = text.child("style")
    if node is None:
        return None
    return Style(
        _color(node, "backgroundColor"),
        _color(node, "textColor"),
        node.choice("fontSize", _FONTS, None),
        node.choice("padding", _PADDINGS, None),
        node.choice("horizontalAlignment", _HORIZONTAL, None),
        node.choice("verticalAlignment", _VERTICAL, None),
    )


def _color(node: Node, key: str) -> str | None:
    """A colour in hexadecimal digits, and nothing else: it becomes part of a style."""
    text = node.text(key, _MAX_NAME)
    if not text:
        return None
    with_sign = text if text.startswith("#") else f"#{text}"
    if _COLOR.fullmatch(with_sign):
        return with_sign
    node.problem(f"{node.at(key)} should be a colour such as #AABBCC, and is left out.")
    return None


def _header(title: str, _: Node, node: Node, __: Queries) -> Header:
    subtitle, divider = node.text("subtitle", MAX_CONTENT), node.flag("dividerBelow")
    return Header(title, tuple(node.problems), subtitle, divider)


def _group(title: str, _: Node, node: Node, __: Queries) -> Group:
    collapsed = node.flag("collapsed")
    return Group(title, tuple(node.problems), collapsed, ())


def _single(title: str, _: Node, node: Node, __: Queries) -> Single:
    return Single(title, tuple(node.problems), ())


def _incidents(title: str, _: Node, node: Node, __: Queries) -> Incidents:
    resources = tuple(_resource(each) for each in node.children("monitoredResources", _MAX_NAMES))
    policies = node.texts("policyNames", _MAX_NAMES)
    return Incidents(title, tuple(node.problems), resources, policies)


def _resource(node: Node) -> Resource:
    labels = node.child("labels")
    keys = list(labels.members)[:_MAX_NAMES] if labels is not None else ()
    return Resource(node.text("type"), {clean(key): labels.text(key) for key in keys} if labels is not None else {})


def _alert(title: str, _: Node, node: Node, __: Queries) -> Alert:
    policy = node.text("name")
    if not policy:
        node.problem("alertChart names no alert policy.")
    return Alert(title, tuple(node.problems), policy)


def _blank(title: str, _: Node, node: Node, __: Queries) -> Blank:
    return Blank(title, tuple(node.problems))


_KINDS: Mapping[str, _Read] = {
    "xyChart": series.chart,
    "scorecard": series.scorecard,
    "timeSeriesTable": series.table,
    "pieChart": series.pie,
    "text": _text,
    "collapsibleGroup": _group,
    "sectionHeader": _header,
    "singleViewGroup": _single,
    "incidentList": _incidents,
    "alertChart": _alert,
    "blank": _blank,
}
