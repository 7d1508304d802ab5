"""Four layouts become boxes of one grid, and groups hold what lies within them."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.console.dashboards.page import Group, Item, Single
from exporter.console.dashboards.parsing import parse
from tests.console.dashboards.samples import checked, items, mosaic, tile

BLANK: dict[str, Any] = {"blank": {}}
Boxes = list[tuple[int, int, int, int]]


def boxes(dashboard: Any) -> Boxes:
    return [(each.x, each.y, each.w, each.h) for each in parse(dashboard, "d").page.items]


def notes(dashboard: Any) -> tuple[str, ...]:
    return parse(dashboard, "d").page.notes


@pytest.mark.parametrize(
    ("dashboard", "expected"),
    [
        (mosaic([tile(0, 0, 48, 4, BLANK), tile(24, 4, 24, 8, BLANK)], 48), [(0, 0, 48, 4), (24, 4, 24, 8)]),
        (mosaic([tile(3, 2, 6, 4, BLANK)], 12), [(12, 8, 24, 16)]),
        (mosaic([{"width": 1, "height": 1, "widget": BLANK}], 1), [(0, 0, 48, 48)]),
        ({"gridLayout": {"widgets": [BLANK] * 3}}, [(0, 0, 24, 16), (24, 0, 24, 16), (0, 16, 24, 16)]),
        (
            {"gridLayout": {"columns": "3", "widgets": [BLANK] * 4}},
            [(0, 0, 16, 16), (16, 0, 16, 16), (32, 0, 16, 16), (0, 16, 16, 16)],
        ),
        (
            {"rowLayout": {"rows": [{"weight": "1", "widgets": [BLANK] * 2}, {"weight": 3, "widgets": [BLANK]}]}},
            [(0, 0, 24, 8), (24, 0, 24, 8), (0, 8, 48, 24)],
        ),
        (
            {"columnLayout": {"columns": [{"widgets": [BLANK] * 2}, {"weight": "3", "widgets": [BLANK]}]}},
            [(0, 0, 13, 16), (0, 16, 13, 16), (13, 0, 35, 16)],
        ),
        ({"column_layout": {"columns": [{"widgets": [BLANK]}]}}, [(0, 0, 48, 16)]),
    ],
)
def test_boxes(dashboard: Any, expected: Boxes) -> None:
    assert boxes(dashboard) == expected
    assert not notes(dashboard)


@given(
    columns=st.integers(1, 48),
    rows=st.lists(st.lists(st.integers(1, 6), min_size=1, max_size=6), min_size=1, max_size=4),
)
def test_tiles_that_do_not_overlap_do_not_when_scaled(columns: int, rows: list[list[int]]) -> None:
    tiles, y = [], 0
    for widths in rows:
        x = 0
        for width in widths:
            if x + width <= columns:
                tiles.append(tile(x, y, width, 2, BLANK))
                x += width
        y += 2
    found = boxes(mosaic(tiles, columns)) if tiles else []
    assert all(x >= 0 and x + w <= 48 and w >= 1 and h >= 1 for x, _, w, h in found)
    for (x, y, w, h), (left, top, width, height) in combinations(found, 2):
        assert x + w <= left or left + width <= x or y + h <= top or top + height <= y


@pytest.mark.parametrize(
    ("given_tile", "expected"),
    [
        (tile(-3, -1, 4, 4, BLANK), (0, 0, 16, 16)),
        (tile(10, 0, 6, 4, BLANK), (40, 0, 8, 16)),
        (tile(99, 0, 6, 4, BLANK), (44, 0, 4, 16)),
        (tile(0, 0, 0, 0, BLANK), (0, 0, 12, 12)),
        ({"widget": BLANK}, (0, 0, 12, 12)),
        (tile(0, 10**9, 12, 10**9, BLANK), (0, 20, 48, 400)),
    ],
)
def test_a_tile_that_does_not_fit(given_tile: Any, expected: tuple[int, int, int, int]) -> None:
    page = parse(mosaic([given_tile, tile(0, 0, 1, 1, BLANK)]), "d").page
    found = page.items[0]
    assert (found.x, found.y, found.w, found.h) == expected
    assert found.widget.problems == (
        "The tile does not lie within the grid, or has no size: it is drawn where and as large as it can be.",
    )
    assert not page.items[1].widget.problems


@pytest.mark.parametrize(
    ("dashboard", "note"),
    [
        ([], "A dashboard is a JSON object, and this is a list."),
        ({}, "The dashboard has no layout: mosaicLayout, gridLayout, rowLayout, columnLayout are known."),
        (
            {"gridLayout": {"widgets": [BLANK]}, "rowLayout": {"rows": [{}]}},
            "The dashboard has 2 layouts: gridLayout is shown.",
        ),
        ({"gridLayout": 5}, "gridLayout should be an object, is a number, and is left out."),
        (
            {"mosaicLayout": {"tiles": [tile(0, 0, 1, 1, BLANK)]}},
            "mosaicLayout.columns should be 1 to 48: 12 are taken.",
        ),
        (mosaic([tile(0, 0, 40, 1, BLANK)], 49), "mosaicLayout.columns should be 1 to 48: 48 are taken."),
        ({"gridLayout": {"columns": 90, "widgets": [BLANK]}}, "gridLayout.columns should be 1 to 48: 2 are taken."),
        ({"rowLayout": {"rows": [7]}}, "rowLayout.rows[0] should be an object, is a number, and is left out."),
        ({"gridLayout": {"widgets": "x"}}, "gridLayout.widgets should be a list: nothing of it is shown."),
    ],
)
def test_what_is_wrong_with_a_layout(dashboard: Any, note: str) -> None:
    assert note in notes(dashboard)
    checked(parse(dashboard, "d"))


def test_more_beside_each_other_than_can_be_read_go_below() -> None:
    rows = boxes({"rowLayout": {"rows": [{"widgets": [BLANK] * 13}]}})
    assert rows[11:] == [(44, 0, 4, 16), (0, 16, 48, 16)]
    columns = boxes({"columnLayout": {"columns": [{"widgets": [BLANK] * 2}] * 13}})
    assert columns[-2:] == [(0, 32, 48, 16), (0, 48, 48, 16)]


def named(x: int, y: int, w: int, h: int, title: str, kind: str = "blank") -> dict[str, Any]:
    return tile(x, y, w, h, {"title": title, kind: {}})


def tree(found: tuple[Item, ...]) -> Any:
    return {
        each.widget.title: tree(each.widget.items) if isinstance(each.widget, Group | Single) else (each.x, each.y)
        for each in found
    }


def test_groups_hold_what_lies_within_them() -> None:
    view = parse(
        mosaic(
            [
                named(0, 4, 12, 8, "outer", "collapsibleGroup"),
                named(0, 0, 12, 4, "above"),
                named(0, 4, 6, 8, "left"),
                named(6, 4, 6, 8, "one", "singleViewGroup"),
                named(6, 4, 6, 8, "first"),
                named(6, 4, 6, 8, "second"),
                named(0, 10, 12, 4, "across the edge"),
            ]
        ),
        "d",
    )
    assert tree(view.page.items) == {
        "outer": {"left": (0, 0), "one": {"first": (0, 0), "second": (0, 0)}},
        "above": (0, 0),
        "across the edge": (0, 48),
    }
    assert [each.id for each in items(view)] == ["w1", "w3", "w4", "w5", "w6", "w2", "w7"]


def test_groups_of_the_same_box_and_empty_ones() -> None:
    view = parse(
        mosaic(
            [
                named(0, 0, 12, 4, "a", "collapsibleGroup"),
                named(0, 0, 12, 4, "b", "singleViewGroup"),
                named(0, 0, 12, 4, "in both"),
                named(0, 8, 12, 4, "empty", "collapsibleGroup"),
            ]
        ),
        "d",
    )
    assert tree(view.page.items) == {"a": {"b": {"in both": (0, 0)}}, "empty": {}}
    assert view.page.items[1].widget.problems == ("No widget lies within the area of this group.",)
