"""OTLP over HTTP: Google's telemetry.googleapis.com, or any collector.

What a point becomes (docs/adr/0006 says why):

- metric name: the prefix without its host, and the name, joined by ``_``: ``pipeline_messages``, ``pipeline_exporter_up``. On Google's
  side that is the type ``prometheus.googleapis.com/pipeline_messages/KIND``, in PromQL ``pipeline_messages``
- counts: monotonic sums, distributions: histograms with explicit bounds, both of delta temporality from the start to the end of
  their window; gauges: gauges at their end. Values are doubles. Units and descriptions are the catalogue's, labels are attributes
- resource: attributes ``job`` (system), ``namespace`` (fleet), ``location``, ``instance`` (``pipeline``, or the task that wrote it) and
  ``gcp.project_id``, from which Google makes ``prometheus_target``; the same as ``service.*`` and ``cloud.region``

A value that lies exactly on a bound is counted above it, as everywhere here; OTLP would have it below.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import requests

from exporter.calls import OnCall
from exporter.config.types import OtlpSettings
from exporter.errors import UsageError
from exporter.model import Family, Outcome, Point, Refusal, Watermark
from exporter.sinks.otlp_headers import Redactor, read_headers
from exporter.sinks.otlp_suspects import Suspects
from exporter.sinks.otlp_transport import Heard, Reply, Transport, google_session, is_google, plain_session
from exporter.sinks.refusals import INVALID, WRITTEN, Answer, Verdict
from exporter.sinks.series import Key, waves
from exporter.sinks.validity import mistake

_SPLITS = 40
"""How often in one export a request that was refused as a whole is halved; what is undecided then waits for the next export."""

Encode = Callable[[Sequence[Point]], bytes]


def _uncounted(_api: str, _method: str, _code: str) -> None:
    pass


class OtlpSink:
    """Writes points to an OTLP/HTTP receiver; nothing can be read back, and what may have been taken may be sent again.

    ``locations`` gives each job's location, the jobs ``exporter`` and ``fleet`` included; ``task_id`` is the instance of the series of
    these two. ``on_call`` is told of every attempt, ``timeout_s`` bounds each. ``session`` takes the place of the one that the endpoint
    asks for. Raises ``UsageError`` without the extra ``otlp`` or with headers that cannot be read, ``Permanent`` without credentials.
    """

    def __init__(
        self,
        settings: OtlpSettings,
        *,
        project: str,
        prefix: str,
        fleet: str,
        locations: Mapping[str, str],
        task_id: str = "shard-1-of-1/0",
        on_call: OnCall = _uncounted,
        timeout_s: float = 10.0,
        environment: Mapping[str, str] = os.environ,
        session: requests.Session | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        try:
            from exporter.sinks import otlp_messages as messages
        except ImportError as error:
            raise UsageError(
                f"the sink otlp needs a package that is not there ({error.name}): "
                "pip install 'pubsub-bigquery-exporter[otlp]'"
            ) from error
        google = is_google(settings.endpoint)
        headers = {} if google else read_headers(settings.headers_file, environment)
        form = messages.Form(project, prefix, fleet, locations, task_id, settings.temporality == "cumulative")
        self._encode: Encode = lambda points: messages.encode(points, form)
        self._prefix = prefix
        self._locations = locations
        self._suspects = Suspects()
        self._transport = Transport(
            settings.endpoint,
            session or (google_session() if google else plain_session(headers)),
            messages.rejected_of,
            redact=Redactor(headers),
            on_call=on_call,
            timeout_s=timeout_s,
            clock=clock,
        )

    @property
    def retry_after(self) -> timedelta | None:
        """For how long the receiver is left alone, where it asked for that or did not answer in time."""
        return self._transport.wait or None

    def prepare(self) -> None:
        """Nothing has to be made ready: a receiver learns of a metric from its points."""

    def export(self, points: Sequence[Point]) -> Outcome:
        """Send points in waves of one point per series, oldest first; every point is in one part of the outcome.

        A point that is not fit to be sent is rejected. After a point that must be sent again the later ones of its series wait; after a
        request that failed for a reason that is not its own all others do.
        """
        delivery = _Delivery(self._encode, self._transport, self._suspects)
        fit = []
        for point in points:
            wrong = mistake(point, self._locations)
            if wrong is None:
                fit.append(point)
            else:
                delivery.answers[id(point)] = wrong
        for wave in waves(self._prefix, fit):
            delivery.send(wave)
        return _outcome(points, delivery.answers)

    def watermarks(self, since: datetime, until: datetime) -> Mapping[tuple[str, Family], Watermark]:  # noqa: ARG002
        """None: OTLP only writes."""
        return {}

    def read(self, metric: str, since: datetime, until: datetime) -> list[Point]:  # noqa: ARG002
        """Nothing: OTLP only writes."""
        return []

    def close(self) -> None:
        """Close every connection."""
        self._transport.close()


@dataclass(slots=True)
class _Delivery:
    """One export: answers by the identity of points, and what ends it early."""

    encode: Encode
    transport: Transport
    suspects: Suspects
    answers: dict[int, Answer] = field(default_factory=dict)
    _held: dict[Key, Answer] = field(default_factory=dict)
    _failed: Reply | None = None
    _splits: int = _SPLITS

    def send(self, wave: Mapping[Key, Point]) -> None:
        """Send one point of each series, but none behind an older one that has to be sent again."""
        for key in wave.keys() & self._held.keys():
            self._retry(key, wave[key], self._held[key])
        due = {key: point for key, point in wave.items() if key not in self._held}
        for batch in self.suspects.batches(due):
            self._send_batch(batch)

    def _send_batch(self, batch: Mapping[Key, Point]) -> None:
        """Send a request, and its halves where it is refused as a whole: nothing of it was taken then."""
        parts = [list(batch.items())]
        while parts:
            part = parts.pop()
            reply = self._failed or self.transport.send(self.encode([point for _, point in part]))
            if reply.heard is Heard.FAILED:
                self._failed = reply
            if reply.heard is Heard.INVALID and len(part) > 1 and self._splits:
                self._splits -= 1
                half = len(part) // 2
                parts += [part[half:], part[:half]]
            else:
                self._settle(part, reply)

    def _settle(self, part: Sequence[tuple[Key, Point]], reply: Reply) -> None:
        """Note what an answer means for each point of a request."""
        if reply.heard is Heard.TAKEN:
            self.suspects.learn([key for key, _ in part], reply.refused)
            answer = _partly(reply, len(part)) if reply.refused else WRITTEN
        elif reply.heard is Heard.INVALID and len(part) == 1:
            answer = Answer(Verdict.REJECTED, reply.code, reply.message)
        else:
            message = reply.message
            if reply.heard is Heard.INVALID:
                message = f"of {len(part)} points some are refused; which, is looked for at the next export: {message}"
            answer = Answer(Verdict.RETRYABLE, reply.code, message)
        for key, point in part:
            if answer.verdict is Verdict.RETRYABLE:
                self._retry(key, point, answer)
            else:
                self.answers[id(point)] = answer

    def _retry(self, key: Key, point: Point, answer: Answer) -> None:
        self.answers[id(point)] = answer
        self._held.setdefault(
            key, replace(answer, message=f"held back behind an older point of its series: {answer.message}")
        )


def _partly(reply: Reply, sent: int) -> Answer:
    """What is known of each point of a request that was taken in part; it must not be sent again."""
    reason = reply.message or "no reason given"
    if reply.refused >= sent:
        return Answer(Verdict.REJECTED, INVALID, reason)
    message = f"the receiver refused {reply.refused} of the {sent} points of a request and does not say which: {reason}"
    return Answer(Verdict.REJECTED, INVALID, message)


def _outcome(points: Sequence[Point], answers: Mapping[int, Answer]) -> Outcome:
    written = []
    refused: dict[Verdict, list[Refusal]] = {Verdict.REJECTED: [], Verdict.RETRYABLE: []}
    for point in points:
        answer = answers[id(point)]
        if answer.verdict is Verdict.WRITTEN:
            written.append(point)
        else:
            refused[answer.verdict].append(Refusal(point, answer.code, answer.message))
    return Outcome(tuple(written), (), tuple(refused[Verdict.REJECTED]), tuple(refused[Verdict.RETRYABLE]))
