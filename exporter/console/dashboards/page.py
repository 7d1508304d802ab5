"""A dashboard as the browser draws it: boxes on a grid of 48 columns, and widgets in them.

The names of all fields are the names in the JSON that the browser gets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

COLUMNS = 48


@dataclass(frozen=True, slots=True)
class Threshold:
    """A value that matters; ``direction`` is the side that is bad."""

    value: float
    label: str
    color: Literal["yellow", "red"] | None
    direction: Literal["above", "below"] | None
    axis: Literal["y1", "y2"]


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis of values."""

    label: str
    scale: Literal["linear", "log10"]


@dataclass(frozen=True, slots=True)
class OwnRange:
    """The time that a chart shows whatever the page shows: the last seconds, or from start to end (RFC 3339)."""

    last_s: float | None
    start: str | None
    end: str | None


@dataclass(frozen=True, slots=True)
class Plot:
    """The series of a query, and how they are drawn; ``legend`` is the template of their names."""

    query: str
    plot: Literal["line", "area", "bar", "heatmap"]
    axis: Literal["y1", "y2"]
    legend: str


@dataclass(frozen=True, slots=True)
class Named:
    """The series of a query; ``legend`` is the template of their names."""

    query: str
    legend: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Values over time."""

    title: str
    problems: tuple[str, ...]
    series: tuple[Plot, ...]
    y: Axis | None
    y2: Axis | None
    thresholds: tuple[Threshold, ...]
    mode: Literal["color", "x_ray", "stats"]
    range: OwnRange | None
    kind: Literal["chart"] = "chart"


@dataclass(frozen=True, slots=True)
class Gauge:
    """The ends of a gauge."""

    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Scorecard:
    """The newest value, large."""

    title: str
    problems: tuple[str, ...]
    query: str | None
    gauge: Gauge | None
    spark: Literal["line", "bar"] | None
    thresholds: tuple[Threshold, ...]
    kind: Literal["scorecard"] = "scorecard"


@dataclass(frozen=True, slots=True)
class Column:
    """How a column of a table looks."""

    column: str
    title: str
    visible: bool
    alignment: Literal["left", "center", "right"] | None
    thresholds: tuple[Threshold, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The newest value of each series, a row each."""

    title: str
    problems: tuple[str, ...]
    series: tuple[Named, ...]
    columns: tuple[Column, ...]
    bars: bool
    kind: Literal["table"] = "table"


@dataclass(frozen=True, slots=True)
class Pie:
    """The newest value of each series as its share of all."""

    title: str
    problems: tuple[str, ...]
    series: tuple[Named, ...]
    donut: bool
    total: bool
    kind: Literal["pie"] = "pie"


@dataclass(frozen=True, slots=True)
class Style:
    """How a text looks; colours are ``#rgb`` or ``#rrggbb``, the rest are names such as ``small`` or ``center``."""

    background: str | None
    color: str | None
    font_size: str | None
    padding: str | None
    horizontal: str | None
    vertical: str | None


@dataclass(frozen=True, slots=True)
class Text:
    """A text as safe HTML: no scripts, images, styles, or links but to pages."""

    title: str
    problems: tuple[str, ...]
    html: str
    style: Style | None
    kind: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class Header:
    """The headline of a section."""

    title: str
    problems: tuple[str, ...]
    subtitle: str
    divider: bool
    kind: Literal["header"] = "header"


@dataclass(frozen=True, slots=True)
class Group:
    """Widgets that are folded together; their boxes are relative to the group's."""

    title: str
    problems: tuple[str, ...]
    collapsed: bool
    items: tuple[Item, ...]
    kind: Literal["group"] = "group"


@dataclass(frozen=True, slots=True)
class Single:
    """Widgets of which one is seen at a time; their boxes are relative to the group's."""

    title: str
    problems: tuple[str, ...]
    items: tuple[Item, ...]
    kind: Literal["single"] = "single"


@dataclass(frozen=True, slots=True)
class Resource:
    """Monitored resources by type and labels."""

    type: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Incidents:
    """Incidents of some resources or policies; of all, where neither is named."""

    title: str
    problems: tuple[str, ...]
    resources: tuple[Resource, ...]
    policies: tuple[str, ...]
    kind: Literal["incidents"] = "incidents"


@dataclass(frozen=True, slots=True)
class Alert:
    """The chart of an alert policy, by the policy's resource name."""

    title: str
    problems: tuple[str, ...]
    policy: str
    kind: Literal["alert"] = "alert"


@dataclass(frozen=True, slots=True)
class Blank:
    """Empty space."""

    title: str
    problems: tuple[str, ...]
    kind: Literal["blank"] = "blank"


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A widget that is not drawn here: its name in the API, and what to do instead."""

    title: str
    problems: tuple[str, ...]
    what: str
    why: str
    kind: Literal["unsupported"] = "unsupported"


Widget: TypeAlias = (
    Chart | Scorecard | Table | Pie | Text | Header | Group | Single | Incidents | Alert | Blank | Unsupported
)


@dataclass(frozen=True, slots=True)
class Item:
    """A widget in its box: left, top, width and height in blocks of the grid."""

    id: str
    x: int
    y: int
    w: int
    h: int
    widget: Widget


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the page that narrows what is shown.

    ``value`` is what holds at first, "" for everything; ``chosen`` are all of them where ``several`` may be chosen. ``values`` is what is
    known to choose from.
    """

    key: str
    label: str
    value: str
    values: tuple[str, ...]
    several: bool
    chosen: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """All that is drawn; ``notes`` say what cannot be shown of the dashboard itself."""

    name: str
    title: str
    columns: int
    filters: tuple[Field, ...]
    items: tuple[Item, ...]
    notes: tuple[str, ...]
