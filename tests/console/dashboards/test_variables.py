"""Fields of dashboards: chosen values get into filters, and no value changes what a filter means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.console.dashboards import variables
from exporter.console.dashboards.nodes import clean
from exporter.console.dashboards.page import Field
from exporter.console.dashboards.parsing import parse
from exporter.console.dashboards.variables import Filled, UnknownField
from exporter.sandbox.monitoring import filters
from tests.console.dashboards.samples import grid

FIELDS = frozenset(
    ("metric.type", "resource.type", "resource.labels", "metric.labels", "metadata.user_labels", "group.id", "project")
)
TYPE = 'metric.type="a/b"'
VARIABLE = {"filterType": "RESOURCE_LABEL", "labelKey": "job", "templateVariable": "v"}
VALUE = {"filterType": "VALUE_ONLY", "templateVariable": "only"}
PINNED = {"filterType": "RESOURCE_LABEL", "labelKey": "job"}


class Series:
    """A series by its labels, for the sandbox's filters."""

    def __init__(self, job: str, code: str = "1") -> None:
        self._values = {("resource.labels", "job"): job, ("metric.labels", "code"): code, ("metric.type", ""): "a/b"}

    def value(self, found: filters.Field) -> str:
        return self._values.get((found.name, found.key), "")

    def has(self, found: filters.Field) -> bool:
        return (found.name, found.key) in self._values


def view_of(text: str, *fields: Mapping[str, Any]) -> Any:
    query = {"timeSeriesFilter": {"filter": text}}
    return parse(grid([{"scorecard": {"timeSeriesQuery": query}}], dashboardFilters=[*fields]), "d")


def filled(text: str, chosen: Mapping[str, tuple[str, ...]], *fields: Mapping[str, Any]) -> str:
    found = variables.filled(view_of(text, *fields), chosen)
    assert not found.problems
    return found.queries["q1"].question.numerator.filter


def refusal(text: str, chosen: Mapping[str, tuple[str, ...]], *fields: Mapping[str, Any]) -> str:
    found: Filled = variables.filled(view_of(text, *fields), chosen)
    assert not found.queries
    return found.problems["q1"]


FORMS = (
    TYPE + " ${v}",
    TYPE + " AND ${v}",
    "${v} AND " + TYPE,
    TYPE + ' AND (${v} OR metric.labels.code="none")',
    TYPE + ' AND NOT NOT ${v} metric.labels.code="1"',
    TYPE + ' resource.labels."job"="${v.value}"',
    TYPE + " resource.label.job='${v.value}'",
    TYPE + " AND resource.labels.job = ${v.value}",
    TYPE + " resource.labels.job=one_of(${v.value}, 'none')",
    TYPE + ' resource.labels.job=starts_with("${v.value}")',
    TYPE + " resource.labels.job=${only}",
    TYPE + ' resource.labels.job="${only.value}"',
    TYPE + ' resource.labels.job="${only}"',
)
VALUES = st.text(st.characters(exclude_categories=()), min_size=1, max_size=12)


@pytest.mark.parametrize("form", FORMS)
@given(value=VALUES)
@example('"')
@example("'")
@example("\\")
@example('\\" OR metric.type="other')
@example('" OR resource.labels.job!="')
@example("${v}")
@example("${v.value}")
@example("a) OR (b")
@example(".*")
@example("\n")
def test_no_value_changes_what_is_compared(form: str, value: str) -> None:
    if value == variables.ALL:
        return
    text = filled(form, {"v": (value,), "only": (value,)}, VARIABLE, VALUE)
    understood = filters.parse(text, FIELDS)
    names = {(each.name, each.key) for each in understood.fields} - {("metric.labels", "code")}
    assert names == {("metric.type", ""), ("resource.labels", "job")}
    assert understood.metric_types == ("a/b",)
    assert understood.matches(Series(clean(value)))
    assert not understood.matches(Series(another(value)))


def another(value: str) -> str:
    """A value that is not this one, and does not begin with it."""
    return ("!" if clean(value)[0] != "!" else "?") + clean(value)


