"""How checks write points to series of the run's own, what is said of them, and how they are read back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict

from google.api_core import exceptions
from google.cloud.monitoring_v3 import (
    Aggregation,
    CreateTimeSeriesRequest,
    CreateTimeSeriesSummary,
    ListTimeSeriesRequest,
    TimeInterval,
    TimeSeries,
)
from google.protobuf.any_pb2 import Any as AnyProto
from google.rpc.code_pb2 import Code

from exporter.calls import canonical_code
from exporter.redaction import redacted
from exporter.sinks.refusals import is_partial, partial_failure
from exporter.verify.failures import passes
from exporter.verify.lab import Lab
from exporter.verify.pipeline import TIMEOUT_S
from exporter.verify.questions import CouldNotAsk
from exporter.verify.services import ONCE

GAUGE, COUNT, SPREAD = "verify_gauge", "verify_count", "verify_spread"
"""The run's own metrics, below its prefix: a gauge, a cumulative count, a cumulative distribution."""

PLACE = "place"
"""The one label of these metrics."""

APART_S = 20.0
"""Between two points of a series, by their ends and by the clock, where the question is not how close they may be."""

_LONGEST = 1_000
"""Characters of a message that are kept: enough to see how several series are named."""

Series = Any
"""A ``google.monitoring.v3.TimeSeries``: the messages carry no types."""


class Said(TypedDict):
    """What Cloud Monitoring said of a request: its code and words, and what the exporter makes of each series.

    ``answers`` holds a pair of verdict and code for each series; ``errors`` counts points by code, and is None where the status carries
    no ``CreateTimeSeriesSummary``.
    """

    code: str
    message: str
    answers: list[list[str]]
    total: int | None
    errors: dict[str, int] | None


def metric_type(lab: Lab, metric: str) -> str:
    """The full type of one of the run's metrics."""
    return f"{lab.place.metric_prefix}/{metric}"


def point(
    lab: Lab,
    metric: str,
    job: str,
    end: datetime,
    value: Mapping[str, Any],
    *,
    start: datetime | None = None,
    location: str | None = None,
    labels: Mapping[str, str] | None = None,
) -> Series:
    """A series with one point, on a ``generic_task`` of the run; ``value`` is a TypedValue."""
    made = TimeSeries(
        metric={"type": metric_type(lab, metric), "labels": dict(labels or {})},
        resource={
            "type": "generic_task",
            "labels": {
                "project_id": lab.place.project,
                "location": location or lab.place.region,
                "namespace": "exporter-verify",
                "job": job,
                "task_id": "verify",
            },
        },
        points=[{"interval": {"end_time": end, **({} if start is None else {"start_time": start})}, "value": value}],
    )
    return TimeSeries.pb(made)


def gauge(lab: Lab, job: str, end: datetime, value: float = 1.0, **more: Any) -> Series:
    """A point of the gauge."""
    return point(lab, GAUGE, job, end, {"double_value": value}, **more)


def count(lab: Lab, job: str, start: datetime, end: datetime, value: float) -> Series:
    """A point of the cumulative count."""
    return point(lab, COUNT, job, end, {"double_value": value}, start=start)


def write(lab: Lab, series: Sequence[Series]) -> Said:
    """Write points in one request and return what was said; raises ``GoogleAPICallError`` for what is no answer to the points."""
    name = f"projects/{lab.place.project}"
    request = CreateTimeSeriesRequest.wrap(CreateTimeSeriesRequest.pb()(name=name, time_series=series))
    try:
        lab.services.monitoring.create_time_series(request=request, timeout=TIMEOUT_S, retry=ONCE)
    except exceptions.GoogleAPICallError as error:
        if not isinstance(error, exceptions.BadRequest) and (passes(error) or not is_partial(error)):
            raise
        return _said(error, len(series))
    return Said(code="OK", message="", answers=[["written", "OK"]] * len(series), total=None, errors=None)


def _said(error: exceptions.GoogleAPICallError, sent: int) -> Said:
    code, words = canonical_code(error), redacted(error.message)[:_LONGEST]
    partial = partial_failure(error, sent)
    if partial is None:
        return Said(code=code, message=words, answers=[["rejected", code]] * sent, total=None, errors=None)
    rest = ["written", "OK"] if partial.unnamed == 0 else ["unknown", code]
    answers = [
        [partial.answers[index].verdict.value, partial.answers[index].code] if index in partial.answers else rest
        for index in range(sent)
    ]
    summary = _summary(error)
    errors = None if summary is None else summary[1]
    return Said(code=code, message=words, answers=answers, total=None if summary is None else summary[0], errors=errors)


