"""What Cloud Monitoring accepted, read from a dump: every point of the exporter's series, by system and series."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.end_to_end.recomputation import parse_us

PREFIX = "custom.googleapis.com/pipeline/"


@dataclass(frozen=True, slots=True)
class Histogram:
    """A distribution: how many values, their sum, and counts by bucket without empty ones at the end."""

    count: int
    total: float
    buckets: tuple[int, ...]


Value = float | Histogram


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """A metric's name after the prefix and its labels; which resource holds it does not matter, for it is read by system."""

    metric: str
    labels: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return self.metric + "".join(f" {name}={value}" for name, value in self.labels)


def series(metric: str, **labels: str) -> Series:
    """A series by its labels."""
    return Series(metric, tuple(sorted(labels.items())))


@dataclass(frozen=True, slots=True)
class Stored:
    """One accepted point: times in microseconds, ``start_us`` equal to ``end_us`` for a gauge."""

    start_us: int
    end_us: int
    value: Value
    received_us: int


Points = Mapping[Series, list[Stored]]
"""Accepted points of one system in order of arrival."""


BySystem = Mapping[str, Points]
"""Accepted points by the resource label ``job``."""


def read(dump: Path) -> BySystem:
    """Every accepted point of ours in a dump."""
    with (dump / "timeseries.jsonl").open(encoding="utf-8") as file:
        return parse(map(json.loads, file))


def parse(lines: Iterable[Mapping[str, Any]]) -> BySystem:
    """Every point of ours among the records of a dump."""
    found: dict[str, dict[Series, list[Stored]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        if line["metric"]["type"].startswith(PREFIX):
            named = Series(
                line["metric"]["type"].removeprefix(PREFIX), tuple(sorted(line["metric"].get("labels", {}).items()))
            )
            found[line["resource"]["labels"]["job"]][named].append(_point(line))
    return found


def watermark_us(points: Points, family: str) -> int | None:
    """Up to where a system's family is stored, by its own account: the newest watermark, in microseconds."""
    marks = points.get(series("exporter/watermark", family=family), [])
    return round(marks[-1].value * 1_000_000) if marks and isinstance(marks[-1].value, float) else None


def _point(line: Mapping[str, Any]) -> Stored:
    (point,) = line["points"]
    interval = point["interval"]
    return Stored(
        parse_us(interval["startTime"]),
        parse_us(interval["endTime"]),
        _value(point["value"]),
        parse_us(line["receivedAt"]),
    )


def _value(value: Mapping[str, Any]) -> Value:
    if "distributionValue" not in value:
        ((_, number),) = value.items()
        return float(number)
    given = value["distributionValue"]
    count = int(given.get("count", 0))
    return Histogram(count, given.get("mean", 0.0) * count, trimmed([int(each) for each in given["bucketCounts"]]))


def trimmed(buckets: list[int]) -> tuple[int, ...]:
    """Counts by bucket without empty ones at the end."""
    while buckets and not buckets[-1]:
        buckets = buckets[:-1]
    return tuple(buckets)
