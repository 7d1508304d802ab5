"""What a cycle costs in calls, and what it does when calls fail."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from exporter import document
from exporter.document import calls_by_api
from exporter.errors import SourceError
from exporter.sandbox.faults import Fault
from tests.end_to_end.conftest import Run, lines, running

PREFIX = "custom.googleapis.com/pipeline/"


def points_of(dump: Path) -> Counter[tuple[Any, ...]]:
    """How often each point was accepted."""
    counted: Counter[tuple[Any, ...]] = Counter()
    for series in lines(dump / "timeseries.jsonl"):
        labels = tuple(sorted(series["metric"]["labels"].items()))
        end = series["points"][0]["interval"]["endTime"]
        counted[series["metric"]["type"], labels, series["resource"]["labels"]["job"], end] += 1
    return counted


def writes(run: Run) -> int:
    calls = run.sandbox.world.engines.faults.calls()
    return sum(count for (_, method, _), count in calls.items() if method == "CreateTimeSeries")


def test_a_warm_cycle_of_fifty_systems_makes_few_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    # On a busy machine the sandbox may take long, and what times out is asked again.
    for name in ("BIGQUERY_TIMEOUT_S", "RPC_TIMEOUT_S"):
        monkeypatch.setattr(f"exporter.collection.{name}", 240.0)
    with running(50, history_s=3600) as run:
        exporter = run.exporter()
        run.cycle(exporter)
        run.advance(45 * 60)  # to 13:15: the hour is over, and every interval of every tier with it
        run.cycle(exporter)
        run.advance(3600)
        report = run.cycle(exporter)
        calls = calls_by_api(report.calls)
        assert report.windows > 50 * 3
        assert all(system.collected for system in report.systems)
        assert calls["bigquery"] <= 4
        assert calls["monitoring_read"] <= 10
        assert calls["pubsub"] == 1


def test_writes_are_as_few_as_the_series_of_a_wave_allow() -> None:
    with running(50, history_s=3600) as run:
        exporter = run.exporter()
        run.cycle(exporter)
        before = writes(run)
        run.advance(60)
        report = run.cycle(exporter)
        # One window of the critical systems: a wave of their points, and one request for state, watermarks and the exporter.
        assert report.written > 100
        assert writes(run) - before <= math.ceil(report.written / 200) + 1


def test_one_refused_batch_costs_no_other_and_nothing_is_sent_twice(tmp_path: Path) -> None:
    with running(50, history_s=0) as run:
        faults = run.sandbox.world.engines.faults
        exporter = run.exporter()
        exporter.sink.prepare()
        faults.add(Fault("monitoring", "CreateTimeSeries", status="PERMISSION_DENIED", count=1))
        report = run.cycle(exporter)
        refused = report.retryable
        # One batch of those that are sent side by side: a full one, or the last.
        assert 0 < len(refused) <= 200
        assert {refusal.code for refusal in refused} == {"PERMISSION_DENIED"}
        assert not report.rejected
        assert not document.succeeded(report)
        named = document.cycle(report)["cycle"]["rejected"]
        assert len(named) == len(refused)
        assert all(set(entry) == {"type", "system", "code"} for entry in named)
        first = points_of(run.dump(tmp_path / "first"))
        assert sum(first.values()) == report.written
        for refusal in refused:
            labels = tuple(sorted(refusal.point.labels.items()))
            assert not any(
                k[0] == PREFIX + refusal.point.metric and k[1:3] == (labels, refusal.point.job) for k in first
            )
        run.advance(60)
        again = run.cycle(exporter)
        assert document.succeeded(again)
        assert again.already_written == 0
        assert max(points_of(run.dump(tmp_path / "second")).values()) == 1


def test_a_refused_series_is_named_and_its_batch_is_stored(tmp_path: Path) -> None:
    with running(20, history_s=0) as run:
        exporter = run.exporter()
        exporter.sink.prepare()
        faults = run.sandbox.world.engines.faults
        faults.add(Fault("monitoring", "CreateTimeSeries", status="INVALID_ARGUMENT", series=5, count=1))
        report = run.cycle(exporter)
        assert len(report.rejected) == 5
        assert not report.retryable
        assert report.written == sum(points_of(run.dump(tmp_path)).values())


@pytest.mark.parametrize(
    ("fault", "source"),
    [
        (Fault("pubsub", "ListSubscriptions", status="PERMISSION_DENIED"), "pubsub"),
        (Fault("bigquery", "jobs.query", status="RESOURCE_EXHAUSTED"), "landing"),
        (Fault("bigquery", "jobs.query", garbage=True), "landing"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.status or "garbage",
)
def test_a_failing_source_is_named_and_recovers(fault: Fault, source: str) -> None:
    with running(4, history_s=3600) as run:
        exporter = run.exporter()
        run.cycle(exporter)
        faults = run.sandbox.world.engines.faults
        run.advance(900)
        faults.add(fault)
        report = run.cycle(exporter)
        assert any(failure.source == source for failure in report.failures)
        faults.clear()
        run.advance(900)
        for _ in range(100):
            report = run.cycle(exporter)
            # An API that said that it is asked too often is left alone for some seconds.
            if not any(failure.reason == "circuitOpen" for failure in report.failures):
                break
            time.sleep(0.2)
        assert document.succeeded(report)
        # A failure of everybody is nobody's: they are asked together again.
        assert calls_by_api(report.calls)["bigquery"] <= 4
        assert all(system.health == "healthy" for system in report.systems)


def test_without_watermarks_nothing_is_done() -> None:
    with running(2, history_s=0) as run:
        run.cycle()
        run.sandbox.world.engines.faults.add(Fault("monitoring", "ListTimeSeries", status="UNAVAILABLE"))
        stored = run.sandbox.world.engines.monitoring.points_stored
        run.advance(900)
        with pytest.raises(SourceError):
            run.cycle()
        assert run.sandbox.world.engines.monitoring.points_stored == stored


def test_a_hung_and_a_deleted_table_cost_only_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.collection.BIGQUERY_TIMEOUT_S", 1.5)
    with running(8, history_s=3600) as run:
        exporter = run.exporter()
        bigquery = run.sandbox.world.engines.bigquery
        hung, deleted = (pipeline.table for pipeline in run.sandbox.world.pipelines[1:3])
        bigquery.hang(hung)
        bigquery.delete_table(deleted)
        report = run.cycle(exporter)
        found = {system.id: system for system in report.systems}
        names = [pipeline.id for pipeline in run.sandbox.world.pipelines]
        assert [found[name].landing is not None for name in names] == [True, False, False, True, True, True, True, True]
        reasons = {failure.system: failure.reason for failure in report.failures if failure.source == "landing"}
        assert reasons == {names[1]: "timeout", names[2]: "notFound"}


def test_the_command_exits_with_one_when_points_were_not_written() -> None:
    with running(2, history_s=0) as run:
        faults = run.sandbox.world.engines.faults
        command = [sys.executable, "-m", "exporter", "once", "-c", run.sandbox.addresses.config, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        run.advance(900)
        faults.add(Fault("monitoring", "CreateTimeSeries", status="PERMISSION_DENIED"))
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1
        assert '"code": "PERMISSION_DENIED"' in done.stdout
        assert "Traceback" not in done.stderr
