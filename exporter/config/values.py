"""Kinds of values: each reads a node, or says what is wrong with it and how to put it right, and knows its JSON Schema."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from yaml.nodes import Node, ScalarNode, SequenceNode

from exporter.config.nodes import Findings, described, kind_of
from exporter.model import ActiveHours

INVALID = object()
"""What a kind returns for a node that it cannot read; the mistake is noted."""

_UNITS_S = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_DURATION = r"(?:([0-9]{1,9})d)?(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9}(?:\.[0-9]{1,6})?)s)?"
_NUMBER = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?", re.ASCII)
"""Numbers that every reader of YAML takes for the same number; PyYAML alone reads 2e-5 as text."""
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(
    r"(?P<days>[A-Za-z,-]+) (?P<start>[0-9]{2}:[0-9]{2})-(?P<end>[0-9]{2}:[0-9]{2}) (?P<zone>[A-Za-z0-9_+/-]+)"
)


def parse_duration(text: str) -> float:
    """Seconds of a duration such as ``30s``, ``15m``, ``1h30m`` or ``1d``; raises ``ValueError``."""
    match = re.fullmatch(_DURATION, text)
    if match is None or not text:
        raise ValueError(f"{text[:80]!r} is no duration: write a number with its unit, such as 30s, 15m, 1h30m or 1d")
    return sum(float(number) * size for number, size in zip(match.groups(), _UNITS_S.values(), strict=True) if number)


def format_duration(seconds: float) -> str:
    """Write seconds as :func:`parse_duration` reads them."""
    rest, micros = divmod(round(seconds * 1_000_000), 1_000_000)
    parts = []
    for unit, size in _UNITS_S.items():
        count, rest = divmod(rest, size)
        fraction = f".{micros:06d}".rstrip("0") if unit == "s" and micros else ""
        if count or fraction:
            parts.append(f"{count}{fraction}{unit}")
    return "".join(parts) or "0s"


def parse_active_hours(text: str) -> ActiveHours:
    """Read active hours such as ``Mon-Fri 08:00-18:00 Europe/Paris``; raises ``ValueError``."""
    match = _HOURS.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:80]!r} is not of the form 'Mon-Fri 08:00-18:00 Europe/Paris'")
    weekdays: set[int] = set()
    for part in match["days"].lower().split(","):
        first, _, last = part.partition("-")
        if first not in _DAYS or (last or first) not in _DAYS or part.endswith("-"):
            raise ValueError(f"{part[:20]!r} is no day or range of days: use Mon, Tue, Wed, Thu, Fri, Sat, Sun")
        begin, end = _DAYS.index(first), _DAYS.index(last or first)
        weekdays |= {(begin + step) % 7 for step in range((end - begin) % 7 + 1)}
    start, end = (_minute(match[name]) for name in ("start", "end"))
    if start == 1440:
        raise ValueError("24:00 is no start: write 00:00 and the day after")
    if start == end:
        raise ValueError("start and end are the same time: write 00:00-24:00 for the whole day")
    try:
        ZoneInfo(match["zone"])
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{match['zone'][:80]!r} is no time zone: use a name such as UTC or Europe/Paris") from error
    return ActiveHours(frozenset(weekdays), start, end, match["zone"])


def _minute(text: str) -> int:
    hour, minute = int(text[:2]), int(text[3:])
    if minute > 59 or hour * 60 + minute > 1440:
        raise ValueError(f"{text!r} is no time of day: 00:00 to 24:00")
    return hour * 60 + minute


class Kind(Protocol):
    """One kind of value."""

    def read(self, node: Node, key: str, findings: Findings) -> Any:
        """Read a node; returns ``INVALID`` after noting a mistake."""
        ...

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the value."""
        ...


