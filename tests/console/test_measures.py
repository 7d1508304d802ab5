"""Measures: what they are made of, and that their values are those of the exporter."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from exporter.calls import Caller
from exporter.console.lines import Line, Lines, Measuring, Wanted
from exporter.console.measures import MEASURES
from exporter.console.questions import Questions
from exporter.console.series.execution import Reader
from exporter.console.series.model import Range
from exporter.metrics.catalog import CATALOG, Kind
from exporter.model import CycleReport, Distribution, Point
from exporter.sandbox.faults import Fault
from exporter.sinks.reading import SeriesReader
from tests.console.fleets import count, fleet, gauge, reader
from tests.end_to_end.conftest import NOON, Run, by_id, running
from tests.sandbox.monitoring.arithmetic import distribution
from tests.sandbox.monitoring.cloud import NOW, Cloud

HISTORY = timedelta(hours=3)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
HOURS = {60.0 * n: value for n, value in ((1, 4.0), (2, 2.0))}


def test_every_measure_is_about_metrics_of_the_catalogue() -> None:
    for measure in MEASURES.values():
        metric = CATALOG[measure.metric]
        assert set(measure.where) | set(measure.whole or {}) <= set(metric.labels)
        gauges = measure.how in ("mean", "total", "worst")
        assert gauges == (metric.kind is Kind.GAUGE)
        assert (measure.how == "average") == (metric.kind is Kind.DISTRIBUTION)
        if gauges or measure.how == "average":
            assert measure.unit == metric.unit
        elif measure.how == "rate":
            assert measure.unit == f"{metric.unit}/{'h' if measure.scale == 3600 else 's'}"
        else:
            assert measure.unit == "1"
            assert measure.whole is not None


def test_families_say_how_late_a_measure_is() -> None:
    late = {"error_ratio", "dead_lettered_ratio", "published_per_s"}
    for measure in MEASURES.values():
        assert measure.family == ("delivery" if measure.id in late else CATALOG[measure.metric].family)


def test_filters_have_the_names_of_the_place_where_metrics_are_written() -> None:
    common = ' AND resource.labels.namespace = "flights" AND metric.labels.quantile = "0.95"'
    (custom,) = Questions(fleet()).of(MEASURES["latency_p95"], 60)
    assert custom.numerator.filter == (
        f'metric.type = "custom.googleapis.com/pipeline/latency_quantile" AND resource.type = "generic_task"{common}'
    )
    (managed,) = Questions(fleet("otlp")).of(MEASURES["latency_p95"], 60, ["a", "b"])
    assert managed.numerator.filter == (
        'metric.type = "prometheus.googleapis.com/pipeline_latency_quantile/gauge" AND resource.type = "prometheus_target"'
        f'{common} AND resource.labels.job = one_of("a", "b")'
    )
    for sinks, counter, histogram in (("otlp", "/counter", "/histogram"), ("cloud_monitoring", "", "")):
        assert f'cost{counter}"' in Questions(fleet(sinks)).metric("cost")
        assert f'query_duration{histogram}"' in Questions(fleet(sinks)).metric("query_duration")


@pytest.fixture(scope="module")
def measured() -> Iterator[Run]:
    with running(6, scenario="dead-letter-flood", history_s=HISTORY.total_seconds()) as run:
        yield run


@pytest.fixture(scope="module")
def report(measured: Run) -> CycleReport:
    return measured.cycle()


@pytest.fixture(scope="module")
def lines(measured: Run, report: CycleReport) -> Iterator[dict[str, Lines]]:
    """All measures of all systems over the whole history."""
    config = measured.parts.config
    asked = Reader(measured.parts.clients.monitoring, config.exporter.monitoring_project)
    measuring = Measuring(asked, config, measured.parts.clients.now)
    wanted = [Wanted(measure, list(config.systems)) for measure in MEASURES.values()]
    yield {each.measure.id: each for each in measuring.lines(wanted, Range(NOON - HISTORY, NOON))}
    asked.close()


def line(found: Lines, system: str) -> Line:
    return next(each for each in found.lines if each.system == system)


def test_the_newest_values_are_those_of_the_report(lines: dict[str, Lines], report: CycleReport) -> None:
    compared = 0
    for id_, told in by_id(report).items():
        expected = {
            **{f"latency_{name}": value for name, value in told["latency_s"].items()},
            "data_age": told["data_age_s"],
            "backlog_messages": told["backlog_messages"],
            "backlog_age": told["backlog_age_s"],
            "cost_per_message": told["cost_per_message_usd"],
            "ingest_cost_per_message": told["ingest_cost_per_message_usd"],
            "health": {"healthy": 2, "degraded": 1, "failing": 0}[told["health"]],
        }
        found = {name: line(lines[name], id_).last for name in expected}
        assert found == expected
        compared += len(found)
        window_s = _length_s(told["windows"]["landing"])
        # Where a step is shorter than a window, the millisecond between windows shows.
        delivered = line(lines["delivered_per_s"], id_)
        assert delivered.last == pytest.approx(told["messages"]["delivered"] / window_s, rel=1e-4)
        assert delivered.ends_s[-1] == datetime.fromisoformat(told["windows"]["landing"][1]).timestamp()
        published = line(lines["published_per_s"], id_)
        published_s = _length_s(told["windows"]["delivery"])
        assert published.last == pytest.approx(told["messages"]["published"] / published_s, rel=1e-4)
        assert line(lines["on_time_ratio"], id_).last == pytest.approx(told["on_time_ratio"])
        assert line(lines["error_ratio"], id_).last == pytest.approx(told["error_ratio"])
    assert compared == 9 * 6


def _length_s(window: list[str]) -> float:
    start, end = map(datetime.fromisoformat, window)
    return (end - start).total_seconds()


def test_the_broken_system_stands_out(lines: dict[str, Lines]) -> None:
    shares = {each.system: each.mean for each in lines["dead_lettered_ratio"].lines}
    assert sorted(value == 0 for value in shares.values()) == [False] + [True] * 5
    assert max((value or 0, id_) for id_, value in shares.items())[1] == next(
        each.system for each in lines["error_ratio"].lines if each.mean
    )


def test_means_and_sums_are_those_of_the_stored_points(measured: Run, lines: dict[str, Lines]) -> None:
    """Recomputed from raw points, which the exporter reads back by its own way."""
    config = measured.parts.config
    exact = SeriesReader(
        measured.parts.clients.monitoring,
        Caller(lambda *_: None, 30.0),
        project=config.exporter.monitoring_project,
        prefix=config.exporter.metric_prefix,
        fleet=config.fleet,
    )

    def stored(metric: str, job: str, **labels: str) -> list[Point]:
        every = exact.points(metric, NOON - HISTORY - HOUR, NOON)
        return [each for each in every if each.job == job and labels.items() <= each.labels.items()]

    for system in config.systems:
        good = sum(_within(each) for each in stored("slo_events", system.id, objective="latency", result="good"))
        bad = sum(_within(each) for each in stored("slo_events", system.id, objective="latency", result="bad"))
        assert line(lines["on_time_ratio"], system.id).mean == pytest.approx(good / (good + bad), rel=1e-4)
        costs = [each for each in stored("cost", system.id) if each.end > NOON - HISTORY]
        hours = {each.end for each in costs}
        mean = math.fsum(_number(each) for each in costs) / len(hours)
        assert line(lines["cost_per_hour"], system.id).mean == pytest.approx(mean)
        assert line(lines["cost_per_hour"], system.id).ends_s == tuple(sorted(end.timestamp() for end in hours))
        took = [each.value for each in stored("query_duration", system.id) if isinstance(each.value, Distribution)]
        assert line(lines["query_duration"], system.id).mean == pytest.approx(
            math.fsum(each.total for each in took) / sum(each.count for each in took)
        )
        ages = [_number(each) for each in stored("data_age", system.id) if each.end > NOON - HISTORY]
        assert line(lines["data_age"], system.id).mean == pytest.approx(math.fsum(ages) / len(ages))
        (storage,) = line(lines["storage_bytes"], system.id).values
        assert storage == sum(_number(each) for each in stored("storage_bytes", system.id))


def _within(point: Point) -> float:
    """What of a window's count lies in the range: it is spread evenly over the window."""
    assert point.start is not None
    inside = point.end - max(point.start, NOON - HISTORY)
    return _number(point) * max(0.0, inside / (point.end - point.start))


