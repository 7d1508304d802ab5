"""Reading JSON that may be anything: what is not as the API describes it is left out, and named in a sentence."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

_T = TypeVar("_T")

MAX_TEXT = 1_000
MAX_WHOLE = 10**9
_MAX_PROBLEMS = 20
_MAX_DURATION_S = 315_576_000_000
"""As much as ``google.protobuf.Duration`` holds."""
_DURATION = re.compile(r"\d{1,12}(?:\.\d{1,9})?s", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,300}(?:\.\d{1,300})?(?:[eE][-+]?\d{1,3})?", re.ASCII)
_SNAKE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


_TURNS = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
"""Characters that turn the direction of what follows, and let a text look like another one (https://www.unicode.org/reports/tr36/)."""
_YAML = re.compile(r"(?:\s*#[^\n]*\n|---\s*\n)*\s*[A-Za-z][A-Za-z0-9_]*:(?:\s|\Z)")


def clean(text: str) -> str:
    """Text that UTF-8 can hold, without what turns its direction: JSON may hold halves of surrogate pairs."""
    return text.encode("utf-8", "replace").decode("utf-8").translate(_TURNS)


def not_json(value: object) -> str | None:
    """What to do with a text that is YAML, as ``gcloud`` writes dashboards by itself; None where it is none."""
    if isinstance(value, str) and _YAML.match(value):
        return "This is YAML: write the dashboard as JSON, with `gcloud monitoring dashboards describe NAME --format json`."
    return None


def describe(value: object) -> str:
    """What kind of JSON value this is, for a sentence; never the value itself."""
    kinds = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "an object",
    }
    return kinds.get(type(value), "a value of another kind")


def spelled(name: str) -> str:
    """A name in snake_case as the API's JSON has it: ``logs_panel`` is ``logsPanel``."""
    return re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), name)


@dataclass(frozen=True, slots=True)
class Node:
    """An object of a dashboard, its place as the API would write it (``dataSets[2]``), and where problems with it are noted."""

    members: Mapping[str, object]
    place: str = ""
    problems: list[str] = field(default_factory=list)

    def problem(self, sentence: str) -> None:
        """Note what cannot be shown, once, and not without end."""
        if sentence not in self.problems and len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(sentence)

    def apart(self) -> Node:
        """The same object with a list of problems of its own, to see whether there are any; ``take`` brings them back."""
        return Node(self.members, self.place)

    def take(self, other: Node) -> bool:
        """Note the problems of a node that was ``apart``, and say whether there were none."""
        for each in other.problems:
            self.problem(each)
        return not other.problems

    def at(self, key: str) -> str:
        """The place of a member."""
        return f"{self.place}.{key}" if self.place else key

    def get(self, key: str) -> object:
        """A member as it is, None where there is none; the API takes names in snake_case, too."""
        found = self.members.get(key)
        return self.members.get(_SNAKE.sub("_", key).lower()) if found is None else found

    def has(self, key: str) -> bool:
        """Whether there is such a member, and something in it."""
        return self.get(key) not in (None, [], {}, "")

    def child(self, key: str) -> Node | None:
        """A member that is an object."""
        found = self.get(key)
        if isinstance(found, dict):
            return Node(found, self.at(key), self.problems)
        if found is not None:
            self._wrong(key, found, "an object")
        return None

    def children(self, key: str, limit: int) -> list[Node]:
        """The objects of a list; what is beyond the limit, or no object, is named and left out."""
        found = self.get(key)
        if found is None:
            return []
        if not isinstance(found, list):
            self._wrong(key, found, "a list")
            return []
        if len(found) > limit:
            self.problem(f"{self.at(key)} has {len(found)} parts: the first {limit} are shown.")
        nodes = []
        for index, each in enumerate(found[:limit]):
            if isinstance(each, dict):
                nodes.append(Node(each, f"{self.at(key)}[{index}]", self.problems))
            else:
                self.problem(f"{self.at(key)}[{index}] should be an object, is {describe(each)}, and is left out.")
        return nodes

    def text(self, key: str, limit: int = MAX_TEXT) -> str:
        """A text, "" where there is none; cut where it is longer than the limit."""
        found = self.get(key)
        if found is None:
            return ""
        if not isinstance(found, str):
            self._wrong(key, found, "a text")
            return ""
        if len(found) > limit:
            self.problem(f"{self.at(key)} is longer than {limit} characters, and is cut.")
        return clean(found[:limit])

    def texts(self, key: str, limit: int) -> tuple[str, ...]:
        """The texts of a list."""
        found = self.get(key)
        if found is None:
            return ()
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            self._wrong(key, found, "a list of texts")
            return ()
        if len(found) > limit:
            self.problem(f"{self.at(key)} has {len(found)} parts: the first {limit} are used.")
        return tuple(clean(each[:MAX_TEXT]) for each in found[:limit])

    def number(self, key: str) -> float | None:
        """A finite number; the API takes one that is written as a text, too."""
        found = self.get(key)
        if found is None:
            return None
        value = _number(found)
        if value is None:
            self._wrong(key, found, "a finite number")
        return value

    def whole(self, key: str) -> int | None:
        """A whole number between plus and minus ``MAX_WHOLE``."""
        found = self.get(key)
        value = None if found is None else _number(found)
        if value is not None and value == int(value) and abs(value) <= MAX_WHOLE:
            return int(value)
        if found is not None:
            self._wrong(key, found, "a whole number")
        return None

    def flag(self, key: str) -> bool:
        """True or false; false where there is nothing."""
        found = self.get(key)
        if found is not None and not isinstance(found, bool):
            self._wrong(key, found, "true or false")
        return found is True

    def choice(self, key: str, choices: Mapping[str, _T], default: _T) -> _T:
        """What stands for a name of an enumeration; the default where there is none, or ``..._UNSPECIFIED``."""
        found = self.get(key)
        if found is None or (isinstance(found, str) and found.endswith("_UNSPECIFIED")):
            return default
        if isinstance(found, str) and found in choices:
            return choices[found]
        self.problem(f"{self.at(key)} should be one of {', '.join(choices)}, and is left out.")
        return default

    def duration_s(self, key: str) -> float | None:
        """Seconds of a duration such as ``3600s`` or ``60.5s``, or of an object with ``seconds`` and ``nanos``."""
        found = self.get(key)
        if found is None:
            return None
        if isinstance(found, dict) and found.keys() <= {"seconds", "nanos"}:
            seconds, nanos = (_number(found.get(part, 0)) for part in ("seconds", "nanos"))
            if seconds is not None and nanos is not None and 0 <= seconds <= _MAX_DURATION_S and 0 <= nanos < 10**9:
                return seconds + nanos / 10**9
        if isinstance(found, str) and _DURATION.fullmatch(found) and float(found[:-1]) <= _MAX_DURATION_S:
            return float(found[:-1])
        self.problem(f"{self.at(key)} should be a duration such as 3600s, and is left out.")
        return None

    def _wrong(self, key: str, found: object, wanted: str) -> None:
        self.problem(f"{self.at(key)} should be {wanted}, is {describe(found)}, and is left out.")


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
