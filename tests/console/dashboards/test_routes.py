"""The routes of dashboards over HTTP, with values that come from a local Cloud Monitoring."""

from __future__ import annotations

import json
import math

import pytest
from jsonschema import Draft202012Validator

from exporter.console.series.model import Answer, Series
from exporter.web.routes import answers
from tests.console.dashboards.conftest import BY_JOB, GAUGE, OPEN, PREFIX, Console, line, values
from tests.console.dashboards.samples import SAMPLES, grid
from tests.sandbox.monitoring.cloud import NOW
from tests.web.conftest import ask


def test_the_list(console: Console) -> None:
    listed = console.get("/api/dashboards").json["dashboards"]
    assert listed[0] == {"name": "fleet", "title": "Pipelines of flights: summary", "system": None, "note": None}
    assert listed[4]["system"] == "system-0"
    assert listed[5] == {"name": "a file", "title": "grid", "system": None, "note": None}
    assert listed[6]["name"] == "broken"
    assert listed[6]["note"].startswith("broken.json is no JSON")


def test_a_view(console: Console) -> None:
    found = console.get("/api/dashboards/fleet").json
    assert (found["name"], found["columns"]) == ("fleet", 48)
    assert found["filters"][0]["values"] == ["system-0"]
    assert console.get("/api/dashboards/none").status == 404
    refused = console.get("/api/dashboards/broken")
    assert (refused.status, refused.json["detail"][:22]) == (422, "broken.json is no JSON")
    assert console.get("/api/dashboards/broken/data").status == 422


def test_any_dashboard_is_viewed(console: Console) -> None:
    for dashboard in SAMPLES.values():
        found = console.post("/api/dashboards/view", dashboard)
        assert (found.status, found.json["name"]) == (200, "opened")
    for body in (
        b"[]",
        b"null",
        b"7",
        b'"\\ud800"',
        b'{"gridLayout": {"columns": NaN, "widgets": [{"text": {"content": "\\udc00"}}]}}',
    ):
        assert console.post("/api/dashboards/view", body).status == 200
    assert console.post("/api/dashboards/view", b"[" * 100_000).status == 400
    assert console.post("/api/dashboards/view", b"{").status == 422


def test_values_and_names(console: Console) -> None:
    found = console.post("/api/dashboards/data?last=5m", {"dashboard": OPEN})
    assert values(found) == {"job a": [1.0, 2.0, 3.0, 4.0, 5.0], 'job b"': [10.0, 11.0, 12.0, 13.0, 14.0]}
    one = found.json["answers"]["q1"]["series"][0]
    ends = [NOW.timestamp() - 60.0 * back for back in range(4, -1, -1)]
    assert (one["ends_s"], one["starts_s"], one["unit"], one["kind"]) == (ends, None, "s", "gauge")
    assert one["labels"]["job"] == "a"
    assert (found.json["end"], found.json["start"]) == ("2026-11-02T12:00:00Z", "2026-11-02T11:55:00Z")
    assert found.json["answers"]["q1"]["step_s"] == 60


def test_fields(console: Console) -> None:
    for chosen in ('b"', ['b"']):
        found = console.post("/api/dashboards/data?last=5m", {"dashboard": OPEN, "filters": {"system": chosen}})
        assert list(values(found)) == ['job b"']
    path = "/api/dashboards/a%20file/data?last=5m"
    assert list(values(console.get(path))) == ["job a", 'job b"']
    assert list(values(console.get(f"{path}&filter=system:b%22"))) == ['job b"']
    both = f"{path}&filter=system:a&filter=system:b%22"
    assert list(values(console.get(both))) == ["job a", 'job b"']
    assert list(values(console.get(f"{path}&filter=system:*"))) == ["job a", 'job b"']


def test_identical_questions_are_one_call(console: Console) -> None:
    chart = line(GAUGE, "a")
    dashboard = grid([chart, chart, {"scorecard": chart["xyChart"]["dataSets"][0]}, line(GAUGE, "other name")])
    found = console.post("/api/dashboards/data?last=4m", {"dashboard": dashboard})
    assert found.json["calls"] == 1
    assert len(found.json["answers"]) == 3