def _number(point: Point) -> float:
    assert isinstance(point.value, float)
    return point.value


def test_steps_are_as_far_apart_as_points(lines: dict[str, Lines], measured: Run) -> None:
    intervals = {system.id: system.interval_s for system in measured.parts.config.systems}
    assert len(set(intervals.values())) > 1
    assert lines["latency_p95"].step_s == 60
    assert {each.system: each.step_s for each in lines["latency_p95"].lines} == intervals
    assert lines["cost_per_hour"].step_s == 3600
    for each in lines["latency_p95"].lines:
        assert all(end % intervals[each.system] == 0 for end in each.ends_s[:-1])


class Hand:
    """Two systems with a few points, measured."""

    def __init__(self, cloud: Cloud) -> None:
        self.config = fleet()
        self.reader = reader(cloud)
        self.measuring = Measuring(self.reader, self.config, lambda: NOW)

    def ask(self, name: str, span: Range, *only: str, **more: Any) -> Lines:
        chosen = [system for system in self.config.systems if not only or system.id in only]
        (found,) = self.measuring.lines([Wanted(MEASURES[name], chosen, **more)], span)
        return found


@pytest.fixture
def hand(cloud: Cloud) -> Iterator[Hand]:
    made = Hand(cloud)
    yield made
    made.reader.close()


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with Cloud() as made:
        yield made


def ago(*minutes: float) -> tuple[float, ...]:
    return tuple((NOW - each * MINUTE).timestamp() for each in minutes)


