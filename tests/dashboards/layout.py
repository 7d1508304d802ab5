"""Tiles: inside the grid, none upon another, not too many, each with a title and one widget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

from tests.dashboards.reading import KINDS, Json, kinds, sections, tiles, title

COLUMNS = 48
"""What Google's own samples use."""
MOST_WIDGETS = 50
"""The API has refused dashboards with more."""
MIN_WIDTH, MIN_HEIGHT = 6, 4
"""Below these a tile shows nothing that could be read."""


def check(dashboard: Json) -> Iterator[str]:
    """What is wrong with the arrangement."""
    if "mosaicLayout" not in dashboard or len([name for name in dashboard if name.endswith("Layout")]) != 1:
        yield "the layout must be a mosaicLayout, and nothing else"
        return
    if dashboard["mosaicLayout"].get("columns") != COLUMNS:
        yield f"the grid must have {COLUMNS} columns"
    found = tiles(dashboard)
    if not 1 <= len(found) <= MOST_WIDGETS:
        yield f"{len(found)} widgets: at least 1, at most {MOST_WIDGETS}"
    for tile in found:
        yield from (f"{title(tile)}: {finding}" for finding in _tile(tile))
    for one, other in combinations(found, 2):
        if _overlap(one, other):
            yield f"{title(one)}: lies upon {title(other)}"
    for name, count in Counter(title(tile) for tile in found if "text" not in tile["widget"]).items():
        if count > 1:
            yield f"{name}: {count} widgets have this title"
    yield from _gaps(found)
    if "sectionHeader" not in sections(dashboard)[0 if sections(dashboard)[0] else 1][0]["widget"]:
        yield "the first tile must be a header"


def _tile(tile: Json) -> Iterator[str]:
    x, y, width, height = _box(tile)
    if x < 0 or y < 0 or x + width > COLUMNS:
        yield f"lies outside the grid of {COLUMNS} columns"
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        yield f"is smaller than {MIN_WIDTH} x {MIN_HEIGHT}"
    if not tile["widget"].get("title"):
        yield "has no title"
    held = kinds(tile)
    if len(held) != 1 or held[0] not in KINDS:
        yield f"must hold one of {', '.join(KINDS)}, holds {', '.join(held) or 'nothing'}"


def _box(tile: Json) -> tuple[int, int, int, int]:
    return tile.get("xPos", 0), tile.get("yPos", 0), tile.get("width", 0), tile.get("height", 0)


def _overlap(one: Json, other: Json) -> bool:
    (x, y, width, height), (u, v, breadth, depth) = _box(one), _box(other)
    return x < u + breadth and u < x + width and y < v + depth and v < y + height


def _gaps(found: list[Json]) -> Iterator[str]:
    """Rows that are empty from side to side: the console shows them as blank space."""
    taken = {row for tile in found for row in range(_box(tile)[1], _box(tile)[1] + _box(tile)[3])}
    empty = [row for row in range(max(taken)) if row not in taken]
    if empty:
        yield f"rows {empty[0]} to {empty[-1]} are not all filled"