def test_a_widgets_own_time(console: Console) -> None:
    dashboard = grid([line(GAUGE), line(GAUGE) | {"timeRange": {"relativeDuration": "120s"}}])
    found = console.post("/api/dashboards/data?last=5m", {"dashboard": dashboard})
    assert [len(each) for each in values(found, "q1").values()] == [5, 5]
    assert [len(each) for each in values(found, "q2").values()] == [2, 2]


def test_one_value_of_the_whole_time(console: Console) -> None:
    query = {"timeSeriesFilter": {"filter": GAUGE, "aggregation": BY_JOB}, "outputFullDuration": True}
    found = console.post(
        "/api/dashboards/data?last=5m", {"dashboard": grid([{"scorecard": {"timeSeriesQuery": query}}])}
    )
    assert values(found) == {"a": [3.0], 'b"': [12.0]}


def test_distributions(console: Console) -> None:
    text = f'metric.type="{PREFIX}latency" resource.type="generic_task" resource.labels.job="a"'
    query = {
        "timeSeriesFilter": {
            "filter": text,
            "aggregation": {"alignmentPeriod": "60s", "perSeriesAligner": "ALIGN_DELTA"},
        }
    }
    dashboard = grid([{"xyChart": {"dataSets": [{"plotType": "HEATMAP", "timeSeriesQuery": query}]}}])
    one = console.post("/api/dashboards/data?last=5m", {"dashboard": dashboard}).json["answers"]["q1"]["series"][0]
    assert one["value_type"] == "distribution"
    assert all(len(each) == len(one["bounds"]) + 1 and sum(each) == 2 for each in one["values"])
    assert one["means"] == [10.0] * len(one["values"])
    assert len(one["starts_s"]) == len(one["ends_s"])


def test_what_cannot_be_asked_costs_the_others_nothing(console: Console) -> None:
    dashboard = grid([line(GAUGE), line(GAUGE + " ${none}"), line(GAUGE + " ("), line('metric.type="no/such"')])
    found = console.post("/api/dashboards/data?last=5m", {"dashboard": dashboard})
    assert len(values(found)) == 2
    problems = [found.json["answers"][f"q{index}"]["problem"] for index in (2, 3, 4)]
    assert problems[0] == "This cannot be asked: the filter names ${none}, which the dashboard does not define."
    assert all(problems[1:])


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("last=43d", "a range is at most 42 days long"),
        ("last=999999999d", "a range is at most 42 days long"),
        ("last=30s", "a range is at least a minute long, and its end lies after its start"),
        ("last=soon", "'soon' is no duration: write a number with its unit, such as 30s, 15m, 1h30m or 1d"),
        ("last=1h&start=2026-11-24T12:00:00Z&end=2026-11-24T13:00:00Z", "give either `last`, or `start` and `end`"),
        ("start=2026-11-24T12:00:00Z", "`start` and `end` belong together"),
        ("start=2026-11-24T12:00:00Z&end=noon", "`end` is not of the form 2026-11-24T12:00:00Z"),
        ("start=2026-11-24T12:00:00&end=2026-11-24T13:00:00Z", "`start` needs a zone, such as 2026-11-24T12:00:00Z"),
        (
            "start=2026-11-24T13:00:00Z&end=2026-11-24T12:00:00Z",
            "a range is at least a minute long, and its end lies after its start",
        ),
        ("start=0001-01-01T00:00:00Z&end=0001-01-02T00:00:00Z", "`start` lies before the year 2000"),
        ("start=0001-01-01T00:00:00%2B05:00&end=0001-01-02T00:00:00Z", "`start` lies before the year 2000"),
        ("start=9999-12-30T00:00:00Z&end=9999-12-31T00:00:00Z", "`start` lies in the future"),
        ("start=2026-11-02T11:00:00Z&end=9999-12-31T23:00:00-05:00", "`end` lies in the future"),
        (
            "start=2026-02-30T11:00:00Z&end=2026-11-02T12:00:00Z",
            "`start` is no moment that there is: look at its day, its hour and its zone",
        ),
        ("last=1h&last=2h", "`last` is given more than once: nobody knows which is meant"),
        ("filter=system", "`filter` is of the form KEY:VALUE"),
        ("filter=job:a", "the dashboard has no field 'job': it has system"),
    ],
)
def test_what_is_refused(console: Console, query: str, detail: str) -> None:
    found = console.get(f"/api/dashboards/fleet/data?{query}")
    assert (found.status, found.json["detail"]) == (422, detail)


