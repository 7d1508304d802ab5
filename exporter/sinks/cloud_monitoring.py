"""Cloud Monitoring: the sink that owns watermarks and descriptors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from google.cloud.monitoring_v3 import MetricServiceClient

from exporter.calls import Caller, OnCall, OnSeries
from exporter.circuits import Circuits
from exporter.model import Family, Outcome, Point, Refusal, Watermark
from exporter.sinks.descriptors import INGEST_DELAY_S, Descriptors
from exporter.sinks.encoding import PlainExporter
from exporter.sinks.otel import to_metrics_data
from exporter.sinks.reading import SeriesReader
from exporter.sinks.recording import RecordingClient
from exporter.sinks.refusals import Answer, Verdict, is_partial
from exporter.sinks.series import Key, waves
from exporter.sinks.validity import mistake

_UNSENT = Answer(Verdict.RETRYABLE, "UNKNOWN", "the OpenTelemetry exporter did not send it")


def _uncounted(_api: str, _method: str, _code: str) -> None:
    pass


class CloudMonitoringSink:
    """Writes through ``opentelemetry-exporter-gcp-monitoring``, and reads its own series back.

    ``locations`` gives each job's resource location, the jobs ``exporter`` and ``fleet`` included; ``task_id`` is the task of the
    series of these two. ``on_call`` is told of every attempt at a call, from several threads; ``timeout_s`` bounds each of them.
    ``ingest_delay_s`` is how late points of a family may be. ``on_series`` is told how many series each read returned. Points that
    one of the ``circuits`` holds are retryable, with the code ``circuitOpen``.
    """

    def __init__(
        self,
        client: MetricServiceClient,
        *,
        project: str,
        prefix: str,
        fleet: str,
        locations: Mapping[str, str],
        task_id: str = "shard-1-of-1/0",
        on_call: OnCall = _uncounted,
        timeout_s: float = 10.0,
        ingest_delay_s: Mapping[Family, float] = INGEST_DELAY_S,
        on_series: OnSeries = lambda _: None,
        circuits: Circuits | None = None,
    ) -> None:
        self._prefix = prefix
        self._fleet = fleet
        self._locations = locations
        self._task_id = task_id
        call = Caller(on_call, timeout_s, circuits=circuits, unrepeatable=is_partial)
        self._descriptors = Descriptors(client, call, project=project, prefix=prefix, ingest_delay_s=ingest_delay_s)
        self._reader = SeriesReader(client, call, project=project, prefix=prefix, fleet=fleet, on_series=on_series)
        self._recording = RecordingClient(client, call, self._descriptors.usable, self._reader.stored)
        self._exporter = PlainExporter(
            project_id=project,
            client=self._recording,  # type: ignore[arg-type]
            prefix=prefix,
        )

    @property
    def retry_after(self) -> timedelta | None:
        """How long the last export was asked to wait for quota, where it was."""
        return max(self._recording.delays, default=None)

    def prepare(self) -> None:
        """Create the descriptors that are missing or differ; what fails is logged, and tried again by ``export``."""
        self._descriptors.prepare()

    def export(self, points: Sequence[Point]) -> Outcome:
        """Send points in waves of one point per series, oldest first; every point is in one part of the outcome.

        A point that is not fit to be sent is rejected. After a point that must be sent again the later ones of its series are held
        back: written, they would make it look as if it had been.
        """
        self._recording.delays.clear()
        tally = _Tally()
        fit = []
        for point in points:
            wrong = mistake(point, self._locations)
            if wrong is None:
                fit.append(point)
            else:
                tally.add(point, wrong)
        undescribed = self._descriptors.ensure({point.metric for point in fit})
        held: dict[Key, Answer] = {}
        for wave in waves(self._prefix, fit):
            due: dict[Key, Point] = {}
            for key, point in wave.items():
                answer = undescribed.get(point.metric) or held.get(key)
                if answer is None:
                    due[key] = point
                else:
                    tally.add(point, answer)
            answers = self._send(list(due.values()))
            for key, point in due.items():
                answer = answers.get(key, _UNSENT)
                tally.add(point, answer)
                if answer.verdict is Verdict.RETRYABLE:
                    message = f"held back behind an older point of its series: {answer.message}"
                    held[key] = replace(answer, message=message)
        return tally.outcome()

    def _send(self, points: Sequence[Point]) -> Mapping[Key, Answer]:
        self._exporter.export(
            to_metrics_data(points, fleet=self._fleet, locations=self._locations, task_id=self._task_id)
        )
        return self._recording.send()

    def watermarks(self, since: datetime, until: datetime) -> Mapping[tuple[str, Family], Watermark]:
        """The newest watermark of each system and family written in ``[since, until]``; raises ``SourceError``."""
        return self._reader.watermarks(since, until)

    def read(self, metric: str, since: datetime, until: datetime) -> list[Point]:
        """Points of one metric of this fleet that end in ``[since, until]``; raises ``SourceError``."""
        return self._reader.points(metric, since, until)


@dataclass(slots=True)
class _Tally:
    """Points by what became of them."""

    written: list[Point] = field(default_factory=list)
    already_written: list[Point] = field(default_factory=list)
    rejected: list[Refusal] = field(default_factory=list)
    retryable: list[Refusal] = field(default_factory=list)

    def add(self, point: Point, answer: Answer) -> None:
        """Put a point where it belongs."""
        if answer.verdict is Verdict.WRITTEN:
            self.written.append(point)
        elif answer.verdict is Verdict.ALREADY_WRITTEN:
            self.already_written.append(point)
        else:
            refused = self.rejected if answer.verdict is Verdict.REJECTED else self.retryable
            refused.append(Refusal(point, answer.code, answer.message))

    def outcome(self) -> Outcome:
        """All of them."""
        return Outcome(tuple(self.written), tuple(self.already_written), tuple(self.rejected), tuple(self.retryable))
