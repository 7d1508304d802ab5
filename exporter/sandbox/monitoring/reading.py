"""ListTimeSeries: which series and points a request asks for, and the pages in which they go out.

Reads are of ``(start, end]`` by the end time of a point, and points come newest first (comments of
``google.monitoring.v3.TimeInterval`` and ``ListTimeSeriesRequest``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from google.cloud.monitoring_v3.types import ListTimeSeriesRequest, ListTimeSeriesResponse

from exporter.sandbox.conduct import InForce
from exporter.sandbox.monitoring import aggregation, filters, kinds, paging
from exporter.sandbox.monitoring.aggregation import Aggregation
from exporter.sandbox.monitoring.descriptors import Descriptors
from exporter.sandbox.monitoring.errors import Proto, Refused, invalid, invalid_field, missing
from exporter.sandbox.monitoring.selection import SERIES_FIELDS, Selection
from exporter.sandbox.monitoring.services import ServiceSeries
from exporter.sandbox.monitoring.store import Reading, Sample, Store
from exporter.sandbox.monitoring.times import rfc3339, set_ns, to_ns

MAX_PAGE = 100_000
"""Points on a page, or series without points."""


@dataclass(frozen=True, slots=True)
class Interval:
    """``(start, end]`` in nanoseconds."""

    start_ns: int
    end_ns: int


class Reader:
    """Answers ListTimeSeries; the caller holds the lock."""

    def __init__(self, store: Store, services: ServiceSeries, descriptors: Descriptors, conduct: InForce) -> None:
        self._store = store
        self._services = services
        self._descriptors = descriptors
        self._conduct = conduct

    def read(self, project: str, request: Proto, now_us: int) -> Proto:
        """The page that a request asks for; raises ``Refused``."""
        interval = _interval(request)
        if request.order_by:
            raise invalid_field("orderBy", request.order_by, "The order cannot be chosen.")
        selection = Selection(project, _filter(request))
        descriptor = self._descriptor(selection)
        steps = _steps(request, descriptor)
        arrived_us = now_us - round(self._conduct.now.read_delay_s * 1_000_000)
        where = paging.place(request, now_us, self._store.arrived_by(arrived_us))
        readings = self._readings(selection, descriptor, interval, steps, where)
        if steps and not self._conduct.now.reset_cumulatives_align:
            readings = _without_resets(readings)
        unit = descriptor.unit
        for step in steps:
            readings = step.apply(readings, interval.start_ns, interval.end_ns)
            unit = step.unit(unit)
        return _Page(request, where).fill(sorted(readings, key=lambda reading: reading.identity), unit)

    def _descriptor(self, selection: Selection) -> Proto:
        """The one metric that a filter names, on a resource that it can be on."""
        found = [each for each in self._descriptors.all(selection.project) if selection.may_name(each.type)]
        if not found:
            names = selection.filter.metric_types
            if len(names) != 1:
                raise invalid("The provided filter doesn't refer to any known metric.")
            raise Refused(
                "NOT_FOUND",
                f'Cannot find metric(s) that match type = "{names[0]}". If a metric was created recently, it could '
                "take up to 10 minutes to become available. Please try again soon.",
            )
        if len(found) > 1:
            raise invalid(
                "The provided filter matches more than one metric. TimeSeries data are limited to a single metric "
                "per request."
            )
        resources = found[0].monitored_resource_types
        if resources and not any(selection.may_name(found[0].type, resource) for resource in resources):
            raise invalid(
                "The supplied filter does not specify a valid combination of metric and monitored resource "
                "descriptors. The query will not return any time series."
            )
        return found[0]

    def _readings(
        self,
        selection: Selection,
        descriptor: Proto,
        interval: Interval,
        steps: Sequence[Aggregation],
        where: paging.Place,
    ) -> list[Reading]:
        """The raw series: with points in the interval, or with all that the first step needs."""
        begin_ns = steps[0].begin_ns(interval.start_ns, interval.end_ns) if steps else interval.start_ns
        span = (begin_ns, interval.end_ns)
        found = []
        for series in self._store.of_type(selection.project, descriptor.type):
            if selection.matches(series.identity):
                cut = series.around if steps else series.between
                found.append(Reading(series.identity, series.kind, series.value_type, cut(*span, where.points)))
        for reading in self._services.read(selection.project, descriptor.type, selection, span, where.at_us):
            samples = reading.samples
            if not steps:
                samples = [each for each in samples if interval.start_ns < each.end_ns <= interval.end_ns]
            found.append(reading._replace(samples=samples))
        return [reading for reading in found if reading.samples]


def _without_resets(readings: Sequence[Reading]) -> list[Reading]:
    """Series in which a cumulative's point that stands alone between two resets tells of nothing."""
    found = []
    for reading in readings:
        if reading.kind == kinds.CUMULATIVE:
            lengths = Counter(sample.start_ns for sample in reading.samples)
            reading = reading._replace(samples=[each for each in reading.samples if lengths[each.start_ns] > 1])
        found.append(reading)
    return [reading for reading in found if reading.samples]


