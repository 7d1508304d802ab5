"""Putting chosen values into a monitoring filter, so that no value can change what the filter means.

``${name}`` stands for a whole comparison, or for a value where the variable is only one; ``${name.value}`` for the value. Without a value
(or with ``*``) the filter lets everything through there. Inside ``monitoring.regex.full_match`` a value is part of the pattern, as the
dashboard's author wanted. https://cloud.google.com/monitoring/dashboards/filter-permanent
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import product

from exporter.console.dashboards.filter_text import (
    VARIABLE,
    BadFilter,
    Word,
    compared,
    escaped,
    quoted,
    unescaped,
    words,
)
from exporter.console.dashboards.view import Variable

REGEX = "monitoring.regex.full_match"
_JOINTS = ("AND", "OR", "NOT")
_ORDER = (">", ">=", "<", "<=")
_SEARCHES = ("starts_with", "ends_with", "has_substring")
_MOST_VALUES = 100
"""As many as ``one_of`` takes."""


def fill(text: str, variables: Sequence[Variable], chosen: Mapping[str, tuple[str, ...]]) -> str:
    """A filter with what was chosen, by the variables' keys; raises ``BadFilter`` where it would not mean what it should."""
    by_name = {each.name: each for each in variables if each.name}
    filled = _Filler(words(text), by_name, chosen).fill() if "$" in text else text
    pinned = [each for each in variables if not each.name and chosen[each.key]]
    if pinned:
        there = compared(filled)
        # A widget that compares the label itself is left alone.
        added = [comparison(each.field, chosen[each.key]) for each in pinned if each.field not in there]
        filled = " AND ".join([*([filled] if filled.strip() else []), *added])
    return filled


def comparison(field: str, values: Sequence[str]) -> str:
    """That a field has one of some values."""
    return f"{field}={_either([quoted(each) for each in values])}"


def _either(strings: Sequence[str]) -> str:
    if len(strings) > _MOST_VALUES:
        raise BadFilter(f"more than {_MOST_VALUES} values were chosen")
    return strings[0] if len(strings) == 1 else f"one_of({','.join(strings)})"


