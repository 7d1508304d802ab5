"""From any JSON value to a view: whatever it is, what can be shown is shown, and what cannot is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exporter.console.dashboards import grouping, layouts, tidying, variables, widgets
from exporter.console.dashboards.grouping import Boxed
from exporter.console.dashboards.nodes import Node, describe, not_json
from exporter.console.dashboards.page import COLUMNS, Page
from exporter.console.dashboards.queries import Queries
from exporter.console.dashboards.view import View


def parse(dashboard: object, name: str, known: Mapping[str, Sequence[str]] | None = None) -> View:
    """Understand a dashboard; never raises.

    ``known`` are values that its fields may choose from, by what they compare (``resource.labels."job"``).
    """
    root = Node(dashboard if isinstance(dashboard, dict) else {})
    if not isinstance(dashboard, dict):
        root.problem(not_json(dashboard) or f"A dashboard is a JSON object, and this is {describe(dashboard)}.")
        placed = []
    else:
        placed = layouts.place(root)
    asked = Queries()
    boxed = [Boxed(f"w{index}", each.box, widgets.read(each.node, asked)) for index, each in enumerate(placed, 1)]
    items = tidying.tidied(grouping.group(boxed), root.problem)
    found = variables.read(root, known or {})
    page = Page(
        name=name,
        title=root.text("displayName"),
        columns=COLUMNS,
        filters=tuple(field for _, field in found),
        items=items,
        notes=tuple(root.problems),
    )
    return View(page, asked.by_id, tuple(variable for variable, _ in found))
