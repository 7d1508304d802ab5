"""Other spellings of a dashboard that mean the same, and characters that make a text look like another."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from exporter.console.dashboards.parsing import parse
from tests.console.dashboards.samples import QUERY, SAMPLES, checked, grid, shown

_CASE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def snake(value: Any) -> Any:
    """A dashboard in the names of the protocol buffers, with durations as messages."""
    if isinstance(value, dict):
        return {_CASE.sub("_", key).lower(): snake(each) for key, each in value.items()}
    if isinstance(value, list):
        return [snake(each) for each in value]
    if isinstance(value, str) and re.fullmatch(r"[0-9.]+s", value):
        whole, _, part = value[:-1].partition(".")
        return {"seconds": int(whole), "nanos": int(f"0.{part or 0}".replace("0.", "").ljust(9, "0"))}
    return value


@pytest.mark.parametrize("name", SAMPLES)
def test_names_in_snake_case_mean_the_same(name: str) -> None:
    one, other = parse(SAMPLES[name], name), parse(snake(SAMPLES[name]), name)
    assert json.dumps(snake(SAMPLES[name])) != json.dumps(SAMPLES[name])
    assert one.queries == other.queries
    assert one.variables == other.variables
    unsupported = {"logs_panel": "logsPanel"}
    assert _renamed(shown(other), unsupported) == shown(one)
    assert one.page.notes == other.page.notes


def _renamed(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: names.get(each, each) if key == "what" else _renamed(each, names) for key, each in value.items()}
    return value


@pytest.mark.parametrize("wrong", [{"seconds": -1}, {"seconds": "x"}, {"nanos": 10**9}, {"seconds": 1, "hours": 1}, 60])
def test_durations_that_are_none(wrong: Any) -> None:
    query = {"timeSeriesFilter": {"filter": "f", "aggregation": {"alignmentPeriod": wrong}}}
    view = parse(grid([{"xyChart": {"dataSets": [{"timeSeriesQuery": query}]}}]), "d")
    assert not view.queries
    assert "alignmentPeriod should be a duration such as 3600s" in str(view.page.items[0].widget.problems)


def test_text_is_not_turned_around() -> None:
    turns = "".join(map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]))
    chart = {"dataSets": [{"timeSeriesQuery": QUERY, "legendTemplate": f"l{turns}"}], "yAxis": {"label": f"y{turns}"}}
    widgets = [
        {"title": f"t{turns}", "xyChart": chart},
        {"text": {"content": f"**x{turns}**"}},
        {"text": {"content": turns, "format": "RAW"}},
        {f"new{turns}Kind": {}},
    ]
    field = {"filterType": "RESOURCE_LABEL", "labelKey": "job", "templateVariable": f"v{turns}", "stringValue": turns}
    text = json.dumps(checked(parse(grid(widgets, displayName=f"d{turns}", dashboardFilters=[field]), "d")))
    assert not [each for each in turns if json.dumps(each)[1:-1] in text]


def test_a_text_of_yaml_is_told_apart() -> None:
    assert parse("displayName: x\ngridLayout: {}\n", "d").page.notes[0].startswith("This is YAML: ")
    for text in ("", "words", "http://x", "12:30", '{"a": 1'):
        assert parse(text, "d").page.notes == ("A dashboard is a JSON object, and this is a text.",)