class _Filler:
    """Replaces the words of a filter that hold variables."""

    def __init__(
        self, found: Sequence[Word], variables: Mapping[str, Variable], chosen: Mapping[str, tuple[str, ...]]
    ) -> None:
        self._words = list(found)
        self._variables = variables
        self._chosen = chosen

    def fill(self) -> str:
        for index, word in enumerate(self._words):
            if word.kind == "variable":
                self._variable(index)
            elif word.kind == "string" and VARIABLE.search(word.text):
                self._string(index)
        return "".join(each.text for each in self._words)

    def _find(self, reference: str) -> tuple[Variable, bool]:
        """The variable that ``${...}`` names, and whether only its value is meant."""
        name, _, rest = reference.strip().rpartition(".")
        if rest == "value" and name in self._variables:
            return self._variables[name], True
        if reference.strip() in self._variables:
            variable = self._variables[reference.strip()]
            return variable, not variable.field
        raise BadFilter(f"the filter names ${{{reference}}}, which the dashboard does not define")

    def _near(self, index: int, step: int) -> int | None:
        """Where the next word to the right (1) or left (-1) is that is not blank."""
        index += step
        while 0 <= index < len(self._words):
            if self._words[index].text and self._words[index].kind != "blank":
                return index
            index += step
        return None

    def _text(self, index: int | None) -> str:
        return "" if index is None else self._words[index].text

    def _variable(self, index: int) -> None:
        reference = self._words[index].text[2:-1]
        variable, is_value = self._find(reference)
        before = self._near(index, -1)
        key = before == index - 1 and self._text(before).endswith(".")
        if key or self._is_value(index):
            self._words[index] = Word("string", f'"${{{variable.name}.value}}"')
            self._string(index)
        elif is_value:
            raise BadFilter(f"${{{reference}}} is a value, and stands where the filter needs a comparison")
        else:
            self._comparison(index, variable)

    def _is_value(self, index: int) -> bool:
        """Whether a value belongs here: after an operator, or in a function."""
        before = self._near(index, -1)
        operator = self._text(before)
        return operator in ("=", "!=", ":", *_ORDER) or self._function(index) != ""

    def _function(self, index: int) -> str:
        """The name of the function of which this is an argument, "" where it is none."""
        here = self._near(index, -1)
        while here is not None and (self._text(here) == "," or self._words[here].kind in ("string", "variable")):
            here = self._near(here, -1)
        name = self._near(here, -1) if here is not None and self._text(here) == "(" else None
        is_name = name is not None and self._words[name].kind == "word" and self._text(name) not in _JOINTS
        return self._text(name) if is_name else ""

    def _comparison(self, index: int, variable: Variable) -> None:
        values = self._chosen[variable.key]
        if values:
            self._words[index] = Word("word", comparison(variable.field, values))
            return
        left, right = self._near(index, -1), self._near(index, 1)
        alone = {self._text(left), self._text(right)}.isdisjoint({"OR", "NOT", "-", "(", ")"})
        if not alone:
            self._words[index] = Word("word", f'{variable.field}={REGEX}(".*")')
            return
        self._words[index] = Word("blank", " ")
        for neighbour in (left, right):
            if neighbour is not None and self._text(neighbour) == "AND":
                self._words[neighbour] = Word("blank", "")
                break

    def _string(self, index: int) -> None:
        """A string with variables in it, or what has to stand in its place."""
        text = self._words[index].text
        quote, pieces = text[0], VARIABLE.split(text[1:-1])
        literals, choices = pieces[::2], [self._chosen[self._find(name)[0].key] for name in pieces[1::2]]
        function, before = self._function(index), self._near(index, -1)
        operator = self._text(before)
        if function == REGEX:
            made = _joined(literals, [escaped(_alternatives(values), quote) for values in choices], quote)
        elif all(len(values) == 1 for values in choices):
            made = _joined(literals, [escaped(values[0], quote) for values in choices], quote)
        elif all(choices) and (function == "one_of" or operator in ("=", "!=")):
            strings = _every(literals, choices, quote)
            made = ",".join(strings) if function else _either(strings)
        elif operator in ("=", "!=") and before is not None:
            made = f"{REGEX}({quoted(_pattern(literals, choices))})"
            # Where everything is chosen, nothing is shut out.
            self._words[before] = Word("sign", "=")
        elif (function in _SEARCHES or operator == ":") and literals == ["", ""] and not choices[0]:
            made = '""'
        else:
            raise BadFilter(f"the filter needs one value in {text[:100]}")
        self._words[index] = Word("string", made)


def _joined(literals: Sequence[str], values: Sequence[str], quote: str) -> str:
    between = "".join(value + literal for value, literal in zip(values, literals[1:], strict=True))
    return quote + literals[0] + between + quote


def _every(literals: Sequence[str], choices: Sequence[tuple[str, ...]], quote: str) -> list[str]:
    """A string for each combination of values."""
    if math.prod(len(values) for values in choices) > _MOST_VALUES:
        raise BadFilter(f"more than {_MOST_VALUES} values were chosen")
    return [_joined(literals, [escaped(each, quote) for each in values], quote) for values in product(*choices)]


def _alternatives(values: tuple[str, ...]) -> str:
    """Patterns as one pattern; anything, where there is none."""
    return values[0] if len(values) == 1 else f"(?:{'|'.join(values)})" if values else ".*"


def _pattern(literals: Sequence[str], choices: Sequence[tuple[str, ...]]) -> str:
    """The pattern of a string in which some values may be anything."""
    made = re.escape(unescaped(literals[0]))
    for values, literal in zip(choices, literals[1:], strict=True):
        made += _alternatives(tuple(re.escape(each) for each in values)) + re.escape(unescaped(literal))
    return made