def test_start_and_end(console: Console) -> None:
    path = "/api/dashboards/a%20file/data?start=2026-11-02T12:56:30%2B01:00&end=2026-11-02T11:59:30Z"
    found = console.get(path)
    assert (found.json["start"], found.json["end"]) == ("2026-11-02T11:56:30Z", "2026-11-02T11:59:30Z")
    assert values(found)


def test_answers_are_as_described(console: Console) -> None:
    document = console.get("/openapi.json").json
    cases = [
        ("GET", "/api/dashboards", "/api/dashboards", None),
        ("GET", "/api/dashboards/{name}", "/api/dashboards/fleet", None),
        ("GET", "/api/dashboards/{name}/data", "/api/dashboards/fleet/data", None),
        *[("POST", "/api/dashboards/view", "/api/dashboards/view", each) for each in SAMPLES.values()],
        ("POST", "/api/dashboards/data", "/api/dashboards/data?last=5m", {"dashboard": OPEN}),
    ]
    for method, route, path, body in cases:
        found = console.get(path) if method == "GET" else console.post(path, body)
        described = document["paths"][route][method.lower()]["responses"][str(found.status)]["content"][
            "application/json"
        ]
        schema = {**described["schema"], "components": document["components"]}
        Draft202012Validator(schema).validate(found.json)


def test_what_json_cannot_hold_becomes_null() -> None:
    numbers = (1.0, math.nan, math.inf, -math.inf)
    times = (1.0, 2.0, 3.0, 4.0)
    one = Series("m", {}, "r", {}, "delta", "double", "1", times, times, numbers)
    found = answers.encode(Answer((one,)))["series"][0]
    assert (found["values"], found["starts_s"]) == ([1.0, None, None, None], [1.0, 2.0, 3.0, 4.0])
    assert "bounds" not in found
    counts = Series(
        "m", {}, "r", {}, "delta", "distribution", "1", times[:2], times[:2], ((1, 2), (3, 4)), (5.0,), (1.0, math.nan)
    )
    found = answers.encode(Answer((counts,)))["series"][0]
    assert (found["values"], found["bounds"], found["means"]) == ([[1, 2], [3, 4]], [5.0], [1.0, None])
    json.dumps(found, allow_nan=False)


def test_sums_over_a_longer_period_than_asked_for_say_so(console: Console) -> None:
    aggregation = {"alignmentPeriod": "60s", "perSeriesAligner": "ALIGN_SUM", "crossSeriesReducer": "REDUCE_SUM"}
    dashboard = grid(
        [{"scorecard": {"timeSeriesQuery": {"timeSeriesFilter": {"filter": GAUGE, "aggregation": aggregation}}}}]
    )
    for last, expected in (("18h", (60, False)), ("7d", (600, True))):
        (found,) = console.post(f"/api/dashboards/data?last={last}", {"dashboard": dashboard}).json["answers"].values()
        assert (found["step_s"], found["stretched"]) == expected


def test_yaml_is_told_apart_from_json_that_is_broken(console: Console) -> None:
    refused = console.post("/api/dashboards/view", b"displayName: y\ngridLayout: {}\n")
    assert (refused.status, refused.json["detail"][:13]) == (422, "This is YAML:")
    assert "YAML" not in console.post("/api/dashboards/view", b'{"displayName": ').json["detail"]


def test_a_head_asks_nothing(console: Console) -> None:
    calls = console.cloud.faults.calls()
    for path in ("/api/dashboards/a%20file/data", "/api/dashboards/fleet/data"):
        assert ask(console.address, "HEAD", path).status == 405
    assert console.cloud.faults.calls() == calls
