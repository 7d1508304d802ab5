"""Dashboards that are broken at random places: nothing raises, the answer keeps its shape, and what is not broken is shown."""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.console.dashboards import variables
from exporter.console.dashboards.parsing import parse
from exporter.rendering.backends import Backend
from tests.console.dashboards.samples import SAMPLES, checked, shown
from tests.dashboards.fleets import rendered

PAGES = ("fleet", "compare", "cost", "exporter", "system-system-0")
OURS = {name: rendered("one with an API", Backend.CLOUD_MONITORING)[name] for name in PAGES}
# As from a file: what is written twice is there twice.
DASHBOARDS: dict[str, Any] = json.loads(json.dumps(SAMPLES | OURS))

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**400, -1, 0, 2**63]),
    st.floats(),
    ANY_TEXT,
    st.sampled_from(["NaN", "1e999", "12", "-3.5s", "60s", "${zone}", "${zone.value}", '"', "ALIGN_NONE", "*"]),
)
JUNK = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3), max_leaves=5
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a JSON value: what it is in, and its key or index there."""
    found: list[tuple[Any, Any]] = []
    stack = [value]
    while stack:
        each = stack.pop()
        keys = list(each) if isinstance(each, dict) else range(len(each)) if isinstance(each, list) else ()
        for key in keys:
            found.append((each, key))
            stack.append(each[key])
    return found


def mutate(value: Any, random: Random, junk: Any) -> None:
    """Break one place: delete it, put junk there, write it twice, or change it with another."""
    around, key = random.choice(places(value))
    what = random.choice(("delete", "replace", "twice", "swap", "wrap"))
    if what == "delete":
        del around[key]
    elif what == "replace":
        around[key] = junk
    elif what == "twice" and isinstance(around, list):
        around.insert(key, copy.deepcopy(around[key]))
    elif what == "swap":
        other, there = random.choice(places(value))
        around[key], other[there] = copy.deepcopy(other[there]), copy.deepcopy(around[key])
    else:
        around[key] = [around[key]] if random.random() < 0.5 else {"x": around[key]}


def test_what_is_whole_has_its_shape() -> None:
    for name, dashboard in DASHBOARDS.items():
        found = checked(parse(dashboard, name))
        assert found["items"]


@given(
    name=st.sampled_from(sorted(DASHBOARDS)), random=st.randoms(use_true_random=False), junk=st.lists(JUNK, max_size=4)
)
@settings(max_examples=250)
def test_broken_anywhere(name: str, random: Random, junk: list[Any]) -> None:
    dashboard = copy.deepcopy(DASHBOARDS[name])
    for each in junk:
        if dashboard:
            mutate(dashboard, random, each)
    view = parse(dashboard, name)
    checked(view)
    keys = {variable.key for variable in view.variables}
    filled = variables.filled(view, dict.fromkeys(keys, ('a"b',)))
    assert filled.queries.keys() | filled.problems.keys() == view.queries.keys()


@given(name=st.sampled_from(sorted(DASHBOARDS)), random=st.randoms(use_true_random=False), junk=JUNK)
@settings(max_examples=250)
def test_what_is_not_broken_is_shown(name: str, random: Random, junk: Any) -> None:
    dashboard = copy.deepcopy(DASHBOARDS[name])
    before = shown(parse(dashboard, name))
    around, index = random.choice([each for each in places(dashboard) if is_widget_list(each[0])])
    mutate(around[index], random, junk)
    after = shown(parse(dashboard, name))
    broken = [key for key in before if before[key] != after.get(key)]
    assert len(broken) <= 1
    assert len(after) == len(before)


def is_widget_list(value: Any) -> bool:
    """Whether this is a list of tiles or widgets."""
    kinds = ("widget", "xyChart", "text", "scorecard", "collapsibleGroup")
    return isinstance(value, list) and any(
        isinstance(each, dict) and any(kind in each for kind in kinds) for each in value
    )


@given(junk=JUNK)
@settings(max_examples=150)
def test_anything_at_all(junk: Any) -> None:
    checked(parse(junk, "any"))
    checked(parse({"mosaicLayout": junk, "dashboardFilters": junk}, "any"))
    checked(parse({"gridLayout": {"columns": junk, "widgets": [junk, {"text": junk}, {"xyChart": junk}]}}, "any"))


@pytest.mark.parametrize("layout", ["mosaicLayout", "gridLayout", "rowLayout", "columnLayout"])
def test_ten_thousand_widgets(layout: str) -> None:
    widget = {"text": {"content": "x"}}
    many: list[Any] = [widget] * 10_000
    inside = {
        "mosaicLayout": {"columns": 12, "tiles": [{"width": 1, "height": 1, "widget": widget}] * 10_000},
        "gridLayout": {"widgets": many},
        "rowLayout": {"rows": [{"widgets": many}]},
        "columnLayout": {"columns": [{"widgets": many}]},
    }
    found = checked(parse({layout: inside[layout]}, "many"))
    assert len(found["items"]) == 200
    assert found["notes"][0] == "The dashboard has 10000 widgets: the first 200 are shown."


def test_deep_nesting() -> None:
    deep: Any = {}
    for _ in range(900):
        deep = {"widget": deep, "xyChart": deep}
    view = parse({"gridLayout": {"widgets": [deep, {"title": "whole", "blank": {}}]}}, "deep")
    assert [each["widget"]["kind"] for each in checked(view)["items"]] == ["chart", "blank"]
    assert len(json.dumps(view.document())) < 2_000
