"""The fields of a dashboard: filters that hold for every widget, and template variables, and what they put into the questions.

https://cloud.google.com/monitoring/api/ref_v3/rest/v1/projects.dashboards#DashboardFilter
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from exporter.console.dashboards.filling import fill
from exporter.console.dashboards.filter_text import BadFilter, quoted
from exporter.console.dashboards.nodes import Node, clean
from exporter.console.dashboards.page import Field
from exporter.console.dashboards.view import Query, Variable, View
from exporter.console.series.model import Part, Question

ALL = "*"
"""The value that lets everything through; so does none."""
_MAX_FIELDS = 50
_MAX_VALUES = 1_000
_LABELS = {
    "RESOURCE_LABEL": "resource.labels",
    "METRIC_LABEL": "metric.labels",
    "USER_METADATA_LABEL": "metadata.user_labels",
    "SYSTEM_METADATA_LABEL": "metadata.system_labels",
}
_TYPES = {name: name for name in (*_LABELS, "GROUP", "VALUE_ONLY")}


class UnknownField(ValueError):
    """A value was chosen for a field that the dashboard does not have; the message names those that it has."""


@dataclass(frozen=True, slots=True)
class Filled:
    """The queries of a view with the chosen values in them, and why some cannot be asked; every query id is in one of the two."""

    queries: Mapping[str, Query]
    problems: Mapping[str, str]


def read(dashboard: Node, known: Mapping[str, Sequence[str]]) -> list[tuple[Variable, Field]]:
    """The fields of a dashboard, each with a key of its own; those that mean nothing are noted."""
    found: list[tuple[Variable, Field]] = []
    for index, node in enumerate(dashboard.children("dashboardFilters", _MAX_FIELDS), 1):
        variable = _variable(node)
        if variable is None:
            continue
        taken = {each.key for each, _ in found}
        if not variable.key or ":" in variable.key or variable.key in taken:
            variable = replace(variable, key=f"filter-{index}")
        found.append((variable, _field(node, variable, known)))
    return found


def filled(view: View, chosen: Mapping[str, Sequence[str]]) -> Filled:
    """The queries of a view for chosen values by key; a field that is not named keeps the dashboard's own values.

    ``*``, an empty value and no value at all let everything through. Raises ``UnknownField``.
    """
    keys = {variable.key for variable in view.variables}
    if unknown := sorted(set(chosen) - keys):
        there = f"it has {', '.join(sorted(keys))}" if keys else "it has none"
        raise UnknownField(f"the dashboard has no field {unknown[0][:80]!r}: {there}")
    values = {
        variable.key: _values(chosen[variable.key]) if variable.key in chosen else variable.values
        for variable in view.variables
    }
    queries, problems = {}, {}
    for name, query in view.queries.items():
        try:
            queries[name] = replace(query, question=_question(query.question, view.variables, values))
        except BadFilter as error:
            problems[name] = f"This cannot be asked: {error}."
    return Filled(queries, problems)


def _question(question: Question, variables: Sequence[Variable], values: Mapping[str, tuple[str, ...]]) -> Question:
    def part(each: Part) -> Part:
        return replace(each, filter=fill(each.filter, variables, values))

    denominator = None if question.denominator is None else part(question.denominator)
    return replace(question, numerator=part(question.numerator), denominator=denominator)


def _values(chosen: Sequence[str]) -> tuple[str, ...]:
    """Chosen values without doubles; none where one of them is everything."""
    values = tuple(dict.fromkeys(clean(each) for each in chosen))
    return () if ALL in values or "" in values else values


def _variable(node: Node) -> Variable | None:
    name, label = node.text("templateVariable").strip(), node.text("labelKey").strip()
    kind = node.choice("filterType", _TYPES, "VALUE_ONLY" if name and not label else "")
    if kind in _LABELS and label:
        field = f"{_LABELS[kind]}.{quoted(label)}"
    elif kind == "GROUP":
        field = "group.id"
    elif kind == "VALUE_ONLY" and name:
        field = ""
    else:
        node.problem(f"{node.place} says not what it filters by, and is left out.")
        return None
    several = node.choice("valueType", {"STRING": False, "STRING_ARRAY": True}, default=node.has("stringArrayValue"))
    inner = node.child("stringArrayValue")
    values = _values(inner.texts("values", _MAX_VALUES) if inner is not None else (node.text("stringValue"),))
    return Variable(name or label or "group", name, field, values, several)


def _field(node: Node, variable: Variable, known: Mapping[str, Sequence[str]]) -> Field:
    listed = node.child("stringArray")
    values = listed.texts("values", _MAX_VALUES) if listed is not None else ()
    choices = dict.fromkeys([*values, *known.get(variable.field, ()), *variable.values])
    first = variable.values[0] if variable.values else ""
    label = variable.name or node.text("labelKey").strip() or variable.key
    chosen = variable.values if variable.several else variable.values[:1]
    return Field(variable.key, label, first, tuple(choices), variable.several, chosen)
