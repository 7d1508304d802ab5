"""Making a page of boxes that lie anyhow into one that can be looked at: none over another, none far below the rest, none without end.

What is well laid out stays exactly where it is.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from exporter.console.dashboards.page import Group, Item, Single

MAX_HEIGHT = 400
"""Blocks of a widget; a group is as high as what it holds."""
MAX_GAP = 16
"""Blocks of an empty band: a tile of the usual height fits in."""


@dataclass(slots=True)
class _Counts:
    """What was done to the items of a page."""

    shortened: int = 0
    moved: int = 0
    bands: int = 0


def tidied(items: Sequence[Item], problem: Callable[[str], None]) -> tuple[Item, ...]:
    """The items without overlaps, in their order; what was changed is noted in a sentence each.

    The members of a group that shows one at a time may lie over each other.
    """
    counts = _Counts()
    found = _level(items, counts)
    if counts.shortened:
        problem(f"{counts.shortened} of the widgets would be higher than any screen: they are drawn less high.")
    if counts.moved:
        problem(f"{counts.moved} of the widgets lay over others: they were moved down to where there is room.")
    if counts.bands:
        problem("Large empty parts between the widgets are left out.")
    return found


def _level(items: Sequence[Item], counts: _Counts) -> tuple[Item, ...]:
    return _squeezed(_apart([_bounded(each, counts) for each in items], counts), counts)


def _bounded(item: Item, counts: _Counts) -> Item:
    """An item that is not too high; a group with its members tidied, and high enough for them."""
    inner = 0
    if isinstance(item.widget, Group | Single):
        if isinstance(item.widget, Group):
            members = _level(item.widget.items, counts)
        else:
            members = _squeezed([_bounded(each, counts) for each in item.widget.items], counts)
        item = replace(item, widget=replace(item.widget, items=members))
        inner = _bottom(members)
    height = max(inner, min(item.h, MAX_HEIGHT))
    if height < item.h and not inner:
        counts.shortened += 1
    return replace(item, h=height)


def _apart(items: Sequence[Item], counts: _Counts) -> list[Item]:
    """Each item where it is, or at the next free place below."""
    found: list[Item] = []
    taken: list[tuple[int, int, int, int]] = []
    for item in items:
        y = item.y
        # By their tops: whatever was passed lies above, and what begins below is never reached.
        for top, left, right, bottom in taken:
            if left < item.x + item.w and item.x < right and top < y + item.h and y < bottom:
                y = bottom
        counts.moved += y != item.y
        insort(taken, (y, item.x, item.x + item.w, y + item.h))
        found.append(item if y == item.y else replace(item, y=y))
    return found


def _squeezed(items: Sequence[Item], counts: _Counts) -> tuple[Item, ...]:
    """The items with no empty band of more than ``MAX_GAP`` blocks above any of them."""
    moved: dict[int, int] = {}
    bottom = left_out = 0
    for index in sorted(range(len(items)), key=lambda each: items[each].y):
        item = items[index]
        gap = item.y - bottom
        if gap > MAX_GAP:
            left_out += gap - MAX_GAP
            counts.bands += 1
        bottom = max(bottom, item.y + item.h)
        moved[index] = left_out
    return tuple(replace(each, y=each.y - moved[index]) if moved[index] else each for index, each in enumerate(items))


def _bottom(items: Sequence[Item]) -> int:
    return max((each.y + each.h for each in items), default=0)
