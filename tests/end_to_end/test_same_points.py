"""A window gives the same points, bit for bit, alone, in a batch, in a catch-up, live, and by report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from exporter import plan, reporting
from exporter.model import Family, Point
from tests.end_to_end.conftest import NOON, Run, running

SYSTEMS = 10
HISTORY_S = 3600
LATER_S = 3600

OUTSIDE = ("latency_quantile", "cost_per_message", "ingest_cost_per_message", "data_age")
"""Outside the promise: they rest on approximate functions, snapshots or earlier windows."""

Key = tuple[str, str, datetime, datetime | None, tuple[tuple[str, str], ...]]


def promised(point: Point) -> bool:
    return point.metric not in OUTSIDE and point.labels.get("component") != "bigquery_storage"


def keyed(points: Sequence[Point]) -> dict[Key, Any]:
    return {(p.metric, p.job, p.end, p.start, tuple(sorted(p.labels.items()))): p.value for p in points if promised(p)}


class Recorder:
    """Passes everything on to the sink and keeps what was written."""

    def __init__(self, sink: Any) -> None:
        self._sink = sink
        self.written: list[Point] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sink, name)

    def export(self, points: Sequence[Point]) -> Any:
        outcome = self._sink.export(points)
        self.written += outcome.written
        assert not outcome.rejected
        assert not outcome.retryable
        return outcome


def families(points: Sequence[Point]) -> list[Point]:
    from exporter.metrics.catalog import CATALOG

    of = (Family.LANDING, Family.DELIVERY, Family.SPEND)
    return [point for point in points if CATALOG[point.metric].family in of]


def written(run: Run, steps_s: Sequence[float] = ()) -> list[Point]:
    """Everything that cycles at the given distances write."""
    exporter = run.exporter()
    recorder = Recorder(exporter.sink)
    exporter.sink = recorder
    run.cycle(exporter)
    for step in steps_s:
        run.advance(step)
        run.cycle(exporter)
    return recorder.written


def collected(run: Run, steps_s: Sequence[float]) -> dict[Key, Any]:
    """Points of windows that cycles at the given distances write."""
    return keyed(families(written(run, steps_s)))


@pytest.fixture(scope="module")
def caught_up() -> dict[Key, Any]:
    """Everything measured in one go, an hour late."""
    with running(SYSTEMS, history_s=HISTORY_S + LATER_S, now=NOON + timedelta(seconds=LATER_S)) as run:
        return collected(run, [])


@pytest.fixture(scope="module")
def live_run() -> Iterator[tuple[Run, dict[Key, Any]]]:
    """The same time measured minute by minute, by an exporter that was there."""
    with running(SYSTEMS, history_s=HISTORY_S, now=NOON) as run:
        yield run, collected(run, [60.0] * (LATER_S // 60))


def test_catching_up_gives_the_points_of_being_there(
    caught_up: dict[Key, Any], live_run: tuple[Run, dict[Key, Any]]
) -> None:
    _, live = live_run
    shared = caught_up.keys() & live.keys()
    assert len(shared) > 0.95 * len(live)
    assert {key: caught_up[key] for key in shared} == {key: live[key] for key in shared}
    assert {key[0] for key in shared} >= {
        "latency",
        "messages",
        "slo_events",
        "cost",
        "query_bytes",
        "delivery_attempts",
    }


def test_counts_of_windows_are_complete_either_way(
    caught_up: dict[Key, Any], live_run: tuple[Run, dict[Key, Any]]
) -> None:
    _, live = live_run
    counts = [key for key in live if key[3] is not None]
    assert counts
    assert all(key in caught_up for key in counts)


def test_report_gives_the_same_points(live_run: tuple[Run, dict[Key, Any]]) -> None:
    run, live = live_run
    measured = reporting.measure(run.parts, NOON - timedelta(minutes=30), NOON + timedelta(minutes=50))
    reported = keyed([point for step in measured.steps for point in step.points])
    shared = reported.keys() & live.keys()
    assert len(shared) > 0.5 * len(reported)
    assert {key: reported[key] for key in shared} == {key: live[key] for key in shared}


def test_a_catch_up_of_a_day_in_parts_gives_the_points_of_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "_MOST_WINDOWS", 1600)
    with running(4, history_s=23 * 3600) as run:
        caught_up = collected(run, [])
        statements = Counter(job["labels"].get("family") for job in run.sandbox.world.engines.bigquery.jobs())
        assert statements["landing"] >= 4
        measured = reporting.measure(run.parts, NOON - timedelta(hours=23), NOON - timedelta(minutes=30))
        reported = keyed([point for step in measured.steps for point in step.points])
    shared = reported.keys() & caught_up.keys()
    windows = {key[3] for key in shared if key[0] == "messages"}
    assert len(windows) > 22 * 60
    assert len(shared) > 0.7 * len(reported)
    assert {key: reported[key] for key in shared} == {key: caught_up[key] for key in shared}


def test_a_catch_up_in_parts_tells_the_health_of_those_that_were_done_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "_MOST_WINDOWS", 6 * 20)
    with running(6, history_s=3600) as run:
        tiers = {system.id: system.tier for system in run.parts.config.systems}
        points = written(run)
    assert len(set(tiers.values())) > 1
    assert {point.job for point in points if point.metric == "health"} == set(tiers)


@pytest.mark.parametrize("place", range(0, SYSTEMS, 3))
def test_a_system_alone_gives_the_same_points_as_in_the_batch(place: int, live_run: tuple[Run, dict[Key, Any]]) -> None:
    run, live = live_run
    system = run.parts.config.systems[place]
    alone = replace(run.parts, config=replace(run.parts.config, systems=(system,)))
    start = NOON.replace(minute=0)
    measured = reporting.measure(alone, start, start + timedelta(hours=1))
    reported = keyed([point for step in measured.steps for point in step.points])
    shared = reported.keys() & live.keys()
    assert shared
    assert {key: reported[key] for key in shared} == {key: live[key] for key in shared}
    assert {key[1] for key in reported} == {system.id}
