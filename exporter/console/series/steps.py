"""How long alignment periods are: as asked where a chart can show that many points, else longer."""

from __future__ import annotations

MINUTE_S = 60
"""The API takes no shorter period (comment of ``google.monitoring.v3.Aggregation.alignment_period``)."""

MOST_POINTS = 400
"""Points of one series that a chart can show apart."""

MOST_SUMS = 1_100
"""Points of one series of sums, which mean something else once their period is longer: hours of six weeks are 1,008."""

_HOUR_S = 3600
_DAY_S = 24 * _HOUR_S
STEPS_S = (
    *(MINUTE_S, 300, 600, 900, 1800),
    *(hours * _HOUR_S for hours in (1, 2, 3, 6, 12)),
    *(_DAY_S, 7 * _DAY_S),
)
"""Periods that people read easily."""


def step_s(span_s: float, *shortest_s: int | None, most: int = MOST_POINTS) -> int:
    """The period for a stretch of time: not shorter than any that is given, and at most ``most`` of them fit.

    A longer one than asked for is a multiple of it where there is such a one: so whole hours stay whole hours.
    """
    least_s = max(MINUTE_S, *(each or 0 for each in shortest_s)) if shortest_s else MINUTE_S
    needed_s = span_s / most
    if least_s >= needed_s:
        return least_s
    longer = [step for step in STEPS_S if step >= max(needed_s, least_s)]
    multiples = [step for step in longer if step % least_s == 0]
    if multiples or longer:
        return (multiples or longer)[0]
    return -(-int(needed_s) // STEPS_S[-1]) * STEPS_S[-1]
