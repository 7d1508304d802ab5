"""Where widgets lie: all layouts of the API become boxes on one grid of 48 columns.

Heights are scaled as widths are, so tiles keep their proportions. Layouts that say nothing of heights get rows of ``ROW`` blocks, which
is what a tile of a mosaic usually has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from exporter.console.dashboards.nodes import Node
from exporter.console.dashboards.page import COLUMNS

MAX_WIDGETS = 200
ROW = 16
_MAX_HEIGHT = 400
_MAX_Y = 20_000
_SIDE_BY_SIDE = 12
"""More than these beside each other cannot be read; what is beyond them goes below."""
_GRID_COLUMNS = 2
"""Of a grid that does not say: https://cloud.google.com/monitoring/dashboards/api-examples has two."""


@dataclass(frozen=True, slots=True)
class Box:
    """Left, top, width and height in blocks."""

    x: int
    y: int
    w: int
    h: int

    def holds(self, other: Box) -> bool:
        """Whether another box lies within this one, edges included."""
        return (
            self.x <= other.x
            and self.y <= other.y
            and other.x + other.w <= self.x + self.w
            and other.y + other.h <= self.y + self.h
        )

    def within(self, outer: Box) -> Box:
        """The same box as seen from another's corner."""
        return replace(self, x=self.x - outer.x, y=self.y - outer.y)


@dataclass(frozen=True, slots=True)
class Placed:
    """A widget's JSON in its box; ``node`` notes problems of the widget."""

    box: Box
    node: Node


def place(dashboard: Node) -> list[Placed]:
    """All widgets of a dashboard, in its order."""
    given = [name for name in _LAYOUTS if dashboard.has(name)]
    if not given:
        dashboard.problem(f"The dashboard has no layout: {', '.join(_LAYOUTS)} are known.")
        return []
    name = next((each for each in given if _holds_widgets(dashboard, each)), given[0])
    if len(given) > 1:
        dashboard.problem(f"The dashboard has {len(given)} layouts: {name} is shown.")
    layout = dashboard.child(name)
    if layout is None:
        return []
    placed, count = [], 0
    for count, (box, value, problems) in enumerate(_LAYOUTS[name](layout), 1):
        if count <= MAX_WIDGETS:
            placed.append(Placed(box, _widget(value, problems)))
    if count > MAX_WIDGETS:
        dashboard.problem(f"The dashboard has {count} widgets: the first {MAX_WIDGETS} are shown.")
    return placed


def _holds_widgets(dashboard: Node, name: str) -> bool:
    layout = dashboard.apart().child(name)
    return layout is not None and next(_LAYOUTS[name](layout), None) is not None


_Found = Iterator[tuple[Box, object, list[str]]]


def _widget(value: object, problems: list[str]) -> Node:
    if isinstance(value, dict):
        return Node(value, "", problems)
    return Node({}, "", [*problems, "The widget should be an object: there is nothing to show."])


def _mosaic(layout: Node) -> _Found:
    tiles = _list(layout, "tiles")
    columns = _mosaic_columns(layout, tiles)
    for tile in tiles:
        problems: list[str] = []
        node = Node(tile if isinstance(tile, dict) else {}, "", problems)
        yield _scaled(_tile(node, columns), columns), node.get("widget"), problems


def _mosaic_columns(layout: Node, tiles: Sequence[object]) -> int:
    columns = layout.whole("columns")
    if columns is not None and 1 <= columns <= COLUMNS:
        return columns
    quiet = [Node(tile) for tile in tiles if isinstance(tile, dict)]
    widest = max(((tile.whole("xPos") or 0) + (tile.whole("width") or 0) for tile in quiet), default=0)
    taken = 12 if widest <= 12 else COLUMNS
    layout.problem(f"mosaicLayout.columns should be 1 to {COLUMNS}: {taken} are taken.")
    return taken


