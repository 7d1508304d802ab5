"""Which starts and ends points may have, and whether cumulatives that reset with every window count right."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

from google.api_core import exceptions
from google.cloud.monitoring_v3 import Aggregation

from exporter.rendering.backends import Backend, names
from exporter.sinks.otel import RESET_OFFSET
from exporter.verify.areas import writing_series as own
from exporter.verify.lab import Lab
from exporter.verify.questions import Check, CouldNotAsk, Seen, Step, Verdict

_INTERVALS = "https://docs.cloud.google.com/monitoring/api/ref_v3/rpc/google.monitoring.v3#timeinterval"
_ALIGNER = "https://docs.cloud.google.com/monitoring/api/ref_v3/rpc/google.monitoring.v3#aligner"
_PROMQL = "https://docs.cloud.google.com/monitoring/promql/promql-differences"

_WINDOW = timedelta(seconds=60)
_INCREMENTS = (5.0, 7.0, 11.0)
"""What the windows of a cumulative that resets counted."""

_GAPS_MS = (0, 1, 2, 5, 10, 100, 1_000, 10_000)
_RESET_GAP_MS = 1
_TOLERANCE = 0.02
"""Alignment interpolates over the millisecond that each window begins late."""


def _windows(lab: Lab) -> bool:
    """Write a cumulative as the exporter does: a reset in every window, one millisecond after the one before."""
    trial = own.begun(lab, "resets", lambda job, end: [_window(lab, job, end, 0)])
    if trial is None:
        return False
    for place in range(1, len(_INCREMENTS)):
        said = own.answered(lab, trial, f"window {place}", [_window(lab, trial.job, trial.end, place)])
        if own.refused(said):
            raise CouldNotAsk(f"a window that begins 1 ms after the one before was refused: {said['message']}")
        if lab.waited_s(f"{trial.job} window {place}") < own.APART_S:
            return False
    lab.book.note("resets", {"job": trial.job, "end": _end(trial.end, len(_INCREMENTS) - 1).isoformat()})
    return True


def _end(first: datetime, place: int) -> datetime:
    """When a window ended: on a full minute, all of them before the first was written."""
    newest = first - timedelta(seconds=first.second)
    return newest - (len(_INCREMENTS) - 1 - place) * _WINDOW


def _window(lab: Lab, job: str, first: datetime, place: int) -> own.Series:
    end = _end(first, place)
    return own.count(lab, job, end - _WINDOW + RESET_OFFSET, end, _INCREMENTS[place])


def _aligned(lab: Lab) -> Seen | None:
    """Read the windows back raw until all are there, then aligned window by window, and over all of them."""
    job, end = lab.book.get("resets")["job"], datetime.fromisoformat(lab.book.get("resets")["end"])
    span = len(_INCREMENTS) * _WINDOW
    if own.values(own.read(lab, own.COUNT, job, end - span, end)) != list(_INCREMENTS):
        return None
    aligners = Aggregation.Aligner
    each = _read_aligned(lab, job, end, _WINDOW, aligners.ALIGN_DELTA)
    whole = _read_aligned(lab, job, end, span, aligners.ALIGN_DELTA)
    rates = _read_aligned(lab, job, end, _WINDOW, aligners.ALIGN_RATE)
    counted = [rate * _WINDOW.total_seconds() for rate in rates]
    right = _alike(each, list(_INCREMENTS)) and _alike(whole, [sum(_INCREMENTS)])
    rated = _alike(counted, list(_INCREMENTS))
    text = f"ALIGN_DELTA {_listed(each)}, over all windows {_listed(whole)}; ALIGN_RATE x 60 s {_listed(counted)}"
    return Seen(text, right and rated, {"reset_cumulatives_align": right})


def _read_aligned(lab: Lab, job: str, end: datetime, period: timedelta, aligner: Any) -> list[float]:
    aggregation = Aggregation(alignment_period=period, per_series_aligner=aligner)
    return own.values(own.read(lab, own.COUNT, job, end - len(_INCREMENTS) * _WINDOW, end, aggregation))


def _alike(found: list[float], wanted: list[float]) -> bool:
    return len(found) == len(wanted) and all(
        math.isclose(one, other, rel_tol=_TOLERANCE) for one, other in zip(found, wanted, strict=True)
    )


def _listed(found: list[float]) -> str:
    return ", ".join(f"{value:.4g}" for value in found) or "nothing"


def _promql(lab: Lab) -> Seen | None:
    """Ask over a range that holds all windows, and a little more on both sides.

    increase() may reckon on beyond the first and the last point, by half their distance on either side: by one part in as many as
    there are distances.
    """
    noted = lab.book.get("resets")
    at = datetime.fromisoformat(noted["end"]) + _WINDOW
    prefix = names(Backend.CLOUD_MONITORING, lab.place.metric_prefix)["promql_prefix"]
    selector = f'{prefix}{own.COUNT}{{monitored_resource="generic_task",job="{noted["job"]}"}}'
    path = f"v1/projects/{lab.place.project}/location/global/prometheus/api/v1/query"
    parameters = {"query": f"increase({selector}[10m])", "time": at.isoformat()}
    try:
        answer = lab.services.rest.call("monitoring", "GET", path, parameters=parameters)
    except exceptions.NotFound as error:
        raise CouldNotAsk("PromQL is not served here", by_design=True) from error
    found = [float(each["value"][1]) for each in answer["data"]["result"]]
    if not found:
        return None
    whole = sum(_INCREMENTS)
    most = whole * len(_INCREMENTS) / (len(_INCREMENTS) - 1)
    right = len(found) == 1 and whole * (1 - _TOLERANCE) <= found[0] <= most * (1 + _TOLERANCE)
    return Seen(f"increase() {_listed(found)} of {sum(_INCREMENTS):g}", right, {}, {"query": parameters["query"]})


def _gauge_start(lab: Lab) -> Seen:
    end = own.second(lab.now())
    said = own.write(lab, [own.gauge(lab, own.fresh(lab, "gauge-start"), end, start=end - _WINDOW)])
    refused = own.refused(said)
    return Seen("refused" if refused else "taken", refused, {"gauge_start_refused": refused}, {"said": said})


def _cumulative_start(lab: Lab) -> Seen:
    end = own.second(lab.now())
    said = {
        "start = end": own.write(lab, [own.count(lab, own.fresh(lab, "no-length"), end, end, 1.0)]),
        "start after end": own.write(lab, [own.count(lab, own.fresh(lab, "backwards"), end, end - _WINDOW, 1.0)]),
    }
    text = "; ".join(f"{name}: {'refused' if own.refused(each) else 'taken'}" for name, each in said.items())
    return Seen(text, all(own.refused(each) for each in said.values()), {}, said)


def _gap(lab: Lab) -> Seen | None:
    """Write a second window after ever longer gaps, each to a series of its own, until one is taken."""
    trial = own.begun(lab, "gap", lambda job, end: [_gapped(lab, f"{job}-{gap}", end, None) for gap in _GAPS_MS])
    if trial is None:
        return None
    for gap in _GAPS_MS:
        said = own.answered(lab, trial, f"{gap} ms", [_gapped(lab, f"{trial.job}-{gap}", trial.end, gap)])
        if not own.refused(said):
            return Seen(f"{gap} ms are enough", gap == _RESET_GAP_MS, {"reset_gap_ms": gap})
    return Seen(f"{_GAPS_MS[-1]} ms are not enough", as_expected=False, evidence={"last": said})


def _gapped(lab: Lab, job: str, written: datetime, gap_ms: int | None) -> own.Series:
    """The first of two windows before the moment of writing, or the second, which begins after a gap."""
    between = written - _WINDOW
    if gap_ms is None:
        return own.count(lab, job, between - _WINDOW, between, 5.0)
    return own.count(lab, job, between + timedelta(milliseconds=gap_ms), written, 7.0)


STEPS = (Step("windows written", "writing cumulatives that reset", _windows, ("described",)),)

CHECKS = (
    Check(
        "C08",
        "May a point of a gauge start before it ends?",
        "no: the exporter gives gauges no start",
        _INTERVALS,
        _gauge_start,
        ("described",),
    ),
    Check(
        "C09",
        "May a point of a cumulative start when it ends, or later?",
        "no: its windows have a length",
        _INTERVALS,
        _cumulative_start,
        ("described",),
    ),
    Check(
        "C10",
        "How long after the end of a cumulative may it start anew?",
        f"{_RESET_GAP_MS} ms, as the exporter does with every window, but not at that very moment",
        _INTERVALS,
        _gap,
        ("described",),
    ),
    Check(
        "C11",
        "Do ALIGN_DELTA and ALIGN_RATE count cumulatives right that reset with every window?",
        f"{_listed(list(_INCREMENTS))} by window, {sum(_INCREMENTS):g} in all",
        _ALIGNER,
        _aligned,
        ("windows written",),
        timedelta(minutes=15),
        Verdict.DIFFERS,
    ),
    Check(
        "C12",
        "Does increase() of PromQL count them right?",
        f"{sum(_INCREMENTS):g} in all, or up to half as much again: it reckons on beyond the first and the last point",
        _PROMQL,
        _promql,
        ("windows written",),
        timedelta(minutes=15),
        Verdict.DIFFERS,
    ),
)
