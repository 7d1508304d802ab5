"""What each scenario does to the systems that it names; that it does nothing to others is tested with the world."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.cloud.monitoring_v3 import MetricServiceClient
from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcTransport
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
from google.pubsub_v1.types import BigQueryConfig, Subscription
from pyarrow import parquet

from exporter.sandbox import happenings, scenario
from exporter.sandbox.clock import from_us
from exporter.sandbox.fleet import ODDITIES, PROJECT, Pipeline
from exporter.sandbox.scenario import ScenarioError
from exporter.sandbox.server import Sandbox
from tests.sandbox.running import NOW, advance, ask, eventually, lines, still

DOCUMENT = Path(__file__).parents[2] / "docs" / "sandbox.md"
SLACK = timedelta(seconds=3)
"""A batch that is open when behaviour changes keeps its time."""


def start_of(name: str) -> datetime:
    """When a scenario begins that is laid down with history."""
    return NOW - timedelta(seconds=scenario.load(name).lead_s)


@contextmanager
def subscriber(sandbox: Sandbox) -> Iterator[Any]:
    """The genuine client."""
    with grpc.insecure_channel(sandbox.addresses.pubsub) as channel:
        yield SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))


def state_of(sandbox: Sandbox, pipeline: Pipeline) -> tuple[Any, Any]:
    """State of a pipeline's subscription and of its delivery, as the API gives them."""
    with subscriber(sandbox) as client:
        found = client.get_subscription(subscription=pipeline.subscription)
    return found.state, found.bigquery_config.state


ACTIVE = (Subscription.State.ACTIVE, BigQueryConfig.State.ACTIVE)


def rows_of(sandbox: Sandbox, pipeline: Pipeline) -> list[dict[str, Any]]:
    """Rows of a pipeline's table, in order of their commits."""
    found: list[dict[str, Any]] = sandbox.world.engines.bigquery.table_rows(pipeline.table).to_pylist()
    return found


def latencies(sandbox: Sandbox, pipeline: Pipeline) -> list[tuple[datetime, float]]:
    """When each message was published, and how many seconds later it was in the table."""
    first: dict[str, tuple[datetime, float]] = {}
    for row in rows_of(sandbox, pipeline):
        took = (row["commit_time"] - row["publish_time"]).total_seconds()
        first.setdefault(row["message_id"], (row["publish_time"], took))
    return list(first.values())


def published(sandbox: Sandbox, pipeline: Pipeline, since: datetime) -> int:
    """Messages published since a full minute."""
    minutes = sandbox.world.engines.ledger.topics()[pipeline.topic]
    return sum(minute.messages for start, minute in minutes.items() if from_us(start) >= since)


def assert_late(sandbox: Sandbox, pipeline: Pipeline, begin: datetime, end: datetime, extra_s: float) -> None:
    """Messages published between two times are late, those before and after are not."""
    found = latencies(sandbox, pipeline)
    inside = [took for at, took in found if begin + SLACK < at < end]
    outside = [took for at, took in found if at < begin or at > end + SLACK]
    assert len(inside) > 30 < len(outside)
    assert min(inside) > extra_s > max(outside)


def late(extra_s: float, minutes: int) -> Callable[[Sandbox, str, list[Pipeline]], None]:
    def shows(sandbox: Sandbox, name: str, chosen: list[Pipeline]) -> None:
        for pipeline in chosen:
            begin = start_of(name)
            assert_late(sandbox, pipeline, begin, begin + timedelta(minutes=minutes), extra_s)
            assert state_of(sandbox, pipeline) == ACTIVE

    return shows


def broken(state: str) -> Callable[[Sandbox, str, list[Pipeline]], None]:
    def shows(sandbox: Sandbox, name: str, chosen: list[Pipeline]) -> None:
        (pipeline,) = chosen
        assert state_of(sandbox, pipeline) == (Subscription.State.RESOURCE_ERROR, getattr(BigQueryConfig.State, state))
        waiting = sandbox.world.engines.ledger.subscriptions()[pipeline.subscription]
        (*_, last) = (waiting[start] for start in sorted(waiting) if waiting[start].backlog is not None)
        assert last.backlog is not None
        assert 0 <= last.backlog - published(sandbox, pipeline, start_of(name)) < 20
        if state != "NOT_FOUND":
            assert max(row["commit_time"] for row in rows_of(sandbox, pipeline)) <= start_of(name)

    return shows


