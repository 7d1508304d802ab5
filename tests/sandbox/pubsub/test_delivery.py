from __future__ import annotations

import json
import statistics
from collections import Counter

import pytest
from google.pubsub_v1 import types

from exporter.sandbox.ledger import Ledger
from exporter.sandbox.pubsub.behaviour import Behaviour
from exporter.sandbox.pubsub.engine import PubSub
from exporter.sandbox.pubsub.messages import Draft
from tests.sandbox.pubsub.pipeline import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    T0,
    add_pipeline,
    add_pull,
    add_topic,
    attempts,
    publish_evenly,
    table_name,
    topic_name,
    total,
)
from tests.sandbox.pubsub.recording import RecordingSink

FLIGHTS = table_name("flights")


def test_rows_hold_the_message_and_its_metadata(engine: PubSub, sink: RecordingSink) -> None:
    subscription = add_pipeline(engine)
    draft = Draft(b"\x00\xff", {"kind": "departure", "\u00e9": "\u00fc"}, "key")
    (message_id,) = engine.publish(topic_name("flights"), [draft], T0 + 5)
    engine.run_until(T0 + HOUR)
    (commit,) = sink.commits[FLIGHTS]
    (row,) = commit.rows
    named = dict(zip(commit.columns, row, strict=True))
    assert json.loads(str(named.pop("attributes"))) == {"kind": "departure", "\u00e9": "\u00fc", "orderingKey": "key"}
    assert named == {
        "data": b"\x00\xff",
        "subscription_name": subscription,
        "message_id": message_id,
        "publish_time": T0 + 5,
    }
    assert commit.at_us > T0 + 5


def test_without_metadata_there_is_only_data(engine: PubSub, sink: RecordingSink) -> None:
    add_pipeline(engine, metadata=False)
    engine.publish(topic_name("flights"), [Draft(b"a"), Draft(b"b")], T0)
    engine.run_until(T0 + HOUR)
    assert [(commit.columns, commit.rows) for commit in sink.commits[FLIGHTS]] == [(("data",), ((b"a",), (b"b",)))]


def test_table_schema_takes_fields_and_refuses_what_does_not_fit(
    engine: PubSub, sink: RecordingSink, ledger: Ledger
) -> None:
    sink.columns[FLIGHTS] = {"tail", "delay"}
    subscription = add_pipeline(engine, metadata=False, bigquery_config={"use_table_schema": True})
    bodies = [b'{"tail": "N1", "delay": 3}', b'{"tail": "N2"}', b'{"tail": "N3", "gate": "B4"}', b"[1]", b"no json"]
    engine.publish(topic_name("flights"), [Draft(body) for body in bodies], T0)
    engine.run_until(T0 + MINUTE)
    (commit,) = sink.commits[FLIGHTS]
    assert (commit.columns, commit.rows) == (("delay", "tail"), ((3, "N1"), (None, "N2")))
    assert engine.subscriptions.tally(subscription).delivered == 2
    assert attempts(ledger, subscription)["invalid_argument"] > 1


def test_unknown_fields_can_be_dropped(engine: PubSub, sink: RecordingSink) -> None:
    sink.columns[FLIGHTS] = {"tail"}
    config = {"use_table_schema": True, "drop_unknown_fields": True}
    add_pipeline(engine, bigquery_config=config)
    engine.publish(topic_name("flights"), [Draft(b'{"tail": "N3", "gate": "B4"}')], T0)
    engine.run_until(T0 + MINUTE)
    (commit,) = sink.commits[FLIGHTS]
    assert commit.columns == ("tail", "subscription_name", "message_id", "publish_time", "attributes")
    assert commit.rows[0][0] == "N3"


def test_every_message_arrives_once_and_is_acknowledged_at_its_commit(
    engine: PubSub, sink: RecordingSink, ledger: Ledger
) -> None:
    subscription = add_pipeline(engine)
    ids = publish_evenly(engine, "flights", 3000, T0, HOUR)
    engine.run_until(T0 + HOUR + 10 * MINUTE)
    assert sorted(ids) == sorted(sink.column(FLIGHTS, "message_id"))  # type: ignore[type-var]
    assert engine.subscriptions.tally(subscription).delivered == 3000
    for start, minute in ledger.subscriptions()[subscription].items():
        committed = [c for c in sink.commits[FLIGHTS] if start <= c.at_us < start + MINUTE]
        assert minute.delivered == sum(len(commit.rows) for commit in committed)
        assert minute.attempts == ({("ack", "success"): len(committed)} if committed else {})