def _tile(node: Node, columns: int) -> Box:
    """The box of a tile in its own grid, made to fit."""
    x, y = max(0, node.whole("xPos") or 0), max(0, node.whole("yPos") or 0)
    w, h = node.whole("width"), node.whole("height")
    box = Box(
        min(x, columns - 1), min(y, _MAX_Y), max(1, w or columns // 4), min(_MAX_HEIGHT, max(1, h or columns // 4))
    )
    box = replace(box, w=min(box.w, columns - box.x))
    wanted = (node.whole("xPos") or 0, node.whole("yPos") or 0, w, h)
    if wanted != (box.x, box.y, box.w, box.h):
        node.problem(
            "The tile does not lie within the grid, or has no size: it is drawn where and as large as it can be."
        )
    return box


def _scaled(box: Box, columns: int) -> Box:
    x, right, y, bottom = (round(edge * COLUMNS / columns) for edge in (box.x, box.x + box.w, box.y, box.y + box.h))
    return Box(x, y, max(1, right - x), max(1, bottom - y))


def _grid(layout: Node) -> _Found:
    columns = layout.whole("columns") or _GRID_COLUMNS
    if not 1 <= columns <= COLUMNS:
        layout.problem(f"gridLayout.columns should be 1 to {COLUMNS}: {_GRID_COLUMNS} are taken.")
        columns = _GRID_COLUMNS
    for index, widget in enumerate(_list(layout, "widgets")):
        yield _across(index % columns, columns, index // columns * ROW, ROW), widget, []


def _rows(layout: Node) -> _Found:
    rows, weights = _weighed(layout, "rows")
    average, y = sum(weights) / max(1, len(weights)), 0
    for row, weight in zip(rows, weights, strict=True):
        height = max(4, min(4 * ROW, round(ROW * weight / average)))
        widgets = _list(row, "widgets")
        for first in range(0, len(widgets), _SIDE_BY_SIDE):
            line = widgets[first : first + _SIDE_BY_SIDE]
            for index, widget in enumerate(line):
                yield _across(index, len(line), y, height), widget, []
            y += height


def _columns(layout: Node) -> _Found:
    columns, weights = _weighed(layout, "columns")
    top = 0
    for first in range(0, len(columns), _SIDE_BY_SIDE):
        beside = columns[first : first + _SIDE_BY_SIDE]
        highest = 0
        for (left, right), column in zip(_edges(weights[first : first + _SIDE_BY_SIDE]), beside, strict=True):
            widgets = _list(column, "widgets")
            for index, widget in enumerate(widgets):
                yield Box(left, top + index * ROW, right - left, ROW), widget, []
            highest = max(highest, len(widgets))
        top += highest * ROW


_LAYOUTS: dict[str, Callable[[Node], _Found]] = {
    "mosaicLayout": _mosaic,
    "gridLayout": _grid,
    "rowLayout": _rows,
    "columnLayout": _columns,
}


def _list(node: Node, key: str) -> list[object]:
    found = node.get(key)
    if found is not None and not isinstance(found, list):
        node.problem(f"{node.at(key)} should be a list: nothing of it is shown.")
    return found if isinstance(found, list) else []


def _weighed(layout: Node, key: str) -> tuple[list[Node], list[int]]:
    """Rows or columns, and their weights: 1 where none is given."""
    parts = layout.children(key, MAX_WIDGETS)
    return parts, [max(1, part.whole("weight") or 1) for part in parts]


def _across(index: int, count: int, y: int, height: int) -> Box:
    left, right = (edge * COLUMNS // count for edge in (index, index + 1))
    return Box(left, y, right - left, height)


def _edges(weights: Sequence[int]) -> list[tuple[int, int]]:
    """Left and right edges of columns as wide as they weigh, each at least one block."""
    spare, total = COLUMNS - len(weights), sum(weights)
    bounds = [index + round(spare * done / total) for index, done in enumerate(accumulate(weights, initial=0))]
    return list(pairwise(bounds))
