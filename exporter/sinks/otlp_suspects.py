"""Which series a receiver refuses, when all it says is how many of a request.

A request that was taken in part must not be sent again (https://opentelemetry.io/docs/specs/otlp/#partial-success-1): a store that adds
up deltas would count twice. So what is learned is used for the series' next points: they travel in requests of an eighth of the size,
until a request is taken whole, which clears its series, or holds a single one, which then is known. From 200 that takes three more
exports; every export sends at most eight more requests for each such group.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from exporter.model import Point
from exporter.sinks.series import Key

MAX_POINTS = 200
"""Data points per request that Google takes: https://cloud.google.com/stackdriver/quotas#telemetry-api-limits."""

_PARTS = 8


class Suspects:
    """Series that were in a request of which some points were refused, and how many may travel together."""

    def __init__(self) -> None:
        self._sizes: dict[Key, int] = {}

    def batches(self, wave: Mapping[Key, Point]) -> Iterator[dict[Key, Point]]:
        """Divide points into requests: suspects among themselves, the others as many at once as may be."""
        by_size: dict[int, list[Key]] = {}
        for key in wave:
            by_size.setdefault(self._sizes.get(key, MAX_POINTS), []).append(key)
        for size in sorted(by_size, reverse=True):
            keys = by_size[size]
            for first in range(0, len(keys), size):
                yield {key: wave[key] for key in keys[first : first + size]}

    def learn(self, keys: Sequence[Key], refused: int) -> None:
        """Take note of an answer: of the points of these series so many were refused."""
        if refused == 0:
            for key in keys:
                self._sizes.pop(key, None)
        elif refused < len(keys) or len(keys) == 1:
            size = max(1, len(keys) // _PARTS)
            self._sizes.update(dict.fromkeys(keys, size))
