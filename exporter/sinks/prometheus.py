"""Prometheus: keeps what was exported last, and serves it to whoever scrapes ``/metrics``.

A scraper sets the time of what it reads, so values carry none. What is too old is not served, rather than served as if it were of now.
Names and units follow https://prometheus.io/docs/practices/naming/, as ``promtool check metrics`` demands.
"""

from __future__ import annotations

import re
import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate

from prometheus_client import exposition
from prometheus_client.core import CollectorRegistry, Sample
from prometheus_client.core import Metric as Exposed

from exporter.metrics.catalog import CATALOG, EXPORTER_JOB, FLEET_JOB, Kind, Metric, Written
from exporter.model import LATENCY_BOUNDS_S, Distribution, Family, Outcome, Point, Refusal, Watermark
from exporter.sinks.refusals import INVALID_VALUE, Answer, Verdict
from exporter.sinks.validity import mistake
from exporter.windows import HOUR, MAX_AGE

_UNITS: Mapping[str, str] = {"s": "seconds", "By": "bytes", "{USD}": "usd"}
"""Words of units in names; the others (``1``, ``{message}``) are in the names already."""

_LABELS: Mapping[str, str] = {"quantile": "q"}
"""Labels that are called otherwise here: ``quantile`` is reserved for summaries."""

_TYPES: Mapping[Kind, str] = {Kind.GAUGE: "gauge", Kind.COUNT: "counter", Kind.DISTRIBUTION: "histogram"}

_MOVING = "exporter/watermark"
"""Each family's moves by itself, and each is true until it moves: these gauges are no set, and do not age."""

_KEPT = MAX_AGE + 2 * HOUR
"""How far back it is remembered what was counted: longer than anything is sent again."""

_BOUNDS = (*map(str, LATENCY_BOUNDS_S), "+Inf")

_Labels = tuple[tuple[str, str], ...]
_Series = tuple[str, str, _Labels]
"""Metric, job, and the metric's own labels in order of their names."""


def name_of(prefix: str, metric: Metric) -> str:
    """A metric's name without the suffix of its type; of ``prefix`` only the last part is used."""
    name = f"{prefix.rpartition('/')[2]}/{metric.name}"
    unit = _UNITS.get(metric.unit)
    if unit is not None and unit not in re.split("[/_]", metric.name):
        name += f"_{unit}"
    return re.sub("[^a-zA-Z0-9]", "_", name)


@dataclass(slots=True)
class _Covered:
    """Stretches of time that were counted, joined where they touch: windows that follow each other cost no memory."""

    _starts: list[datetime] = field(default_factory=list)
    _ends: list[datetime] = field(default_factory=list)

    def add(self, start: datetime, end: datetime) -> bool:
        """Take a window in; False where its end was counted already, or is too old to be told."""
        if self._ends and end <= self._ends[-1] - _KEPT:
            return False
        after = bisect_left(self._ends, end)
        if after < len(self._ends) and self._starts[after] < end:
            return False
        # All stretches from the first that reaches the window's start up to its end become one.
        first = bisect_left(self._ends, start)
        joined = slice(first, after + (after < len(self._ends) and self._starts[after] == end))
        starts, ends = self._starts[joined], self._ends[joined]
        self._starts[joined] = [min([start, *starts])]
        self._ends[joined] = [max([end, *ends])]
        old = bisect_left(self._ends, self._ends[-1] - _KEPT)
        del self._starts[:old], self._ends[:old]
        return True


@dataclass(slots=True)
class _Accumulated:
    """What was counted of one series since the process started."""

    value: float | Distribution
    covered: _Covered = field(default_factory=_Covered)


@dataclass(slots=True)
class _Gauges:
    """The last values of one metric and job: ``end`` is their time, and what is not in the newest set is gone."""

    end: datetime
    values: dict[_Labels, float] = field(default_factory=dict)


