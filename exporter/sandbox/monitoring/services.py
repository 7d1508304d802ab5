"""Series that the services write about themselves, made when they are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.api.label_pb2 import LabelDescriptor
from google.api.launch_stage_pb2 import LaunchStage
from google.api.metric_pb2 import MetricDescriptor

from exporter.sandbox.conduct import Conduct, InForce
from exporter.sandbox.ledger import MINUTE_US, Ledger
from exporter.sandbox.monitoring import filters, kinds, run_metrics
from exporter.sandbox.monitoring.errors import Proto
from exporter.sandbox.monitoring.resources import PROJECT_LABEL
from exporter.sandbox.monitoring.run_metrics import Requests
from exporter.sandbox.monitoring.selection import SERIES_FIELDS, Selection
from exporter.sandbox.monitoring.service_metrics import PUBSUB_METRICS, TOPIC, ServiceMetric
from exporter.sandbox.monitoring.store import Identity, Labels, Reading, Sample
from exporter.sandbox.monitoring.times import MICROSECOND_NS, SECOND_NS


class ServiceSeries:
    """Pub/Sub's series from the ledger and Cloud Run's from the requests; a point ends with its minute.

    A point can be read when its metric's ingest delay has passed since the end of its minute.
    """

    def __init__(self, ledger: Ledger, requests: Requests, conduct: InForce) -> None:
        self._ledger = ledger
        self._requests = requests
        self._conduct = conduct
        check_metrics(conduct.now)

    def descriptors(self) -> Mapping[str, Proto]:
        """What the services' metrics are, by metric type."""
        made = {metric.metric_type: self._described(metric) for metric in PUBSUB_METRICS.values()}
        made[run_metrics.REQUEST_COUNT] = self._run(run_metrics.REQUEST_COUNT, kinds.INT64, "1")
        made[run_metrics.REQUEST_LATENCIES] = self._run(run_metrics.REQUEST_LATENCIES, kinds.DISTRIBUTION, "ms")
        return made

    def _described(self, metric: ServiceMetric) -> Proto:
        descriptor = MetricDescriptor(
            type=metric.metric_type,
            metric_kind=metric.kind,
            value_type=metric.value_type,
            unit=metric.unit,
            description=metric.description,
            labels=[LabelDescriptor(key=key) for key in metric.labels],
            monitored_resource_types=[metric.resource],
        )
        return self._timed(descriptor, metric.delay_s)

    def _run(self, metric_type: str, value_type: int, unit: str) -> Proto:
        descriptor = MetricDescriptor(
            type=metric_type,
            metric_kind=kinds.DELTA,
            value_type=value_type,
            unit=unit,
            labels=[LabelDescriptor(key=key) for key in run_metrics.LABELS],
            monitored_resource_types=[run_metrics.RESOURCE],
        )
        return self._timed(descriptor, run_metrics.DELAY_S)

    def _timed(self, descriptor: Proto, delay_s: float) -> Proto:
        conduct = self._conduct.now
        announced_s = conduct.metric_announced_delay_s.get(descriptor.type, delay_s)
        descriptor.metadata.sample_period.FromNanoseconds(round(conduct.metric_sample_period_s * SECOND_NS))
        descriptor.metadata.ingest_delay.FromNanoseconds(round(announced_s * SECOND_NS))
        descriptor.launch_stage = LaunchStage.Value("GA")
        return descriptor

    def _delay_s(self, metric_type: str, usual_s: float) -> float:
        return self._conduct.now.metric_delay_s.get(metric_type, usual_s)

    def read(
        self, project: str, metric_type: str, selection: Selection, span_ns: tuple[int, int], now_us: int
    ) -> list[Reading]:
        """Series of a metric with the points that end in the span, ``(after, until]``, and a minute around it."""
        if metric_type in PUBSUB_METRICS:
            return self._pubsub(project, PUBSUB_METRICS[metric_type], selection, span_ns, now_us)
        if metric_type in (run_metrics.REQUEST_COUNT, run_metrics.REQUEST_LATENCIES):
            return self._cloud_run(project, metric_type, selection, span_ns, now_us)
        return []

    def has_points(self, project: str, metric_type: str, after_ns: int, now_us: int) -> bool:
        """Whether a metric has points that end after a time."""
        selection = Selection(project, filters.parse("", SERIES_FIELDS))
        readings = self.read(project, metric_type, selection, (after_ns, now_us * MICROSECOND_NS), now_us)
        return any(sample.end_ns > after_ns for reading in readings for sample in reading.samples)

    def _pubsub(
        self, project: str, metric: ServiceMetric, selection: Selection, span_ns: tuple[int, int], now_us: int
    ) -> list[Reading]:
        minutes = _minutes(span_ns, now_us, self._delay_s(metric.metric_type, metric.delay_s))
        kind = metric.resource.removeprefix("pubsub_")
        prefix = f"projects/{project}/{kind}s/"
        found = []
        with self._ledger.lock:
            names: Mapping[str, Mapping[int, Any]] = (
                self._ledger.topics() if metric.resource == TOPIC else self._ledger.subscriptions()
            )
            for name, known in names.items():
                if not name.startswith(prefix):
                    continue
                resource = _labels({PROJECT_LABEL: project, f"{kind}_id": name.removeprefix(prefix)})
                if selection.may_match(metric.metric_type, metric.resource, resource):
                    for labels, samples in self._samples(metric, known, minutes).items():
                        identity = Identity(metric.metric_type, labels, metric.resource, resource)
                        found.append(Reading(identity, metric.kind, metric.value_type, samples))
        return [reading for reading in found if selection.matches(reading.identity)]

    def _samples(
        self, metric: ServiceMetric, known: Mapping[int, Any], minutes: range
    ) -> Mapping[Labels, list[Sample]]:
        found: dict[Labels, list[Sample]] = {}
        for start_us in _within(known, minutes):
            for labels, value in metric.values(known[start_us], self._conduct.now):
                found.setdefault(_labels(labels), []).append(_sample(metric.kind, start_us, value))
        return found

    def _cloud_run(
        self, project: str, metric_type: str, selection: Selection, span_ns: tuple[int, int], now_us: int
    ) -> list[Reading]:
        minutes = _minutes(span_ns, now_us, self._delay_s(metric_type, run_metrics.DELAY_S))
        value_type = kinds.INT64 if metric_type == run_metrics.REQUEST_COUNT else kinds.DISTRIBUTION
        found = []
        for service, known in self._requests.services(project).items():
            identity = Identity(
                metric_type, _labels(service.metric_labels()), run_metrics.RESOURCE, _labels(service.resource_labels())
            )
            if selection.matches(identity):
                values = ((start_us, known[start_us].value(metric_type)) for start_us in _within(known, minutes))
                samples = [_sample(kinds.DELTA, start_us, value) for start_us, value in values]
                found.append(Reading(identity, kinds.DELTA, value_type, samples))
        return found


