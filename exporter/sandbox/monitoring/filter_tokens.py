"""The words of the filter language."""

from __future__ import annotations

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<number>-?\d+(?:\.\d+)?(?![\w./-]))
      | (?P<text>[A-Za-z0-9_][\w./*-]*)
      | (?P<sign>!=|>=|<=|[=:<>(),-])
    )""",
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """A word, its kind (``string``, ``number``, ``text``, ``sign`` or ``end``) and where it begins."""

    kind: str
    text: str
    position: int

    @property
    def value(self) -> str:
        """What the word stands for: a string without its quotes."""
        return re.sub(r"\\(.)", r"\1", self.text[1:-1], flags=re.DOTALL) if self.kind == "string" else self.text


class BadFilter(Exception):
    """A filter that cannot be understood: the message says why and where."""


def tokens(text: str) -> list[Token]:
    """The words of a filter, the last one being its end; raises ``BadFilter``."""
    found, position, length = [], 0, len(text.rstrip())
    while position < length:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            unexpected = length - len(text[position:length].lstrip())
            raise BadFilter(f"unexpected character at position {unexpected + 1}")
        found.append(Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        position = match.end()
    found.append(Token("end", "", length))
    return found