def dead_letters(sandbox: Sandbox, name: str, chosen: list[Pipeline]) -> None:
    (pipeline,) = chosen
    minutes = sandbox.world.engines.ledger.subscriptions()[pipeline.subscription]
    dead = sum(minute.dead_lettered for minute in minutes.values())
    assert 0.15 < dead / published(sandbox, pipeline, start_of(name)) < 0.25
    assert all(not each.dead_lettered for start, each in minutes.items() if from_us(start) < start_of(name))
    kept: set[str] = set()
    with subscriber(sandbox) as client:
        while len(kept) < dead:
            answer = client.pull(subscription=pipeline.dead_letter_subscription, max_messages=1000)
            assert answer.received_messages
            for each in answer.received_messages:
                assert each.message.attributes["CloudPubSubDeadLetterSourceSubscription"] == f"{pipeline.id}-bq"
                kept.add(each.message.message_id)
    assert len(kept) == dead


def loss(sandbox: Sandbox, name: str, chosen: list[Pipeline]) -> None:
    (pipeline,) = chosen
    minutes = sandbox.world.engines.ledger.subscriptions()[pipeline.subscription]
    lost = sum(minute.lost for minute in minutes.values())
    assert 0.06 < lost / published(sandbox, pipeline, start_of(name)) < 0.14
    assert {response for minute in minutes.values() for response, _ in minute.attempts} == {"ack"}
    assert state_of(sandbox, pipeline) == ACTIVE


def silence(sandbox: Sandbox, name: str, chosen: list[Pipeline]) -> None:
    (pipeline,) = chosen
    assert published(sandbox, pipeline, start_of(name)) == 0
    assert published(sandbox, pipeline, start_of(name) - timedelta(minutes=30)) > 100
    assert state_of(sandbox, pipeline) == ACTIVE


def reads(sandbox: Sandbox, name: str, chosen: list[Pipeline]) -> None:
    (pipeline,) = chosen
    begin = max(start_of(name), from_us(sandbox.begin_us))
    minutes = (NOW - begin) / timedelta(minutes=1)
    counts = Counter(
        job["referenced_tables"][0]
        for job in sandbox.world.engines.bigquery.jobs()
        if from_us(job["created_us"]) >= begin
    )
    assert counts[str(pipeline.table)] == pytest.approx(20 * minutes, rel=0.1)
    assert counts[str(sandbox.world.pipelines[0].table)] == pytest.approx(0.5 * minutes, rel=0.5)


def duplicates(sandbox: Sandbox, name: str, chosen: list[Pipeline]) -> None:
    (pipeline,) = chosen
    rows = rows_of(sandbox, pipeline)
    copies = len(rows) - len({row["message_id"] for row in rows})
    assert 0.3 < copies / published(sandbox, pipeline, start_of(name)) < 0.6
    assert state_of(sandbox, pipeline) == ACTIVE


def odd(sandbox: Sandbox, _: str, chosen: list[Pipeline]) -> None:
    assert [pipeline.oddity for pipeline in chosen] == ["loaded-rows"]
    assert {pipeline.oddity for pipeline in sandbox.world.pipelines} == {None, *ODDITIES}
    assert sum(row["message_id"] is None for row in rows_of(sandbox, chosen[0])) == 500


def too_many(sandbox: Sandbox, _: str, __: list[Pipeline]) -> None:
    assert statuses(sandbox) == {200, 429}


def statuses(sandbox: Sandbox) -> set[int]:
    """HTTP codes of thirty queries."""
    codes = set()
    for _ in range(30):
        try:
            codes.add(query(sandbox, 60))
        except urllib.error.HTTPError as error:
            with error:
                codes.add(error.code)
    return codes


