"""Monitoring filters (https://cloud.google.com/monitoring/api/v3/filters).

Comparisons of ``project``, ``group.id``, ``resource.type``, ``resource.labels.KEY``, ``metric.type``, ``metric.labels.KEY`` and
``metadata.*.KEY`` joined by NOT, OR and AND, which bind in this order; two comparisons without a word between them are joined by
AND (https://google.aip.dev/160).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple, Protocol

from exporter.sandbox.monitoring.errors import Refused, invalid_field
from exporter.sandbox.monitoring.filter_tokens import BadFilter, Token, tokens

MAX_ONE_OF = 100
MAX_DEPTH = 100


class Field(NamedTuple):
    """What is compared: ``metric.type``, or ``metric.labels`` with a key."""

    name: str
    key: str = ""


class Subject(Protocol):
    """What a filter is applied to."""

    def value(self, field: Field) -> str | None:
        """The value of a field, "" where there is none, None where it is not known yet."""
        ...

    def has(self, field: Field) -> bool | None:
        """Whether there is such a label, None where it is not known yet."""
        ...


Predicate = Callable[[Subject], bool | None]
"""True, False, or None where the answer depends on what is not known yet."""

Test = Callable[[str], bool]

_PLAIN = ("project", "group.id", "resource.type", "metric.type")
_MAPS = {
    "resource.label": "resource.labels",
    "resource.labels": "resource.labels",
    "metric.label": "metric.labels",
    "metric.labels": "metric.labels",
    "metadata.system_labels": "metadata.system_labels",
    "metadata.user_labels": "metadata.user_labels",
}
_ORDER: dict[str, Callable[[float, float], bool]] = {
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
}
_FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "starts_with": lambda value, text: value.startswith(text),
    "ends_with": lambda value, text: value.endswith(text),
    "has_substring": lambda value, text: text in value,
}


def parse_field(text: str) -> Field | None:
    """The field of a dotted path, with or without quotes around its key; None when there is no such field."""
    if text in _PLAIN:
        return Field(text)
    for prefix, name in _MAPS.items():
        if text.startswith(prefix + "."):
            key = text[len(prefix) + 1 :]
            return Field(name, key[1:-1] if re.fullmatch(r'"[^"]+"', key) else key)
    return None


class Filter:
    """A filter that has been understood."""

    def __init__(self, predicate: Predicate, fields: frozenset[Field], metric_types: tuple[str, ...]) -> None:
        self._predicate = predicate
        self.fields = fields
        self.metric_types = metric_types

    def matches(self, subject: Subject) -> bool:
        """Whether the filter lets something through."""
        return self._predicate(subject) is True

    def may_match(self, subject: Subject) -> bool:
        """Whether the filter could let something through, whatever is not known about it yet."""
        return self._predicate(subject) is not False


def parse(text: str, fields: frozenset[str], name: str = "filter") -> Filter:
    """Understand a filter that may compare ``fields``; raises ``Refused`` where it cannot be understood."""
    try:
        return _Parser(text, fields).parse()
    except BadFilter as error:
        raise _refused(text, name, str(error)) from error


def _refused(text: str, name: str, reason: str) -> Refused:
    return invalid_field(name, text, f"Could not parse the filter: {reason}.")


class _Parser:
    """Recursive descent."""

    def __init__(self, text: str, allowed: frozenset[str]) -> None:
        self._tokens = tokens(text)
        self._next = 0
        self._depth = 0
        self._allowed = allowed
        self._fields: set[Field] = set()
        self._metric_types: list[str] = []

    def parse(self) -> Filter:
        predicate: Predicate = _everything
        if self._peek().kind != "end":
            predicate = self._expression()
        if self._peek().kind != "end":
            raise self._mistake("expected AND, OR or the end")
        return Filter(predicate, frozenset(self._fields), tuple(self._metric_types))

    def _peek(self, ahead: int = 0) -> Token:
        return self._tokens[min(self._next + ahead, len(self._tokens) - 1)]

    def _take(self) -> Token:
        token = self._peek()
        self._next += 1
        return token

    def _expect(self, sign: str) -> None:
        if self._peek().text != sign or self._peek().kind != "sign":
            raise self._mistake(f'expected "{sign}"')
        self._take()

    def _mistake(self, reason: str) -> BadFilter:
        return BadFilter(f"{reason} at position {self._peek().position + 1}")

    def _is_word(self, word: str) -> bool:
        return self._peek().kind == "text" and self._peek().text == word

    def _expression(self) -> Predicate:
        parts = [self._factor()]
        while self._peek().kind != "end" and self._peek().text != ")":
            if self._is_word("AND"):
                self._take()
            parts.append(self._factor())
        return parts[0] if len(parts) == 1 else _all(parts)

    def _factor(self) -> Predicate:
        parts = [self._term()]
        while self._is_word("OR"):
            self._take()
            parts.append(self._term())
        return parts[0] if len(parts) == 1 else _any(parts)

    def _term(self) -> Predicate:
        negated, grouped = self._is_word("NOT") or self._peek().text == "-", self._peek().text == "("
        if not negated and not grouped:
            return self._comparison()
        if self._depth == MAX_DEPTH:
            raise self._mistake(f"nested more than {MAX_DEPTH} deep")
        self._depth += 1
        self._take()
        inner = _not(self._term()) if negated else self._expression()
        if grouped:
            self._expect(")")
        self._depth -= 1
        return inner

    def _comparison(self) -> Predicate:
        token = self._peek()
        if token.kind != "text" or token.text in ("AND", "OR"):
            raise self._mistake("expected a comparison")
        if token.text in _MAPS and self._peek(1).text == ":":
            return self._presence(_MAPS[token.text])
        field = self._field()
        operator = self._take()
        if operator.kind != "sign" or operator.text not in ("=", "!=", ":", *_ORDER):
            self._next -= 1
            raise self._mistake("expected a comparison operator")
        if operator.text in _ORDER:
            return _compare(field, self._number_test(operator.text))
        if operator.text == ":":
            needle = self._literal().casefold()
            return _compare(field, lambda value: needle in value.casefold())
        test = self._test(field)
        return _compare(field, test) if operator.text == "=" else _not(_compare(field, test))

    def _field(self) -> Field:
        token = self._take()
        path = token.text
        if path.endswith(".") and self._peek().kind == "string":
            path += f'"{self._take().value}"'
        field = parse_field(path)
        if field is None or field.name not in self._allowed:
            raise BadFilter(f'"{path}" is not a field that can be compared here')
        self._fields.add(field)
        return field

    def _presence(self, name: str) -> Predicate:
        if name not in self._allowed:
            raise BadFilter(f'"{name}" is not a field that can be compared here')
        self._take()
        self._take()
        field = Field(name, self._literal())
        return lambda subject: subject.has(field)

    def _literal(self) -> str:
        token = self._peek()
        if token.kind not in ("string", "number", "text"):
            raise self._mistake("expected a value")
        return self._take().value

    def _number_test(self, operator: str) -> Test:
        try:
            right = float(self._peek().value)
        except ValueError:
            raise self._mistake("expected a number") from None
        self._take()
        compare = _ORDER[operator]

        def test(value: str) -> bool:
            try:
                return compare(float(value), right)
            except ValueError:
                return False

        return test

    def _test(self, field: Field) -> Test:
        if self._peek().kind == "text" and self._peek(1).text == "(":
            return self._function(field)
        text = self._literal()
        if field.name == "metric.type":
            self._metric_types.append(text)
        return lambda value: value == text

    def _function(self, field: Field) -> Test:
        name = self._take().text
        self._expect("(")
        arguments = [self._string()]
        while self._peek().text == ",":
            self._take()
            arguments.append(self._string())
        self._expect(")")
        if name == "one_of":
            if len(arguments) > MAX_ONE_OF:
                raise BadFilter(f"one_of takes at most {MAX_ONE_OF} values")
            if field.name == "metric.type":
                self._metric_types += arguments
            return frozenset(arguments).__contains__
        if name not in (*_FUNCTIONS, "monitoring.regex.full_match"):
            raise BadFilter(f'there is no function "{name}"')
        if len(arguments) != 1:
            raise BadFilter(f'"{name}" takes one value')
        if name in _FUNCTIONS:
            function, text = _FUNCTIONS[name], arguments[0]
            return lambda value: function(value, text)
        return _full_match(arguments[0])

    def _string(self) -> str:
        if self._peek().kind != "string":
            raise self._mistake("expected a quoted string")
        return self._take().value


def _full_match(pattern: str) -> Test:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise BadFilter(f'"{pattern}" is not a regular expression: {error}') from error
    return lambda value: compiled.fullmatch(value) is not None


def _everything(_: Subject) -> bool | None:
    return True


def _compare(field: Field, test: Test) -> Predicate:
    def predicate(subject: Subject) -> bool | None:
        value = subject.value(field)
        return None if value is None else test(value)

    return predicate


def _not(inner: Predicate) -> Predicate:
    def predicate(subject: Subject) -> bool | None:
        result = inner(subject)
        return None if result is None else not result

    return predicate


def _all(parts: list[Predicate]) -> Predicate:
    def predicate(subject: Subject) -> bool | None:
        unknown = False
        for part in parts:
            result = part(subject)
            if result is False:
                return False
            unknown = unknown or result is None
        return None if unknown else True

    return predicate


def _any(parts: list[Predicate]) -> Predicate:
    def predicate(subject: Subject) -> bool | None:
        unknown = False
        for part in parts:
            result = part(subject)
            if result is True:
                return True
            unknown = unknown or result is None
        return None if unknown else False

    return predicate
