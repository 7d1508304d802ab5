"""The words of a monitoring filter that may hold ``${variables}``; joined, they are the filter again.

https://cloud.google.com/monitoring/api/v3/filters
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_WORD = re.compile(
    r"""(?P<blank>\s+)
      | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<variable>\$\{[^{}"']*\})
      | (?P<word>[A-Za-z0-9_][\w./*-]*)
      | (?P<sign>!=|>=|<=|.)""",
    re.VERBOSE | re.DOTALL,
)
VARIABLE = re.compile(r"\$\{([^{}\"']*)\}")
_LABELS = ("resource", "metric")


class BadFilter(ValueError):
    """A filter that nothing can be put into; the message says why."""


@dataclass(frozen=True, slots=True)
class Word:
    """A piece of a filter: ``blank``, ``string`` (with its quotes), ``variable`` (with its braces), ``word`` or ``sign``."""

    kind: str
    text: str


def words(text: str) -> list[Word]:
    """The words of a filter, blanks included; raises ``BadFilter`` where a quote has no partner."""
    found = [Word(str(match.lastgroup), match[0]) for match in _WORD.finditer(text)]
    if any(each.kind == "sign" and each.text in ('"', "'") for each in found):
        raise BadFilter("the filter has a quote without its partner")
    return found


def quoted(value: str) -> str:
    """A value as a string of the filter language, whatever is in it."""
    return '"' + escaped(value, '"') + '"'


def escaped(value: str, quote: str) -> str:
    """A value as the inside of a string between such quotes."""
    return value.replace("\\", "\\\\").replace(quote, "\\" + quote)


def unescaped(inside: str) -> str:
    """What the inside of a string stands for."""
    return re.sub(r"\\(.)", r"\1", inside, flags=re.DOTALL)


def compared(text: str) -> frozenset[str]:
    """The fields that a filter compares, in one spelling: ``resource.labels."job"``, ``group.id``."""
    found = [each for each in words(text) if each.kind != "blank"]
    fields = set()
    for index, each in enumerate(found):
        if each.kind == "word" and not _is_value(found, index):
            after = found[index + 1] if index + 1 < len(found) else None
            if each.text.endswith(".") and after is not None and after.kind == "string":
                fields.add(spelled(each.text + unescaped(after.text[1:-1])))
            elif "." in each.text:
                fields.add(spelled(each.text))
    return frozenset(fields)


def spelled(path: str) -> str:
    """A field without regard to how it was written: label or labels, with or without quotes."""
    head, _, rest = path.partition(".")
    middle, _, key = rest.partition(".")
    if head in _LABELS and middle in ("label", "labels") and key:
        return f"{head}.labels.{quoted(key)}"
    if head == "metadata" and key:
        return f"{head}.{middle}.{quoted(key)}"
    return path


def _is_value(found: Sequence[Word], index: int) -> bool:
    return index > 0 and found[index - 1].kind == "sign" and found[index - 1].text not in ("(", "-")
