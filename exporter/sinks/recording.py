"""The client that the OpenTelemetry exporter writes through: it says what became of every series.

The exporter drops all further batches after one that fails, does not retry, and only logs partial failures. So this client raises
nothing, and success is judged by its answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from google.api_core import exceptions
from google.cloud.monitoring_v3 import CreateTimeSeriesRequest, MetricServiceClient

from exporter.calls import PASSING, Caller, canonical_code, pause, retry_delay
from exporter.sinks.refusals import (
    ALREADY_WRITTEN,
    INVALID,
    WRITTEN,
    Answer,
    PartialFailure,
    Verdict,
    is_partial,
    names_a_series,
    partial_failure,
)
from exporter.sinks.series import Key, Series, key_of_series

_CONCURRENT = 8
"""Batches under way at a time: a series is in one of them only."""

_DOUBT = 8
"""After so many series refused each alone, unnamed and with none accepted, the request itself is held to be wrong."""

_ROUNDS = 3
"""How often series are sent whose refusal was left out of a message for want of room."""

Answers = dict[Key, Answer]


@dataclass(frozen=True, slots=True)
class _Doubt:
    """Series of a request of which its answer did not say enough: how many were refused, and what it means if one is stored."""

    name: str
    series: Sequence[Series]
    refused: int | None
    if_stored: Answer


class RecordingClient:
    """Stands in for ``MetricServiceClient`` towards the exporter; ``stored`` says at which places a point can be read back."""

    def __init__(
        self,
        client: MetricServiceClient,
        call: Caller,
        descriptors: Mapping[str, Any],
        stored: Callable[[Sequence[Series]], set[int]],
    ) -> None:
        self._client = client
        self._call = call
        self._descriptors = descriptors
        self._stored = stored
        self._batches: list[CreateTimeSeriesRequest] = []
        self._doubts: list[_Doubt] = []
        self.delays: list[timedelta] = []
        """The waits that exhausted quotas asked for; their owner clears them."""

    def common_project_path(self, project: str) -> str:
        """Name a project as the API does."""
        return f"projects/{project}"

    def create_metric_descriptor(self, request: Any) -> Any:
        """Answer with the complete descriptor, which is stored before a point of its metric is sent."""
        return self._descriptors[request.metric_descriptor.type]

    def create_time_series(self, request: CreateTimeSeriesRequest) -> None:
        """Take one batch of at most 200 series, for ``send``."""
        self._batches.append(request)

    def send(self) -> Answers:
        """Write the batches, side by side, and return what became of each series."""
        batches, self._batches = self._batches, []
        answers: Answers = {}
        for _ in range(_ROUNDS):
            if len(batches) == 1:
                answers |= self._write(batches[0])
            elif batches:
                with ThreadPoolExecutor(min(_CONCURRENT, len(batches)), thread_name_prefix="write") as pool:
                    for written in pool.map(self._write, batches):
                        answers |= written
            batches = self._resolve(answers)
        return answers

    def _resolve(self, answers: Answers) -> list[CreateTimeSeriesRequest]:
        """Read back what messages left open; returns requests of series that were certainly refused, for reasons yet unknown."""
        doubts, self._doubts = self._doubts, []
        if not doubts:
            return []
        stored = self._stored([series for doubt in doubts for series in doubt.series])
        place = 0
        again = []
        for doubt in doubts:
            absent = []
            for series in doubt.series:
                if place in stored:
                    answers[key_of_series(series)] = doubt.if_stored
                else:
                    absent.append(series)
                place += 1
            if absent and len(absent) == doubt.refused:
                again.append(_request(doubt.name, absent))
        return again

    def _write(self, request: CreateTimeSeriesRequest) -> Answers:
        """Write a batch; what is refused whole as invalid is written part by part, so that one bad series costs no other."""
        parts = [request]
        answers: Answers = {}
        alone: list[tuple[Key, exceptions.GoogleAPICallError]] = []
        unnamed, proven = 0, False
        while parts:
            part = parts.pop()
            series = CreateTimeSeriesRequest.pb(part).time_series
            if not proven and unnamed >= _DOUBT:
                answers |= _all(series, Answer(Verdict.RETRYABLE, INVALID, alone[-1][1].message))
                continue
            error = self._attempt(part)
            if error is None or canonical_code(error) != INVALID or is_partial(error):
                proven = proven or error is None or is_partial(error)
                answers |= self._answers(part, error)
            elif len(series) == 1:
                alone.append((key_of_series(series[0]), error))
                unnamed += not names_a_series(error)
            else:
                # Every other one, not the first half: bad ones are likely to be neighbours.
                parts += [_request(part.name, series[1::2]), _request(part.name, series[::2])]
        return answers | {key: _alone(error, proven=proven) for key, error in alone}

    def _attempt(self, request: CreateTimeSeriesRequest) -> exceptions.GoogleAPICallError | None:
        try:
            self._call(
                "monitoring_write", "CreateTimeSeries", self._client.create_time_series, request, project=request.name
            )
        except exceptions.GoogleAPICallError as error:
            delay = retry_delay(error)
            if delay is not None:
                self.delays.append(delay)
            return error
        return None

    def _answers(
        self, request: CreateTimeSeriesRequest, error: exceptions.GoogleAPICallError | None, *, again: bool = True
    ) -> Answers:
        """What a request's outcome means for its series; those refused for a reason that passes are sent ``again``, alone."""
        series = CreateTimeSeriesRequest.pb(request).time_series
        if error is None:
            return _all(series, WRITTEN)
        partial = partial_failure(error, len(series))
        retryable = Answer(Verdict.RETRYABLE, canonical_code(error), error.message)
        if partial is None:
            return _all(series, retryable)
        answers = self._partial(request, partial, retryable)
        passing = [series[index] for index, answer in partial.answers.items() if answer.code in PASSING]
        if passing and again:
            pause(1)
            rest = _request(request.name, passing)
            answers |= self._answers(rest, self._attempt(rest), again=False)
        return answers

    def _partial(self, request: CreateTimeSeriesRequest, partial: PartialFailure, answer: Answer) -> Answers:
        """Answers of a partial failure; ``answer`` is that of the series of which the message says nothing, as yet."""
        series = CreateTimeSeriesRequest.pb(request).time_series
        answers = {key_of_series(series[index]): judged for index, judged in partial.answers.items()}
        rest = [each for index, each in enumerate(series) if index not in partial.answers]
        if partial.unnamed == 0:
            return answers | _all(rest, WRITTEN)
        if_stored = ALREADY_WRITTEN if partial.unnamed == len(rest) else WRITTEN
        self._doubts.append(_Doubt(request.name, rest, partial.unnamed, if_stored))
        return answers | _all(rest, answer)


def _request(name: str, series: Sequence[Series]) -> CreateTimeSeriesRequest:
    request: CreateTimeSeriesRequest = CreateTimeSeriesRequest.wrap(
        CreateTimeSeriesRequest.pb()(name=name, time_series=series)
    )
    return request


def _all(series: Sequence[Series], answer: Answer) -> Answers:
    return {key_of_series(each): answer for each in series}


def _alone(error: exceptions.GoogleAPICallError, *, proven: bool) -> Answer:
    """A series that was refused whole, alone: it is to blame where the message says so, or the request is proven right by others."""
    verdict = Verdict.REJECTED if proven or names_a_series(error) else Verdict.RETRYABLE
    return Answer(verdict, INVALID, error.message)
