"""Cloud Monitoring: Pub/Sub's own metrics of all systems, one ListTimeSeries per metric type and project."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from google.api_core import exceptions
from google.cloud.monitoring_v3 import (
    ListMetricDescriptorsRequest,
    ListTimeSeriesRequest,
    MetricServiceClient,
    TimeInterval,
)

from exporter import calls
from exporter.calls import Caller, OnCall, OnSeries, source_error
from exporter.circuits import Circuits
from exporter.errors import SourceError
from exporter.model import Failure, System
from exporter.snapshots import Readings

_PREFIX = "pubsub.googleapis.com/"
_PAGE_SIZE = 100_000
_IDS_PER_FILTER = 100
_REMEDY = "grant roles/monitoring.viewer on the project of the pipeline"

DEFAULT_DELAY = timedelta(seconds=300)
"""Sample period and ingest delay of the slowest metric that is read, where the descriptors cannot be (metric lists of Pub/Sub)."""


Taker = Callable[[Readings, Any], None]


def _sizes(readings: Readings, series: Any) -> None:
    for point in series.points:
        value = point.value.distribution_value
        readings.sizes.append((point.interval.end_time.seconds, value.count, round(value.mean * value.count)))


def _counts(series: Any) -> Iterator[tuple[int, int]]:
    return ((point.interval.end_time.seconds, point.value.int64_value) for point in series.points)


def _attempts(readings: Readings, series: Any) -> None:
    labels = series.metric.labels
    result = "ok" if labels["response_class"] == "ack" else "error"
    readings.attempts += ((end, result, labels["response_code"], count) for end, count in _counts(series))


@dataclass(frozen=True, slots=True)
class _Kind:
    """A metric that is read: its type, the resource label that names the topic or subscription, where the samples go, and what of it.

    ``only`` is a condition on the metric's labels in the API's language: series that are not wanted are not paid for.
    """

    metric: str
    label: str
    take: Taker
    only: str = ""


_OLDEST_AGE = _Kind(
    "subscription/oldest_unacked_message_age", "subscription_id", lambda r, s: r.oldest_age.extend(_counts(s))
)

MEASURED = (
    _Kind("topic/message_sizes", "topic_id", _sizes),
    _Kind(
        "topic/send_request_count",
        "topic_id",
        lambda r, s: r.requests.extend(_counts(s)),
        'metric.labels.response_code = "success"',
    ),
    _Kind(
        "topic/send_message_operation_count",
        "topic_id",
        lambda r, s: r.rejected.extend(_counts(s)),
        'metric.labels.response_code != "success"',
    ),
    _Kind("subscription/push_request_count", "subscription_id", _attempts),
    _Kind(
        "subscription/dead_letter_message_count",
        "subscription_id",
        lambda r, s: r.dead_lettered.extend(_counts(s)),
    ),
    _Kind("subscription/num_undelivered_messages", "subscription_id", lambda r, s: r.backlog.extend(_counts(s))),
    _Kind("subscription/backlog_bytes", "subscription_id", lambda r, s: r.backlog_bytes.extend(_counts(s))),
    _OLDEST_AGE,
)
"""What windows of delivery are made of."""

SIGNS = (
    _OLDEST_AGE,
    _Kind("subscription/push_request_count", "subscription_id", _attempts, 'metric.labels.response_class != "ack"'),
)
"""What tells between collections whether something is wrong, and costs next to nothing where nothing is."""

_TYPES = frozenset(kind.metric for kind in MEASURED)


@dataclass(slots=True)
class Collected:
    """Readings of the systems all of whose metrics were answered, and why the others have none.

    What no system was answered for is one failure of the source; what some were not is a failure of each of them.
    """

    readings: dict[str, Readings] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Question:
    """One ListTimeSeries: a metric of some topics or subscriptions of a project, with the systems that they belong to."""

    kind: _Kind
    project: str
    owners: Mapping[str, Sequence[str]]

    @property
    def filter(self) -> str:
        """The filter in the API's language."""
        chosen = ", ".join(f'"{item}"' for item in self.owners)
        conditions = [
            f'metric.type = "{_PREFIX}{self.kind.metric}"',
            f"resource.labels.{self.kind.label} = one_of({chosen})",
        ]
        return " AND ".join([*conditions, self.kind.only] if self.kind.only else conditions)


