"""Asks Cloud Monitoring: all questions at once, equal ones once, and none of them for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotDone
from dataclasses import dataclass, replace
from typing import Any

from google.api_core.exceptions import DeadlineExceeded, GoogleAPICallError
from google.cloud.monitoring_v3 import MetricServiceClient

from exporter.calls import Caller, OnCall, OnSeries, canonical_code
from exporter.circuits import Circuits
from exporter.console.series import problems, requests
from exporter.console.series.decoding import Gathered
from exporter.console.series.model import Answer, Question, Range, Series
from exporter.console.series.picking import pick
from exporter.console.series.ratios import ratios
from exporter.console.series.requests import Asked, Unaskable
from exporter.console.series.secondary import aggregated
from exporter.console.series.sharing import Shared
from exporter.console.series.steps import MOST_POINTS

MOST_SERIES = 500
"""Series of one answer: nobody can tell more lines apart."""

_MOST_READ = 1_000_000
"""Points that are read for one question, about 100 MB of memory."""

_KEPT_POINTS = 2_000_000
_AT_ONCE = 32
"""Calls under way; one connection of HTTP/2 carries a hundred."""

_TOO_MUCH = "This page asks for more than {most} time series questions at a time: this one was left out."


@dataclass(frozen=True, slots=True)
class _Read:
    """What one request brought; ``cut`` where there was more than is read for one question."""

    series: tuple[Series, ...]
    cut: bool
    points: int


class Reader:
    """Answers questions from Cloud Monitoring; any thread may ask, and those who ask the same share the calls.

    ``timeout_s`` bounds an attempt at a call, ``whole_s`` a whole ``ask``. ``keep_s`` is for how long an answer serves those who ask
    the same again. ``on_call`` and ``on_series`` are told of each attempt and of the series that came, from several threads.
    """

    def __init__(
        self,
        client: MetricServiceClient,
        project: str,
        *,
        on_call: OnCall = lambda *_: None,
        on_series: OnSeries = lambda _: None,
        circuits: Circuits | None = None,
        timeout_s: float = 10.0,
        whole_s: float = 25.0,
        keep_s: float = 30.0,
    ) -> None:
        self._client = client
        self._project = project
        self._on_call = on_call
        self._on_series = on_series
        self._whole_s = whole_s
        self._call = Caller(self._count, timeout_s, circuits=circuits)
        self._lock = threading.Lock()
        self._calls = 0
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="series")
        self._shared: Shared[_Read] = Shared(
            self._pool, lambda read: max(1, read.points), keep_s=keep_s, most=_KEPT_POINTS
        )

    @property
    def calls(self) -> int:
        """Attempts at calls so far, retries and failed ones included."""
        with self._lock:
            return self._calls

    def close(self) -> None:
        """Stop; what is under way is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def ask(self, questions: Sequence[Question], span: Range) -> list[Answer]:
        """Answers in the order of the questions; one that fails says why, and costs the others nothing."""
        return self.ask_each([(question, span) for question in questions])

    def ask_each(
        self,
        wanted: Sequence[tuple[Question, Range]],
        most_series: int = MOST_SERIES,
        most_requests: int | None = None,
    ) -> list[Answer]:
        """Answers to questions that each have a range of their own, at most so many series in each.

        Beyond ``most_requests`` different requests the questions are not asked, and their answers say so.
        """
        until_s = time.monotonic() + self._whole_s
        keys: set[bytes] = set()
        begun = [self._begin(question, span, until_s, keys, most_requests) for question, span in wanted]
        return [
            each if isinstance(each, Answer) else _cut(self._finish(question, *each, span, until_s), most_series)
            for (question, span), each in zip(wanted, begun, strict=True)
        ]

    def _begin(
        self, question: Question, span: Range, until_s: float, keys: set[bytes], most: int | None
    ) -> Answer | tuple[Asked, list[Future[_Read]]]:
        """A question's requests, under way; ``keys`` are those of all questions so far."""
        try:
            asked = requests.of(question, self._project, span)
        except Unaskable as error:
            return Answer(problem=str(error), reason="INVALID_ARGUMENT")
        own = {_key(request): request for request in asked.requests}
        if most is not None and len(keys | own.keys()) > most:
            return Answer((), asked.step_s, _TOO_MUCH.format(most=most), reason="RESOURCE_EXHAUSTED")
        keys.update(own)
        return asked, [self._start(_key(request), request, until_s) for request in asked.requests]

    def _start(self, key: bytes, request: Any, until_s: float) -> Future[_Read]:
        return self._shared.get(key, lambda: self._read(request, until_s))

    def _finish(
        self, question: Question, asked: Asked, futures: Sequence[Future[_Read]], span: Range, until_s: float
    ) -> Answer:
        try:
            found = [future.result(max(0.0, until_s - time.monotonic())) for future in futures]
            return self._answer(question, asked, found, span)
        except GoogleAPICallError as error:
            return Answer((), asked.step_s, problems.sentence(error, self._project), reason=canonical_code(error))
        except NotDone:
            late = DeadlineExceeded("")
            return Answer((), asked.step_s, problems.sentence(late, self._project), reason=canonical_code(late))
        except Unaskable as error:
            return Answer((), asked.step_s, str(error), reason="INVALID_ARGUMENT")

    def _answer(self, question: Question, asked: Asked, found: Sequence[_Read], span: Range) -> Answer:
        series: Sequence[Series] = found[0].series
        if len(found) > 1:
            series = ratios(series, found[1].series)
            if asked.second is not None:
                series = aggregated(series, asked.second, span.end.timestamp())
        if question.pick is not None:
            series = pick(series, question.pick)
        if question.unit is not None:
            series = [replace(each, unit=question.unit) for each in series]
        cut = any(read.cut for read in found)
        return Answer(tuple(series), asked.step_s, truncated=cut, stretched=asked.stretched)

    def _read(self, request: Any, until_s: float) -> _Read:
        """One request, page by page; work that nobody waits for any more is not begun."""
        gathered = Gathered()
        left_s = until_s - time.monotonic()
        pages = self._call.pages(
            "monitoring_read",
            "ListTimeSeries",
            self._client.list_time_series,
            request,
            project=request.name,
            whole_s=left_s,
        )
        cut = False
        for page in pages:
            self._on_series(len(page.time_series))
            gathered.add(page)
            if gathered.points > _MOST_READ:
                cut = bool(page.next_page_token)
                break
        return _Read(tuple(gathered.series()), cut, gathered.points)

    def _count(self, api: str, method: str, code: str) -> None:
        with self._lock:
            self._calls += 1
        self._on_call(api, method, code)


def _key(request: Any) -> bytes:
    """Equal for equal requests."""
    found: bytes = type(request).pb(request).SerializeToString(deterministic=True)
    return found


def _cut(answer: Answer, most_series: int) -> Answer:
    """An answer with as many series as are wanted, and as many points as those have in a chart."""
    kept, points = 0, 0
    for series in answer.series[:most_series]:
        points += len(series.ends_s)
        if kept and points > most_series * MOST_POINTS:
            break
        kept += 1
    return answer if kept == len(answer.series) else replace(answer, series=answer.series[:kept], truncated=True)
