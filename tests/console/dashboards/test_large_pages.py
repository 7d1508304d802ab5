"""Pages that ask for very much: over HTTP, with values that come from a local Cloud Monitoring."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import pytest
from fastapi import Request

from exporter.console.dashboards import spans
from exporter.console.dashboards.parsing import parse
from exporter.console.dashboards.shelf import Shelf
from exporter.console.series import requests
from exporter.console.series.model import Answer
from exporter.rendering.backends import Backend
from exporter.web.app import application
from exporter.web.guard import LoopbackGuard
from exporter.web.listening import Listen
from exporter.web.routes import dashboards
from exporter.web.routes.ranges import ranges
from exporter.web.server import Server
from tests.console.dashboards.conftest import BY_JOB, GAUGE, Console
from tests.console.dashboards.samples import grid
from tests.dashboards.fleets import loaded, rendered
from tests.sandbox.monitoring.cloud import NOW, PROJECT
from tests.web.conftest import Answer as Answered
from tests.web.conftest import ask


def sums(count: int) -> dict[str, Any]:
    """A dashboard of so many different questions, in charts of fifty data sets each."""
    sets = [
        {
            "timeSeriesQuery": {
                "timeSeriesFilter": {"filter": GAUGE, "aggregation": BY_JOB | {"alignmentPeriod": f"{60 * each}s"}}
            }
        }
        for each in range(1, count + 1)
    ]
    return grid([{"xyChart": {"dataSets": sets[first : first + 50]}} for first in range(0, count, 50)])


def test_a_page_that_asks_for_too_much_shows_what_it_may(console: Console) -> None:
    found = console.post("/api/dashboards/data?last=6m", {"dashboard": sums(300)}).json
    problems = [each["problem"] for each in found["answers"].values()]
    assert found["calls"] == dashboards.MOST_REQUESTS
    assert problems[: dashboards.MOST_REQUESTS] == [None] * dashboards.MOST_REQUESTS
    assert all("more than 60 time series questions at a time" in each for each in problems[dashboards.MOST_REQUESTS :])


def test_two_thousand_data_sets_are_fifty(console: Console) -> None:
    dashboard = sums(2_000)
    dashboard["gridLayout"]["widgets"] = [
        {
            "xyChart": {
                "dataSets": [each for one in dashboard["gridLayout"]["widgets"] for each in one["xyChart"]["dataSets"]]
            }
        }
    ]
    found = console.post("/api/dashboards/view", dashboard).json["items"][0]["widget"]
    assert len(found["series"]) == 50
    assert "dataSets has 2000 parts: the first 50 are shown." in found["problems"][0]
    assert console.post("/api/dashboards/data?last=5m", {"dashboard": dashboard}).json["calls"] <= 50


class Gated:
    """A source that answers nothing until it is told to."""

    calls = 0

    def __init__(self) -> None:
        self.inside, self.open = threading.Semaphore(0), threading.Event()

    def ask_each(self, wanted: Sequence[Any], *, most_requests: int | None = None) -> list[Answer]:
        self.inside.release()
        assert self.open.wait(60)
        return [Answer()] * len(wanted)


def test_large_pages_come_two_at_a_time_and_small_ones_as_ever() -> None:
    source = Gated()
    router = dashboards.router(Shelf(loaded("one"), Backend.CLOUD_MONITORING), source, ranges(lambda: NOW))
    server = Server(application(None, LoopbackGuard(), None, [router]), Listen("127.0.0.1", 0))
    server.start()

    def post(count: int) -> Answered:
        body = json.dumps({"dashboard": sums(count)}).encode()
        return ask(server.address, "POST", "/api/dashboards/data", [("content-type", "application/json")], body)

    try:
        with ThreadPoolExecutor(10) as pool:
            large = [pool.submit(post, 60) for _ in range(7)]
            for _ in range(2):
                assert source.inside.acquire(timeout=60)
            # Two are inside and four wait: the seventh is told at once.
            first = next(as_completed(large, 60)).result()
            assert (first.status, first.headers["retry-after"]) == (429, "5")
            small = pool.submit(post, 1)
            assert source.inside.acquire(timeout=60)
            source.open.set()
            assert small.result(60).status == 200
            assert sorted(each.result(60).status for each in large) == [200] * 6 + [429]
    finally:
        source.open.set()
        server.stop()


@pytest.mark.parametrize("last", ["1h", "42d"])
def test_none_of_the_fleets_own_pages_is_large(last: str) -> None:
    span = ranges(lambda: NOW)(Request({"type": "http", "query_string": b""}), last)
    for name, dashboard in rendered("one with an API", Backend.CLOUD_MONITORING).items():
        view = parse(dashboard, name)
        asked = [requests.of(spans.question(each, span), PROJECT, span) for each in view.queries.values()]
        different = {str(request) for each in asked for request in each.requests}
        assert len(view.queries) <= dashboards.LARGE, name
        assert len(different) <= dashboards.MOST_REQUESTS, name
