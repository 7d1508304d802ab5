"""N: what metric descriptors say, and how those of the exporter are made, changed and deleted."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from google.api.metric_pb2 import MetricDescriptor
from google.api_core import exceptions

from exporter.metrics.catalog import CATALOG, Kind, Metric
from exporter.sinks.descriptors import describe, differs
from exporter.sources.monitoring import DEFAULT_DELAY, MEASURED
from exporter.verify.areas import writing_series as own
from exporter.verify.lab import Lab
from exporter.verify.pipeline import TIMEOUT_S
from exporter.verify.questions import Check, Seen, Verdict
from exporter.verify.services import ONCE

_LIST = "https://docs.cloud.google.com/monitoring/api/metrics_gcp_p_z#gcp-pubsub"
_CREATE = "https://docs.cloud.google.com/monitoring/custom-metrics/creating-metrics"
_METHOD = "https://docs.cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.metricDescriptors/create"

_PREFIX = "pubsub.googleapis.com/"
_PERIOD_S = 60.0
_FOUR_MINUTES = ("topic/message_sizes", "topic/send_message_operation_count", "subscription/dead_letter_message_count")
DELAYS_S = {kind.metric: 240.0 if kind.metric in _FOUR_MINUTES else 120.0 for kind in MEASURED}
"""Ingest delays of the metrics that the exporter reads."""

_MADE = "verify_made"
"""Metrics of this area are below this name, apart from those that the exporter writes."""

_AUTO = "verify_auto"


def _service_metrics(lab: Lab) -> dict[str, MetricDescriptor]:
    """Descriptors of the metrics that the exporter reads, by name without the service."""
    name = f"projects/{lab.place.project}"
    request = {"name": name, "filter": f'metric.type = starts_with("{_PREFIX}")'}
    listed = lab.services.monitoring.list_metric_descriptors(request=request, timeout=TIMEOUT_S, retry=ONCE)
    found = {each.type.removeprefix(_PREFIX): each for each in listed}
    return {metric: found[metric] for metric in DELAYS_S if metric in found}


def _periods(lab: Lab) -> Seen:
    found = {name: each.metadata.sample_period.ToTimedelta() for name, each in _service_metrics(lab).items()}
    seconds = {name: period.total_seconds() for name, period in found.items()}
    other = [f"{name}: {period:g} s" for name, period in seconds.items() if period != _PERIOD_S]
    unique = set(seconds.values())
    parameters = {"metric_sample_period_s": unique.pop()} if len(unique) == 1 else {}
    return Seen(_text(other + _missing(seconds), "60 s each"), not other and not _missing(seconds), parameters)


def _delays(lab: Lab) -> Seen:
    found = {
        name: each.metadata.ingest_delay.ToTimedelta().total_seconds() for name, each in _service_metrics(lab).items()
    }
    other = [f"{name}: {delay:g} s" for name, delay in found.items() if delay != DELAYS_S[name]]
    parameters = {"metric_announced_delay_s": {f"{_PREFIX}{name}": delay for name, delay in found.items()}}
    return Seen(_text(other + _missing(found), "as expected"), not other and not _missing(found), parameters)


def _missing(found: dict[str, float]) -> list[str]:
    return [f"{name}: missing" for name in DELAYS_S if name not in found]


def _text(other: list[str], usual: str) -> str:
    return "; ".join(other) or f"{len(DELAYS_S)} metrics, {usual}"


def _sample(kind: Kind) -> Metric:
    """A metric of the catalogue of each kind; with labels, where there are any of that kind."""
    of_kind = [metric for metric in CATALOG.values() if metric.kind is kind]
    return max(of_kind, key=lambda metric: len(metric.labels))


def _wanted(lab: Lab, name: str, kind: Kind) -> MetricDescriptor:
    """A descriptor as the exporter makes it, under a name that the exporter does not use."""
    made = describe(_sample(kind), lab.place.metric_prefix)
    made.type = own.metric_type(lab, f"{_MADE}/{name}")
    return made


def _create(lab: Lab, wanted: MetricDescriptor) -> None:
    name = f"projects/{lab.place.project}"
    lab.making("descriptor", f"{name}/metricDescriptors/{wanted.type}")
    request = {"name": name, "metric_descriptor": wanted}
    lab.services.monitoring.create_metric_descriptor(request=request, timeout=TIMEOUT_S, retry=ONCE)


def _stored(lab: Lab, metric_type: str) -> MetricDescriptor | None:
    """A descriptor as it is kept, or None where there is none."""
    name = f"projects/{lab.place.project}/metricDescriptors/{metric_type}"
    try:
        return lab.services.monitoring.get_metric_descriptor(name=name, timeout=TIMEOUT_S, retry=ONCE)
    except exceptions.NotFound:
        return None


def _kept_as_made(lab: Lab, kind: Kind) -> Seen | None:
    wanted = _wanted(lab, kind.value, kind)
    lab.once(f"{kind.value} made", lambda: _made(lab, wanted))
    found = _stored(lab, wanted.type)
    if found is None:
        return None
    same = not differs(wanted, found)
    text = "as it was made" if same else f"it reads back otherwise: {', '.join(_differences(wanted, found))}"
    return Seen(text, same)


def _made(lab: Lab, wanted: MetricDescriptor) -> str:
    _create(lab, wanted)
    return lab.now().isoformat()


def _differences(wanted: MetricDescriptor, found: MetricDescriptor) -> list[str]:
    """The parts that are not what they were made as."""
    parts = ("metric_kind", "value_type", "unit", "description", "display_name", "labels", "metadata")
    return [name for name in parts if getattr(wanted, name) != getattr(found, name)]


def _changed(lab: Lab) -> Seen | None:
    """Make a descriptor with one label, and again with two and another description."""
    whole = _wanted(lab, "changed", Kind.COUNT)
    less = MetricDescriptor()
    less.CopyFrom(whole)
    less.description = "as it was at first"
    del less.labels[1:]
    lab.once("changing made", lambda: _made(lab, less))
    if _stored(lab, less.type) is None:
        return None
    lab.once("changing changed", lambda: _made(lab, whole))
    found = _stored(lab, whole.type)
    if found is None or (differs(whole, found) and lab.waited_s("change of a descriptor") < _SETTLED_S):
        return None
    same = not differs(whole, found)
    return Seen("changed" if same else f"not changed: {', '.join(_differences(whole, found))}", same)


_SETTLED_S = 120.0


def _by_writing(lab: Lab) -> Seen | None:
    """Write a point of a metric that has no descriptor, and wait for one."""

    def write_one() -> dict[str, Any]:
        metric_type = own.metric_type(lab, _AUTO)
        lab.making("descriptor", f"projects/{lab.place.project}/metricDescriptors/{metric_type}")
        end, labels = own.second(lab.now()), {own.PLACE: "here"}
        point = own.point(lab, _AUTO, own.fresh(lab, "auto"), end, {"double_value": 1.0}, labels=labels)
        return dict(own.write(lab, [point]))

    said = lab.once("metric made by writing", write_one)
    if said["code"] != "OK":
        return Seen(f"refused: {said['code']}", False, {"descriptor_made_by_writing": False}, {"said": said})
    found = _stored(lab, own.metric_type(lab, _AUTO))
    if found is None:
        return None
    told = (found.metric_kind, found.value_type, [label.key for label in found.labels])
    wanted = (MetricDescriptor.GAUGE, MetricDescriptor.DOUBLE, [own.PLACE])
    return Seen("made by the first point", told == wanted, {"descriptor_made_by_writing": True})


def _deleted(lab: Lab) -> Seen | None:
    """Make a descriptor, delete it, and wait until it is gone."""
    wanted = _wanted(lab, "deleted", Kind.GAUGE)
    lab.once("deleting made", lambda: _made(lab, wanted))
    if lab.book.get("deleting deleted") is None:
        if _stored(lab, wanted.type) is None:
            return None
        name = f"projects/{lab.place.project}/metricDescriptors/{wanted.type}"
        lab.services.monitoring.delete_metric_descriptor(name=name, timeout=TIMEOUT_S, retry=ONCE)
        lab.book.note("deleting deleted", lab.now().isoformat())
    if _stored(lab, wanted.type) is not None:
        return None
    late_s = (lab.now() - datetime.fromisoformat(lab.book.get("deleting deleted"))).total_seconds()
    return Seen(f"gone {late_s:.0f} s later, at most", as_expected=True)


STEPS = ()

_PATIENCE = timedelta(minutes=15)

CHECKS = (
    Check(
        "N01",
        "Which sample period do the descriptors of the metrics that the exporter reads announce?",
        f"{_PERIOD_S:g} s",
        _LIST,
        _periods,
    ),
    Check(
        "N02",
        "Which ingest delay do they announce?",
        f"120 or 240 s: with the sample period {DEFAULT_DELAY.total_seconds():g} s at most",
        _LIST,
        _delays,
    ),
    *(
        Check(
            f"N{number:02}",
            f"Is the descriptor of a {kind.value} kept as the exporter makes it?",
            "with its unit, labels, texts and ingest delay, and no sample period",
            _METHOD,
            partial(_kept_as_made, kind=kind),
            (),
            _PATIENCE,
            Verdict.DIFFERS,
        )
        for number, kind in enumerate(Kind, 3)
    ),
    Check(
        "N06",
        "Does making a descriptor again bring it up to date?",
        "yes: labels are added, texts replaced",
        _METHOD,
        _changed,
        (),
        _PATIENCE,
        Verdict.DIFFERS,
    ),
    Check(
        "N07",
        "Does a metric without a descriptor get one by its first point?",
        "yes, of the point's kind and type and with its labels",
        _CREATE,
        _by_writing,
        (),
        _PATIENCE,
        Verdict.DIFFERS,
    ),
    Check(
        "N08",
        "Can a descriptor be deleted?",
        "yes: what a run makes can be removed",
        _METHOD,
        _deleted,
        (),
        _PATIENCE,
        Verdict.DIFFERS,
    ),
)
