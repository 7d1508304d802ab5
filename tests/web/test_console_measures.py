"""The routes of measures, systems and single questions, over HTTP, from a sandbox that an exporter has measured."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from pydantic import BaseModel, TypeAdapter

from exporter.console.glance import Overview
from exporter.console.lines import Measuring
from exporter.console.measures import MEASURES
from exporter.console.series.execution import Reader
from exporter.sandbox.faults import Fault
from exporter.web.app import application
from exporter.web.guard import LoopbackGuard
from exporter.web.routes import answers, measured, measures, queries, systems
from exporter.web.routes.ranges import ranges
from exporter.web.server import Server
from tests.end_to_end.conftest import NOON, Run, by_id, running
from tests.web.conftest import LOOPBACK, Answer, ask

PREFIX = "custom.googleapis.com/pipeline/"


@dataclass
class Console:
    """The routes of a measured fleet."""

    run: Run
    address: str
    reader: Reader
    report: dict[str, dict[str, Any]]

    @property
    def ids(self) -> list[str]:
        return [system.id for system in self.run.parts.config.systems]

    def get(self, path: str, **parameters: Any) -> Answer:
        return ask(self.address, "GET", f"{path}?{urlencode(parameters, doseq=True)}" if parameters else path)

    def read(self, path: str, shape: type[BaseModel], **parameters: Any) -> Any:
        """The answer's JSON, which has the shape that the OpenAPI document says, and no more."""
        answer = self.get(path, **parameters)
        assert answer.status == 200, answer.body
        TypeAdapter(shape).validate_python(answer.json, strict=True)
        assert shape.model_validate(answer.json).model_dump(exclude_unset=True) == answer.json
        return answer.json


@pytest.fixture(scope="module")
def console() -> Iterator[Console]:
    with running(5, history_s=2 * 3600) as run:
        report = by_id(run.cycle())
        config, now = run.parts.config, run.parts.clients.now
        reader = Reader(run.parts.clients.monitoring, config.exporter.monitoring_project, keep_s=0.0)
        measuring, span_of = Measuring(reader, config, now), ranges(now)
        routers = [
            measures.router(measuring, span_of),
            systems.router(Overview(reader, config, now), measuring.systems),
            queries.router(reader, span_of),
        ]
        server = Server(application(None, LoopbackGuard(), None, routers), LOOPBACK)
        server.start()
        yield Console(run, server.address, reader, report)
        server.stop()
        reader.close()


def test_lists_all_measures(console: Console) -> None:
    listed = console.read("/api/measures", measured.MeasureList)["measures"]
    assert [each["id"] for each in listed] == list(MEASURES)
    assert all(each["title"] and each["help"] for each in listed)


def test_a_measure_by_system(console: Console) -> None:
    found = console.read("/api/measures/latency_p95", measured.Measured, last="2h")
    assert (found["start"], found["end"]) == ("2026-11-24T10:30:00Z", "2026-11-24T12:30:00Z")
    assert (found["measure"]["unit"], found["step_s"], found["problem"]) == ("s", 60, None)
    assert [each["id"] for each in found["systems"]] == console.ids
    for each in found["systems"]:
        values = each["values"]
        assert each["last"] == values[-1] == console.report[each["id"]]["latency_s"]["p95"]
        assert (each["min"], each["max"]) == (min(values), max(values))
        assert each["min"] <= each["mean"] <= each["max"]
        assert len(each["ends_s"]) == len(values)
        assert NOON.timestamp() - 7200 < each["ends_s"][0] < each["ends_s"][-1] <= NOON.timestamp()


def test_some_systems_and_a_system_without_values(console: Console) -> None:
    chosen = [console.ids[3], console.ids[1]]
    early = {"start": "2026-11-20T00:00:00Z", "end": "2026-11-20T01:00:00+00:00"}
    found = console.read("/api/measures/data_age", measured.Measured, system=[*chosen, chosen[0]], **early)
    assert [each["id"] for each in found["systems"]] == chosen
    empty: dict[str, Any] = {"ends_s": [], "values": [], "last": None, "mean": None, "min": None, "max": None}
    for each in found["systems"]:
        assert {name: each[name] for name in empty} == empty


def rows(answer: Answer) -> list[list[str]]:
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    return list(csv.reader(io.StringIO(answer.body.decode(), newline="")))


def test_a_measure_as_csv_holds_the_same_values(console: Console) -> None:
    header, *found = rows(console.get("/api/measures/latency_p95", last="1h", format="csv"))
    expected = console.read("/api/measures/latency_p95", measured.Measured, last="1h")["systems"]
    assert header == ["system", "time", "latency_p95"]
    assert [(system, float(value)) for system, _, value in found] == [
        (each["id"], value) for each in expected for value in each["values"]
    ]
    assert found[-1][1].endswith("Z")


