"""The client that the OpenTelemetry exporter writes through: it records what became of every series.

The exporter drops all further batches after one that fails, does not retry, and only logs partial failures. So this client raises
nothing, and success is judged by its record.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from google.api_core import exceptions
from google.cloud.monitoring_v3 import CreateTimeSeriesRequest, MetricServiceClient

from exporter.sinks.refusals import PartialFailure, Verdict, partial_failure

OnCall = Callable[[str, str, str], None]
OnSeries = Callable[[Any, Verdict | None, str, str], None]
"""Told of each series once: the series, its verdict (None: written), a code and a message."""

ATTEMPTS = 3
_PAUSE_S = 0.2
_PASSING = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED", "INTERNAL", "UNKNOWN")
"""Codes after which the same request may be sent again at once: what it wrote before it failed is refused as out of order."""


class RecordingClient:
    """Stands in for ``MetricServiceClient`` towards the exporter; ``undetermined`` asks which of some series are stored."""

    def __init__(
        self,
        client: MetricServiceClient,
        descriptors: dict[str, Any],
        on_call: OnCall,
        on_series: OnSeries,
        undetermined: Callable[[Sequence[Any]], set[int]],
        timeout_s: float,
    ) -> None:
        self._client = client
        self._descriptors = descriptors
        self._on_call = on_call
        self._on_series = on_series
        self._undetermined = undetermined
        self._timeout_s = timeout_s

    def common_project_path(self, project: str) -> str:
        """Name a project as the API does."""
        return f"projects/{project}"

    def create_metric_descriptor(self, request: Any) -> Any:
        """Answer with the complete descriptor that is stored already; raises ``LookupError`` where that failed."""
        return self._descriptors[request.metric_descriptor.type]

    def create_time_series(self, request: CreateTimeSeriesRequest) -> None:
        """Write one batch of at most 200 series, and record each of them."""
        self._write(request.name, list(CreateTimeSeriesRequest.pb(request).time_series))

    def _write(self, name: str, series: Sequence[Any]) -> None:
        error = self._send(name, series)
        if error is None:
            for each in series:
                self._on_series(each, None, "OK", "")
            return
        partial = partial_failure(error)
        if partial is not None:
            self._record_partial(series, partial, error)
        elif _code(error) == "INVALID_ARGUMENT":
            self._isolate(name, series, error)
        else:
            for each in series:
                self._on_series(each, Verdict.RETRYABLE, _code(error), error.message)

    def _send(self, name: str, series: Sequence[Any]) -> exceptions.GoogleAPICallError | None:
        """Send a request, again where nothing of it was taken and that can help; returns the last error."""
        request = CreateTimeSeriesRequest.pb()(name=name, time_series=series)
        attempt = 0
        while True:
            attempt += 1
            try:
                self._client.create_time_series(request=request, timeout=self._timeout_s, retry=None)
            except exceptions.GoogleAPICallError as error:
                self._on_call("monitoring_write", "CreateTimeSeries", _code(error))
                again = _code(error) in _PASSING and partial_failure(error) is None
                if not again or attempt == ATTEMPTS:
                    return error
                time.sleep(_PAUSE_S * attempt * random.uniform(0.5, 1.5))  # noqa: S311 - spreads retries
            else:
                self._on_call("monitoring_write", "CreateTimeSeries", "OK")
                return None

    def _record_partial(
        self, series: Sequence[Any], partial: PartialFailure, error: exceptions.GoogleAPICallError
    ) -> None:
        pending = set(range(len(series)))
        for refused in partial.refused:
            for index in refused.indices:
                if index in pending:
                    pending.discard(index)
                    self._on_series(series[index], refused.verdict, refused.code, refused.reason)
        if partial.named < partial.failed:
            # The message does not name all that failed: ask what is stored, rather than send accepted points again.
            rest = sorted(pending)
            stored = {rest[place] for place in self._undetermined([series[index] for index in rest])}
            for index in pending - stored:
                self._on_series(series[index], Verdict.RETRYABLE, "UNNAMED", error.message)
            pending &= stored
        for index in pending:
            self._on_series(series[index], None, "OK", "")

    def _isolate(self, name: str, series: Sequence[Any], error: exceptions.GoogleAPICallError) -> None:
        """A request that is refused whole for one malformed series: halves, so that it costs no other."""
        if len(series) == 1:
            self._on_series(series[0], Verdict.REJECTED, _code(error), error.message)
            return
        middle = len(series) // 2
        self._write(name, series[:middle])
        self._write(name, series[middle:])


def _code(error: exceptions.GoogleAPICallError) -> str:
    code = error.grpc_status_code
    return type(error).__name__ if code is None else str(code.name)
