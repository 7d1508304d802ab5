"""When what is published and read: the same for the same seed, system and minute, whatever happens to other systems."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from exporter.sandbox.ledger import MINUTE_US
from exporter.sandbox.traffic.flights import Flight, flights

DAY_US = 86_400_000_000
_LARGEST_REQUEST = 5
_READ_EVERY_MINUTES = 2


@dataclass(frozen=True, slots=True)
class Publish:
    """One publish request of a system: its time and messages."""

    at_us: int
    messages: Sequence[Flight]


@dataclass(frozen=True, slots=True)
class Read:
    """One read of a system's view by its API: what it processed, and how long it took."""

    at_us: int
    bytes_processed: int
    duration_ms: int
    slot_ms: int


def rhythm(at_us: int) -> float:
    """How busy the hour is, 1 on average over a day: quiet at night, busiest in the afternoon (UTC)."""
    return 1 + 0.5 * math.sin(2 * math.pi * (at_us % DAY_US / DAY_US - 0.35))


def publishes(seed: int, system: str, rate_per_minute: float, minute_us: int) -> list[Publish]:
    """Publish requests of one minute, in order of time."""
    draw = random.Random(f"{seed}|{system}|{minute_us}|publish")  # noqa: S311 - a simulation, not a secret
    expected = rate_per_minute * rhythm(minute_us)
    count = max(0, round(draw.gauss(expected, math.sqrt(expected))))
    records = flights()
    made: list[Publish] = []
    while count > 0:
        size = min(count, draw.randint(1, _LARGEST_REQUEST))
        count -= size
        at_us = minute_us + draw.randrange(MINUTE_US)
        made.append(Publish(at_us, [records[draw.randrange(len(records))] for _ in range(size)]))
    return sorted(made, key=lambda publish: publish.at_us)


def reads(seed: int, system: str, minute_us: int, factor: float = 1.0) -> list[Read]:
    """Reads of one minute; ``factor`` multiplies how many there are."""
    draw = random.Random(f"{seed}|{system}|{minute_us}|read")  # noqa: S311
    expected = factor / _READ_EVERY_MINUTES
    count = int(expected) + (draw.random() < expected - int(expected))
    return [
        Read(
            at_us=minute_us + draw.randrange(MINUTE_US),
            bytes_processed=draw.randrange(1, 60) * 2**20,
            duration_ms=draw.randrange(300, 2500),
            slot_ms=draw.randrange(200, 4000),
        )
        for _ in range(count)
    ]
