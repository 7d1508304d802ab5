"""Subscription filters over message attributes (Pub/Sub docs, "Filter messages from a subscription")."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from exporter.sandbox.pubsub.errors import invalid

MAX_BYTES = 256

Predicate = Callable[[Mapping[str, str]], bool]

_TOKEN = re.compile(r'\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>!=|[=:.,()-]))')


def compile_filter(text: str) -> Predicate | None:
    """What a filter lets through; None for the empty filter, which lets everything through.

    Raises ``Refused`` when the filter is longer than 256 bytes or does not follow the grammar.
    """
    if not text.strip():
        return None
    if len(text.encode()) > MAX_BYTES:
        raise invalid(
            f"The value for filter is too large. You passed {len(text.encode())} in the request, "
            f"but the maximum value is {MAX_BYTES}."
        )
    return _Parser(text).parse()


def _tokens(text: str) -> list[str]:
    tokens, position = [], 0
    text = text.rstrip()
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise _mistake(text)
        tokens.append(found[0].strip())
        position = found.end()
    return tokens


def _mistake(text: str) -> Exception:
    return invalid(f"You have passed an invalid argument to the service (argument=filter: cannot be parsed: {text}).")


class _Parser:
    """Recursive descent; AND and OR may not meet without parentheses."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._position = 0

    def parse(self) -> Predicate:
        predicate = self._expression()
        if self._position != len(self._tokens):
            raise _mistake(self._text)
        return predicate

    def _peek(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def _take(self, *expected: str) -> str:
        token = self._peek()
        if not token or (expected and token not in expected):
            raise _mistake(self._text)
        self._position += 1
        return token

    def _expression(self) -> Predicate:
        parts = [self._factor()]
        operator = self._peek()
        if operator not in ("AND", "OR"):
            return parts[0]
        while self._peek() in ("AND", "OR"):
            self._take(operator)
            parts.append(self._factor())
        combine = all if operator == "AND" else any
        return lambda attributes: combine(part(attributes) for part in parts)

    def _factor(self) -> Predicate:
        if self._peek() in ("NOT", "-"):
            self._take()
            inner = self._factor()
            return lambda attributes: not inner(attributes)
        if self._peek() == "(":
            self._take("(")
            group = self._expression()
            self._take(")")
            return group
        return self._term()

    def _term(self) -> Predicate:
        if self._peek() == "hasPrefix":
            self._take()
            self._take("(")
            self._take("attributes")
            self._take(".")
            key = self._key()
            self._take(",")
            prefix = self._string()
            self._take(")")
            return lambda attributes: key in attributes and attributes[key].startswith(prefix)
        self._take("attributes")
        if self._take(":", ".") == ":":
            key = self._key()
            return lambda attributes: key in attributes
        key = self._key()
        equal = self._take("=", "!=") == "="
        value = self._string()
        return lambda attributes: (attributes.get(key) == value) is equal

    def _key(self) -> str:
        token = self._peek()
        if token.startswith('"'):
            return self._string()
        if not token.isidentifier():
            raise _mistake(self._text)
        return self._take()

    def _string(self) -> str:
        token = self._take()
        if not token.startswith('"'):
            raise _mistake(self._text)
        return re.sub(r"\\(.)", r"\1", token[1:-1])
