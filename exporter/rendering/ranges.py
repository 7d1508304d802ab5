"""How far alerts look back and how long they wait, for data that arrives late: pure arithmetic in seconds.

A point arrives after its availability delay (docs/metrics.md), so a range must reach over that and over the time between two collections.
docs/alerts.md says what follows for the time from a failure to a page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from exporter.model import System
from exporter.windows import period_s

LANDING_DELAY_S = 75
"""15 s until a window has settled, and a minute until the cycle is done and its points can be read."""

DELIVERY_DELAY_S = 360
"""300 s until Pub/Sub's own metrics are complete, and a minute as above."""

SKEW_S = 180
"""Systems that fail together cross a line up to two minutes apart; a minute is margin."""

FLEET_HOLD_S = 120
HOUR_S = 3600

INFO_RANGE_S = 3 * HOUR_S
"""How far back a system's class and owner are looked for: they are written each hour."""

Class = tuple[int, int]
"""Window and interval in seconds: systems that have them in common share policies."""


def classes(systems: Iterable[System]) -> list[Class]:
    """The classes of these systems, shortest first."""
    return sorted({(system.window_s, system.interval_s) for system in systems})


def of_class(pair: Class) -> Mapping[str, int]:
    """Template variables of one class.

    Burn rates follow the Site Reliability Workbook, chapter 5: 14.4 x over 1 h and 5 min, 6 x over 6 h and 30 min, 1 x over 3 d and 6 h.
    A short window is stretched where two collections do not fit into it.

    A system that nobody measures any more is missed after three intervals, and told of when that has lasted. Until then and an hour longer
    it has to be known whose it was; and that was written up to an hour before the end.
    """
    window_s, interval_s = pair
    landing_s = _over(interval_s + LANDING_DELAY_S)
    delivery_s = _over(interval_s + DELIVERY_DELAY_S)
    hold_s = _minutes(interval_s + SKEW_S)
    return {
        "window_s": window_s,
        "interval_s": interval_s,
        "landing_range_s": landing_s,
        "delivery_range_s": delivery_s,
        "hourly_range_s": _minutes(2 * HOUR_S + interval_s + DELIVERY_DELAY_S),
        "spend_range_s": _minutes(7 * HOUR_S + interval_s + DELIVERY_DELAY_S),
        "hold_s": hold_s,
        "info_range_s": max(INFO_RANGE_S, _minutes(3 * interval_s + LANDING_DELAY_S + hold_s + 2 * HOUR_S)),
        "fleet_hold_s": FLEET_HOLD_S,
        **_burns("", landing_s),
        **_burns("errors_", delivery_s),
    }


def absent_s(systems: Iterable[System]) -> int:
    """After how long without a cycle the exporter is held to be absent: three of its periods and two minutes, at least five minutes."""
    return max(300, 3 * period_s(systems) + 120)


def _burns(kind: str, range_s: int) -> dict[str, int]:
    lengths = {"fast": (HOUR_S, 300), "medium": (6 * HOUR_S, 1800), "slow": (72 * HOUR_S, 6 * HOUR_S)}
    found = {}
    for speed, (long_s, short_s) in lengths.items():
        found[f"{kind}{speed}_long_s"] = max(long_s, range_s)
        found[f"{kind}{speed}_short_s"] = max(short_s, range_s)
    return found


def _over(delay_s: int) -> int:
    """A range that always holds a point: two delays, at least five minutes."""
    return max(300, _minutes(2 * delay_s))


def _minutes(seconds: int) -> int:
    return -(-seconds // 60) * 60
