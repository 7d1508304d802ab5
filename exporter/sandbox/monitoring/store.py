"""The series that were written and their points, in the order in which they arrived."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from exporter.sandbox.monitoring.kinds import DISTRIBUTION

Labels = tuple[tuple[str, str], ...]
"""Labels in the order of their keys."""


class Identity(NamedTuple):
    """What makes a series the one it is."""

    metric_type: str
    metric_labels: Labels
    resource_type: str
    resource_labels: Labels


class Sample(NamedTuple):
    """One point: times in nanoseconds, ``start_ns`` equal to ``end_ns`` for a gauge, and a value of the series' type."""

    start_ns: int
    end_ns: int
    value: Any


class Series:
    """One time series, in ascending order of time."""

    __slots__ = ("_ends", "_sequences", "_starts", "_values", "identity", "kind", "value_type")

    def __init__(self, identity: Identity, kind: int, value_type: int) -> None:
        self.identity = identity
        self.kind = kind
        self.value_type = value_type
        self._starts = array("q")
        self._ends = array("q")
        self._values: list[Any] = []
        self._sequences = array("q")

    def append(self, sample: Sample, sequence: int) -> None:
        """Add a point, newer than all before; ``sequence`` counts the points of the whole store."""
        self._starts.append(sample.start_ns)
        self._ends.append(sample.end_ns)
        self._values.append(sample.value)
        self._sequences.append(sequence)

    @property
    def newest(self) -> Sample:
        """The last point of a series that has one."""
        return Sample(self._starts[-1], self._ends[-1], self._values[-1])

    @property
    def newest_sequence(self) -> int:
        """The sequence number of the last point."""
        return self._sequences[-1]

    def between(self, after_ns: int, until_ns: int, limit: int) -> list[Sample]:
        """Points that end in ``(after_ns, until_ns]``, of those with a sequence number below ``limit``."""
        visible = bisect_left(self._sequences, limit)
        first = bisect_right(self._ends, after_ns, 0, visible)
        return self._slice(first, bisect_right(self._ends, until_ns, first, visible))

    def around(self, after_ns: int, until_ns: int, limit: int) -> list[Sample]:
        """The same points with the last one before them and the first one after them."""
        visible = bisect_left(self._sequences, limit)
        first = bisect_right(self._ends, after_ns, 0, visible)
        last = bisect_right(self._ends, until_ns, first, visible)
        return self._slice(max(0, first - 1), min(visible, last + 1))

    def numbered(self) -> Iterator[tuple[int, Sample]]:
        """All points with their sequence numbers."""
        yield from zip(self._sequences, self._slice(0, len(self._ends)), strict=True)

    def _slice(self, first: int, last: int) -> list[Sample]:
        columns = (self._starts[first:last], self._ends[first:last], self._values[first:last])
        return list(map(Sample, *columns))


class Store:
    """All series by project and metric type; the caller holds the lock."""

    def __init__(self) -> None:
        self._series: dict[str, dict[str, dict[Identity, Series]]] = {}
        self._dropped: list[Series] = []
        self._received_us = array("q")
        self.distributions = 0
        self._per_resource: Counter[tuple[str, str, Labels]] = Counter()

    def __len__(self) -> int:
        return len(self._received_us)

    def find(self, project: str, identity: Identity) -> Series | None:
        """A series that has points, if there is one."""
        return self._series.get(project, {}).get(identity.metric_type, {}).get(identity)

    def of_type(self, project: str, metric_type: str) -> Sequence[Series]:
        """The series of a metric type."""
        return tuple(self._series.get(project, {}).get(metric_type, {}).values())

    def on_resource(self, project: str, identity: Identity) -> int:
        """How many series there are on the resource of a series."""
        return self._per_resource[project, identity.resource_type, identity.resource_labels]

    def append(self, project: str, series: Series, sample: Sample, received_us: int) -> None:
        """Add a point to a series, which may be new."""
        identity = series.identity
        of_type = self._series.setdefault(project, {}).setdefault(identity.metric_type, {})
        if identity not in of_type:
            of_type[identity] = series
            self._per_resource[project, identity.resource_type, identity.resource_labels] += 1
        series.append(sample, len(self._received_us))
        self.distributions += series.value_type == DISTRIBUTION
        if self._received_us:
            # Two requests may come in at the same time and get the lock in the other order.
            received_us = max(received_us, self._received_us[-1])
        self._received_us.append(received_us)

    def drop(self, project: str, metric_type: str) -> None:
        """Make the series of a metric type unreadable; they stay among the accepted ones."""
        for series in self._series.get(project, {}).pop(metric_type, {}).values():
            self._dropped.append(series)
            identity = series.identity
            self._per_resource[project, identity.resource_type, identity.resource_labels] -= 1

    def received_us(self, sequence: int) -> int:
        """When the point of a sequence number arrived."""
        return self._received_us[sequence]

    def arrived_by(self, moment_us: int) -> int:
        """How many points had arrived by a time: the first sequence number that had not."""
        return bisect_right(self._received_us, moment_us)

    def accepted(self) -> Iterator[tuple[Series, Sample, int]]:
        """Every point ever accepted with the microsecond of its arrival, in the order of arrival."""
        kept = [series for types in self._series.values() for each in types.values() for series in each.values()]
        points = [
            (number, series, sample) for series in (*kept, *self._dropped) for number, sample in series.numbered()
        ]
        for number, series, sample in sorted(points, key=lambda point: point[0]):
            yield series, sample, self._received_us[number]


class Reading(NamedTuple):
    """What is read of a series: some of its points, in ascending order of time, perhaps aligned and reduced."""

    identity: Identity
    kind: int
    value_type: int
    samples: list[Sample]
