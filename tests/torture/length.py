"""How long the torture lasts: a few rounds in the whole test suite, all of them with ``make torture``."""

from __future__ import annotations

import os

LONG = os.environ.get("TORTURE") == "long"


def rounds(short: int, long: int) -> int:
    """How many rounds there are."""
    return long if LONG else short
