"""CreateTimeSeries: each point is written or refused for itself, and one error tells of all that were refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from exporter.sandbox.conduct import Conduct, InForce
from exporter.sandbox.monitoring import kinds, rules
from exporter.sandbox.monitoring.descriptors import Descriptors
from exporter.sandbox.monitoring.errors import (
    Proto,
    Refused,
    injected_text,
    invalid_field,
    missing,
)
from exporter.sandbox.monitoring.limits import Limits
from exporter.sandbox.monitoring.refusals import PointRefused, RefusedPoint, partial_failure
from exporter.sandbox.monitoring.resources import PROJECT_LABEL
from exporter.sandbox.monitoring.store import Identity, Sample, Series, Store
from exporter.sandbox.monitoring.times import MICROSECOND_NS

Write = Callable[[], None]
"""Puts one point into the store that has been found good."""


@dataclass(frozen=True, slots=True)
class Injection:
    """A fault that refuses the first ``series`` points of a request with a canonical code, and no other."""

    series: int
    status: str

    def strike(self, index: int) -> None:
        """Refuse the point of a series by its index in the request, if it is one of those."""
        if index < self.series:
            raise PointRefused(injected_text(self.status), code=self.status)


class Writer:
    """Writes points into the store; the caller holds the lock."""

    def __init__(self, store: Store, descriptors: Descriptors, limits: Limits, conduct: InForce) -> None:
        self._store = store
        self._descriptors = descriptors
        self._limits = limits
        self._conduct = conduct

    def write(self, project: str, given: Proto, now_us: int, injection: Injection | None = None) -> None:
        """Write the points of a request; raises ``Refused`` when not all of them could be."""
        self._check_request(project, given)
        conduct = self._conduct.now
        refused: list[RefusedPoint] = []
        seen: set[Identity] = set()
        kept: list[Write] = []
        for index, series in enumerate(given):
            try:
                if injection is not None:
                    injection.strike(index)
                write = self._checked(project, series, seen, now_us)
                if conduct.partial_failure_writes_others:
                    write()
                else:
                    kept.append(write)
            except PointRefused as refusal:
                refused.append(RefusedPoint(index, series, refusal))
        if not refused:
            for write in kept:
                write()
        else:
            raise partial_failure(refused, len(given), conduct, none_written=not conduct.partial_failure_writes_others)

    def _check_request(self, project: str, given: Proto) -> None:
        if not given:
            raise missing("timeSeries")
        limit = self._conduct.now.series_per_request
        if len(given) > limit:
            reason = f"A maximum of {limit} TimeSeries can be written in a single request."
            raise invalid_field("timeSeries", None, reason)
        for index, series in enumerate(given):
            named = series.resource.labels.get(PROJECT_LABEL, project)
            if named != project:
                reason = "if present, must be the project number or ID in the request name."
                raise invalid_field(f"timeSeries[{index}].resource.labels.{PROJECT_LABEL}", named, reason)

    def _checked(self, project: str, given: Proto, seen: set[Identity], now_us: int) -> Write:
        """What writes a point that obeys every rule; raises ``PointRefused`` for one that does not."""
        conduct = self._conduct.now
        rules.check_point_count(given)
        identity = identify(project, given)
        if identity in seen:
            raise PointRefused(
                "Duplicate TimeSeries encountered. Only one point can be written per TimeSeries per request.", field=""
            )
        seen.add(identity)
        series = self._store.find(project, identity)
        if series is None:
            # What is known to the store has been through these checks before.
            rules.check_metric(given.metric, self._limits)
            rules.check_resource(given.resource, conduct)
        value_type = rules.check_types(given)
        descriptor = self._descriptors.get(project, given.metric.type)
        labels = self._check_descriptor(given, value_type, descriptor)
        kind = (given.metric_kind or kinds.GAUGE) if descriptor is None else descriptor.metric_kind
        start_ns, end_ns = rules.check_interval(given, kind, now_us, conduct)
        if value_type == kinds.DISTRIBUTION:
            rules.check_distribution(given)
        sample = Sample(start_ns, end_ns, kinds.copy_of(given.points[0].value))
        if series is None:
            series = self._admit(project, identity, kind, value_type)
        elif not conduct.order_enforced and sample.end_ns <= series.newest.end_ns:
            return lambda: None  # taken without a word, and not kept: a series is in order of time
        else:
            self._check_place(series, sample, now_us, conduct)
        placed = series

        def write() -> None:
            self._describe(project, given, descriptor, labels, now_us)
            self._store.append(project, placed, sample, now_us)

        return write

    def _check_descriptor(self, given: Proto, value_type: int, descriptor: Proto | None) -> list[str]:
        if descriptor is None:
            if not self._conduct.now.descriptor_made_by_writing:
                raise PointRefused(f"Unknown metric: {given.metric.type}", code="NOT_FOUND")
            rules.check_inferable(given, value_type)
            return []
        rules.check_descriptor(given, value_type, descriptor)
        return rules.new_labels(given, descriptor, self._limits, self._conduct.now)

    def _check_place(self, series: Series, sample: Sample, now_us: int, conduct: Conduct) -> None:
        rules.check_order(series, sample, conduct)
        if conduct.spacing == "clock":
            since_ns = (now_us - self._store.received_us(series.newest_sequence)) * MICROSECOND_NS
        else:
            since_ns = sample.end_ns - series.newest.end_ns
        rules.check_spacing(series, sample, since_ns, conduct)

    def _admit(self, project: str, identity: Identity, kind: int, value_type: int) -> Series:
        limit = self._limits.series_per_resource
        if self._store.on_resource(project, identity) >= limit:
            reason = (
                f"The resource has {limit} active time series of user-defined metrics, which is the most it may have."
            )
            raise PointRefused(reason, code="RESOURCE_EXHAUSTED", stored=True)
        return Series(identity, kind, value_type)

    def _describe(self, project: str, given: Proto, descriptor: Proto | None, labels: list[str], now_us: int) -> None:
        """Make or complete the descriptor: unit and description can be set by a write while they are empty."""
        if descriptor is None:
            try:
                self._descriptors.infer(
                    project, given, kinds.VALUE_TYPES[given.points[0].value.WhichOneof("value")], now_us
                )
            except Refused as refused:
                raise PointRefused(refused.message, code=refused.code) from refused
            return
        self._descriptors.add_labels(descriptor, labels)
        descriptor.unit = descriptor.unit or given.unit
        descriptor.description = descriptor.description or given.description


def identify(project: str, series: Proto) -> Identity:
    """The identity of a series in a request; the project of its resource is that of the request."""
    labels = dict(series.resource.labels)
    labels[PROJECT_LABEL] = project
    return Identity(
        series.metric.type,
        tuple(sorted(series.metric.labels.items())),
        series.resource.type,
        tuple(sorted(labels.items())),
    )
