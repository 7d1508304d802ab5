"""A sink that sends to a receiver, and what both say of it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from exporter.config.types import OtlpSettings
from exporter.model import Outcome, Point
from exporter.sinks.otlp import OtlpSink
from exporter.sinks.otlp_messages import metric_name
from tests.sinks.cloud import FLEET, LOCATIONS, PREFIX, PROJECT
from tests.sinks.otlp_receiver import Receiver


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Bench:
    """A receiver, a sink that sends to it, and what the sink said of its calls."""

    def __init__(self, receiver: Receiver, endpoint: str | None = None, **changes: Any) -> None:
        self.receiver = receiver
        self.clock = Clock()
        self.calls: Counter[tuple[str, str, str]] = Counter()
        self.sink = OtlpSink(
            OtlpSettings(endpoint or receiver.endpoint),
            project=PROJECT,
            prefix=PREFIX,
            fleet=FLEET,
            locations=LOCATIONS,
            environment={},
            on_call=lambda *call: self.calls.update([call]),
            clock=self.clock,
            **changes,
        )

    def codes(self) -> dict[str, int]:
        """Attempts by their code."""
        assert {call[:2] for call in self.calls} <= {("otlp", "Export")}
        return {code: number for (_, _, code), number in self.calls.items()}


Name = tuple[str, str, frozenset[tuple[str, str]], int]


def name(point: Point) -> Name:
    return metric_name(PREFIX, point.metric), point.job, frozenset(point.labels.items()), round(point.end.timestamp())


def stored(receiver: Receiver) -> Counter[Name]:
    """Every point that was taken, and how often."""
    return Counter((*found.series, found.end // 10**9) for found in receiver.stored)


def parts(outcome: Outcome) -> Counter[int]:
    refused = [each.point for each in (*outcome.rejected, *outcome.retryable)]
    return Counter(map(id, [*outcome.written, *outcome.already_written, *refused]))


def of(points: list[Point]) -> set[Name]:
    return {name(point) for point in points}


def is_one_of(points: list[Point]) -> Any:
    """A judge over the receiver's own view."""
    names = of(points)
    return lambda found: (*found.series, found.end // 10**9) in names
