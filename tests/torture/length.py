"""How long the torture lasts: a few rounds in the whole test suite, all of them with ``make torture``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

LONG = os.environ.get("TORTURE") == "long"


def rounds(short: int, long: int) -> int:
    """How many rounds there are."""
    return long if LONG else short


def some(values: Sequence[T], short: int) -> Sequence[T]:
    """The last of several cases that are much alike; all of them with ``make torture``."""
    return values if LONG else values[-short:]