def query(sandbox: Sandbox, timeout_s: float) -> int:
    """One query, without a client that would try again."""
    body = {"query": "SELECT 1", "useLegacySql": False, "location": "us-central1"}
    request = urllib.request.Request(
        f"{sandbox.addresses.bigquery}/bigquery/v2/projects/{PROJECT}/queries",
        data=json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=timeout_s) as answer:
        return int(answer.status)


def slow(sandbox: Sandbox, _: str, __: list[Pipeline]) -> None:
    with pytest.raises(TimeoutError):
        query(sandbox, 0.5)
    ask(sandbox, "DELETE", "/faults")
    assert query(sandbox, 60) == 200


def unavailable(sandbox: Sandbox, name: str, chosen: list[Pipeline]) -> None:
    with grpc.insecure_channel(sandbox.addresses.monitoring) as channel:
        client = MetricServiceClient(transport=MetricServiceGrpcTransport(channel=channel))
        seen: Counter[str] = Counter()
        for __ in range(60):
            try:
                client.get_metric_descriptor(
                    name=f"projects/{PROJECT}/metricDescriptors/pubsub.googleapis.com/topic/message_sizes", retry=None
                )
                seen["ok"] += 1
            except exceptions.ServiceUnavailable:
                seen["unavailable"] += 1
    assert seen["ok"] > 20
    assert seen["unavailable"] > 5


def partial(sandbox: Sandbox, _: str, __: list[Pipeline]) -> None:
    def series(number: int, at: datetime) -> Any:
        return {
            "metric": {"type": "custom.googleapis.com/test/gauge", "labels": {"number": str(number)}},
            "resource": {"type": "global", "labels": {"project_id": PROJECT}},
            "points": [{"interval": {"end_time": at}, "value": {"double_value": 1.5}}],
        }

    stored = Counter[int]()
    with grpc.insecure_channel(sandbox.addresses.monitoring) as channel:
        client = MetricServiceClient(transport=MetricServiceGrpcTransport(channel=channel))
        for turn in range(30):
            advance(sandbox, 10)
            before = ask(sandbox, "GET", "/stats")[1]["points_stored"]
            at = NOW + timedelta(seconds=10 * turn)
            with suppress(exceptions.GoogleAPICallError):
                client.create_time_series(
                    name=f"projects/{PROJECT}", time_series=[series(number, at) for number in range(5)], retry=None
                )
            stored[ask(sandbox, "GET", "/stats")[1]["points_stored"] - before] += 1
    assert set(stored) == {2, 5}


SHOWS: dict[str, Callable[[Sandbox, str, list[Pipeline]], None]] = {
    "api-429": too_many,
    "api-503": unavailable,
    "cost-spike": reads,
    "dead-letter-flood": dead_letters,
    "duplicates": duplicates,
    "latency-spike": late(90, 20),
    "odd-systems": odd,
    "partial-failure": partial,
    "permission-lost": broken("PERMISSION_DENIED"),
    "publisher-silent": silence,
    "regional-outage": late(300, 30),
    "schema-break": broken("SCHEMA_MISMATCH"),
    "silent-loss": loss,
    "slow-api": slow,
    "table-deleted": broken("NOT_FOUND"),
}


def test_every_scenario_is_looked_at() -> None:
    assert set(SHOWS) == set(scenario.names())


@pytest.mark.parametrize("name", scenario.names())
def test_a_scenario_does_what_it_says(name: str, tmp_path: Path) -> None:
    places = {place for fault in scenario.load(name).faults for place in fault.systems}
    systems = 1 + max((place for place in places if isinstance(place, int)), default=1)
    with still(systems, scenario=name) as sandbox:
        chosen = [each for each in sandbox.world.pipelines if {each.index, f"odd:{each.oddity}"} & places]
        assert_conserved(sandbox, tmp_path)
        SHOWS[name](sandbox, name, chosen)


