"""Reads our own series back from Cloud Monitoring."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice

from google.api_core import exceptions
from google.cloud.monitoring_v3 import (
    Aggregation,
    ListTimeSeriesRequest,
    MetricServiceClient,
    TimeInterval,
)

from exporter.calls import Caller, OnSeries, canonical_code, source_error
from exporter.errors import SourceError
from exporter.metrics.catalog import CATALOG
from exporter.model import Family, Point, Watermark
from exporter.sinks.series import Key, Series, end_of, key_of_series, points_of
from exporter.windows import EPOCH

WATERMARK = "exporter/watermark"
_FAMILIES = frozenset(Family)

_PAGE_SIZE = 100_000
_BEFORE = timedelta(microseconds=1)
"""A read leaves out its own start (comment of ``TimeInterval``)."""

_LATE = timedelta(minutes=10)
"""After this long a point that another exporter wrote is certainly readable."""

_MANY_POINTS = timedelta(hours=25)

_LONGEST_READ_S = 120.0
"""What a reading of all pages may take; a restart of thousands of systems reads millions of points."""

Marks = Mapping[tuple[str, Family], Watermark]


class SeriesReader:
    """Reads the series of one fleet, all of them with the same call."""

    def __init__(
        self,
        client: MetricServiceClient,
        call: Caller,
        *,
        project: str,
        prefix: str,
        fleet: str,
        on_series: OnSeries = lambda _: None,
    ) -> None:
        self._client = client
        self._call = call
        self._on_series = on_series
        self._project = project
        self._prefix = prefix
        self._fleet = fleet
        self._marks: dict[tuple[str, Family], Watermark] = {}
        self._marks_since = self._marks_until = EPOCH

    def points(self, metric: str, since: datetime, until: datetime) -> list[Point]:
        """Points of one metric that end in ``[since, until]``; raises ``SourceError``."""
        described = CATALOG[metric]
        return [point for series in self._series(metric, since, until) for point in points_of(series, described)]

    def watermarks(self, since: datetime, until: datetime) -> Marks:
        """The newest watermark of each system and family written in ``[since, until]``; raises ``SourceError``.

        What was read before is remembered, so that a later question is only about what was written since.
        """
        if since < self._marks_since or until < self._marks_until:
            return self._newest(since, until)
        found = self._newest(max(since, self._marks_until - _LATE), until)
        self._marks = {key: mark for key, mark in self._marks.items() if mark.written_at >= since} | found
        self._marks_since, self._marks_until = since, until
        return dict(self._marks)

    def _newest(self, since: datetime, until: datetime) -> dict[tuple[str, Family], Watermark]:
        found: dict[tuple[str, Family], Watermark] = {}
        # Watermarks only grow. Over a long time the highest of each series is asked for, and not every one that there was.
        highest = Aggregation(alignment_period=until - since, per_series_aligner=Aggregation.Aligner.ALIGN_MAX)
        for series in self._series(WATERMARK, since, until, highest if until - since > _MANY_POINTS else None):
            # Points come newest first, and a series may go on on the next page.
            for newest in islice(points_of(series, CATALOG[WATERMARK]), 1):
                if newest.labels["family"] not in _FAMILIES or not isinstance(newest.value, float):
                    continue
                key = newest.job, Family(newest.labels["family"])
                if key not in found or newest.end > found[key].written_at:
                    found[key] = Watermark(EPOCH + timedelta(seconds=newest.value), newest.end)
        return found

    def stored(self, asked: Sequence[Series]) -> set[int]:
        """Places of those series whose point can be read; none where reading fails.

        One of them may be there all the same: a written point is readable after some time only.
        """
        ends = [end_of(series.points[0]) for series in asked]
        readable = set()
        for metric_type in {series.metric.type for series in asked}:
            try:
                for series in self._series(metric_type.removeprefix(f"{self._prefix}/"), min(ends), max(ends)):
                    own = _written_as(series)
                    readable |= {(own, end_of(point)) for point in series.points}
            except SourceError:
                continue
        return {place for place, series in enumerate(asked) if (_written_as(series), ends[place]) in readable}

    def _series(
        self, metric: str, since: datetime, until: datetime, aggregation: Aggregation | None = None
    ) -> Iterator[Series]:
        """The series of a metric with their points that end in ``[since, until]``, page by page."""
        metric_type = f"{self._prefix}/{metric}"
        request = ListTimeSeriesRequest(
            name=f"projects/{self._project}",
            filter=f'metric.type = "{metric_type}" AND resource.type = "generic_task" '
            f'AND resource.labels.namespace = "{self._fleet}"',
            interval=TimeInterval(start_time=since - _BEFORE, end_time=until),
            view=ListTimeSeriesRequest.TimeSeriesView.FULL,
            page_size=_PAGE_SIZE,
            aggregation=aggregation,
        )
        pages = self._call.pages(
            "monitoring_read",
            "ListTimeSeries",
            self._client.list_time_series,
            request,
            project=request.name,
            whole_s=_LONGEST_READ_S,
        )
        try:
            for page in pages:
                self._on_series(len(page.time_series))
                yield from page.time_series
        except exceptions.GoogleAPICallError as error:
            if canonical_code(error) == "NOT_FOUND" and metric_type in error.message:
                return  # Nothing of this metric was ever written.
            message = f"series of {self._project} could not be read back from Cloud Monitoring: {error.message}"
            raise source_error(error, f"grant roles/monitoring.viewer on {self._project}", message) from error


def _written_as(series: Series) -> tuple[Key, str]:
    """A series apart from those of other replicas."""
    return key_of_series(series), series.resource.labels["task_id"]
