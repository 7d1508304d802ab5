"""Complete metric descriptors, made from the catalogue: unit, description, labels and ingest delay, never a sample period.

The OpenTelemetry exporter's own would have the labels of the first points that it meets, and no unit or label descriptions.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from google.api.label_pb2 import LabelDescriptor
from google.api.metric_pb2 import MetricDescriptor
from google.api_core import exceptions
from google.cloud.monitoring_v3 import (
    CreateMetricDescriptorRequest,
    ListMetricDescriptorsRequest,
    MetricServiceClient,
)

from exporter.calls import EXHAUSTED, PASSING, Caller, canonical_code
from exporter.circuits import CIRCUIT_OPEN
from exporter.metrics.catalog import CATALOG, Kind, Metric
from exporter.model import Family
from exporter.sinks.refusals import Answer, Verdict

INGEST_DELAY_S: Mapping[Family, float] = {Family.LANDING: 15, Family.DELIVERY: 300, Family.SPEND: 360}
"""How late a point of a family is at the least, in seconds; the interval, which differs between systems, comes on top."""

_CONCURRENT = 8
_LONGEST_LIST_S = 60.0

_LATER = (*PASSING, EXHAUSTED, CIRCUIT_OPEN)
"""Codes of a listing after which nothing is created, for that would only be asked more of an API that cannot answer."""

_log = logging.getLogger(__name__)

_LABELS = {
    "api": "API that was called",
    "basis": "what errors are counted in: messages or attempts",
    "class": "storage class: active or long_term",
    "code": "canonical code of the answer",
    "component": "what the money is for",
    "family": "metrics that become complete together",
    "health": "healthy, degraded, failing or unknown",
    "horizon": "trailing time over which is averaged",
    "interval": "seconds between two collections",
    "kind": "processed or billed",
    "method": "method that was called",
    "objective": "name of the objective",
    "outcome": "what became of it",
    "owner": "who answers for the system",
    "quantile": "share of the rows that were at least as fast",
    "reason": "why, in one word",
    "result": "good or bad, ok or error",
    "source": "where it came from",
    "stage": "published or written",
    "state": "state of the subscription or of its destination",
    "tier": "how closely the system is watched",
    "window": "length of the windows in seconds",
}


class Descriptors:
    """The descriptors of the catalogue in one project; what fails is logged, and is tried again when points need it."""

    def __init__(
        self,
        client: MetricServiceClient,
        call: Caller,
        *,
        project: str,
        prefix: str,
        ingest_delay_s: Mapping[Family, float],
    ) -> None:
        self._client = client
        self._call = call
        self._name = f"projects/{project}"
        self._prefix = prefix
        self._wanted = {name: describe(metric, prefix, ingest_delay_s) for name, metric in CATALOG.items()}
        self._listed = False
        self.usable: dict[str, MetricDescriptor] = {}
        """Descriptors with which points can be written, by metric type."""

    def prepare(self) -> None:
        """Make all of them be there and up to date; once it is done, it costs nothing to ask again."""
        if not self._listed:
            self.ensure(CATALOG)

    def ensure(self, names: Iterable[str]) -> Mapping[str, Answer]:
        """Create what is not there; returns by name what could not be, and why."""
        absent = [name for name in names if self._wanted[name].type not in self.usable]
        if not absent:
            return {}
        due = [self._wanted[name] for name in absent]
        if not self._listed:
            try:
                found = self._list()
            except exceptions.GoogleAPICallError as error:
                _log.warning("metric descriptors could not be listed: %s", error.message)
                if canonical_code(error) in _LATER:
                    return dict.fromkeys(absent, _failed(error))
                # Who may not list may create all the same; what is there already is then left as it is.
            else:
                due = self._outdated(found)
        with ThreadPoolExecutor(_CONCURRENT, thread_name_prefix="describe") as pool:
            failures = dict(zip((each.type for each in due), pool.map(self._create, due), strict=True))
        failed = {name: failures.get(self._wanted[name].type) for name in absent}
        return {
            name: answer
            for name, answer in failed.items()
            if answer is not None and self._wanted[name].type not in self.usable
        }

    def _list(self) -> dict[str, MetricDescriptor]:
        found: dict[str, MetricDescriptor] = {}
        only = f'metric.type = starts_with("{self._prefix}/")'
        request = ListMetricDescriptorsRequest(name=self._name, filter=only)
        pages = self._call.pages(
            "monitoring_read",
            "ListMetricDescriptors",
            self._client.list_metric_descriptors,
            request,
            project=self._name,
            whole_s=_LONGEST_LIST_S,
        )
        for page in pages:
            found |= {each.type: each for each in page.metric_descriptors}
        self._listed = True
        return found

    def _outdated(self, found: Mapping[str, MetricDescriptor]) -> list[MetricDescriptor]:
        """What is missing or differs; a descriptor that only describes worse is usable all the same."""
        outdated = []
        for wanted in self._wanted.values():
            known = found.get(wanted.type)
            if known is not None and suits(wanted, known):
                self.usable[wanted.type] = wanted
            if known is None or differs(wanted, known):
                outdated.append(wanted)
        return outdated

    def _create(self, wanted: MetricDescriptor) -> Answer | None:
        request = CreateMetricDescriptorRequest(name=self._name, metric_descriptor=wanted)
        try:
            self._call(
                "monitoring_write",
                "CreateMetricDescriptor",
                self._client.create_metric_descriptor,
                request,
                project=self._name,
            )
        except exceptions.GoogleAPICallError as error:
            _log.warning("metric descriptor %s could not be written: %s", wanted.type, error.message)
            return _failed(error)
        self.usable[wanted.type] = wanted
        return None


def _failed(error: exceptions.GoogleAPICallError) -> Answer:
    return Answer(Verdict.RETRYABLE, canonical_code(error), f"its metric descriptor is missing: {error.message}")


def describe(metric: Metric, prefix: str, ingest_delay_s: Mapping[Family, float] = INGEST_DELAY_S) -> MetricDescriptor:
    """Make the descriptor of one metric."""
    gauge = metric.kind is Kind.GAUGE
    distribution = metric.kind is Kind.DISTRIBUTION
    kinds, types = MetricDescriptor.MetricKind, MetricDescriptor.ValueType
    descriptor = MetricDescriptor(
        type=f"{prefix}/{metric.name}",
        metric_kind=kinds.GAUGE if gauge else kinds.CUMULATIVE,
        value_type=types.DISTRIBUTION if distribution else types.DOUBLE,
        unit=metric.unit,
        description=metric.description,
        display_name=metric.name,
        labels=[LabelDescriptor(key=label, description=_LABELS[label]) for label in metric.labels],
    )
    delay_s = ingest_delay_s.get(metric.family)
    if delay_s is not None:
        descriptor.metadata.ingest_delay.FromMilliseconds(round(delay_s * 1000))
    return descriptor


def suits(wanted: MetricDescriptor, found: MetricDescriptor) -> bool:
    """Whether points can be written with a stored descriptor as it is."""
    return (
        found.metric_kind == wanted.metric_kind
        and found.value_type == wanted.value_type
        and {label.key for label in wanted.labels} <= {label.key for label in found.labels}
    )


def differs(wanted: MetricDescriptor, found: MetricDescriptor) -> bool:
    """Whether a stored descriptor says anything else than what is wanted; labels that it has beside are never taken away."""
    described = {(label.key, label.description) for label in found.labels}
    return (
        not suits(wanted, found)
        or (found.unit, found.display_name, found.description) != (wanted.unit, wanted.display_name, wanted.description)
        or found.metadata.ingest_delay != wanted.metadata.ingest_delay
        or found.metadata.HasField("sample_period")
        or any((label.key, label.description) not in described for label in wanted.labels)
    )