def test_latency_has_a_long_tail(engine: PubSub, sink: RecordingSink) -> None:
    add_pipeline(engine)
    publish_evenly(engine, "flights", 20_000, T0, 20 * HOUR)
    engine.run_until(T0 + 21 * HOUR)
    latencies = sorted(
        (commit.at_us - row[3]) / SECOND  # type: ignore[operator]
        for commit in sink.commits[FLIGHTS]
        for row in commit.rows
    )
    cuts = statistics.quantiles(latencies, n=100)
    assert 1 < cuts[49] < 3
    assert cuts[98] < 15
    assert latencies[-1] > 3 * cuts[94]


def test_behaviour_changes_from_a_time_on(engine: PubSub, sink: RecordingSink) -> None:
    subscription = add_pipeline(engine)
    engine.set_behaviour(subscription, Behaviour(extra_latency_s=60, latency_scale=0), T0 + HOUR)
    publish_evenly(engine, "flights", 1200, T0, 2 * HOUR)
    engine.run_until(T0 + 3 * HOUR)
    checked = {True: 0, False: 0}
    for commit in sink.commits[FLIGHTS]:
        for row in commit.rows:
            publish_us = row[3]
            assert isinstance(publish_us, int)
            latency_us = commit.at_us - publish_us
            checked[publish_us >= T0 + HOUR] += 1
            if publish_us >= T0 + HOUR:
                assert 60 * SECOND <= latency_us <= 62 * SECOND
            elif publish_us < T0 + HOUR - 3 * SECOND:  # later ones may share a batch with slow ones
                assert latency_us < 60 * SECOND
    assert checked == {True: 600, False: 600}


def test_duplicates_come_in_later_commits_and_in_the_same(engine: PubSub, sink: RecordingSink, ledger: Ledger) -> None:
    subscription = add_pipeline(engine)
    engine.set_behaviour(subscription, Behaviour(duplicate_ratio=0.1), T0)
    publish_evenly(engine, "flights", 3000, T0, HOUR)
    engine.run_until(T0 + 2 * HOUR)
    seen: dict[object, list[int]] = {}
    for commit in sink.commits[FLIGHTS]:
        for row in commit.rows:
            seen.setdefault(row[2], []).append(commit.at_us)
    repeated = [times for times in seen.values() if len(times) > 1]
    assert len(seen) == 3000
    assert all(len(times) == 2 for times in repeated)
    assert 200 < len(repeated) < 400
    gaps_s = [(times[1] - times[0]) / SECOND for times in repeated]
    assert 0.1 < sum(gap == 0 for gap in gaps_s) / len(gaps_s) < 0.3
    assert all(3 <= gap <= 300 for gap in gaps_s if gap)
    assert max(gaps_s) > 120
    assert engine.subscriptions.tally(subscription).delivered == 3000
    assert attempts(ledger, subscription) == {"success": len(sink.commits[FLIGHTS])}


def test_duplicates_and_losses_do_not_shift_other_draws(ledger: Ledger) -> None:
    times = []
    for behaviour in (Behaviour(), Behaviour(duplicate_ratio=0.5, loss_ratio=0.1)):
        sink = RecordingSink()
        engine = PubSub(ledger, sink, seed=7)
        subscription = add_pipeline(engine)
        engine.set_behaviour(subscription, behaviour, T0)
        publish_evenly(engine, "flights", 600, T0, HOUR)
        engine.run_until(T0 + 2 * HOUR)
        first: dict[object, int] = {}
        for commit in sink.commits[FLIGHTS]:
            for row in commit.rows:
                first.setdefault(row[2], commit.at_us)
        times.append(first)
    plain, faulty = times
    assert 500 < len(faulty) < 580
    assert faulty.items() <= plain.items()


def test_lost_messages_count_as_acknowledged(engine: PubSub, sink: RecordingSink, ledger: Ledger) -> None:
    subscription = add_pipeline(engine)
    engine.set_behaviour(subscription, Behaviour(loss_ratio=0.05), T0)
    publish_evenly(engine, "flights", 2000, T0, HOUR)
    engine.run_until(T0 + 2 * HOUR)
    lost = total(ledger, subscription, "lost")
    assert 60 < lost < 140
    assert total(ledger, subscription, "delivered") == 2000 - lost == len(sink.rows(FLIGHTS))
    assert ledger.subscriptions()[subscription][T0 + HOUR].backlog == 0
    assert set(attempts(ledger, subscription)) == {"success"}


