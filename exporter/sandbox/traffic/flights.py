"""Real flight records as messages (see ../data/README.md)."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

_NUMBERS = ("year", "month", "day", "dep_delay", "arr_delay", "flight", "air_time", "distance")


@dataclass(frozen=True, slots=True)
class Flight:
    """One flight: the message's body and attributes."""

    data: bytes
    attributes: Mapping[str, str]
    route: str


@cache
def flights() -> Sequence[Flight]:
    """All flights of the sample, in order of time."""
    packed = resources.files("exporter.sandbox").joinpath("data", "flights.csv.gz").read_bytes()
    text = io.StringIO(gzip.decompress(packed).decode("utf-8"))
    return [_flight(row) for row in csv.DictReader(text)]


def _flight(row: dict[str, str]) -> Flight:
    record: dict[str, str | float | None] = dict(row)
    for name in _NUMBERS:
        record[name] = None if row[name] in ("", "NA") else float(row[name])
    data = json.dumps(record, separators=(",", ":")).encode("utf-8")
    return Flight(data, {"origin": row["origin"], "carrier": row["carrier"]}, f"{row['origin']}-{row['dest']}".lower())


@cache
def routes() -> Sequence[str]:
    """Every route of the sample (``ewr-ord``), the busiest first."""
    counts: dict[str, int] = {}
    for flight in flights():
        counts[flight.route] = counts.get(flight.route, 0) + 1
    return sorted(counts, key=lambda route: (-counts[route], route))
