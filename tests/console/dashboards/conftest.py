"""The routes of dashboards, served over a local Cloud Monitoring with values of five minutes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from exporter.console.dashboards.shelf import Shelf
from exporter.console.series.execution import Reader
from exporter.rendering.backends import Backend
from exporter.web.app import application
from exporter.web.guard import LoopbackGuard
from exporter.web.listening import Listen
from exporter.web.routes import dashboards
from exporter.web.routes.ranges import ranges
from exporter.web.server import Server
from tests.console.dashboards.samples import grid
from tests.dashboards.fleets import loaded
from tests.sandbox.monitoring.arithmetic import distribution
from tests.sandbox.monitoring.cloud import NOW, PROJECT, TASK, Cloud, series
from tests.web.conftest import Answer as Answered
from tests.web.conftest import ask

PREFIX = "custom.googleapis.com/pipeline/"
GAUGE = f'metric.type="{PREFIX}age" resource.type="generic_task"'
MINUTE = timedelta(minutes=1)
BY_JOB = {
    "alignmentPeriod": "60s",
    "perSeriesAligner": "ALIGN_MEAN",
    "crossSeriesReducer": "REDUCE_MEAN",
    "groupByFields": ["resource.label.job"],
}
VARIABLE = {"filterType": "RESOURCE_LABEL", "labelKey": "job", "templateVariable": "system"}


def line(text: str, legend: str = "", **more: Any) -> dict[str, Any]:
    query = {"timeSeriesFilter": {"filter": text, "aggregation": BY_JOB, **more}}
    return {"xyChart": {"dataSets": [{"timeSeriesQuery": query, "legendTemplate": legend}]}}


OPEN = grid([line(GAUGE + " ${system}", "job ${resource.labels.job}")], dashboardFilters=[VARIABLE])


@dataclass(frozen=True)
class Console:
    address: str
    cloud: Cloud

    def get(self, path: str) -> Answered:
        return ask(self.address, "GET", path)

    def post(self, path: str, value: Any) -> Answered:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return ask(self.address, "POST", path, [("content-type", "application/json")], body)


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    directory: Path = tmp_path_factory.mktemp("dashboards")
    (directory / "a file.json").write_text(json.dumps({"displayName": "A file", **OPEN}))
    (directory / "broken.json").write_text("{")
    with Cloud() as cloud:
        for minute in range(5):
            end = NOW + (minute - 4) * MINUTE
            start = end - MINUTE + timedelta(milliseconds=1)
            for job, value in (("a", 1.0), ('b"', 10.0)):
                resource = ("generic_task", {**TASK, "job": job})
                cloud.write(
                    series(value + minute, end, metric=f"{PREFIX}age", resource=resource, unit="s"),
                    series(distribution(5, 15), end, start, f"{PREFIX}latency", resource=resource, unit="s"),
                )
        shelf = Shelf(loaded("one"), Backend.CLOUD_MONITORING, directory)
        reader = Reader(cloud.client, PROJECT)
        router = dashboards.router(shelf, reader, ranges(lambda: NOW + timedelta(seconds=59)))
        server = Server(application(None, LoopbackGuard(), None, [router]), Listen("127.0.0.1", 0))
        server.start()
        try:
            yield Console(server.address, cloud)
        finally:
            server.stop()
            reader.close()


def values(found: Answered, query: str = "q1") -> dict[str, list[Any]]:
    assert found.status == 200, found.body
    answer = found.json["answers"][query]
    assert answer["problem"] is None
    return {each["name"]: each["values"] for each in answer["series"]}