def _summary(error: exceptions.GoogleAPICallError) -> tuple[int, dict[str, int]] | None:
    """The total and the counts of refused points by code that a status tells, read without the exporter's own code."""
    for detail in error.details:
        found = CreateTimeSeriesSummary.pb()()
        if isinstance(detail, AnyProto) and detail.Unpack(found):
            return found.total_point_count, {Code.Name(each.status.code): each.point_count for each in found.errors}
    return None


def put(lab: Lab, series: Sequence[Series]) -> None:
    """Write points that have to be taken for anything to be asked; raises ``CouldNotAsk`` where they are not."""
    said = write(lab, series)
    if refused(said):
        raise CouldNotAsk(f"a first point was refused: {said['message']}")


def refused(said: Said) -> bool:
    """Whether a request of one series was refused."""
    return said["code"] != "OK"


def read(
    lab: Lab, metric: str, job: str, since: datetime, until: datetime, aggregation: Aggregation | None = None
) -> list[Series]:
    """The series of a metric and a job with their points that end in ``(since, until]``; none of a metric not known yet."""
    request = ListTimeSeriesRequest(
        name=f"projects/{lab.place.project}",
        filter=f'metric.type = "{metric_type(lab, metric)}" AND resource.type = "generic_task" '
        f'AND resource.labels.job = "{job}"',
        interval=TimeInterval(start_time=since, end_time=until),
        view=ListTimeSeriesRequest.TimeSeriesView.FULL,
        aggregation=aggregation,
    )
    try:
        found = lab.services.monitoring.list_time_series(request=request, timeout=TIMEOUT_S, retry=ONCE)
        return [TimeSeries.pb(each) for each in found]
    except exceptions.NotFound:
        return []


def values(series: Sequence[Series]) -> list[float]:
    """The values of all points, the oldest first."""
    points = [each for one in series for each in one.points]
    points.sort(key=lambda each: (each.interval.end_time.seconds, each.interval.end_time.nanos))
    return [each.value.double_value for each in points]


def second(moment: datetime) -> datetime:
    """A moment without fractions of a second."""
    return moment.astimezone(UTC).replace(microsecond=0)


def fresh(lab: Lab, name: str) -> str:
    """A job whose series nobody has written to."""
    number = lab.book.get(f"series of {name}", 0) + 1
    lab.book.note(f"series of {name}", number)
    return f"{name}-{number}"


@dataclass(frozen=True, slots=True)
class Trial:
    """Series of a job that got their first points long enough ago, at ``end``."""

    name: str
    job: str
    end: datetime


def begun(lab: Lab, name: str, first: Callable[[str, datetime], Sequence[Series]]) -> Trial | None:
    """Write first points, and return the trial when others may follow; None until then.

    Whatever fails begins anew with other series: of a write whose answer was lost nobody knows what it did.
    """
    number = lab.book.get(f"trial {name}", 0)
    job = f"{name}-{number}"

    def write_first() -> str:
        end = second(lab.now())
        put(lab, first(job, end))
        return end.isoformat()

    with _renewed(lab, name, number):
        end = lab.once(f"first of {job}", write_first)
    if lab.waited_s(f"after {job}") < APART_S:
        return None
    return Trial(name, job, datetime.fromisoformat(end))


def answered(lab: Lab, trial: Trial, what: str, series: Sequence[Series]) -> Said:
    """What is said of further points of a trial; asked once, and noted."""
    number = lab.book.get(f"trial {trial.name}", 0)
    with _renewed(lab, trial.name, number):
        said: Said = lab.once(f"{what} of {trial.job}", lambda: write(lab, series))
    return said


@contextmanager
def _renewed(lab: Lab, name: str, number: int) -> Iterator[None]:
    try:
        yield
    except CouldNotAsk:
        raise
    except Exception:
        lab.book.note(f"trial {name}", number + 1)
        raise


def later(trial: Trial, seconds: float) -> datetime:
    """So long after the first points of a trial ended."""
    return trial.end + timedelta(seconds=seconds)