def check_metrics(conduct: Conduct) -> None:
    """Raise ``ValueError`` where delays are given for what is no metric of a service here."""
    known = {*PUBSUB_METRICS, run_metrics.REQUEST_COUNT, run_metrics.REQUEST_LATENCIES}
    for name in ("metric_delay_s", "metric_announced_delay_s"):
        unknown = getattr(conduct, name).keys() - known
        if unknown:
            raise ValueError(f"{name} names no metric of a service: {', '.join(sorted(unknown))}")


def _within(known: Mapping[int, Any], minutes: range) -> list[int]:
    """The minutes of a range that there are, ascending."""
    if len(minutes) < len(known):
        return [start_us for start_us in minutes if start_us in known]
    return sorted(start_us for start_us in known if start_us in minutes)


def _minutes(span_ns: tuple[int, int], now_us: int, delay_s: float) -> range:
    """Starts of the minutes that end in a span or next to it, of those whose points can be read."""
    after_us, until_us = (moment_ns // MICROSECOND_NS for moment_ns in span_ns)
    newest_us = now_us - round(delay_s * 1_000_000)
    first = (after_us // MINUTE_US - 1) * MINUTE_US
    last = min(until_us, newest_us - MINUTE_US) // MINUTE_US * MINUTE_US
    return range(first, last + 1, MINUTE_US)


def _sample(kind: int, start_us: int, value: Any) -> Sample:
    end_ns = (start_us + MINUTE_US) * MICROSECOND_NS
    return Sample(end_ns if kind == kinds.GAUGE else start_us * MICROSECOND_NS, end_ns, value)


def _labels(labels: Mapping[str, str]) -> Labels:
    return tuple(sorted(labels.items()))
