"""The checks of Cloud Monitoring, statements, dashboards, policies and OTLP, asked of a sandbox over the wire."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
from google.api.metric_pb2 import MetricDescriptor
from google.cloud.monitoring_v3 import TimeSeries
from hypothesis import given
from hypothesis import strategies as st

from exporter.config.types import OtlpSettings
from exporter.errors import Transient
from exporter.model import LATENCY_BOUNDS_S
from exporter.rendering import templates
from exporter.rest import Rest
from exporter.sandbox.conduct import Conduct
from exporter.verify import report
from exporter.verify.areas import dashboards, otlp, statements
from exporter.verify.areas.writing_limits import boundary
from exporter.verify.lab import MADE, Lab
from exporter.verify.pipeline import BY_NAME, delete_table
from exporter.verify.questions import Check, CouldNotAsk, Verdict
from tests.sinks.otlp_receiver import Receiver, refusal
from tests.verify.area_runs import behave, lab_at
from tests.verify.monitoring_runs import BY_DESIGN, CHECKS, asked_with_stops, differing, names_of, sandbox_late

NAMES = names_of("CNQBO")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    directory = tmp_path_factory.mktemp("run")
    with sandbox_late() as sandbox:
        stops = asked_with_stops(sandbox, directory, NAMES, 40)
        with lab_at(sandbox, directory, 1) as lab:
            yield SimpleNamespace(sandbox=sandbox, lab=lab, stops=stops, results=dict(lab.book.results))


@pytest.mark.parametrize("name", NAMES)
def test_the_sandbox_gives_the_expected_answer_or_has_nobody_to_ask(run: Any, name: str) -> None:
    result = run.results[name]
    if name in BY_DESIGN:
        assert (result.verdict, result.by_design) == (Verdict.COULD_NOT_ASK, True), result.seen
    else:
        assert result.verdict is Verdict.OK, result.seen


def test_it_was_stopped_and_taken_up_again(run: Any) -> None:
    assert run.stops >= 2


def test_what_is_measured_is_how_the_sandbox_is_told_to_behave(run: Any) -> None:
    measured = report.parameters(run.results.values())
    usual = dataclasses.asdict(Conduct())
    announced = measured.pop("metric_announced_delay_s")
    assert measured == {name: usual[name] for name in measured}
    assert {round(delay) for delay in announced.values()} == {120, 240}
    assert len(measured) == 19


def test_a_sandbox_can_behave_as_it_was_measured(run: Any) -> None:
    behave(run.sandbox, report.parameters(run.results.values()))
    behave(run.sandbox, {})


def test_what_was_made_is_known_before_it_is_made(run: Any) -> None:
    made = [name for kind, name in run.lab.book.get(MADE) if kind == "descriptor"]
    project, run_name = run.lab.place.project, run.lab.place.run
    there = run.lab.services.monitoring.list_metric_descriptors(name=f"projects/{project}")
    assert {each.name for each in there if run_name in each.type} <= set(made)
    listed = run.lab.services.rest.call("monitoring", "GET", f"v3/projects/{project}/alertPolicies")
    assert not listed.get("alertPolicies"), "a policy that was only tried is left"


def test_every_statement_and_every_template_has_a_question() -> None:
    files = resources.files("exporter.sources").joinpath("sql").iterdir()
    asked_for = {name.partition(" ")[0] for name, *_ in statements.RENDERED}
    assert asked_for == {Path(file.name).stem for file in files}
    questions = " ".join(check.question for check in dashboards.CHECKS)
    for kind in ("dashboards", "alerts"):
        for name in templates.read(kind):
            assert f" {name}.json?" in questions


def test_a_statement_that_is_refused_is_named(run: Any) -> None:
    lab: Lab = run.lab
    broken = BY_NAME["main"]
    delete_table(lab, broken)
    try:
        seen = {name: CHECKS[name].ask(lab) for name in names_of("Q")}
    finally:
        lab.book.note("there", [])
        lab.services.bigquery.create_table(broken.table(lab.place))
    wrong = {name: each for name, each in seen.items() if each is not None and not each.as_expected}
    assert wrong.keys() == {"Q01", "Q02", "Q03", "Q04", "Q09"}
    assert "notFound" in wrong["Q01"].text
    assert "SELECT" in wrong["Q01"].evidence["statement"]


def test_a_document_that_is_refused_is_named_with_the_reason(run: Any) -> None:
    good, bad = {"displayName": "x", "gridLayout": {}}, {"displayName": "x", "colour": "red"}
    documents = {"one": good, "two": bad}
    refusals = dashboards._refusals(documents, lambda document: dashboards.validate(run.lab, document), run.lab)
    seen = dashboards._seen(documents, refusals)
    assert not seen.as_expected
    assert seen.text.startswith("1 of 2 refused: two: ")
    assert "colour" in seen.text


@given(limit=st.integers(0, 2_000), low=st.integers(1, 900), margin=st.integers(1, 50))
def test_the_boundary_lies_between_what_is_taken_and_what_is_not(limit: int, low: int, margin: int) -> None:
    expected, most = (low, low + margin), 1_000
    found = boundary(lambda number: number <= limit, expected, most)
    if limit >= most:
        assert found == (most, most)
    else:
        assert found[0] <= limit < found[1]
        assert found[1] - found[0] <= margin


# PromQL


@contextmanager
def prometheus(*values: str) -> Iterator[tuple[Rest, list[Mapping[str, list[str]]]]]:
    """Prometheus's HTTP API as Cloud Monitoring serves it, which answers every query with these values."""
    queries: list[Mapping[str, list[str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            assert path.endswith("/location/global/prometheus/api/v1/query")
            queries.append(parse_qs(query))
            result = [{"metric": {}, "value": [1_762_257_600, value]} for value in values]
            body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    rest = Rest(requests.Session(), f"http://127.0.0.1:{server.server_address[1]}")
    try:
        yield rest, queries
    finally:
        rest.close()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(
    ("values", "expected"),
    [(["23"], True), (["22.9"], True), (["34.5"], True), (["18"], False), (["36"], False), (["23", "23"], False)],
)
def test_increase_is_judged_by_what_the_windows_counted(run: Any, values: list[str], expected: bool) -> None:
    with prometheus(*values) as (rest, queries):
        lab = replace(run.lab, services=replace(run.lab.services, rest=rest))
        seen = CHECKS["C12"].ask(lab)
    assert seen is not None
    assert seen.as_expected is expected
    job = run.lab.book.get("resets")["job"]
    metric = f"custom_googleapis_com:exporter_verify_{run.lab.place.run}_verify_count"
    assert queries[0]["query"] == [f'increase({metric}{{monitored_resource="generic_task",job="{job}"}}[10m])']


def test_increase_that_says_nothing_is_asked_again(run: Any) -> None:
    with prometheus() as (rest, _):
        assert CHECKS["C12"].ask(replace(run.lab, services=replace(run.lab.services, rest=rest))) is None


# OTLP


def test_what_the_receiver_did_not_keep_is_missed_after_a_while(run: Any) -> None:
    """A place that is no sandbox: Google's, as far as this check can tell."""
    lab = replace(run.lab, services=replace(run.lab.services, rest=Rest(requests.Session())))
    lab.book.note("otlp delta", {"system": "otlp-delta-1", "written": 6, "rejected": ["latency: INVALID_ARGUMENT: no"]})
    assert CHECKS["O01"].ask(lab) is None
    lab.clock.wait(700.0)
    kept, refused = CHECKS["O01"].ask(lab), CHECKS["O05"].ask(lab)
    assert kept is not None
    assert (kept.text, kept.as_expected) == ("not there; kept was nothing", False)
    assert refused is not None
    assert (refused.text, refused.as_expected) == ("refused: latency: INVALID_ARGUMENT: no", False)
    lab.services.rest.close()


def _series(kind: int, values: list[float], **labels: str) -> Any:
    end = datetime(2026, 11, 4, 12, 0, tzinfo=UTC)
    points = [
        {"interval": {"end_time": end + place * timedelta(minutes=1)}, "value": {"double_value": value}}
        for place, value in enumerate(values)
    ]
    made = TimeSeries(
        metric={"labels": {"outcome": "published"}},
        resource={"type": "prometheus_target", "labels": labels},
        metric_kind=kind,
        points=points[::-1],
    )
    return TimeSeries.pb(made)


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        (MetricDescriptor.DELTA, [5.0, 7.0], True),
        (MetricDescriptor.CUMULATIVE, [5.0, 12.0], True),
        (MetricDescriptor.CUMULATIVE, [5.0, 7.0], True),
        (MetricDescriptor.CUMULATIVE, [12.0], False),
        (MetricDescriptor.DELTA, [5.0, 12.0], False),
    ],
)
def test_a_count_is_judged_by_the_kind_it_is_kept_as(run: Any, kind: int, values: list[float], expected: bool) -> None:
    assert otlp.counted(run.lab, "", [_series(kind, values)])[1] is expected


def test_labels_are_judged_by_what_dashboards_ask_for(run: Any) -> None:
    place = run.lab.place
    good = {"project_id": place.project, "location": place.region, "cluster": "", "namespace": "exporter-verify"}
    good |= {"job": "otlp-delta-1", "instance": "pipeline"}
    assert otlp.labelled(run.lab, "otlp-delta-1", [_series(MetricDescriptor.DELTA, [5.0], **good)])[1]
    text, expected = otlp.labelled(
        run.lab, "otlp-delta-1", [_series(MetricDescriptor.DELTA, [5.0], **{**good, "job": "x"})]
    )
    assert not expected
    assert "job='x'" in text


def test_a_gauge_and_a_distribution_are_judged_by_their_values(run: Any) -> None:
    assert otlp.gauged(run.lab, "", [_series(MetricDescriptor.GAUGE, [3.0, 3.0])])[1]
    assert not otlp.gauged(run.lab, "", [_series(MetricDescriptor.CUMULATIVE, [3.0, 3.0])])[1]
    kept = _series(MetricDescriptor.CUMULATIVE, [0.0])
    value = kept.points[0].value.distribution_value
    value.count = 7
    value.bucket_counts.extend([0, 7])
    value.bucket_options.explicit_buckets.bounds.extend(LATENCY_BOUNDS_S)
    assert otlp.spread(run.lab, "", [kept])[1]
    del value.bucket_options.explicit_buckets.bounds[-1]
    assert not otlp.spread(run.lab, "", [kept])[1]


@pytest.mark.parametrize(("temporality", "number"), [("delta", 1), ("cumulative", 2)])
def test_two_windows_of_each_kind_are_sent(run: Any, temporality: str, number: int) -> None:
    with Receiver() as receiver:
        noted = otlp.sent(run.lab, temporality, OtlpSettings(receiver.endpoint))
        stored = receiver.stored
    assert (noted["written"], noted["rejected"]) == (6, [])
    assert {point.resource["job"] for point in stored} == {noted["system"]}
    prefix = f"exporter_verify_{run.lab.place.run}"
    assert sorted({point.name for point in stored}) == [
        f"{prefix}_{name}" for name in ("backlog_messages", "latency", "messages")
    ]
    assert {point.temporality for point in stored if point.kind != "gauge"} == {number}


def test_what_a_receiver_refuses_is_told_apart_from_what_passes(run: Any) -> None:
    with Receiver(refuses=lambda point: point.name.endswith("_latency"), always=refusal(403, "no")) as receiver:
        with pytest.raises(CouldNotAsk, match="PERMISSION_DENIED"):
            otlp.sent(run.lab, "delta", OtlpSettings(receiver.endpoint))
        receiver.always = refusal(500, "later")
        with pytest.raises(Transient):
            otlp.sent(run.lab, "delta", OtlpSettings(receiver.endpoint))
        receiver.always = refusal(400, "never")
        noted = otlp.sent(run.lab, "delta", OtlpSettings(receiver.endpoint))
    assert len(noted["rejected"]) == 6
    assert all("never" in each for each in noted["rejected"])


def test_questions_are_those_of_their_areas() -> None:
    letters = {"C": 21, "N": 8, "Q": 9, "B": 23, "O": 6, "X": 13}
    assert {letter: len(names_of(letter)) for letter in letters} == letters
    assert all(isinstance(each, Check) for each in CHECKS.values())


def test_nothing_differs(run: Any) -> None:
    assert differing(run.results) == {}
