"""What is refused beside times, and what becomes of the points beside a refused one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from exporter.sinks.refusals import Verdict as Sense
from exporter.verify.areas import writing_series as own
from exporter.verify.lab import Lab
from exporter.verify.questions import Check, CouldNotAsk, Seen, Verdict

_SUMMARY = "https://docs.cloud.google.com/monitoring/api/ref_v3/rpc/google.monitoring.v3#createtimeseriessummary"
_WORDING = "https://github.com/GoogleCloudPlatform/opentelemetry-operations-python/issues/431"
_RESOURCES = "https://docs.cloud.google.com/monitoring/api/resources#tag_generic_task"
_TYPED = "https://docs.cloud.google.com/monitoring/api/ref_v3/rpc/google.monitoring.v3#timeseries"
_DISTRIBUTION = "https://docs.cloud.google.com/monitoring/api/ref_v3/rpc/google.api#distribution"

_MULTI_REGION = "US"
_LONG_AGO = timedelta(days=60)
"""Before any limit."""

_READABLE_S = 180.0
"""A point that cannot be read so long after it was taken was thrown away."""

_MIXED = ("good", "old", "good again", "backwards")
"""The points of one request: their names are the values of the label ``place``."""

_FORM = "One or more TimeSeries could not be written: "


def _location(lab: Lab) -> Seen | None:
    """Write under a location of BigQuery that is no region, and look whether it is kept where it is taken."""

    def write_there() -> dict[str, Any]:
        job, end = own.fresh(lab, "location"), own.second(lab.now())
        said = own.write(lab, [own.gauge(lab, job, end, location=_MULTI_REGION)])
        return {"job": job, "end": end.isoformat(), "said": said}

    written = lab.once("location tried", write_there)
    if own.refused(written["said"]):
        return Seen("refused", as_expected=True, parameters={"unknown_location": "refuse"}, evidence=written)
    kept = _found(lab, written["job"], datetime.fromisoformat(written["end"]))
    if not kept and lab.waited_s("location read") < _READABLE_S:
        return None
    text = "taken, and can be read" if kept else "taken, and thrown away"
    return Seen(text, as_expected=False, parameters={"unknown_location": "accept"}, evidence=written)


def _found(lab: Lab, job: str, end: datetime, value: float = 1.0) -> bool:
    since = end - timedelta(minutes=1)
    return value in own.values(own.read(lab, own.GAUGE, job, since, end + timedelta(minutes=1)))


def _mixture(lab: Lab) -> dict[str, Any]:
    """A request with good points and some that are refused for reasons of which no other check asks."""

    def write_mixed() -> dict[str, Any]:
        job, end = own.fresh(lab, "mixed"), own.second(lab.now())
        series = [
            own.gauge(lab, job, end, labels={own.PLACE: "good"}),
            own.gauge(lab, job, end - _LONG_AGO, labels={own.PLACE: "old"}),
            own.gauge(lab, job, end, labels={own.PLACE: "good again"}),
            own.count(lab, job, end, end - timedelta(seconds=60), 1.0),
        ]
        return {"job": job, "end": end.isoformat(), "said": own.write(lab, series)}

    found: dict[str, Any] = lab.once("mixed points", write_mixed)
    if not own.refused(found["said"]):
        raise CouldNotAsk("nothing was refused")
    return found


def _others(lab: Lab) -> Seen | None:
    """Whether the good points can be read; what is not there after some minutes was not written."""
    mixture = _mixture(lab)
    end = datetime.fromisoformat(mixture["end"])
    found = own.read(lab, own.GAUGE, mixture["job"], end - timedelta(minutes=1), end)
    places = sorted(series.metric.labels[own.PLACE] for series in found)
    if len(places) < 2 and lab.waited_s("good points read") < _READABLE_S:
        return None
    written = places == ["good", "good again"]
    text = f"{len(places)} of 2 good points can be read"
    return Seen(text, written, {"partial_failure_writes_others": bool(places)}, mixture)


def _summary(lab: Lab) -> Seen:
    said = _mixture(lab)["said"]
    if said["errors"] is None:
        text, expected = "the status carries no CreateTimeSeriesSummary", False
    else:
        counts = ", ".join(f"{number} x {code}" for code, number in said["errors"].items())
        text = f"of {said['total']} points {counts or 'none'} refused"
        expected = said["total"] == len(_MIXED) and said["errors"] == {"INVALID_ARGUMENT": 2}
    return Seen(text, expected, {"partial_failure_summary": said["errors"] is not None}, {"said": said})


def _wording(lab: Lab) -> Seen:
    """Whether the message names series as it does since 2025, and whether the exporter finds the right ones in it."""
    said = _mixture(lab)["said"]
    senses = [sense for sense, _ in said["answers"]]
    refused = [place for place, sense in enumerate(senses) if sense == Sense.REJECTED.value]
    read_right = refused == [1, 3] and set(senses) <= {Sense.REJECTED.value, Sense.WRITTEN.value, "unknown"}
    current = said["message"].startswith(f"{_FORM}timeSeries[")
    form = "before the reason" if current else "behind the reason"
    text = f"series are named {form}; the exporter takes {refused} for refused, [1, 3] are"
    parameters = {"wording": "current" if current else "older"} if read_right else {}
    return Seen(text, current and read_right, parameters, {"said": said})


def _new_label(lab: Lab) -> Seen:
    said = own.write(
        lab, [own.gauge(lab, own.fresh(lab, "new-label"), own.second(lab.now()), labels={"unheard_of": "yes"})]
    )
    refused = own.refused(said)
    text = "refused" if refused else "taken"
    return Seen(text, refused, {"new_labels": "refuse" if refused else "add"}, {"said": said})


def _value_type(lab: Lab) -> Seen:
    job, end = own.fresh(lab, "whole"), own.second(lab.now())
    said = own.write(lab, [own.point(lab, own.GAUGE, job, end, {"int64_value": 1})])
    refused = own.refused(said)
    return Seen("refused" if refused else "taken", refused, {}, {"said": said})


_BOUNDS = (1.0, 2.0)
_SPREADS: Mapping[str, tuple[bool, Mapping[str, Any]]] = {
    "counts that add up": (True, {"count": 3, "mean": 1.5, "bucket_counts": [1, 1, 1]}),
    "nothing counted": (True, {"count": 0, "bucket_counts": [0, 0, 0]}),
    "counts that do not add up": (False, {"count": 3, "mean": 1.5, "bucket_counts": [1, 1, 2]}),
    "a mean of nothing": (False, {"count": 0, "mean": 1.5, "bucket_counts": [0, 0, 0]}),
    "a mean that is no number": (False, {"count": 3, "mean": math.nan, "bucket_counts": [1, 1, 1]}),
    "one bucket too many": (False, {"count": 3, "mean": 1.5, "bucket_counts": [1, 1, 1, 0]}),
}
"""Distributions over two bounds, and whether they are to be taken."""


def _distributions(lab: Lab) -> Seen:
    end = own.second(lab.now())
    wrong = []
    for name, (good, given) in _SPREADS.items():
        value = {"distribution_value": {**given, "bucket_options": {"explicit_buckets": {"bounds": list(_BOUNDS)}}}}
        job = own.fresh(lab, "spread")
        said = own.write(lab, [own.point(lab, own.SPREAD, job, end, value, start=end - timedelta(seconds=60))])
        if own.refused(said) is good:
            wrong.append(f"{name}: {'refused' if good else 'taken'}")
    return Seen("; ".join(wrong) or f"all {len(_SPREADS)} as expected", not wrong)


def _not_kept(lab: Lab) -> Seen | None:
    """Write a point that is refused for its end, and look for it when a later one of its series can be read."""
    trial = own.begun(lab, "kept", lambda job, end: [own.gauge(lab, job, end)])
    if trial is None:
        return None
    old = own.later(trial, -_LONG_AGO.total_seconds())
    said = own.answered(lab, trial, "old", [own.gauge(lab, trial.job, old, 2.0)])
    if not own.refused(said):
        raise CouldNotAsk("it was not refused")
    own.answered(lab, trial, "later", [own.gauge(lab, trial.job, own.later(trial, own.APART_S), 3.0)])
    found = own.values(own.read(lab, own.GAUGE, trial.job, old - timedelta(minutes=1), own.later(trial, 60.0)))
    if 3.0 not in found:
        return None
    return Seen("it cannot be read" if 2.0 not in found else "it can be read", 2.0 not in found, {}, {"said": said})


CHECKS = (
    Check(
        "C13",
        f"Is a point refused whose location is {_MULTI_REGION}, which is no region?",
        "yes: the exporter writes regions only",
        f"{_RESOURCES}; field reports",
        _location,
        ("described",),
        timedelta(minutes=10),
    ),
    Check(
        "C14",
        "Are the points beside a refused one written?",
        "yes",
        _SUMMARY,
        _others,
        ("described",),
        timedelta(minutes=10),
    ),
    Check(
        "C15",
        "Does the status of a partial failure count the refused points by code?",
        "in a CreateTimeSeriesSummary",
        _SUMMARY,
        _summary,
        ("described",),
    ),
    Check(
        "C16",
        "How does the message of a partial failure name the refused series?",
        "as timeSeries[1] before the reason; the exporter reads both forms",
        _WORDING,
        _wording,
        ("described",),
    ),
    Check(
        "C17",
        "Is a label refused that the metric's descriptor lacks?",
        "yes; the exporter's descriptors have all labels",
        f"{_TYPED}; [?] it was seen to be added",
        _new_label,
        ("described",),
    ),
    Check(
        "C18",
        "Is a whole number refused where the descriptor says DOUBLE?",
        "yes: the exporter writes doubles only",
        _TYPED,
        _value_type,
        ("described",),
    ),
    Check(
        "C19",
        "Which distributions are taken?",
        "those whose counts add up, and empty ones without a mean",
        _DISTRIBUTION,
        _distributions,
        ("described",),
    ),
    Check(
        "C20",
        "Is a refused point really not kept?",
        "it cannot be read, though a later one of its series can",
        _TYPED,
        _not_kept,
        ("described",),
        timedelta(minutes=15),
        Verdict.DIFFERS,
    ),
)
