"""A system's API in the sandbox: what it answers, and what Cloud Monitoring then says of the requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.cloud.monitoring_v3 import ListTimeSeriesRequest, MetricServiceClient, TimeInterval
from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcTransport

from exporter.sandbox.clock import to_us
from exporter.sandbox.fleet import PROJECT, Pipeline
from exporter.sandbox.ledger import MINUTE_US
from exporter.sandbox.monitoring.run_metrics import DELAY_S
from exporter.sandbox.server import Sandbox
from exporter.sandbox.traffic import schedule
from tests.sandbox.running import NOW, advance, ask, still


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """The second of its systems has lost its table."""
    with still(3, scenario="table-deleted", history_s=600) as running:
        yield running


def api(pipeline: Pipeline, more: str = "") -> str:
    return f"/run/{PROJECT}/us-central1/{pipeline.id}-api{more}"


@contextmanager
def monitoring(sandbox: Sandbox) -> Iterator[MetricServiceClient]:
    with grpc.insecure_channel(sandbox.addresses.monitoring) as channel:
        yield MetricServiceClient(transport=MetricServiceGrpcTransport(channel=channel))


def requests(sandbox: Sandbox, pipeline: Pipeline, metric: str) -> list[Any]:
    """Series of a metric of Cloud Run for one service: their points that begin in the minute of NOW."""
    interval = TimeInterval(start_time=NOW, end_time=NOW + timedelta(minutes=1))
    service = f'resource.labels.service_name = "{pipeline.id}-api"'
    text = f'metric.type = "run.googleapis.com/{metric}" AND resource.type = "cloud_run_revision" AND {service}'
    with monitoring(sandbox) as client:
        request = ListTimeSeriesRequest(name=f"projects/{PROJECT}", filter=text, interval=interval)
        return list(client.list_time_series(request=request, retry=None))


def made_up(pipeline: Pipeline) -> int:
    """Reads that the sandbox makes up by itself in the minute of NOW."""
    return len(schedule.reads(1, pipeline.id, to_us(NOW)))


def counts(sandbox: Sandbox, pipeline: Pipeline) -> Counter[tuple[str, str]]:
    """Requests in the minute of NOW by response code and class."""
    found: Counter[tuple[str, str]] = Counter()
    for series in requests(sandbox, pipeline, "request_count"):
        labels = series.metric.labels
        for point in series.points:
            assert to_us(point.interval.end_time) == to_us(NOW) + MINUTE_US
            found[labels["response_code"], labels["response_code_class"]] += point.value.int64_value
    return found


def test_requests_are_in_the_metrics_with_their_codes_when_cloud_run_would_have_told() -> None:
    with still(3, scenario="table-deleted", history_s=600) as sandbox:
        _count_requests(sandbox)


def _count_requests(sandbox: Sandbox) -> None:
    whole, broken, quiet = sandbox.world.pipelines
    answers = [ask(sandbox, "GET", api(whole))[0] for _ in range(7)]
    answers += [ask(sandbox, "GET", api(whole, "?limit=none"))[0], ask(sandbox, "GET", api(whole, "/elsewhere"))[0]]
    answers += [ask(sandbox, "GET", api(broken))[0] for _ in range(3)]
    assert answers == [200] * 7 + [400, 404] + [500] * 3
    advance(sandbox, 60 + DELAY_S - 1)
    assert counts(sandbox, whole) == {}
    advance(sandbox, 1)
    of_whole = {("200", "2xx"): 7 + made_up(whole), ("400", "4xx"): 1, ("404", "4xx"): 1}
    assert counts(sandbox, whole) == of_whole
    assert counts(sandbox, broken) == {("500", "5xx"): 3 + made_up(broken)}
    assert counts(sandbox, quiet) == +Counter({("200", "2xx"): made_up(quiet)})
    timed: Counter[str] = Counter()
    for series in requests(sandbox, whole, "request_latencies"):
        for point in series.points:
            value = point.value.distribution_value
            assert value.mean > 0
            assert sum(value.bucket_counts) == value.count
            timed[series.metric.labels["response_code"]] += value.count
    assert timed == {code: count for (code, _), count in of_whole.items()}


def test_the_newest_rows_come_first_and_as_many_as_asked_for(sandbox: Sandbox) -> None:
    whole = sandbox.world.pipelines[0]
    rows = ask(sandbox, "GET", api(whole, "/?limit=1000"))[1]["rows"]
    times = [row["publish_time"] for row in rows]
    assert len(rows) > 50
    assert times == sorted(times, reverse=True)
    table = sandbox.world.engines.bigquery.table_rows(whole.table)
    newest = max(table["publish_time"].to_pylist()).astimezone(NOW.tzinfo)
    assert times[0] == newest.isoformat().replace("+00:00", "Z")
    assert rows[0].keys() == {"message_id", "publish_time", "carrier", "flight", "origin", "dest"}
    assert [len(ask(sandbox, "GET", api(whole, more))[1]["rows"]) for more in ("", "?limit=1")] == [20, 1]


@pytest.mark.parametrize(
    "path",
    [f"/run/{PROJECT}/us-central1/nobody", f"/run/{PROJECT}/US/jfk-lax-api", "/run/other/us-central1/jfk-lax-api"],
)
def test_a_service_that_is_not_there_is_not_found(sandbox: Sandbox, path: str) -> None:
    status, answer = ask(sandbox, "GET", path)
    assert status == 404
    assert "no such service" in answer["error"]


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "1.5", "", "1e2", "99999999999999999999", "1;DROP", "%C2%B2"])
def test_a_limit_that_is_none_is_refused(sandbox: Sandbox, limit: str) -> None:
    status, answer = ask(sandbox, "GET", api(sandbox.world.pipelines[0], f"?limit={limit}"))
    assert (status, answer) == (400, {"error": "limit is a whole number from 1 to 1000"})


def test_a_request_is_a_query_of_the_service_and_not_of_the_exporter(sandbox: Sandbox) -> None:
    whole, broken, _ = sandbox.world.pipelines
    for pipeline in (whole, broken):
        ask(sandbox, "GET", api(pipeline, "?limit=3"))
    read, failed = list(sandbox.world.engines.bigquery.jobs())[-2:]
    assert read["user"] == failed["user"] == "api@flights-sandbox.iam.gserviceaccount.com"
    assert str(whole.table) in read["referenced_tables"]
    assert (read["bytes_billed"], failed["bytes_billed"]) == (10 * 2**20, 0)
    assert (read["error"], failed["error"]["reason"]) == (None, "notFound")


def test_what_the_exporter_may_not_read_its_api_still_serves(sandbox: Sandbox) -> None:
    whole = sandbox.world.pipelines[0]
    iam = sandbox.world.engines.iam
    iam.revoke("exporter", "bigquery.tables.getData", str(whole.table))
    try:
        assert ask(sandbox, "GET", api(whole))[0] == 200
    finally:
        iam.restore("exporter", "bigquery.tables.getData", str(whole.table))