@dataclass(frozen=True, slots=True)
class Text:
    """Text that matches a pattern; ``remedy`` says what is expected."""

    pattern: str
    remedy: str

    def read(self, node: Node, key: str, findings: Findings) -> Any:
        """Read text."""
        if not isinstance(node, ScalarNode) or kind_of(node) != "str":
            quote = "; put it in quotes" if isinstance(node, ScalarNode) and kind_of(node) != "null" else ""
            findings.at(node, key, f"must be {self.remedy}, not {described(node)}{quote}")
            return INVALID
        if re.fullmatch(self.pattern, node.value, re.ASCII) is None:
            findings.at(node, key, f"must be {self.remedy}, not {node.value[:80]!r}")
            return INVALID
        return node.value

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the value."""
        return {"type": "string", "pattern": f"^(?:{self.pattern})$", "description": self.remedy}


@dataclass(frozen=True, slots=True)
class Parsed:
    """Text that a function reads; it raises ``ValueError`` with the remedy."""

    parse: Callable[[str], Any]
    remedy: str

    def read(self, node: Node, key: str, findings: Findings) -> Any:
        """Read text through the function."""
        if not isinstance(node, ScalarNode) or kind_of(node) != "str":
            findings.at(node, key, f"must be {self.remedy}, not {described(node)}")
            return INVALID
        try:
            return self.parse(node.value)
        except ValueError as error:
            findings.at(node, key, str(error))
            return INVALID

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the value."""
        return {"type": "string", "description": self.remedy}


@dataclass(frozen=True, slots=True)
class Duration:
    """A duration in seconds, within limits; ``whole`` takes whole seconds only."""

    least_s: float
    most_s: float
    whole: bool = False

    def read(self, node: Node, key: str, findings: Findings) -> Any:
        """Read a duration."""
        value = Parsed(parse_duration, "a duration with its unit, such as 30s, 15m or 1h30m").read(node, key, findings)
        if value is INVALID:
            return INVALID
        if not self.least_s <= value <= self.most_s or (self.whole and value % 1):
            findings.at(node, key, f"must be {self._limits()}, not {format_duration(value)}")
            return INVALID
        return int(value) if self.whole else value

    def _limits(self) -> str:
        limits = f"{format_duration(self.least_s)} to {format_duration(self.most_s)}"
        return f"{limits} in whole seconds" if self.whole else limits

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the value."""
        return {"type": "string", "pattern": f"^(?=.){_DURATION}$", "description": f"a duration, {self._limits()}"}


@dataclass(frozen=True, slots=True)
class Number:
    """A number within limits; ``open_ends`` leaves the limits themselves out, ``whole`` takes integers only."""

    least: float
    most: float
    open_ends: bool = False
    whole: bool = False

    def read(self, node: Node, key: str, findings: Findings) -> Any:
        """Read a number."""
        plain = isinstance(node, ScalarNode) and node.style is None and kind_of(node) in ("int", "float", "str")
        value = float(node.value) if plain and _NUMBER.fullmatch(node.value) else math.nan
        if self.whole and not value.is_integer():
            value = math.nan
        inside = self.least < value < self.most if self.open_ends else self.least <= value <= self.most
        if not inside:
            findings.at(node, key, f"must be {self._limits()}, not {described(node)}")
            return INVALID
        return int(value) if self.whole else value

    def _limits(self) -> str:
        name = "a plain whole number" if self.whole else "a plain number"
        if self.open_ends:
            return f"{name} greater than {self.least:g} and less than {self.most:g}"
        return f"{name} from {self.least:g} to {self.most:g}"

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the value."""
        low, high = ("exclusiveMinimum", "exclusiveMaximum") if self.open_ends else ("minimum", "maximum")
        return {"type": "integer" if self.whole else "number", low: self.least, high: self.most}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    words: Sequence[str]

    def read(self, node: Node, key: str, findings: Findings) -> Any:
        """Read a word."""
        if not isinstance(node, ScalarNode) or kind_of(node) != "str" or node.value not in self.words:
            findings.at(node, key, f"must be one of {', '.join(self.words)}, not {described(node)}")
            return INVALID
        return node.value

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the value."""
        return {"enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of values of one kind, without repetitions."""

    kind: Kind
    least: int = 0

    def read(self, node: Node, key: str, findings: Findings) -> Any:
        """Read a list."""
        if not isinstance(node, SequenceNode):
            findings.at(node, key, f"must be a list, not {described(node)}: write [one, two]")
            return INVALID
        values = [self.kind.read(item, f"{key}[{place}]", findings) for place, item in enumerate(node.value)]
        if any(value is INVALID for value in values):
            return INVALID
        if len(values) < self.least:
            findings.at(node, key, f"must list at least {self.least}")
            return INVALID
        if len(set(values)) < len(values):
            findings.at(node, key, "must list each once: remove repetitions")
            return INVALID
        return tuple(values)

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the value."""
        return {"type": "array", "items": self.kind.schema(), "minItems": self.least, "uniqueItems": True}
