"""Several runs of one thing: their median, and how far they lie apart."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, least and greatest of several measurements of one quantity."""

    median: float
    least: float
    greatest: float

    def text(self, digits: int) -> str:
        """The median with the range behind it; the range is left out where it shows nothing more."""
        median, least, greatest = (f"{number:,.{digits}f}" for number in (self.median, self.least, self.greatest))
        return median if least == greatest else f"{median} ({least} - {greatest})"


def spread(measured: Sequence[float]) -> Spread:
    """Summarise measurements; raises ``ValueError`` where there are none."""
    if not measured:
        raise ValueError("nothing was measured")
    return Spread(statistics.median(measured), min(measured), max(measured))


def ratio(value: float, base: float) -> float | None:
    """How many times ``base`` a value is; None where the base is nothing."""
    return value / base if base else None
