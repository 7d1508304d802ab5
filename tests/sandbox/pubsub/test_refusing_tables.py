from __future__ import annotations

from itertools import pairwise

import pytest
from google.pubsub_v1 import types

from exporter.sandbox.ledger import Ledger
from exporter.sandbox.ports import SinkState
from exporter.sandbox.pubsub.behaviour import Behaviour
from exporter.sandbox.pubsub.delivery import TABLE_REFUSED
from exporter.sandbox.pubsub.engine import PubSub
from exporter.sandbox.pubsub.messages import Draft
from tests.sandbox.pubsub.pipeline import (
    HOUR,
    MINUTE,
    SECOND,
    T0,
    add_pipeline,
    add_topic,
    attempts,
    dead_letters_to,
    publish_evenly,
    table_name,
    topic_name,
)
from tests.sandbox.pubsub.recording import RecordingSink

FLIGHTS = table_name("flights")


@pytest.mark.parametrize("state", list(TABLE_REFUSED))
def test_a_table_that_refuses_everything(engine: PubSub, sink: RecordingSink, ledger: Ledger, state: SinkState) -> None:
    add_topic(engine, "grave")
    subscription = add_pipeline(engine, dead_letter_policy=dead_letters_to("grave"))
    publish_evenly(engine, "flights", 1200, T0, 2 * HOUR)
    engine.run_until(T0 + 30 * MINUTE)
    written = len(sink.rows(FLIGHTS))
    sink.refusing[FLIGHTS] = state
    engine.run_until(T0 + 90 * MINUTE)
    described = engine.subscriptions.get(subscription)
    assert described.state is types.Subscription.State.RESOURCE_ERROR
    assert described.bigquery_config.state is getattr(types.BigQueryConfig.State, state)
    assert len(sink.rows(FLIGHTS)) == written
    minute = ledger.subscriptions()[subscription][T0 + 89 * MINUTE]
    assert minute.backlog == 900 - written
    assert minute.oldest_unacked_age_s == pytest.approx(3600, abs=30)
    _, code = TABLE_REFUSED[state]
    assert 10 < attempts(ledger, subscription)[code] < 40
    del sink.refusing[FLIGHTS]
    engine.run_until(T0 + 3 * HOUR)
    described = engine.subscriptions.get(subscription)
    assert described.state is types.Subscription.State.ACTIVE
    assert described.bigquery_config.state is types.BigQueryConfig.State.ACTIVE
    assert len(set(sink.column(FLIGHTS, "message_id"))) == len(sink.rows(FLIGHTS)) == 1200
    assert engine.subscriptions.tally(subscription).dead_lettered == 0


def test_a_refusing_table_is_tried_less_and_less_often(engine: PubSub, sink: RecordingSink) -> None:
    add_pipeline(engine)
    sink.refusing[FLIGHTS] = "NOT_FOUND"
    engine.publish(topic_name("flights"), [Draft(b"x")], T0)
    tried: list[int] = []
    for second in range(3600):
        before = sink.appends
        engine.run_until(T0 + second * SECOND)
        tried += [second] * (sink.appends - before)
    gaps = [later - earlier for earlier, later in pairwise(tried)]
    assert gaps[:6] == [10, 20, 40, 80, 160, 300]
    assert set(gaps[6:]) == {300}


def test_a_long_outage_is_made_up_for_in_many_requests(engine: PubSub, sink: RecordingSink) -> None:
    add_pipeline(engine)
    sink.refusing[FLIGHTS] = "NOT_FOUND"
    ids = publish_evenly(engine, "flights", 3500, T0, HOUR)
    engine.run_until(T0 + HOUR)
    del sink.refusing[FLIGHTS]
    engine.run_until(T0 + 2 * HOUR)
    assert sorted(sink.column(FLIGHTS, "message_id"), key=str) == sorted(ids)
    assert max(len(commit.rows) for commit in sink.commits[FLIGHTS]) <= 1000


