"""O: under which names, labels and kinds Google's receiver of OTLP keeps what the sink ``otlp`` sends.

A sandbox has no such receiver: there it cannot be asked, by design.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from google.api.metric_pb2 import MetricDescriptor
from google.api_core import exceptions
from google.cloud.monitoring_v3 import ListTimeSeriesRequest, TimeInterval, TimeSeries

from exporter.config.types import OtlpSettings
from exporter.errors import Transient, UsageError
from exporter.metrics.catalog import CATALOG, Kind
from exporter.model import LATENCY_BOUNDS_S, Distribution, Point
from exporter.rendering.backends import Backend, names
from exporter.sinks.otlp import OtlpSink
from exporter.verify.areas.exporter_config import FLEET
from exporter.verify.areas.writing_series import fresh
from exporter.verify.lab import Lab
from exporter.verify.pipeline import TIMEOUT_S
from exporter.verify.questions import Check, CouldNotAsk, Seen, Step, Verdict
from exporter.verify.services import ONCE

_OVERVIEW = "https://docs.cloud.google.com/stackdriver/docs/otlp-metrics/overview"
_PATIENCE = timedelta(minutes=20)
_WINDOW = timedelta(seconds=60)
_RESOURCE = "prometheus_target"

TEMPORALITIES = ("delta", "cumulative")
METRICS = {Kind.COUNT: "messages", Kind.GAUGE: "backlog_messages", Kind.DISTRIBUTION: "latency"}
"""A metric of the catalogue of each kind."""

_SUFFIXES = {Kind.COUNT: "counter", Kind.GAUGE: "gauge", Kind.DISTRIBUTION: "distribution"}
"""What ``exporter.rendering`` calls the part of a type that tells the kind."""

COUNTED, WAITING = (5.0, 7.0), 3.0
"""What the points say: a count for each of two windows, and a gauge."""

NO_RECEIVER = "there is no receiver of OTLP here"


_NEVER = ("NOT_FOUND", "PERMISSION_DENIED", "UNAUTHENTICATED")
"""Answers that will be the same the next time."""


def _written(lab: Lab) -> bool:
    """Send two windows in both temporalities; a sandbox is sent nothing, and its checks say so."""
    if not lab.services.rest.is_sandbox:
        for temporality in TEMPORALITIES:
            lab.once(f"otlp {temporality}", partial(sent, lab, temporality, OtlpSettings()))
    return True


def sent(lab: Lab, temporality: str, settings: OtlpSettings) -> dict[str, Any]:
    """Send points of a new system to a receiver and return its name and what was rejected.

    Raises ``Transient`` where nobody knows what was taken, and ``CouldNotAsk`` where sending again cannot help.
    """
    system, end = fresh(lab, f"otlp-{temporality}"), lab.now().replace(second=0, microsecond=0)
    _note_descriptors(lab)
    try:
        sink = OtlpSink(
            replace(settings, temporality=temporality),
            project=lab.place.project,
            prefix=lab.place.metric_prefix,
            fleet=FLEET,
            locations={system: lab.place.region},
        )
    except UsageError as error:
        raise CouldNotAsk(lab.words(error)) from error
    try:
        outcome = sink.export(points(system, end))
    finally:
        sink.close()
    for refusal in outcome.retryable:
        words = f"{refusal.code}: {refusal.message}"
        raise CouldNotAsk(words) if refusal.code in _NEVER else Transient(refusal.code, words)
    rejected = [f"{each.point.metric}: {each.code}: {each.message}" for each in outcome.rejected]
    return {"system": system, "written": len(outcome.written), "rejected": rejected}


def points(system: str, end: datetime) -> list[Point]:
    """Two windows of a count and a distribution, and a gauge at the end of each."""
    found = []
    for place, value in enumerate(COUNTED):
        ended = end - (len(COUNTED) - 1 - place) * _WINDOW
        start, buckets = ended - _WINDOW, [0] * (len(LATENCY_BOUNDS_S) + 1)
        buckets[1] = int(value)
        spread = Distribution(int(value), value * 0.15, tuple(buckets))
        found += [
            Point(METRICS[Kind.COUNT], system, ended, value, {"outcome": "published"}, start),
            Point(METRICS[Kind.DISTRIBUTION], system, ended, spread, {}, start),
            Point(METRICS[Kind.GAUGE], system, ended, WAITING),
        ]
    return found


def _type(lab: Lab, kind: Kind) -> str:
    """The type under which a metric is expected: the name that dashboards and alerts ask for."""
    known = names(Backend.OTLP, lab.place.metric_prefix)
    return f"{known['prefix']}{METRICS[kind].replace('/', '_')}{known[_SUFFIXES[kind]]}"


def _note_descriptors(lab: Lab) -> None:
    for kind in Kind:
        lab.making("descriptor", f"projects/{lab.place.project}/metricDescriptors/{_type(lab, kind)}")


def _series(lab: Lab, metric_type: str, system: str) -> list[Any]:
    """The series of a type with all that was sent."""
    request = ListTimeSeriesRequest(
        name=f"projects/{lab.place.project}",
        filter=f'metric.type = "{metric_type}" AND resource.type = "{_RESOURCE}" AND resource.labels.job = "{system}"',
        interval=TimeInterval(start_time=lab.done_at("otlp sent") - timedelta(minutes=10), end_time=lab.now()),
        view=ListTimeSeriesRequest.TimeSeriesView.FULL,
    )
    try:
        found = lab.services.monitoring.list_time_series(request=request, timeout=TIMEOUT_S, retry=ONCE)
        return [TimeSeries.pb(each) for each in found]
    except (exceptions.NotFound, exceptions.BadRequest):
        return []


def _elsewhere(lab: Lab) -> list[str]:
    """Types of the run that the receiver made, whatever they are called."""
    request = {
        "name": f"projects/{lab.place.project}",
        "filter": f'metric.type = starts_with("prometheus.googleapis.com/exporter_verify_{lab.place.run}")',
    }
    listed = lab.services.monitoring.list_metric_descriptors(request=request, timeout=TIMEOUT_S, retry=ONCE)
    return [each.type for each in listed]


Judge = Callable[[Lab, str, Sequence[Any]], tuple[str, bool]]


def _kept(kind: Kind, temporality: str, judge: Judge) -> Callable[[Lab], Seen | None]:
    """Wait for the series of a metric, and judge it; what stays away is named with what is there in its place."""

    def ask(lab: Lab) -> Seen | None:
        _ask_receiver(lab)
        noted = lab.book.get(f"otlp {temporality}")
        rejected = [each for each in noted["rejected"] if each.startswith(f"{METRICS[kind]}:")]
        if rejected:
            return Seen(f"refused: {rejected[0]}", as_expected=False)
        found = _series(lab, _type(lab, kind), noted["system"])
        if not any(series.points for series in found):
            if lab.waited_s(f"{kind} {temporality}") < _PATIENCE.total_seconds() / 2:
                return None
            others = ", ".join(_elsewhere(lab)) or "nothing"
            return Seen(f"not there; kept was {others}", as_expected=False)
        text, expected = judge(lab, noted["system"], found)
        return Seen(text, expected, {}, {"resource": dict(found[0].resource.labels)})

    return ask


def _ask_receiver(lab: Lab) -> None:
    if lab.services.rest.is_sandbox:
        raise CouldNotAsk(NO_RECEIVER, by_design=True)


def labelled(lab: Lab, system: str, found: Sequence[Any]) -> tuple[str, bool]:
    """Whether a series lies on the resource, and has the labels, that dashboards ask for."""
    series = found[0]
    wanted = {
        "project_id": lab.place.project,
        "location": lab.place.region,
        "cluster": "",
        "namespace": FLEET,
        "job": system,
        "instance": "pipeline",
    }
    labels = {name: series.resource.labels.get(name, "") for name in wanted}
    other = [f"{name}={labels[name]!r}" for name in wanted if labels[name] != wanted[name]]
    own_labels = sorted(series.metric.labels)
    text = f"resource labels {', '.join(other) or 'as sent'}; metric labels {', '.join(own_labels) or 'none'}"
    return text, not other and own_labels == sorted(CATALOG[METRICS[Kind.COUNT]].labels)


def counted(_lab: Lab, _system: str, found: Sequence[Any]) -> tuple[str, bool]:
    """Whether a count has what its windows counted: by the kind that it is kept as."""
    kind = MetricDescriptor.MetricKind.Name(found[0].metric_kind)
    values = sorted(each.value.double_value for series in found for each in series.points)
    total = sum(COUNTED)
    expected = list(COUNTED) if kind == "DELTA" else [COUNTED[0], total]
    resets = kind == "CUMULATIVE" and values == list(COUNTED)
    shown = ", ".join(f"{value:g}" for value in values)
    return f"{kind} with {shown}{', a reset in each window' * resets}", values == expected or resets


def gauged(_lab: Lab, _system: str, found: Sequence[Any]) -> tuple[str, bool]:
    """Whether a gauge has its values."""
    kind = MetricDescriptor.MetricKind.Name(found[0].metric_kind)
    values = [each.value.double_value for series in found for each in series.points]
    return f"{kind} with {values}", kind == "GAUGE" and values == [WAITING] * len(COUNTED)


def spread(_lab: Lab, _system: str, found: Sequence[Any]) -> tuple[str, bool]:
    """Whether a distribution has our bounds, and its values in the right bucket."""
    newest = max(
        (each for series in found for each in series.points), key=lambda each: each.interval.end_time.seconds
    ).value.distribution_value
    bounds = list(newest.bucket_options.explicit_buckets.bounds)
    counts = list(newest.bucket_counts)
    same = bounds == list(LATENCY_BOUNDS_S)
    placed = len(counts) > 1 and counts[1] == newest.count
    text = f"{newest.count} values, bounds {'as sent' if same else f'{len(bounds)} others'}, buckets {counts[:4]}"
    return text, same and placed and newest.count in (int(COUNTED[-1]), int(sum(COUNTED)))


STEPS = (Step("otlp sent", "sending points to Google's receiver of OTLP", _written),)

_ASKED: tuple[tuple[str, str, Kind, str, Judge], ...] = (
    (
        "Under which type, resource and labels is a count kept that was sent as delta?",
        f"NAME/counter on {_RESOURCE}, with the system as job, the fleet as namespace, and our labels alone",
        Kind.COUNT,
        "delta",
        labelled,
    ),
    ("What does a count say that was sent as delta?", "what each window counted", Kind.COUNT, "delta", counted),
    (
        "Is a count kept that was sent as cumulative and resets with every window?",
        "as NAME/counter, with what each window counted",
        Kind.COUNT,
        "cumulative",
        counted,
    ),
    ("Under which type is a gauge kept?", "NAME/gauge, with its values", Kind.GAUGE, "delta", gauged),
    (
        "Is a histogram kept with our buckets?",
        "as NAME/histogram, with our bounds",
        Kind.DISTRIBUTION,
        "delta",
        spread,
    ),
    (
        "Is a histogram kept that was sent as cumulative?",
        "as NAME/histogram, with our bounds",
        Kind.DISTRIBUTION,
        "cumulative",
        spread,
    ),
)

CHECKS = tuple(
    Check(
        f"O{number:02}",
        question,
        expected,
        f"{_OVERVIEW}; [?] nobody could confirm it",
        _kept(kind, temporality, judge),
        ("otlp sent",),
        _PATIENCE,
        Verdict.DIFFERS,
    )
    for number, (question, expected, kind, temporality, judge) in enumerate(_ASKED, 1)
)