class MonitoringSource:
    """Reads Pub/Sub's metrics through one client; ``timeout_s`` bounds each attempt at a call.

    ``on_series`` is told how many series each call returned.
    """

    def __init__(
        self,
        client: MetricServiceClient,
        pool: Executor,
        on_call: OnCall,
        timeout_s: float,
        *,
        on_series: OnSeries = lambda _: None,
        circuits: Circuits | None = None,
    ) -> None:
        self._client = client
        self._pool = pool
        self._on_series = on_series
        self._call = Caller(on_call, timeout_s, circuits=circuits)

    def delay(self, project: str) -> timedelta:
        """When a sample period's values are certainly there, after its end; raises ``SourceError``."""
        name = f"projects/{project}"
        request = ListMetricDescriptorsRequest(name=name, filter=f'metric.type = starts_with("{_PREFIX}")')
        longest = timedelta(0)
        list_descriptors = self._client.list_metric_descriptors
        try:
            for page in self._pages("ListMetricDescriptors", list_descriptors, request):
                for descriptor in page.metric_descriptors:
                    if descriptor.type.removeprefix(_PREFIX) in _TYPES:
                        metadata = descriptor.metadata
                        delay = metadata.sample_period.ToTimedelta() + metadata.ingest_delay.ToTimedelta()
                        longest = max(longest, delay)
        except exceptions.GoogleAPICallError as error:
            raise source_error(error, _REMEDY) from error
        return longest or DEFAULT_DELAY

    def collect(
        self, systems: Sequence[System], start: datetime, end: datetime, kinds: Sequence[_Kind] = MEASURED
    ) -> Collected:
        """Samples of systems whose period ended in ``(start, end]``, all metrics at once.

        A question that fails costs only the systems that it was about.
        """
        readings = {system.id: Readings() for system in systems}
        lost: dict[str, SourceError] = {}
        questions = list(_questions(systems, kinds))
        answers = self._pool.map(partial(self._ask, start=start, end=end), questions)
        for question, answer in zip(questions, answers, strict=True):
            if isinstance(answer, SourceError):
                lost |= {system: answer for owners in question.owners.values() for system in owners}
            else:
                _distribute(question, answer, readings)
        answered = {system: own for system, own in readings.items() if system not in lost}
        for own in answered.values():
            _sort(own)
        return Collected(answered, _failures(lost, everybody=not answered))

    def _ask(self, question: _Question, start: datetime, end: datetime) -> list[Any] | SourceError:
        """All series of a question, or why there are none."""
        request = ListTimeSeriesRequest(
            name=f"projects/{question.project}",
            filter=question.filter,
            # A sample period ends in (start, end]; the API's interval takes in points that end at its own start.
            interval=TimeInterval(start_time=start + timedelta(microseconds=1), end_time=end),
            view=ListTimeSeriesRequest.TimeSeriesView.FULL,
            page_size=_PAGE_SIZE,
        )
        found: list[Any] = []
        try:
            for page in self._pages("ListTimeSeries", self._client.list_time_series, request):
                self._on_series(len(page.time_series))
                found += page.time_series
        except exceptions.GoogleAPICallError as error:
            return source_error(error, _REMEDY)
        return found

    def _pages(self, method: str, function: Callable[..., Any], request: Any) -> Iterator[Any]:
        call = self._call
        return call.pages("monitoring_read", method, function, request, project=request.name, whole_s=call.question_s)


def _questions(systems: Sequence[System], kinds: Sequence[_Kind]) -> Iterator[_Question]:
    for kind in kinds:
        for project, owners in _owners(systems, kind.label).items():
            ids = sorted(owners)
            for first in range(0, len(ids), _IDS_PER_FILTER):
                chosen = ids[first : first + _IDS_PER_FILTER]
                yield _Question(kind, project, {item: owners[item] for item in chosen})


def _distribute(question: _Question, found: Sequence[Any], readings: Mapping[str, Readings]) -> None:
    kind = question.kind
    for series in found:
        for system in question.owners.get(series.resource.labels[kind.label], ()):
            kind.take(readings[system], series)


def _failures(lost: Mapping[str, SourceError], *, everybody: bool) -> list[Failure]:
    if everybody:
        reasons = {error.reason: error for error in lost.values()}
        return [calls.failure("monitoring", error) for error in reasons.values()]
    return [calls.failure("monitoring", error, system) for system, error in lost.items()]


def _owners(systems: Sequence[System], label: str) -> dict[str, dict[str, list[str]]]:
    """Systems by project and topic or subscription id: several systems may share a topic."""
    owners: dict[str, dict[str, list[str]]] = {}
    for system in systems:
        name = system.topic if label == "topic_id" else system.subscription
        _, project, _, short = name.split("/")
        owners.setdefault(project, {}).setdefault(short, []).append(system.id)
    return owners


def _sort(readings: Readings) -> None:
    for samples in (readings.sizes, readings.requests, readings.rejected, readings.attempts, readings.dead_lettered):
        samples.sort()
    for gauge in (readings.backlog, readings.backlog_bytes, readings.oldest_age):
        gauge.sort()