def assert_conserved(sandbox: Sandbox, folder: Path) -> None:
    """From the files of a dump alone: every message is somewhere, minute by minute."""
    assert ask(sandbox, "POST", f"/dump?dir={folder}")[0] == 200
    minutes = defaultdict(list)
    for line in lines(folder / "pubsub.jsonl"):
        minutes[line["system"]].append(line)
    for pipeline in sandbox.world.pipelines:
        if pipeline.oddity in ("missing-subscription", "filtered", "no-metadata"):
            continue
        backlog = 0
        for minute in minutes[pipeline.id]:
            backlog += minute["published"] - minute["acknowledged"] - minute["lost"] - minute["dead_lettered"]
            assert minute["backlog"] == backlog, minute
        file = folder / "tables" / f"{pipeline.id}.parquet"
        if file.exists():
            rows = [
                row for row in parquet.read_table(file).to_pylist() if row["subscription_name"] == pipeline.subscription
            ]
            assert len({row["message_id"] for row in rows}) == sum(
                each["acknowledged"] for each in minutes[pipeline.id]
            )


def test_a_scenario_begins_when_it_is_called_and_ends_by_itself() -> None:
    with still(3, history_s=0) as sandbox:
        struck = sandbox.world.pipelines[2]
        assert ask(sandbox, "POST", "/scenario/latency-spike")[0] == 200
        advance(sandbox, 40 * 60)
        assert_late(sandbox, struck, NOW, NOW + timedelta(minutes=20), 90)


TOP = "title: a title\ndescription: a description\nfaults:\n"
PASSING = {
    "require_column": "{kind: require_column, systems: [1], from: 1m, until: 15m}",
    "revoke": "{kind: revoke, systems: [1], from: 1m, until: 15m, principal: pubsub, "
    "permission: bigquery.tables.updateData}",
}


def play(sandbox: Sandbox, fault: str) -> None:
    """Begin a scenario of one fault now."""
    world = sandbox.world
    happenings.begin(world, scenario.parse("mine", f"{TOP}  - {fault}\n"), world.settle())


@pytest.mark.parametrize("kind", PASSING)
def test_a_table_that_refused_everything_catches_up_when_that_is_over(kind: str) -> None:
    with still(2, history_s=0) as sandbox:
        struck = sandbox.world.pipelines[1]
        play(sandbox, PASSING[kind])
        advance(sandbox, 14 * 60)
        assert state_of(sandbox, struck)[0] == Subscription.State.RESOURCE_ERROR
        before = len(rows_of(sandbox, struck))
        advance(sandbox, 10 * 60)
        assert state_of(sandbox, struck) == ACTIVE
        assert len(rows_of(sandbox, struck)) > before
        until = NOW + timedelta(minutes=23)
        found = {at for at, _ in latencies(sandbox, struck)}
        with sandbox.world.engines.ledger.lock:
            minutes = sandbox.world.engines.ledger.topics()[struck.topic].items()
            expected = sum(minute.messages for start, minute in minutes if from_us(start) < until)
        assert sum(at < until for at, _ in latencies(sandbox, struck)) == expected
        assert max(found) >= until


def test_a_publisher_speaks_again_and_reads_become_few_again() -> None:
    with still(2, history_s=0) as sandbox:
        struck = sandbox.world.pipelines[1]
        play(sandbox, "{kind: silence, systems: [1], from: 0s, until: 10m}")
        play(sandbox, "{kind: reads, systems: [1], from: 0s, until: 10m, factor: 20}")
        advance(sandbox, 30 * 60)
        assert published(sandbox, struck, NOW) == published(sandbox, struck, NOW + timedelta(minutes=10)) > 0
        jobs = [
            from_us(job["created_us"])
            for job in sandbox.world.engines.bigquery.jobs()
            if job["referenced_tables"] == [str(struck.table)]
        ]
        assert sum(NOW <= at < NOW + timedelta(minutes=10) for at in jobs) == 100
        assert sum(at >= NOW + timedelta(minutes=10) for at in jobs) < 20


def test_a_fault_of_an_api_ends_when_the_scenario_says_so() -> None:
    with still(1, history_s=0) as sandbox:
        play(sandbox, "{kind: api, from: 1m, until: 2m, fault: {api: bigquery, status: PERMISSION_DENIED}}")
        found = []
        for _ in range(3):
            found.append(statuses(sandbox))
            advance(sandbox, 60)
        assert found == [{200}, {403}, {200}]