class PrometheusSink:
    """Keeps last values, and accumulates counts and distributions over the life of the process; cannot be read back.

    ``prefix`` is the configured ``metric_prefix``. ``locations`` gives each job's location, and ``limits_s`` how old (s) its gauges may be
    at the ``now`` of a scrape; those that are written each hour may be ``hourly_s`` older. Cycles and scrapes may come from different
    threads: a scrape sees all of an export or nothing of it.
    """

    def __init__(
        self,
        *,
        prefix: str,
        fleet: str,
        locations: Mapping[str, str],
        limits_s: Mapping[str, float],
        now: Callable[[], datetime],
        hourly_s: float = 7200.0,
    ) -> None:
        unlimited = sorted(locations.keys() - limits_s.keys())
        if unlimited:
            raise ValueError(f"no age limit is given for {', '.join(unlimited)}")
        self._fleet = fleet
        self._locations = locations
        self._limits_s = limits_s
        self._hourly_s = hourly_s
        self._now = now
        self._names = {metric.name: name_of(prefix, metric) for metric in CATALOG.values()}
        self._lock = threading.Lock()
        self._gauges: dict[tuple[str, str], _Gauges] = {}
        self._moving: dict[_Series, tuple[datetime, float]] = {}
        self._accumulated: dict[_Series, _Accumulated] = {}
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def prepare(self) -> None:
        """Nothing has to be made ready."""

    def export(self, points: Sequence[Point]) -> Outcome:
        """Take points in; what is not fit to be served is rejected, and nothing is raised."""
        written, rejected = [], []
        for point in points:
            wrong = mistake(point, self._locations) or _decrease(point)
            if wrong is None:
                written.append(point)
            else:
                rejected.append(Refusal(point, wrong.code, wrong.message))
        with self._lock:
            for point in written:
                self._take(point)
        return Outcome(written=tuple(written), rejected=tuple(rejected))

    def watermarks(self, since: datetime, until: datetime) -> Mapping[tuple[str, Family], Watermark]:  # noqa: ARG002
        """None: nothing can be read back."""
        return {}

    def read(self, metric: str, since: datetime, until: datetime) -> list[Point]:  # noqa: ARG002
        """Nothing: nothing can be read back."""
        return []

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Everything that is fit to be served, and its content type: the richest format that the ``Accept`` header takes."""
        try:
            encode, content_type = exposition.choose_encoder(accept)
        except TypeError:
            # Raised where a version in the header is no number.
            encode, content_type = exposition.choose_encoder("")
        return encode(self._registry), content_type

    def collect(self) -> Iterator[Exposed]:
        """Families of the catalogue that have a value, for ``prometheus_client``."""
        found = self._snapshot(self._now())
        for name, metric in CATALOG.items():
            if name in found:
                family = Exposed(self._names[name], metric.description, _TYPES[metric.kind])
                for (_, job, labels), value in sorted(found[name], key=lambda series: series[0]):
                    family.samples += _samples(family.name, self._all_labels(job, labels), value, metric.kind)
                yield family

    def _take(self, point: Point) -> None:
        labels = tuple(sorted(point.labels.items()))
        series = (point.metric, point.job, labels)
        if CATALOG[point.metric].kind is not Kind.GAUGE:
            self._count(series, point)
        elif point.metric == _MOVING:
            if series not in self._moving or self._moving[series][0] <= point.end:
                self._moving[series] = point.end, _number(point)
        else:
            gauges = self._gauges.setdefault((point.metric, point.job), _Gauges(point.end))
            if gauges.end < point.end:
                gauges.end, gauges.values = point.end, {}
            if gauges.end == point.end:
                gauges.values[labels] = _number(point)

    def _count(self, series: _Series, point: Point) -> None:
        if point.start is None:
            raise TypeError(f"{point.metric} covers a window")
        known = self._accumulated.get(series)
        if known is None:
            known = self._accumulated[series] = _Accumulated(point.value)
            known.covered.add(point.start, point.end)
        elif known.covered.add(point.start, point.end):
            known.value = _sum(known.value, point.value)

    def _snapshot(self, now: datetime) -> Mapping[str, list[tuple[_Series, float | Distribution]]]:
        """What a scrape at ``now`` gets, by metric."""
        found: dict[str, list[tuple[_Series, float | Distribution]]] = defaultdict(list)
        with self._lock:
            for (metric, job), gauges in self._gauges.items():
                if now - gauges.end <= self._limit(metric, job):
                    found[metric] += [((metric, job, labels), value) for labels, value in gauges.values.items()]
            for series, (_, value) in self._moving.items():
                found[series[0]].append((series, value))
            for series, accumulated in self._accumulated.items():
                found[series[0]].append((series, accumulated.value))
        return found

    def _limit(self, metric: str, job: str) -> timedelta:
        hourly = CATALOG[metric].written is Written.HOUR
        return timedelta(seconds=self._limits_s[job] + (self._hourly_s if hourly else 0.0))

    def _all_labels(self, job: str, labels: Iterable[tuple[str, str]]) -> dict[str, str]:
        """Labels of a series; ``job`` and ``instance`` are the scraper's own, so a job is a ``system`` here."""
        own = {} if job in (EXPORTER_JOB, FLEET_JOB) else {"system": job}
        named = {_LABELS.get(name, name): value for name, value in labels}
        return {"fleet": self._fleet, "location": self._locations[job], **own, **named}


def _decrease(point: Point) -> Answer | None:
    """Why a count may not be added: what accumulates never falls, for a fall is read as a restart."""
    if CATALOG[point.metric].kind is Kind.GAUGE:
        return None
    amount = point.value.total if isinstance(point.value, Distribution) else point.value
    return Answer(Verdict.REJECTED, INVALID_VALUE, f"a count of {amount}") if amount < 0 else None


def _number(point: Point) -> float:
    if isinstance(point.value, Distribution):
        raise TypeError(f"{point.metric} is no distribution")
    return float(point.value)


def _sum(one: float | Distribution, other: float | Distribution) -> float | Distribution:
    if isinstance(one, Distribution) and isinstance(other, Distribution):
        counts = tuple(a + b for a, b in zip(one.bucket_counts, other.bucket_counts, strict=True))
        return Distribution(one.count + other.count, one.total + other.total, counts)
    if isinstance(one, Distribution) or isinstance(other, Distribution):
        raise TypeError("a number and a distribution have no sum")
    return one + other


def _samples(name: str, labels: dict[str, str], value: float | Distribution, kind: Kind) -> Iterator[Sample]:
    """Samples of one series; buckets of a histogram hold all that was at or below their bound."""
    if not isinstance(value, Distribution):
        yield Sample(f"{name}_total" if kind is Kind.COUNT else name, labels, value)
        return
    for bound, count in zip(_BOUNDS, accumulate(value.bucket_counts), strict=True):
        yield Sample(f"{name}_bucket", {**labels, "le": bound}, count)
    yield Sample(f"{name}_count", labels, value.count)
    yield Sample(f"{name}_sum", labels, value.total)
