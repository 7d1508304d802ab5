"""A fleet that is written elsewhere than to Cloud Monitoring, or there too: everything else works as ever."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest

from exporter import assembly, document, logs
from exporter.config.types import OtlpSettings
from exporter.cycle import Exporter
from exporter.web import schemas
from tests.end_to_end.conftest import Run, running
from tests.sinks.otlp_receiver import Receiver, refusal


@contextmanager
def writing_to(sinks: Sequence[str]) -> Iterator[tuple[Run, Exporter, Receiver]]:
    with running(3, history_s=3600) as run, Receiver() as receiver:
        settings = replace(run.parts.config.exporter, sinks=tuple(sinks), otlp=OtlpSettings(endpoint=receiver.endpoint))
        with assembly.parts(replace(run.parts.config, exporter=settings)) as parts:
            yield run, assembly.exporter(parts, history=run.history), receiver


@pytest.mark.parametrize(
    "sinks", [["otlp"], ["prometheus"], ["cloud_monitoring", "otlp"], ["prometheus", "otlp", "cloud_monitoring"]]
)
def test_cycles_go_on_whatever_the_sinks_are(sinks: list[str]) -> None:
    log = logs.FailureLog()
    with writing_to(sinks) as (run, exporter, receiver):
        for seconds in (0, 60, 900):
            run.advance(seconds)
            report = exporter.cycle(run.parts.clients.now())
            found = document.cycle(report)
            assert schemas.Cycle.model_validate(found)
            assert json.loads(json.dumps(found, allow_nan=False)) == found
            assert document.succeeded(report)
            assert report.windows > 0
            log.report(report)
        sent = len(receiver.stored)
        stored = run.sandbox.world.engines.monitoring.points_stored
    assert ("otlp" in found["cycle"]["calls"]) == ("otlp" in sinks)
    assert (stored > 0) == ("cloud_monitoring" in sinks)
    assert (sent > 0) == ("otlp" in sinks)


def test_a_receiver_that_fails_costs_cloud_monitoring_nothing_and_is_named() -> None:
    with writing_to(["cloud_monitoring", "otlp"]) as (run, exporter, receiver):
        receiver.always = refusal(403, "not for you")
        report = exporter.cycle(run.parts.clients.now())
        assert report.written > 0
        assert not report.retryable
        assert {failure.source for failure in report.failures} == {"otlp"}
        assert not document.succeeded(report)
