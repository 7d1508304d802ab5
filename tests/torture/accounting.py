"""The judge: was every window of every system accepted exactly once, is none missing, and does every count tell what really happened?

It reads a dump of the sandbox and compares what Cloud Monitoring accepted with the rows in the tables and with what Pub/Sub did.
A series without a point counts as 0, but for those that prove that a window was measured.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from exporter.model import Family, System
from tests.end_to_end.recomputation import HOUR_US, to_us
from tests.torture import stored
from tests.torture.stored import BySystem, Histogram, Points, Series, Stored, Value, series
from tests.torture.truth import AnyOf, Book, Dump, Expected

FAMILIES = (Family.LANDING, Family.DELIVERY, Family.SPEND)

COMPONENTS = ("pubsub_publish", "pubsub_delivery", "bigquery_storage", "bigquery_query")
"""Parts of an hour's cost that are written even when they are zero."""

PROOFS: Mapping[Family, frozenset[Series]] = {
    Family.LANDING: frozenset({series("messages", outcome="delivered")}),
    Family.DELIVERY: frozenset({series("messages", outcome="published")}),
    Family.SPEND: frozenset(series("cost", component=name) for name in COMPONENTS),
}
"""Series that have a point for every window, the empty ones too."""


@dataclass(frozen=True, slots=True, order=True)
class Deviation:
    """One difference between what was stored and the truth; ``window`` is the window, or what else it concerns."""

    system: str
    family: str
    window: str
    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.system} {self.family} {self.window} {self.what}: expected {self.expected}, found {self.found}"


@dataclass(slots=True)
class Verdict:
    """What the judge found, and how many windows it went through, by family."""

    deviations: list[Deviation] = field(default_factory=list)
    windows: Counter[Family] = field(default_factory=Counter)

    def __str__(self) -> str:
        shown = "\n".join(str(each) for each in sorted(self.deviations)[:40])
        return f"{len(self.deviations)} deviations\n{shown}"


def books(dump: Path, systems: Sequence[System], prices: Mapping[str, float]) -> dict[str, Book]:
    """The truth about each system, by its id."""
    tables = Dump(dump)
    return {system.id: Book(tables, system, prices) for system in systems}


def judge(
    dump: Path,
    systems: Sequence[System],
    start: datetime,
    prices: Mapping[str, float],
    *,
    families: Collection[Family] = FAMILIES,
) -> Verdict:
    """Go through every window of the systems from ``start``, a full hour, to their last watermarks."""
    return weigh(books(dump, systems, prices), systems, stored.read(dump), start, families=families)


def weigh(
    truth: Mapping[str, Book],
    systems: Sequence[System],
    points: BySystem,
    start: datetime,
    *,
    families: Collection[Family] = FAMILIES,
) -> Verdict:
    """The same for points that are at hand."""
    verdict = Verdict()
    for system in systems:
        one = _System(system, truth[system.id], points.get(system.id, {}), verdict)
        for family in families:
            one.judge(family, to_us(start))
    return verdict