def test_an_ordered_subscription_commits_in_order(engine: PubSub, sink: RecordingSink) -> None:
    subscription = add_pipeline(engine, enable_message_ordering=True)
    engine.set_behaviour(subscription, Behaviour(latency_scale=5), T0)
    ids = publish_evenly(engine, "flights", 500, T0, 10 * MINUTE)
    engine.run_until(T0 + HOUR)
    assert sink.column(FLIGHTS, "message_id") == ids


def test_big_batches_are_split(engine: PubSub, sink: RecordingSink) -> None:
    add_pipeline(engine, metadata=False)
    for number in range(5):
        engine.publish(topic_name("flights"), [Draft(b"x" * 4_000_000)], T0 + number)
    for number in range(3):
        engine.publish(topic_name("flights"), [Draft(b"y")] * 900, T0 + 10 + number)
    engine.run_until(T0 + HOUR)
    sizes = [sum(len(str(row[0])) for row in commit.rows) for commit in sink.commits[FLIGHTS]]
    assert max(sizes) < 10_000_000
    assert max(len(commit.rows) for commit in sink.commits[FLIGHTS]) <= 1000
    assert len(sink.rows(FLIGHTS)) == 5 + 2700


def test_nothing_is_delivered_after_deleting_or_detaching(engine: PubSub, sink: RecordingSink, ledger: Ledger) -> None:
    for name in ("deleted", "detached"):
        subscription = add_pipeline(engine, name)
        engine.set_behaviour(
            subscription, Behaviour(duplicate_ratio=1, rewrite_delay_s=(60, 60), same_commit_ratio=0), T0
        )
        publish_evenly(engine, name, 10, T0, 10 * SECOND)
    engine.run_until(T0 + 10 * SECOND)
    engine.subscriptions.delete("projects/acme/subscriptions/deleted", T0 + 10 * SECOND)
    engine.subscriptions.detach("projects/acme/subscriptions/detached", T0 + 10 * SECOND)
    written = Counter({name: len(sink.rows(table_name(name))) for name in ("deleted", "detached")})
    publish_evenly(engine, "deleted", 10, T0 + MINUTE, MINUTE)
    publish_evenly(engine, "detached", 10, T0 + MINUTE, MINUTE)
    engine.run_until(T0 + HOUR)
    assert written == {name: len(sink.rows(table_name(name))) for name in ("deleted", "detached")}
    assert ledger.subscriptions()["projects/acme/subscriptions/detached"][T0].backlog == 0
    assert T0 + MINUTE not in ledger.subscriptions()["projects/acme/subscriptions/deleted"]


def test_a_subscription_can_change_its_way_of_delivery(engine: PubSub, sink: RecordingSink) -> None:
    add_topic(engine, "flights")
    subscription = add_pull(engine, "flights", "flights")
    publish_evenly(engine, "flights", 10, T0, SECOND)
    engine.run_until(T0 + MINUTE)
    pushed = types.Subscription(name=subscription, bigquery_config={"table": FLIGHTS, "write_metadata": True})
    engine.subscriptions.update(pushed, ["bigquery_config"], T0 + MINUTE)
    engine.run_until(T0 + 2 * MINUTE)
    assert len(sink.rows(FLIGHTS)) == 10
    sink.refusing[FLIGHTS] = "NOT_FOUND"
    publish_evenly(engine, "flights", 10, T0 + 2 * MINUTE, SECOND)
    engine.run_until(T0 + 3 * MINUTE)
    pulled = engine.subscriptions.update(types.Subscription(name=subscription), ["bigquery_config"], T0 + 3 * MINUTE)
    assert pulled.state is types.Subscription.State.ACTIVE
    assert len(engine.subscriptions.pull(subscription, 100, T0 + 3 * MINUTE)) == 10


def test_a_deleted_topic_publishes_nothing_that_was_planned(
    engine: PubSub, sink: RecordingSink, ledger: Ledger
) -> None:
    add_pipeline(engine)
    publish_evenly(engine, "flights", 10, T0 + HOUR, HOUR)
    engine.topics.delete(topic_name("flights"), T0 + HOUR + MINUTE)
    engine.run_until(T0 + 3 * HOUR)
    assert len(sink.rows(FLIGHTS)) == 1
    assert sum(minute.messages for minute in ledger.topics()[topic_name("flights")].values()) == 1


def test_nothing_happens_in_the_past(engine: PubSub) -> None:
    add_pipeline(engine)
    engine.run_until(T0 + DAY)
    with pytest.raises(ValueError, match="lies in the past"):
        engine.publish(topic_name("flights"), [Draft(b"x")], T0)
    engine.run_until(T0)
    assert engine.now_us == T0 + DAY