def test_what_expires_during_an_outage_is_not_written(engine: PubSub, sink: RecordingSink, ledger: Ledger) -> None:
    subscription = add_pipeline(engine, message_retention_duration={"seconds": 600})
    sink.refusing[FLIGHTS] = "NOT_FOUND"
    publish_evenly(engine, "flights", 1800, T0, 30 * MINUTE)
    engine.run_until(T0 + 30 * MINUTE)
    assert ledger.subscriptions()[subscription][T0 + 29 * MINUTE].backlog == 600 - 1
    del sink.refusing[FLIGHTS]
    engine.run_until(T0 + HOUR)
    tally = engine.subscriptions.tally(subscription)
    assert tally.expired + tally.delivered == 1800
    assert len(sink.rows(FLIGHTS)) == tally.delivered
    assert 290 < tally.delivered < 600


def test_a_table_with_nothing_to_write_recovers_when_asked(engine: PubSub, sink: RecordingSink) -> None:
    subscription = add_pipeline(engine, message_retention_duration={"seconds": 600})
    sink.refusing[FLIGHTS] = "PERMISSION_DENIED"
    engine.publish(topic_name("flights"), [Draft(b"x")], T0)
    engine.run_until(T0 + HOUR)
    assert engine.subscriptions.tally(subscription).expired == 1
    assert engine.subscriptions.get(subscription).state is types.Subscription.State.RESOURCE_ERROR
    del sink.refusing[FLIGHTS]
    engine.run_until(T0 + HOUR + 6 * MINUTE)
    assert engine.subscriptions.get(subscription).state is types.Subscription.State.ACTIVE


def test_a_refused_rewrite_shows_in_the_state_and_loses_nothing(
    engine: PubSub, sink: RecordingSink, ledger: Ledger
) -> None:
    subscription = add_pipeline(engine)
    twice = Behaviour(duplicate_ratio=1, same_commit_ratio=0, rewrite_delay_s=(100, 100), table_retry_s=(60, 60))
    engine.set_behaviour(subscription, twice, T0)
    engine.publish(topic_name("flights"), [Draft(b"x")], T0)
    engine.run_until(T0 + MINUTE)
    sink.refusing[FLIGHTS] = "NOT_FOUND"
    engine.run_until(T0 + 3 * MINUTE)
    assert engine.subscriptions.get(subscription).state is types.Subscription.State.RESOURCE_ERROR
    assert attempts(ledger, subscription) == {"success": 1, "not_found": 1}
    del sink.refusing[FLIGHTS]
    engine.run_until(T0 + 5 * MINUTE)
    assert engine.subscriptions.get(subscription).state is types.Subscription.State.ACTIVE
    assert engine.subscriptions.tally(subscription).delivered == len(sink.rows(FLIGHTS)) == 1


def test_another_table_is_tried_soon(engine: PubSub, sink: RecordingSink) -> None:
    subscription = add_pipeline(engine)
    sink.refusing[FLIGHTS] = "NOT_FOUND"
    publish_evenly(engine, "flights", 60, T0, HOUR)
    engine.run_until(T0 + HOUR)
    change = types.Subscription(
        name=subscription, bigquery_config={"table": table_name("other"), "write_metadata": True}
    )
    updated = engine.subscriptions.update(change, ["bigquery_config"], T0 + HOUR)
    assert updated.state is types.Subscription.State.RESOURCE_ERROR
    engine.run_until(T0 + HOUR + MINUTE)
    assert engine.subscriptions.get(subscription).state is types.Subscription.State.ACTIVE
    assert len(sink.rows(table_name("other"))) == 60


def test_a_changed_subscription_begins_to_wait_anew(engine: PubSub, sink: RecordingSink) -> None:
    subscription = add_pipeline(engine)
    sink.refusing[FLIGHTS] = "NOT_FOUND"
    engine.publish(topic_name("flights"), [Draft(b"x")], T0)
    engine.run_until(T0 + 9 * MINUTE)
    change = types.Subscription(name=subscription, labels={"a": "b"})
    engine.subscriptions.update(change, ["labels"], T0 + 9 * MINUTE)
    before = sink.appends
    tried: list[int] = []
    for second in range(1, 160):
        engine.run_until(T0 + 9 * MINUTE + second * SECOND)
        tried += [second] * (sink.appends - before - len(tried))
    assert tried == [10, 30, 70, 150]