@given(value=VALUES, text=st.sampled_from([TYPE, TYPE + ' OR metric.type="c"', ""]))
@example('"', TYPE)
@example("\\", TYPE)
def test_a_filter_of_the_whole_dashboard(value: str, text: str) -> None:
    if value == variables.ALL or not text:
        return
    understood = filters.parse(filled(text, {"job": (value,)}, PINNED), FIELDS)
    assert understood.matches(Series(clean(value)))
    assert not understood.matches(Series(another(value)))


@pytest.mark.parametrize("form", [form for form in FORMS if "one_of" not in form])
@pytest.mark.parametrize("chosen", [(), ("",), ("*",), ("a", "*")])
def test_nothing_chosen_lets_everything_through(form: str, chosen: tuple[str, ...]) -> None:
    understood = filters.parse(filled(form, {"v": chosen, "only": chosen}, VARIABLE, VALUE), FIELDS)
    assert understood.matches(Series("any"))
    assert understood.matches(Series(""))


@pytest.mark.parametrize(
    ("form", "matching", "other"),
    [
        (TYPE + " ${v}", ("a", 'b"'), ("c",)),
        (TYPE + ' resource.labels.job="${v.value}"', ("a", 'b"'), ("c",)),
        (TYPE + ' resource.labels.job!="${v.value}"', ("c",), ("a", 'b"')),
        (TYPE + ' resource.labels.job="x-${v.value}"', ("x-a", 'x-b"'), ("a", "x-c")),
        (TYPE + " resource.labels.job=one_of(${v.value}, 'd')", ("a", 'b"', "d"), ("c",)),
        (TYPE + ' resource.labels.job=monitoring.regex.full_match("${v.value}.?")', ("a", "a1", 'b"'), ("c",)),
    ],
)
def test_several_values(form: str, matching: tuple[str, ...], other: tuple[str, ...]) -> None:
    understood = filters.parse(filled(form, {"v": ("a", 'b"', "a")}, VARIABLE), FIELDS)
    assert all(understood.matches(Series(job)) for job in matching)
    assert not any(understood.matches(Series(job)) for job in other)


@pytest.mark.parametrize(
    ("form", "matching", "other"),
    [
        (TYPE + ' resource.labels.job="x.${v.value}-y"', ("x.1-y", "x.-y"), ("xa1-y", "x.1")),
        (TYPE + ' resource.labels.job!="${v.value}"', ("a", ""), ()),
        (TYPE + ' resource.labels.job=monitoring.regex.full_match("x${v.value}")', ("x", "xy"), ("y",)),
        (TYPE + " resource.labels.job=monitoring.regex.full_match(${only})", ("x", "y"), ()),
        (TYPE + " resource.labels.job:${only}", ("x", "y"), ()),
    ],
)
def test_everything_within_a_longer_value(form: str, matching: tuple[str, ...], other: tuple[str, ...]) -> None:
    understood = filters.parse(filled(form, {"v": (), "only": ()}, VARIABLE, VALUE), FIELDS)
    assert all(understood.matches(Series(job)) for job in matching)
    assert not any(understood.matches(Series(job)) for job in other)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            TYPE + " ${unknown}",
            "This cannot be asked: the filter names ${unknown}, which the dashboard does not define.",
        ),
        (TYPE + ' resource.labels.job="x', "This cannot be asked: the filter has a quote without its partner."),
        (
            TYPE + " ${only}",
            "This cannot be asked: ${only} is a value, and stands where the filter needs a comparison.",
        ),
        (
            TYPE + " metric.labels.code > ${v.value}",
            'This cannot be asked: the filter needs one value in "${v.value}".',
        ),
    ],
)
def test_what_cannot_be_filled(text: str, why: str) -> None:
    assert refusal(text + " ${v}", {"v": ()}, VARIABLE, VALUE) == why


def test_too_many_values() -> None:
    many = tuple(str(number) for number in range(101))
    assert "more than 100 values" in refusal(TYPE + " ${v}", {"v": many}, VARIABLE)
    assert "more than 100 values" in refusal(TYPE + ' resource.labels.job="${v.value}"', {"v": many}, VARIABLE)