def test_scenarios_can_follow_and_repeat_each_other() -> None:
    with still(5, history_s=0) as sandbox:
        untouched = sandbox.world.pipelines[0]
        for name in (
            "schema-break",
            "schema-break",
            "table-deleted",
            "schema-break",
            "table-deleted",
            "permission-lost",
        ):
            assert ask(sandbox, "POST", f"/scenario/{name}")[0] == 200
            advance(sandbox, 60)
        assert state_of(sandbox, untouched) == ACTIVE


def test_scenarios_bear_that_somebody_has_deleted_what_they_act_on() -> None:
    with still(5, history_s=0) as sandbox, grpc.insecure_channel(sandbox.addresses.pubsub) as channel:
        pipelines = sandbox.world.pipelines
        with subscriber(sandbox) as client:
            client.delete_subscription(subscription=pipelines[2].subscription)
        publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        publisher.delete_topic(topic=pipelines[4].topic)
        for name in ("duplicates", "publisher-silent", "silent-loss"):
            assert ask(sandbox, "POST", f"/scenario/{name}")[0] == 200
        play(sandbox, "{kind: silence, systems: [4], from: 0s, until: 1m}")
        play(sandbox, "{kind: delete_table, systems: [1], from: 0s}")
        play(sandbox, "{kind: load_rows, systems: [1], from: 1s, rows: 5}")
        play(sandbox, "{kind: require_column, systems: [1], from: 2s, until: 3s}")
        before = published(sandbox, pipelines[0], NOW)
        advance(sandbox, 600)
        assert published(sandbox, pipelines[0], NOW) > before
        publisher.create_topic(name=pipelines[4].topic)
        advance(sandbox, 600)
        assert published(sandbox, pipelines[4], NOW + timedelta(minutes=10)) > 0


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("{kind: silence, systems: [0], from: 5m, until: 5m}", "ends after it has begun"),
        ("{kind: silence, from: 5m}", "kind silence has systems"),
        ("{kind: silence, systems: [0], factor: 2}", "kind silence has systems"),
        ("{kind: behaviour, systems: [0]}", "kind behaviour has systems, set"),
        ("{kind: behaviour, systems: [0], set: {loss: 1}}", "loss"),
        ("{kind: behaviour, systems: [0], set: {loss_ratio: 2}}", "loss_ratio must be between 0 and 1"),
        ("{kind: api, fault: {api: pubsub}}", "it does nothing"),
        ("{kind: api, systems: [0], fault: {api: pubsub, garbage: true}}", "kind api has fault"),
        ("{kind: reads, systems: [0], factor: -1}", "factor must not be negative"),
        ("{kind: reads, systems: [0], factor: many}", "many"),
        ("{kind: load_rows, systems: [0], rows: 0}", "rows must be at least 1"),
        ("{kind: revoke, systems: [0], principal: pubsub}", "kind revoke has systems, principal, permission"),
    ],
)
def test_a_fault_that_could_not_be_carried_out_is_refused_when_it_is_read(fault: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=re.escape(message)):
        scenario.parse("mine", f"{TOP}  - {fault}\n")


def test_nothing_is_planned_of_a_scenario_that_names_a_system_too_many() -> None:
    text = TOP + "  - {kind: silence, systems: [0]}\n  - {kind: silence, systems: [7]}\n"
    with still(2, history_s=0) as sandbox:
        with pytest.raises(ScenarioError, match="needs at least 8 systems, there are 2"):
            happenings.begin(sandbox.world, scenario.parse("mine", text), sandbox.world.settle())
        advance(sandbox, 300)
        eventually(lambda: published(sandbox, sandbox.world.pipelines[0], NOW) > 0)


def test_the_document_lists_every_scenario_with_its_title() -> None:
    _, _, table = DOCUMENT.read_text(encoding="utf-8").partition("| Scenario | Title |")
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| (.*?) \| (.+?) \|$", table.partition("\n\n")[0], re.MULTILINE)
    assert [(name, title) for name, title, _ in rows] == [
        (name, scenario.load(name).title) for name in scenario.names()
    ]