def _interval(request: Proto) -> Interval:
    for field, name in (("end_time", "endTime"), ("start_time", "startTime")):
        if not request.interval.HasField(field):
            raise missing(f"interval.{name}")
    start_ns, end_ns = to_ns(request.interval.start_time), to_ns(request.interval.end_time)
    if start_ns >= end_ns:
        reason = f"The start time must be earlier than the end time ({rfc3339(end_ns)})."
        raise invalid_field("interval.startTime", rfc3339(start_ns), reason)
    return Interval(start_ns, end_ns)


def _filter(request: Proto) -> filters.Filter:
    if not request.filter.strip():
        raise missing("filter")
    parsed = filters.parse(request.filter, SERIES_FIELDS)
    if not any(field.name == "metric.type" for field in parsed.fields):
        raise invalid_field("filter", request.filter, 'The filter must restrict "metric.type" to one metric.')
    return parsed


def _steps(request: Proto, descriptor: Proto) -> list[Aggregation]:
    """The aggregations that change anything, each checked against what the one before gives."""
    first = aggregation.understand(request.aggregation, "aggregation")
    second = aggregation.understand(request.secondary_aggregation, "secondaryAggregation")
    if second.aligns and not first.aligns:
        reason = "It may only be specified if aggregation is."
        raise invalid_field("secondaryAggregation", None, reason)
    kind, value_type = first.gives(descriptor.metric_kind, descriptor.value_type)
    second.gives(kind, value_type)
    return [step for step in (first, second) if step.aligns]


class _Page:
    """The answer that is being filled with as much as goes on a page."""

    def __init__(self, request: Proto, where: paging.Place) -> None:
        self._request = request
        self._where = where
        self._room = paging.size(request, MAX_PAGE)
        self._response = ListTimeSeriesResponse.pb(ListTimeSeriesResponse())

    def fill(self, readings: Sequence[Reading], unit: str) -> Proto:
        self._response.unit = unit
        full = self._request.view == ListTimeSeriesRequest.TimeSeriesView.FULL
        left, skipped = self._room, self._where.offset
        for reading in readings:
            length = len(reading.samples) if full else 1
            if skipped >= length:
                skipped -= length
                continue
            if not left:
                self._response.next_page_token = self._where.token(self._request, self._where.offset + self._room)
                break
            taken = min(left, length - skipped)
            series = self._header(reading, unit)
            if full:
                _add(series, reading.value_type, reading.samples[::-1][skipped : skipped + taken])
            left -= taken
            if taken < length - skipped:
                self._response.next_page_token = self._where.token(self._request, self._where.offset + self._room)
                break
            skipped = 0
        return self._response

    def _header(self, reading: Reading, unit: str) -> Proto:
        series = self._response.time_series.add(metric_kind=reading.kind, value_type=reading.value_type, unit=unit)
        identity = reading.identity
        series.metric.type = identity.metric_type
        series.metric.labels.update(identity.metric_labels)
        series.resource.type = identity.resource_type
        series.resource.labels.update(identity.resource_labels)
        return series


def _add(series: Proto, value_type: int, samples: Sequence[Sample]) -> None:
    for sample in samples:
        point = series.points.add()
        set_ns(point.interval.start_time, sample.start_ns)
        set_ns(point.interval.end_time, sample.end_ns)
        kinds.set_value(point.value, value_type, sample.value)