class _System:
    """Judges one system; times are microseconds."""

    def __init__(self, system: System, book: Book, points: Points, verdict: Verdict) -> None:
        self._system = system
        self._points = points
        self._verdict = verdict
        self._marks = {family: stored.watermark_us(points, family) for family in FAMILIES}
        self._truths: dict[Family, Callable[[int, int], Expected]] = {
            Family.LANDING: book.landing,
            Family.DELIVERY: book.delivery,
            Family.SPEND: book.spend,
        }
        self._errors = book.errors

    def judge(self, family: Family, start_us: int) -> None:
        """Judge one family: every window up to its watermark, and every window that has points."""
        length_us = HOUR_US if family is Family.SPEND else self._system.window_s * 1_000_000
        mark_us = self._marks[family]
        if mark_us is None:
            self._deviate(family, "all", "exporter/watermark", "a watermark", "none")
            return
        found = self._found(_mine(family))
        ends = set(range(start_us + length_us, mark_us + 1, length_us))
        for end_us in sorted(ends | found.keys()):
            if end_us % length_us or end_us <= start_us:
                self._deviate(
                    family, _moment(end_us), "a point", f"none, for no window after {_moment(start_us)}", "one"
                )
                continue
            self._window(family, end_us - length_us, end_us, found.get(end_us, {}))
        self._verdict.windows[family] += len(ends)
        if family is Family.DELIVERY:
            self._shared(start_us, length_us)

    def _shared(self, start_us: int, length_us: int) -> None:
        """Events of errors: complete where both landing and delivery are."""
        found = self._found(lambda each: each.metric == "slo_events" and ("objective", "errors") in each.labels)
        both_us = min(mark_us or 0 for mark_us in (self._marks[Family.LANDING], self._marks[Family.DELIVERY]))
        for end_us in sorted({*range(start_us + length_us, both_us + 1, length_us), *found}):
            told = self._errors(end_us - length_us, end_us)
            self._compare(Family.DELIVERY, end_us - length_us, end_us, told, told.keys(), found.get(end_us, {}))

    def _found(self, belongs: Callable[[Series], bool]) -> dict[int, dict[Series, list[Stored]]]:
        """Points of a family's series by the end of their window."""
        found: dict[int, dict[Series, list[Stored]]] = defaultdict(lambda: defaultdict(list))
        for each, points in self._points.items():
            if belongs(each):
                for point in points:
                    found[point.end_us][each].append(point)
        return found

    def _window(self, family: Family, start_us: int, end_us: int, found: Points) -> None:
        told = self._truths[family](start_us, end_us)
        mark_us = self._marks[family] or 0
        # Beyond the watermark a window may be stored in part: whoever stored it was ended.
        required = PROOFS[family] | _positive(told) if end_us <= mark_us else frozenset[Series]()
        self._compare(family, start_us, end_us, told, required, found)

    def _compare(
        self, family: Family, start_us: int, end_us: int, told: Expected, required: Collection[Series], found: Points
    ) -> None:
        window = f"{_moment(start_us)}/{_moment(end_us)}"
        for each in sorted({*required, *found}):
            points = found.get(each, [])
            expected = told.get(each, 0.0)
            if len(points) != 1:
                self._deviate(family, window, str(each), "1 point", f"{len(points)} points")
            for point in points:
                if point.start_us != start_us + 1000:
                    self._deviate(
                        family, window, str(each), f"a start at {_moment(start_us + 1000)}", _moment(point.start_us)
                    )
                if not _equal(expected, point.value):
                    self._deviate(family, window, str(each), _text(expected), _text(point.value))

    def _deviate(self, family: Family, window: str, what: str, expected: str, found: str) -> None:
        self._verdict.deviations.append(Deviation(self._system.id, family, window, what, expected, found))


def _mine(family: Family) -> Callable[[Series], bool]:
    """Whether a series holds counts of a family's windows; those that landing and delivery tell together are nobody's."""
    outcomes = {
        Family.LANDING: ("delivered", "duplicate"),
        Family.DELIVERY: ("published", "rejected", "dead_lettered"),
        Family.SPEND: (),
    }[family]

    def mine(each: Series) -> bool:
        labels = dict(each.labels)
        if each.metric == "messages":
            return labels["outcome"] in outcomes
        if family is Family.LANDING:
            return each.metric == "latency" or (each.metric, labels.get("objective")) == ("slo_events", "latency")
        return family is Family.SPEND and each.metric in ("cost", "bytes", "queries", "query_bytes")

    return mine


def _positive(told: Expected) -> frozenset[Series]:
    """Series that must have a point because there is something to tell; of the objectives' events both, zero included."""
    return frozenset(each for each, value in told.items() if each.metric == "slo_events" or value)


def _equal(expected: Value | AnyOf, found: Value) -> bool:
    if isinstance(expected, AnyOf):
        return any(_equal(value, found) for value in expected.values)
    if isinstance(expected, Histogram) or isinstance(found, Histogram):
        return (
            isinstance(expected, Histogram)
            and isinstance(found, Histogram)
            and (expected.count, expected.buckets) == (found.count, found.buckets)
            and math.isclose(expected.total, found.total, rel_tol=1e-9)
        )
    # Counts are exact; money is, but for the last digits of a sum of fractions.
    return math.isclose(expected, found, rel_tol=1e-12) if isinstance(expected, float) else expected == found


def _text(value: Value | AnyOf) -> str:
    if isinstance(value, Histogram):
        return f"{value.count} values, {value.total:.6f} in sum, buckets {list(value.buckets)}"
    if isinstance(value, AnyOf):
        return " or ".join(f"{each:.12g}" for each in value.values)
    return f"{value:.12g}"


def _moment(at_us: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)
    return moment.isoformat().replace("+00:00", "Z")


def watermarks(dump: Path) -> Iterator[tuple[str, Family, datetime]]:
    """Up to where each system's families are stored."""
    for job, points in stored.read(dump).items():
        for family in FAMILIES:
            mark_us = stored.watermark_us(points, family)
            if mark_us is not None:
                yield job, family, datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=mark_us)
