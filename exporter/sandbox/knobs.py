"""Kinds of knobs: what values a field of ``Conduct`` takes, and the fact that it stands for."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

KNOB = "knob"
"""Key of a field's :class:`Knob` in its metadata."""

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")

Read = Callable[[Any], Any]
"""Turns a value as JSON has it into that of the field; raises ``ValueError`` that ends the sentence 'NAME must be ...'."""


@dataclass(frozen=True, slots=True)
class Knob:
    """What a field stands for: the fact, where it is from (``[?]``: nobody could confirm it), and how its value is read."""

    fact: str
    source: str
    read: Read


def _made(default: Any, fact: str, source: str, read: Read) -> Any:
    return field(default=default, metadata={KNOB: Knob(fact, source, read)})


def flag(default: bool, fact: str, source: str) -> Any:
    """True or false."""

    def read(value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValueError("true or false")  # noqa: TRY004 - of the value
        return value

    return _made(default, fact, source, read)


def choice(values: tuple[str, ...], fact: str, source: str) -> Any:
    """One of some words, the first by default."""

    def read(value: Any) -> str:
        if value not in values or not isinstance(value, str):
            raise ValueError(f"one of {', '.join(values)}")
        return value

    return _made(values[0], fact, source, read)


def word(default: str, fact: str, source: str) -> Any:
    """A word, as labels and codes are."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or _WORD.fullmatch(value) is None:
            raise ValueError("a word of at most 100 letters, digits and _")
        return value

    return _made(default, fact, source, read)


def _number(value: Any, most: float) -> float:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not good or not 0 <= value <= most:
        raise ValueError(f"a number from 0 to {most:.15g}")
    return float(value)


def seconds(default: float, fact: str, source: str, *, most: float = 30 * 86_400.0) -> Any:
    """A time of at least 0 and at most ``most`` seconds."""
    return _made(default, fact, source, lambda value: _number(value, most))


def share(default: float, fact: str, source: str) -> Any:
    """A number from 0 to 1."""
    return _made(default, fact, source, lambda value: _number(value, 1.0))


def count(default: int, fact: str, source: str, *, least: int = 0, most: int = 2**40) -> Any:
    """A whole number."""

    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return value

    return _made(default, fact, source, read)


def some(values: tuple[str, ...], default: tuple[str, ...], fact: str, source: str) -> Any:
    """Some of a number of words, each once."""

    def read(value: Any) -> tuple[str, ...]:
        listed = isinstance(value, list | tuple) and all(isinstance(each, str) and each in values for each in value)
        if not listed or len(set(value)) != len(value):
            raise ValueError(f"a list of some of {', '.join(values)}, each once")
        return tuple(value)

    return _made(default, fact, source, read)


def by_metric(fact: str, source: str) -> Any:
    """Seconds by metric type; those that are not named are as they are by default."""

    def read(value: Any) -> dict[str, float]:
        if not isinstance(value, Mapping) or not all(isinstance(name, str) and name for name in value):
            raise ValueError("an object of seconds by metric type")
        try:
            return {name: _number(delay, 30 * 86_400.0) for name, delay in value.items()}
        except ValueError as error:
            raise ValueError(f"an object of seconds by metric type, each {error}") from error

    return field(default_factory=dict, metadata={KNOB: Knob(fact, source, read)})
