"""Groups: widgets that lie within the area of a group belong to it, as the API says of both kinds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from exporter.console.dashboards.layouts import Box
from exporter.console.dashboards.page import Group, Item, Single, Widget


@dataclass(frozen=True, slots=True)
class Boxed:
    """A widget in its box of the page."""

    id: str
    box: Box
    widget: Widget


def group(found: Sequence[Boxed]) -> tuple[Item, ...]:
    """The items of a page, those within groups inside them; a widget belongs to the smallest group that holds it."""
    groups = [index for index, each in enumerate(found) if isinstance(each.widget, Group | Single)]
    members: dict[int | None, list[int]] = {}
    for index in range(len(found)):
        members.setdefault(_home(index, groups, found), []).append(index)

    def items(home: int | None, corner: Box) -> tuple[Item, ...]:
        return tuple(item(index, corner) for index in members.get(home, ()))

    def item(index: int, corner: Box) -> Item:
        each = found[index]
        box, widget = each.box.within(corner), each.widget
        if isinstance(widget, Group | Single):
            inside = items(index, each.box)
            problems = (
                widget.problems if inside else (*widget.problems, "No widget lies within the area of this group.")
            )
            widget = replace(widget, items=inside, problems=problems)
        return Item(each.id, box.x, box.y, box.w, box.h, widget)

    return items(None, Box(0, 0, 0, 0))


def _home(index: int, groups: Sequence[int], found: Sequence[Boxed]) -> int | None:
    """The smallest group around a widget; of groups of the same box the first is around the others."""
    inner = found[index]
    around = [
        each
        for each in groups
        if found[each].box.holds(inner.box) and (found[each].box != inner.box or each < index or index not in groups)
    ]
    return min(around, key=lambda each: (found[each].box.w * found[each].box.h, -each), default=None)
