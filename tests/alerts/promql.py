"""What a PromQL query asks for: its selectors, found token by token. That the query is valid is promtool's to say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*")|(?P<word>[A-Za-z_:][\w:]*)|(?P<number>\d+(?:\.\d+)?[smhd]?)|(?P<sign>=~|!~|[<>=!]=|[-+*/<>=(){}\[\],])|\s+"""
)
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LISTS = {"by", "on"}
"""After these words come names of labels in parentheses."""

_WORDS = {
    *("and", "or", "unless", "sum", "min", "max", "count", "increase", "last_over_time", "absent_over_time"),
    *("count_over_time", "clamp_max", "time", "label_replace"),
}
"""Operators and functions that our queries use."""


@dataclass(frozen=True, slots=True)
class Selector:
    """A metric by its PromQL name, the values that labels must have, and how far it looks back."""

    metric: str
    labels: Mapping[str, str]
    range_s: int


def selectors(query: str) -> list[Selector]:
    """Every selector of a query; one without matchers, without range, or with a regular expression raises ValueError."""
    tokens = list(_tokens(query))
    found = []
    position = 0
    while position < len(tokens):
        kind, text = tokens[position]
        if kind == "word" and text in _LISTS:
            position = tokens.index(("sign", ")"), position)
        elif kind == "word" and text not in _WORDS:
            selector, position = _selector(tokens, position)
            found.append(selector)
        position += 1
    return found


def grouping(query: str) -> set[str]:
    """Labels that the query groups and joins by."""
    lists = re.findall(r"\b(?:by|on) \(([^)]*)\)", query)
    return {name.strip() for names in lists for name in names.split(",")}


def seconds(duration: str) -> int:
    """A duration of PromQL or of the API in seconds."""
    return int(duration[:-1]) * _UNITS_S[duration[-1]]


def _tokens(query: str) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(query):
        match = _TOKEN.match(query, position)
        if match is None:
            raise ValueError(f"cannot be read from here: {query[position : position + 40]!r}")
        if match.lastgroup is not None:
            yield match.lastgroup, match.group()
        position = match.end()


def _selector(tokens: list[tuple[str, str]], position: int) -> tuple[Selector, int]:
    metric = tokens[position][1]
    if tokens[position + 1] != ("sign", "{"):
        raise ValueError(f"{metric} has no matchers")
    labels = {}
    position += 2
    while True:
        (_, name), sign, (kind, value), separator = tokens[position : position + 4]
        if sign != ("sign", "=") or kind != "string":
            raise ValueError(f"{metric} is not selected by equal values")
        labels[name] = json.loads(value)
        position += 4
        if separator == ("sign", "}"):
            break
    bracket, (_, length), _ = tokens[position : position + 3]
    if bracket != ("sign", "["):
        raise ValueError(f"{metric} has no range: what arrives late would not be seen")
    return Selector(metric, labels, seconds(length)), position + 2