def test_correlation_over_systems(console: Console) -> None:
    found = console.read("/api/correlation", measured.Correlated, x="latency_p95", y="cost_per_message", last="2h")
    assert [each["system"] for each in found["points"]] == console.ids
    assert (found["n"], found["missing"], found["over"]) == (len(console.ids), [], "systems")
    assert (found["x"]["id"], found["y"]["id"]) == ("latency_p95", "cost_per_message")
    assert -1 <= found["pearson"] <= 1
    assert found["fit"].keys() == {"slope", "intercept"}
    values = console.read("/api/measures/latency_p95", measured.Measured, last="2h")["systems"]
    assert [each["x"] for each in found["points"]] == [each["mean"] for each in values]
    assert {each["at_s"] for each in found["points"]} == {None}


def test_correlation_over_time(console: Console) -> None:
    fast = next(system.id for system in console.run.parts.config.systems if system.interval_s == 60)
    other = next(each for each in console.ids if each != fast)
    where = {"x": "latency_p50", "y": "latency_p99", "over": "time", "last": "2h"}
    alone = console.read("/api/correlation", measured.Correlated, x_system=fast, **where)
    assert {each["system"] for each in alone["points"]} == {fast}
    assert len({each["at_s"] for each in alone["points"]}) == alone["n"] > 60
    two = console.read("/api/correlation", measured.Correlated, x_system=fast, y_system=other, **where)
    assert 3 <= two["n"] <= 8
    assert all(each["at_s"] % 900 == 0 for each in two["points"])


def test_correlations(console: Console) -> None:
    chosen = ["latency_p95", "cost_per_message", "delivered_per_s"]
    found = console.read("/api/correlations", measured.CorrelationMatrix, measure=chosen, last="2h")
    assert (found["names"], found["titles"]) == (chosen, [MEASURES[name].title for name in chosen])
    pair = console.read("/api/correlation", measured.Correlated, x=chosen[0], y=chosen[2], last="2h")
    assert found["pearson"][0][2] == found["pearson"][2][0] == pair["pearson"]
    assert found["spearman"][0][2] == pair["spearman"]
    every = console.read("/api/correlations", measured.CorrelationMatrix)
    assert every["names"] == list(MEASURES)
    over_time = console.read(
        "/api/correlations", measured.CorrelationMatrix, between="systems", measure="latency_p95", last="2h"
    )
    assert over_time["names"] == over_time["titles"] == console.ids
    some = {"between": "systems", "measure": "latency_p95", "system": console.ids[:2]}
    assert console.read("/api/correlations", measured.CorrelationMatrix, **some)["names"] == console.ids[:2]


def test_systems_now(console: Console) -> None:
    found = console.read("/api/systems", systems.SystemsNow)
    assert found["problem"] is None
    for each, system in zip(found["systems"], console.run.parts.config.systems, strict=True):
        told = console.report[system.id]
        assert (each["id"], each["owner"], each["tier"]) == (system.id, system.owner, system.tier.value)
        assert (each["project"], each["dataset"]) == (system.project, system.table.dataset)
        assert (each["health"], each["data_age_s"]) == (told["health"], told["data_age_s"])
        assert (each["latency_p95_s"], each["dashboard"]) == (told["latency_s"]["p95"], f"system-{system.id}")
        assert each["as_of"].endswith("Z")


def test_one_system(console: Console) -> None:
    system = console.run.parts.config.systems[0]
    found = console.read(f"/api/systems/{system.id}", systems.SystemDetail)
    (listed, *_) = console.read("/api/systems", systems.SystemsNow)["systems"]
    assert {name: found[name] for name in listed} == listed
    assert found["configuration"]["table"] == str(system.table)
    assert (found["configuration"]["window"], found["configuration"]["interval"]) == ("1m", "1m")
    assert found["configuration"]["objectives"]["latency_threshold_s"] == system.objectives.latency_threshold_s


