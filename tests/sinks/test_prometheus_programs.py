"""A real Prometheus scrapes the sink and holds what was exported; ``promtool`` finds nothing to say of it."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from exporter.metrics.catalog import CATALOG, EXPORTER_JOB, FLEET_JOB, Kind
from exporter.model import LATENCY_BOUNDS_S, Distribution, Point
from exporter.sinks.prometheus import PrometheusSink, name_of
from tests import programs
from tests.end_to_end.conftest import Run, running
from tests.sinks.scraping import (
    NOW,
    SYSTEMS,
    WINDOW,
    Prometheus,
    Series,
    distribution,
    everything,
    made,
    prometheus,
    serving,
)

OURS = '{job="pipelines",__name__=~"pipeline_.*"}'


@pytest.fixture(scope="module")
def server() -> str:
    return programs.need("prometheus")


def check(sink: PrometheusSink) -> tuple[int, str]:
    """Exit status of ``promtool check metrics`` for what is served, and all that it says."""
    done = subprocess.run(
        [programs.need("promtool"), "check", "metrics"],
        input=sink.exposition("")[0],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.decode()


def expected(points: Sequence[Point], locations: dict[str, str]) -> dict[Series, float]:
    """What Prometheus has to hold: the newest of gauges, the sum of the windows of what was counted."""
    values: dict[Series, float] = {}
    counted: set[Any] = set()
    for point in sorted(points, key=lambda each: each.end):
        metric = CATALOG[point.metric]
        own = {} if point.job in (EXPORTER_JOB, FLEET_JOB) else {"system": point.job}
        labels = {"fleet": "flights", "location": locations[point.job], **own}
        labels |= {"q" if name == "quantile" else name: value for name, value in point.labels.items() if value}
        key = (point.metric, frozenset(labels.items()), point.end)
        if metric.kind is Kind.GAUGE:
            values[name_of("pipeline", metric), frozenset(labels.items())] = float(point.value)  # type: ignore[arg-type]
        elif key not in counted:
            counted.add(key)
            for sample, value in _amounts(name_of("pipeline", metric), labels, point.value):
                values[sample] = values.get(sample, 0.0) + value
    return values


def _amounts(name: str, labels: dict[str, str], value: float | Distribution) -> Iterator[tuple[Series, float]]:
    if not isinstance(value, Distribution):
        yield (f"{name}_total", frozenset(labels.items())), float(value)
        return
    for place, bound in enumerate((*LATENCY_BOUNDS_S, math.inf)):
        bucket = {**labels, "le": "+Inf" if bound == math.inf else str(float(bound))}
        yield (f"{name}_bucket", frozenset(bucket.items())), sum(value.bucket_counts[: place + 1])
    yield (f"{name}_count", frozenset(labels.items())), value.count
    yield (f"{name}_sum", frozenset(labels.items())), value.total


def holds(server: Prometheus, values: dict[Series, float], expression: str = OURS) -> bool:
    """Whether Prometheus has exactly these series with these values."""
    found = server.query(expression)
    return found.keys() == values.keys() and all(math.isclose(found[key], values[key]) for key in values)


LOCATIONS = {**dict.fromkeys(SYSTEMS, "us-central1"), EXPORTER_JOB: "europe-west1", FLEET_JOB: "europe-west1"}


@pytest.mark.parametrize("metrics", [0, 1, len(CATALOG)])
def test_promtool_has_nothing_to_say(metrics: int) -> None:
    sink = made()
    assert len(sink.export(everything()[:metrics]).written) == metrics
    assert check(sink) == (0, "")


def test_prometheus_holds_what_was_exported(server: str, tmp_path: Path) -> None:
    sink = made()
    first = everything()
    second = everything(NOW + WINDOW)[::-1]
    older = [Point("messages", SYSTEMS[1], NOW, 7.0, {"outcome": "delivered"}, NOW - WINDOW)]
    sink.export(first)
    with serving(sink) as target, prometheus(server, target, tmp_path) as running_server:
        running_server.eventually(lambda: holds(running_server, expected(first, LOCATIONS)))
        sink.export([*second, *first, *older])
        whole = expected([*first, *second, *older], LOCATIONS)
        assert whole != expected(first, LOCATIONS)
        running_server.eventually(lambda: holds(running_server, whole))
        described = running_server.api("metadata")
    for metric in CATALOG.values():
        name = name_of("pipeline", metric)
        (found,) = described[f"{name}_total" if metric.kind is Kind.COUNT and f"{name}_total" in described else name]
        kinds = {Kind.GAUGE: "gauge", Kind.COUNT: "counter", Kind.DISTRIBUTION: "histogram"}
        assert (found["type"], found["help"]) == (kinds[metric.kind], metric.description)


def test_prometheus_forgets_a_state_that_is_over_and_a_gauge_that_is_old(server: str, tmp_path: Path) -> None:
    now = NOW
    sink = made(lambda: now)

    def state(name: str, value: float) -> Point:
        return Point("subscription_active", SYSTEMS[0], now, value, {"state": name})

    def states() -> set[str]:
        return {dict(labels)["state"] for _, labels in running_server.query("pipeline_subscription_active")}

    sink.export([state("ACTIVE", 1), Point("data_age", SYSTEMS[0], now, 5.0)])
    with serving(sink) as target, prometheus(server, target, tmp_path) as running_server:
        running_server.eventually(lambda: states() == {"ACTIVE"})
        assert len(running_server.query("pipeline_data_age_seconds")) == 1
        now += timedelta(hours=1)
        sink.export([state("RESOURCE_ERROR", 0)])
        running_server.eventually(lambda: states() == {"RESOURCE_ERROR"})
        running_server.eventually(lambda: not running_server.query("pipeline_data_age_seconds"))


def test_its_functions_understand_the_types(server: str, tmp_path: Path) -> None:
    sink = made()
    # Half of the rows took between 30 s and 45 s, few took longer.
    values = distribution({8: 40, 16: 50, 20: 10}, 3000.0)
    sink.export([Point("latency", SYSTEMS[0], NOW, values, {}, NOW - WINDOW)])
    with serving(sink) as target, prometheus(server, target, tmp_path) as running_server:
        expression = "histogram_quantile(0.6, pipeline_latency_seconds_bucket)"
        running_server.eventually(lambda: len(running_server.query(expression)) == 1)
        (quantile,) = running_server.query(expression).values()
        assert LATENCY_BOUNDS_S[15] < quantile < LATENCY_BOUNDS_S[16]
        (mean,) = running_server.query("pipeline_latency_seconds_sum / pipeline_latency_seconds_count").values()
        assert mean == 30


class Both:
    """Passes everything on to the sink of an exporter, and what that took to the Prometheus sink as well."""

    def __init__(self, sink: Any, other: PrometheusSink) -> None:
        self._sink = sink
        self._other = other
        self.points: list[Point] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sink, name)

    def export(self, points: Sequence[Point]) -> Any:
        outcome = self._sink.export(points)
        assert self._other.export(points).rejected == ()
        self.points += points
        return outcome


def locations_of(run: Run) -> dict[str, str]:
    systems = run.parts.config.systems
    home = systems[0].metrics_location
    return {**{system.id: system.metrics_location for system in systems}, EXPORTER_JOB: home, FLEET_JOB: home}


def test_cycles_of_a_fleet_arrive_in_prometheus(server: str, tmp_path: Path) -> None:
    with running(3, history_s=7200) as run:
        locations = locations_of(run)
        sink = PrometheusSink(
            prefix=run.parts.config.exporter.metric_prefix,
            fleet=run.parts.config.fleet,
            locations=locations,
            limits_s=dict.fromkeys(locations, 2 * (3600.0 + 300.0)),
            now=run.parts.clients.now,
        )
        exporter = run.exporter()
        both = Both(exporter.sink, sink)
        exporter.sink = both
        with serving(sink) as target, prometheus(server, target, tmp_path) as running_server:
            for step_s in (0, 900, 1800):
                run.advance(step_s)
                run.cycle(exporter)
                whole = expected(both.points, locations)
                running_server.eventually(lambda: holds(running_server, whole))  # noqa: B023 - called at once
        assert check(sink) == (0, "")
        served = {CATALOG[point.metric].name for point in both.points}
        assert {"latency", "messages", "cost", "health", "fleet/systems", "exporter/remote_calls"} <= served