def test_a_widget_that_compares_the_label_itself_is_left_alone() -> None:
    for own in ('resource.label."job"="b"', "resource.labels.job='b'", 'resource.labels."job" = "b"'):
        text = f"{TYPE} {own}"
        assert filled(text, {"job": ("a",)}, PINNED) == text
    text = TYPE + ' metric.labels.code="resource.labels.job"'
    assert filled(text, {"job": ("a",)}, PINNED) == text + ' AND resource.labels."job"="a"'


def test_the_dashboard_says_what_holds_at_first() -> None:
    several = PINNED | {"stringArrayValue": {"values": ["a", "b"]}}
    assert filled(TYPE, {}, several) == TYPE + ' AND resource.labels."job"=one_of("a","b")'
    assert filled(TYPE, {"job": ("c",)}, several) == TYPE + ' AND resource.labels."job"="c"'
    assert filled(TYPE, {"job": ()}, several) == TYPE
    assert filled(TYPE, {}, PINNED | {"stringValue": "*"}) == TYPE
    assert filled(TYPE + " ${v}", {}, VARIABLE | {"stringValue": "x"}) == TYPE + ' resource.labels."job"="x"'


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("RESOURCE_LABEL", 'resource.labels."k"'),
        ("METRIC_LABEL", 'metric.labels."k"'),
        ("USER_METADATA_LABEL", 'metadata.user_labels."k"'),
        ("SYSTEM_METADATA_LABEL", 'metadata.system_labels."k"'),
        ("GROUP", "group.id"),
    ],
)
def test_kinds_of_fields(kind: str, field: str) -> None:
    label = {} if kind == "GROUP" else {"labelKey": "k"}
    assert filled(TYPE + " ${v}", {"v": ("x",)}, {"filterType": kind, "templateVariable": "v", **label}) == (
        f'{TYPE} {field}="x"'
    )


def test_both_sides_of_a_ratio() -> None:
    ratio = {"timeSeriesFilterRatio": {"numerator": {"filter": TYPE}, "denominator": {"filter": TYPE + " ${v}"}}}
    found = parse(grid([{"scorecard": {"timeSeriesQuery": ratio}}], dashboardFilters=[VARIABLE]), "d")
    question = variables.filled(found, {"v": ("x",)}).queries["q1"].question
    assert question.numerator.filter == TYPE
    assert question.denominator is not None
    assert question.denominator.filter == TYPE + ' resource.labels."job"="x"'


def test_what_the_page_shows_of_its_fields() -> None:
    known = {'resource.labels."job"': ("a", "b")}
    fields = [
        VARIABLE,
        {"filterType": "METRIC_LABEL", "labelKey": "code", "stringArrayValue": {"values": ["1", "2"]}},
        VALUE | {"stringValue": "x", "stringArray": {"values": ["x", "y"]}},
        {"filterType": "RESOURCE_LABEL", "labelKey": "a:b"},
        {"filterType": "RESOURCE_LABEL"},
        {"templateVariable": "v", "filterType": "METRIC_LABEL", "labelKey": "twice"},
    ]
    view = parse({"gridLayout": {"widgets": [{"blank": {}}]}, "dashboardFilters": fields}, "d", known)
    assert view.page.filters == (
        Field("v", "v", "", ("a", "b"), several=False, chosen=()),
        Field("code", "code", "1", ("1", "2"), several=True, chosen=("1", "2")),
        Field("only", "only", "x", ("x", "y"), several=False, chosen=("x",)),
        Field("filter-4", "a:b", "", (), several=False, chosen=()),
        Field("filter-6", "v", "", (), several=False, chosen=()),
    )
    assert view.page.notes == ("dashboardFilters[4] says not what it filters by, and is left out.",)


def test_a_field_that_there_is_not() -> None:
    with pytest.raises(UnknownField, match="the dashboard has no field 'job': it has v"):
        variables.filled(view_of(TYPE, VARIABLE), {"job": ("a",)})
    with pytest.raises(UnknownField, match="it has none"):
        variables.filled(view_of(TYPE), {"job": ("a",)})