def test_a_system_without_a_value_is_there_and_empty(cloud: Cloud, hand: Hand) -> None:
    gauge(cloud, "fast", "data_age", {2: 7.0, 1: 9.0})
    found = hand.ask("data_age", Range(NOW - HOUR, NOW))
    assert found.lines == (Line("fast", 60, ago(2, 1), (7.0, 9.0), 8.0), Line("slow", 900))
    assert found.lines[1].last is None


def test_counts_that_are_not_written_while_zero_are_zero_where_the_whole_is_known(cloud: Cloud, hand: Hand) -> None:
    count(cloud, "fast", "messages", MINUTE, {3: 4.0, 2: 6.0, 1: 0.0}, {"outcome": "published"})
    count(cloud, "fast", "messages", MINUTE, {2: 3.0}, {"outcome": "dead_lettered"})
    fast, slow = hand.ask("dead_lettered_ratio", Range(NOW - HOUR, NOW)).lines
    # Of the last minute, in which nothing was published, there is no share; the mean is 3 of 10, not of 0 and 1/2.
    assert (fast.ends_s, fast.values) == (ago(3, 2), (0.0, 0.5))
    assert fast.mean == pytest.approx(0.3)
    assert slow.values == ()


def test_steps_of_several_windows_are_left_out_while_they_are_not_complete(cloud: Cloud, hand: Hand) -> None:
    """Two minutes are late: the newest step of five minutes would show three fifths of what there was."""
    count(cloud, "fast", "messages", MINUTE, {float(n): 6.0 for n in range(2, 20)}, {"outcome": "delivered"})
    (found,) = hand.ask("delivered_per_s", Range(NOW - timedelta(hours=30), NOW), "fast").lines
    assert found.step_s == 300
    assert found.ends_s == ago(15, 10, 5)
    assert found.values[1:] == pytest.approx([0.1, 0.1])
    (exact,) = hand.ask("delivered_per_s", Range(NOW - HOUR, NOW), "fast").lines
    assert (exact.step_s, exact.ends_s[-1]) == (60, *ago(2))


def test_hours_are_whole_hours_whenever_one_looks(cloud: Cloud, hand: Hand) -> None:
    count(cloud, "fast", "cost", HOUR, HOURS, {"component": "pubsub_publish"})
    count(cloud, "fast", "cost", HOUR, {60.0: 0.5}, {"component": "bigquery_query"})
    (found,) = hand.ask("cost_per_hour", Range(NOW - timedelta(hours=5), NOW - 20 * MINUTE), "fast").lines
    assert found.ends_s == ago(120, 60)
    assert found.values == pytest.approx([2.0, 4.5])
    nothing = hand.ask("cost_per_hour", Range(NOW - 30 * MINUTE, NOW - 20 * MINUTE))
    assert [each.values for each in nothing.lines] == [(), ()]
    assert "choose a longer one" in str(nothing.problem)


def test_the_mean_of_an_average_is_over_everything(cloud: Cloud, hand: Hand) -> None:
    count(cloud, "fast", "query_duration", HOUR, {120: distribution(1, 1, 1), 60: distribution(9)})
    (found,) = hand.ask("query_duration", Range(NOW - timedelta(hours=5), NOW), "fast").lines
    assert found.values == (1.0, 9.0)
    assert found.mean == pytest.approx(3.0)


def test_storage_is_the_sum_of_its_classes_and_health_the_worst(cloud: Cloud, hand: Hand) -> None:
    gauge(cloud, "fast", "storage_bytes", {30: 100.0}, {"class": "active"})
    gauge(cloud, "fast", "storage_bytes", {30: 11.0}, {"class": "long_term"})
    gauge(cloud, "fast", "health", {3: 2.0, 2: 0.0, 1: 2.0})
    span = Range(NOW - HOUR, NOW)
    assert hand.ask("storage_bytes", span, "fast").lines[0].values == (111.0,)
    assert hand.ask("health", span, "fast", shortest_s=300).lines[0].values == (0.0,)


def test_only_what_is_asked_for_is_read(cloud: Cloud, hand: Hand) -> None:
    gauge(cloud, "fast", "data_age", {1: 7.0})
    gauge(cloud, "slow", "data_age", {1: 8.0})
    (only,) = hand.ask("data_age", Range(NOW - HOUR, NOW), "slow").lines
    assert (only.system, only.values, only.step_s) == ("slow", (8.0,), 900)


def test_a_problem_is_told_and_no_value_is_made_up(cloud: Cloud, hand: Hand) -> None:
    count(cloud, "fast", "messages", MINUTE, {1: 4.0}, {"outcome": "published"})
    cloud.faults.add(Fault("monitoring", "ListTimeSeries", "PERMISSION_DENIED", count=1))
    found = hand.ask("dead_lettered_ratio", Range(NOW - HOUR, NOW))
    assert "monitoring.timeSeries.list" in str(found.problem)
    assert [each.values for each in found.lines] == [(), ()]
