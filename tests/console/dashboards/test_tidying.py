"""Pages whose boxes lie anyhow become pages that can be looked at; well laid out ones stay as they are."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.console.dashboards.page import Group, Item, Single
from exporter.console.dashboards.parsing import parse
from exporter.console.dashboards.tidying import MAX_GAP, MAX_HEIGHT
from tests.console.dashboards.samples import mosaic, tile

Box = tuple[int, int, int, int]
KINDS = ("blank", "blank", "blank", "collapsibleGroup", "singleViewGroup")
NUMBERS = st.one_of(st.integers(-5, 60), st.integers(-(10**9), 10**9), st.none())
TILES = st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.sampled_from(KINDS)), max_size=14)


def kept(x: Any, y: Any, w: Any, h: Any, kind: str = "blank") -> dict[str, Any]:
    return tile(x, y, w, h, {"title": kind, kind: {}})


def page(tiles: list[dict[str, Any]], columns: int = 48) -> Any:
    return parse(mosaic(tiles, columns), "d").page


def boxes(items: tuple[Item, ...]) -> list[Box]:
    return [(each.x, each.y, each.w, each.h) for each in items]


def overlap(one: Item, other: Item) -> bool:
    beside = one.x + one.w <= other.x or other.x + other.w <= one.x
    return not (beside or one.y + one.h <= other.y or other.y + other.h <= one.y)


def look(items: tuple[Item, ...], may_overlap: bool = False) -> None:
    """Check a page, and what its groups hold."""
    bottom = max((each.y + each.h for each in items), default=0)
    assert bottom <= sum(each.h + MAX_GAP for each in items)
    assert may_overlap or not any(overlap(*pair) for pair in combinations(items, 2))
    for each in items:
        assert min(each.x, each.y) >= 0
        assert min(each.w, each.h) >= 1
        assert each.x + each.w <= 48
        if isinstance(each.widget, Group | Single):
            look(each.widget.items, isinstance(each.widget, Single))
            assert all(inner.y + inner.h <= each.h for inner in each.widget.items)
        else:
            assert each.h <= MAX_HEIGHT


@given(TILES, st.integers(1, 48))
def test_no_two_lie_over_each_other_and_the_page_ends(tiles: list[tuple[Any, ...]], columns: int) -> None:
    look(page([kept(*each) for each in tiles], columns).items)


@given(
    st.lists(st.tuples(st.lists(st.integers(1, 12), min_size=1, max_size=6), st.integers(1, 40), st.integers(0, 16)))
)
def test_what_is_well_laid_out_stays_where_it_is(rows: list[tuple[list[int], int, int]]) -> None:
    tiles: list[Box] = []
    y = 0
    for widths, height, gap in rows:
        x, y = 0, y + gap
        for width in widths:
            if x + width <= 48:
                tiles.append((x, y, width, height))
            x += width
        y += height
    # In any order: it is the boxes that count.
    found = page([kept(*each) for each in reversed(tiles)])
    assert boxes(found.items) == tiles[::-1]
    assert not [note for note in found.notes if "layout" not in note]


def test_what_lies_over_another_goes_below_it_in_order() -> None:
    found = page([kept(0, 0, 24, 8), kept(12, 4, 24, 8), kept(0, 0, 48, 4), kept(36, 0, 12, 8)])
    assert boxes(found.items) == [(0, 0, 24, 8), (12, 8, 24, 8), (0, 16, 48, 4), (36, 0, 12, 8)]
    assert found.notes == ("2 of the widgets lay over others: they were moved down to where there is room.",)


def test_an_absurd_place_does_not_make_the_page_endless() -> None:
    found = page([kept(0, 0, 12, 4), kept(0, 100_000_000, 12, 4)], 12)
    assert boxes(found.items) == [(0, 0, 48, 16), (0, 16 + MAX_GAP, 48, 16)]
    assert found.notes == ("Large empty parts between the widgets are left out.",)
    assert "does not lie within the grid" in found.items[1].widget.problems[0]


def test_a_group_keeps_its_members_and_grows_with_them() -> None:
    found = page(
        [
            kept(0, 0, 48, 8, "collapsibleGroup"),
            kept(0, 0, 24, 8),
            kept(0, 0, 24, 6),
            kept(0, 8, 48, 4),
        ]
    )
    assert boxes(found.items) == [(0, 0, 48, 14), (0, 14, 48, 4)]
    assert boxes(found.items[0].widget.items) == [(0, 0, 24, 8), (0, 8, 24, 6)]


@pytest.mark.parametrize("empty", [{"tiles": []}, {"columns": 12}, 5])
def test_of_two_layouts_the_one_with_widgets_is_shown(empty: Any) -> None:
    widget = {"title": "there", "blank": {}}
    found = parse({"mosaicLayout": empty, "gridLayout": {"widgets": [widget]}}, "d").page
    assert [each.widget.title for each in found.items] == ["there"]
    assert found.notes == ("The dashboard has 2 layouts: gridLayout is shown.",)
