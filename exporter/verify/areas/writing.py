"""C: the rules by which Cloud Monitoring takes points, and when they can be read."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from google.api.label_pb2 import LabelDescriptor
from google.api.metric_pb2 import MetricDescriptor

from exporter.sinks.refusals import TOO_FREQUENT, Verdict
from exporter.verify.areas import writing_intervals, writing_limits, writing_reading, writing_refusals
from exporter.verify.areas import writing_series as own
from exporter.verify.lab import Lab
from exporter.verify.pipeline import TIMEOUT_S
from exporter.verify.questions import Check, Seen, Step
from exporter.verify.services import ONCE

_INTERVALS = "https://docs.cloud.google.com/monitoring/api/ref_v3/rpc/google.monitoring.v3#timeinterval"
_QUOTAS = "https://docs.cloud.google.com/monitoring/quotas#custom_metrics_quotas"
_WORDING = "https://github.com/GoogleCloudPlatform/opentelemetry-operations-python/issues/431"

_KNOWN_S = 30.0
"""So long after its descriptor was made a metric can certainly be written."""

_CLOSE_S = 2.0
"""Closer together than any page says that points may be."""

_STEPS_S = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 60)
"""Distances between points that are tried, the smallest first."""

_SPACING_S = 5

_KINDS = (
    (own.GAUGE, MetricDescriptor.GAUGE, MetricDescriptor.DOUBLE),
    (own.COUNT, MetricDescriptor.CUMULATIVE, MetricDescriptor.DOUBLE),
    (own.SPREAD, MetricDescriptor.CUMULATIVE, MetricDescriptor.DISTRIBUTION),
)


def _described(lab: Lab) -> bool:
    """Make the run's own metrics, and leave them time to become known."""
    name = f"projects/{lab.place.project}"
    for metric, kind, value in _KINDS:
        wanted = MetricDescriptor(
            type=own.metric_type(lab, metric),
            metric_kind=kind,
            value_type=value,
            unit="1",
            labels=[LabelDescriptor(key=own.PLACE)],
        )
        lab.making("descriptor", f"{name}/metricDescriptors/{wanted.type}")
        lab.once(f"descriptor {metric}", partial(_create, lab, name, wanted))
    return lab.waited_s("the run's metrics described") >= _KNOWN_S


def _create(lab: Lab, name: str, wanted: MetricDescriptor) -> str:
    request = {"name": name, "metric_descriptor": wanted}
    lab.services.monitoring.create_metric_descriptor(request=request, timeout=TIMEOUT_S, retry=ONCE)
    return lab.now().isoformat()


def _order(lab: Lab) -> Seen | None:
    """Write points that end before the newest of their series, and where it ends."""
    trial = own.begun(
        lab, "order", lambda job, end: [own.gauge(lab, job, end), own.gauge(lab, job, end, labels={own.PLACE: "same"})]
    )
    if trial is None:
        return None
    older = own.answered(lab, trial, "older", [own.gauge(lab, trial.job, own.later(trial, -60.0), 2.0)])
    same = own.answered(lab, trial, "same", [own.gauge(lab, trial.job, trial.end, 3.0, labels={own.PLACE: "same"})])
    said = {"older": older, "same end": same}
    text = "; ".join(f"{name}: {_judged(each)}" for name, each in said.items())
    known, early = [Verdict.ALREADY_WRITTEN.value, "INVALID_ARGUMENT"], [Verdict.RETRYABLE.value, TOO_FREQUENT]
    worded = older["answers"] == [known] and same["answers"] in ([known], [early])
    expected = worded and all(each["code"] == "INVALID_ARGUMENT" for each in said.values())
    return Seen(text, expected, {"order_enforced": own.refused(older)}, said)


def _judged(said: own.Said) -> str:
    """What the exporter makes of the answer to one series."""
    if not own.refused(said):
        return "taken"
    verdict, code = said["answers"][0]
    return f"refused with {said['code']}, taken for {verdict} ({code})"


def _rule(lab: Lab) -> Seen | None:
    """Write points whose ends lie close together but that arrive apart, and the other way round."""
    ends = own.begun(lab, "close ends", lambda job, end: [own.gauge(lab, job, end)])
    arrivals = _arrivals(lab)
    if ends is None:
        return None
    close_ends = own.answered(lab, ends, "second", [own.gauge(lab, ends.job, own.later(ends, _CLOSE_S), 2.0)])
    said = {"ends close together": close_ends, "arrivals close together": arrivals}
    by_end, by_clock = own.refused(close_ends), own.refused(arrivals)
    rule = {(True, False): "end_time", (False, True): "clock"}.get((by_end, by_clock))
    text = "; ".join(f"{name}: {_judged(each)}" for name, each in said.items())
    known = close_ends["answers"] == [[Verdict.RETRYABLE.value, TOO_FREQUENT]]
    return Seen(text, rule == "end_time" and known, {} if rule is None else {"spacing": rule}, said)


def _arrivals(lab: Lab) -> own.Said:
    """Two points with ends a minute apart, one directly after the other."""

    def write_both() -> own.Said:
        job, end = own.fresh(lab, "close-arrivals"), own.second(lab.now())
        own.put(lab, [own.gauge(lab, job, end - timedelta(minutes=1))])
        return own.write(lab, [own.gauge(lab, job, end, 2.0)])

    said: own.Said = lab.once("close arrivals", write_both)
    return said


def _spacing(lab: Lab) -> Seen:
    """Write second points that end and arrive ever later, each to a series of its own, until one is taken."""
    job, end = own.fresh(lab, "spacing"), own.second(lab.now())
    own.put(lab, [own.gauge(lab, job, end, labels={own.PLACE: str(step)}) for step in _STEPS_S])
    began = lab.now()
    for step in _STEPS_S:
        passed_s = (lab.now() - began).total_seconds()
        lab.clock.wait(max(0.0, step - passed_s))
        said = own.write(lab, [own.gauge(lab, job, end + timedelta(seconds=step), 2.0, labels={own.PLACE: str(step)})])
        if not own.refused(said):
            text = f"{step} s are enough, {step - 1} s are not" if step > 1 else "1 s is enough"
            return Seen(text, step == _SPACING_S, {"spacing_s": float(step)})
    return Seen(f"{_STEPS_S[-1]} s are not enough", as_expected=False, evidence={"last": said})


STEPS = (
    Step("described", "making metrics of the run's own", _described),
    *writing_intervals.STEPS,
)

CHECKS = (
    Check(
        "C01",
        "Is a point refused that does not end after the newest of its series?",
        "yes, with INVALID_ARGUMENT and words by which the exporter knows that it need not be sent again, or only later",
        _INTERVALS,
        _order,
        ("described",),
    ),
    Check(
        "C02",
        "What must lie apart: the ends of points, or their arrivals?",
        "the ends; refused with words by which the exporter knows that it may be sent later; it copes with either",
        f"{_QUOTAS}; [?] nobody could confirm which",
        _rule,
        ("described",),
    ),
    Check(
        "C03",
        "How far apart must points of a series be?",
        f"{_SPACING_S} s",
        f"{_QUOTAS}; older pages say 10 s",
        _spacing,
        ("described",),
    ),
    *writing_limits.CHECKS,
    *writing_intervals.CHECKS,
    *writing_refusals.CHECKS,
    *writing_reading.CHECKS,
)