def test_a_question_as_it_is_put(console: Console) -> None:
    parameters = {
        "filter": f'metric.type = "{PREFIX}latency"',
        "aligner": "ALIGN_DELTA",
        "reducer": "REDUCE_SUM",
        "period": "10m",
        "group_by": ["resource.label.job", "resource.label.namespace"],
    }
    found = console.read("/api/query", answers.Answered, **parameters)
    assert (found["step_s"], found["problem"], len(found["series"])) == (600, None, len(console.ids))
    assert {each["labels"]["job"] for each in found["series"]} == set(console.ids)
    header, *table = rows(console.get("/api/query", format="csv", **parameters))
    assert header == ["series", "start", "end", "value", "mean"]
    counts = [str(sum(value)) for each in found["series"] for value in each["values"]]
    assert [row[3] for row in table] == counts
    gauges = {"filter": f'metric.type = "{PREFIX}data_age"', "format": "csv"}
    _, first, *_ = rows(console.get("/api/query", **gauges))
    assert (first[1], first[4]) == ("", "")


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/api/measures/nonsense", 404, "no such measure; there are latency_p50"),
        ("/api/measures/latency_p95?system=nobody", 404, "no such system; there are "),
        ("/api/systems/nobody", 404, "no such system; there are "),
        ("/api/correlation?x=latency_p95&y=nonsense", 404, "no such measure"),
        ("/api/correlation?x=data_age&y=data_age&over=time&x_system=nobody", 404, "no such system"),
        ("/api/correlation?x=data_age&y=data_age&over=time", 422, "`over=time` needs `x_system`"),
        ("/api/correlation?x=data_age&y=data_age&x_system=a", 422, "belong to `over=time`"),
        ("/api/correlation?x=data_age", 422, "query.y: Field required"),
        ("/api/correlation?x=data_age&y=data_age&over=all", 422, "'systems' or 'time'"),
        ("/api/correlations?between=owners", 422, "'measures' or 'systems'"),
        ("/api/correlations?between=systems", 422, "name it"),
        ("/api/correlations?between=systems&measure=data_age&measure=health", 422, "name it"),
        ("/api/correlations?measure=nonsense", 404, "no such measure"),
        ("/api/correlations?between=systems&measure=health&system=nobody", 404, "no such system"),
        ("/api/correlations?system=JFK", 404, "no such system"),
        ("/api/measures/data_age?last=43d", 422, "42 days"),
        ("/api/measures/data_age?format=xml", 422, "'json' or 'csv'"),
        ("/api/query", 422, "query.filter: Field required"),
        ("/api/query?filter=x&aligner=ALIGN_BEST", 422, "one of ALIGN_NONE"),
        ("/api/query?filter=x&reducer=SUM", 422, "one of REDUCE_NONE"),
        ("/api/query?filter=x&period=soon", 422, "`period`"),
        ("/api/query?filter=x&period=1.5s", 422, "whole seconds"),
        ("/api/query?filter=x&format=csv", 422, "correct the filter"),
    ],
)
def test_says_what_is_wrong(console: Console, path: str, status: int, words: str) -> None:
    before = console.reader.calls
    answer = console.get(path)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    assert words in answer.json["detail"]
    assert console.reader.calls == before + ("correct the filter" in words)


def test_a_wrong_question_is_answered_with_the_problem(console: Console) -> None:
    found = console.read("/api/query", answers.Answered, filter="nonsense")
    assert found["series"] == []
    assert "correct the filter" in found["problem"]


@pytest.fixture
def refused(console: Console) -> Iterator[Callable[[], None]]:
    """Lets Cloud Monitoring refuse everything until the test is over."""
    faults = console.run.sandbox.world.engines.faults
    fault = Fault("monitoring", "ListTimeSeries", "PERMISSION_DENIED")
    yield lambda: faults.add(fault)
    faults.remove(fault)


def test_what_cloud_monitoring_refuses_is_said_everywhere(console: Console, refused: Callable[[], None]) -> None:
    refused()
    word = "monitoring.timeSeries.list"
    asked: dict[str, type[BaseModel]] = {
        "/api/systems": systems.SystemsNow,
        f"/api/systems/{console.ids[0]}": systems.SystemDetail,
        "/api/measures/data_age": measured.Measured,
        "/api/correlation?x=data_age&y=health": measured.Correlated,
        "/api/correlations": measured.CorrelationMatrix,
        "/api/query?filter=metric.type%3Da": answers.Answered,
    }
    for path, shape in asked.items():
        assert word in console.read(path, shape)["problem"]
    for path in ("/api/measures/data_age?format=csv", "/api/query?filter=metric.type%3Da&format=csv"):
        answer = console.get(path)
        assert (answer.status, word in answer.json["detail"]) == (503, True)


def test_the_default_is_the_last_hour(console: Console) -> None:
    found = console.read("/api/measures/data_age", measured.Measured)
    assert (found["start"], found["end"]) == ("2026-11-24T11:30:00Z", "2026-11-24T12:30:00Z")
