from __future__ import annotations

from itertools import pairwise

import pytest

from exporter.sandbox.ledger import Ledger
from exporter.sandbox.pubsub.behaviour import Behaviour
from exporter.sandbox.pubsub.engine import PubSub
from exporter.sandbox.pubsub.messages import Draft
from tests.sandbox.pubsub.pipeline import (
    HOUR,
    MINUTE,
    SECOND,
    T0,
    add_pipeline,
    add_pull,
    add_topic,
    attempts,
    backoff,
    dead_letters_to,
    publish_evenly,
    table_name,
    topic_name,
    total,
)
from tests.sandbox.pubsub.recording import RecordingSink

FLIGHTS = table_name("flights")


def refuse_bad(row: tuple[object, ...]) -> str | None:
    return "bad" if row[0] == b"bad" else None


def test_dead_lettering_is_exact_in_the_ledger_and_on_the_topic(
    engine: PubSub, sink: RecordingSink, ledger: Ledger
) -> None:
    add_topic(engine, "grave")
    reader = add_pull(engine, "digger", "grave")
    subscription = add_pipeline(engine, dead_letter_policy=dead_letters_to("grave", 7))
    engine.set_behaviour(subscription, Behaviour(attempt_unit="message"), T0)
    sink.refuses_row = refuse_bad
    for number in range(100):
        draft = Draft(b"bad" if number % 10 == 0 else b"good", {"own": str(number)})
        engine.publish(topic_name("flights"), [draft], T0 + number * SECOND)
    engine.run_until(T0 + HOUR)
    assert len(sink.rows(FLIGHTS)) == 90
    assert total(ledger, subscription, "dead_lettered") == 10
    assert sum(minute.messages for minute in ledger.topics()[topic_name("grave")].values()) == 10
    received = engine.subscriptions.pull(reader, 100, T0 + HOUR)
    assert {lease.message.attributes["own"] for lease in received} == {str(number) for number in range(0, 100, 10)}
    assert dict(received[0].message.attributes) == {
        "own": "0",
        "CloudPubSubDeadLetterSourceDeliveryCount": "7",
        "CloudPubSubDeadLetterSourceDeliveryErrorMessage": "bad",
        "CloudPubSubDeadLetterSourceSubscription": "flights",
        "CloudPubSubDeadLetterSourceSubscriptionProject": "acme",
        "CloudPubSubDeadLetterSourceTopicPublishTime": "2026-11-02T08:00:00.000+00:00",
    }
    assert attempts(ledger, subscription)["invalid_argument"] == 7 * 10


def test_dead_letters_of_a_topic_without_subscription_are_gone(
    engine: PubSub, sink: RecordingSink, ledger: Ledger
) -> None:
    add_topic(engine, "grave")
    subscription = add_pipeline(engine, dead_letter_policy=dead_letters_to("grave"))
    sink.refuses_row = refuse_bad
    engine.publish(topic_name("flights"), [Draft(b"bad")], T0)
    engine.run_until(T0 + HOUR)
    assert engine.subscriptions.tally(subscription).dead_lettered == 1
    reader = add_pull(engine, "late", "grave", T0 + HOUR)
    assert engine.subscriptions.pull(reader, 1, T0 + HOUR) == []
    assert ledger.subscriptions()[subscription][T0].backlog == 0


def test_without_dead_letter_topic_messages_stay(engine: PubSub, sink: RecordingSink, ledger: Ledger) -> None:
    grave = add_topic(engine, "grave")
    subscription = add_pipeline(engine, dead_letter_policy=dead_letters_to("grave"))
    sink.refuses_row = refuse_bad
    engine.topics.delete(grave, T0)
    engine.publish(topic_name("flights"), [Draft(b"bad")], T0)
    engine.run_until(T0 + HOUR)
    assert engine.subscriptions.tally(subscription).dead_lettered == 0
    assert ledger.subscriptions()[subscription][T0 + 59 * MINUTE].backlog == 1
    assert 50 < attempts(ledger, subscription)["invalid_argument"] < 120
    add_topic(engine, "grave", T0 + HOUR)
    engine.run_until(T0 + 2 * HOUR)
    assert engine.subscriptions.tally(subscription).dead_lettered == 1


def test_dead_lettering_does_not_wait_for_the_retry_policy(engine: PubSub, sink: RecordingSink, ledger: Ledger) -> None:
    add_topic(engine, "grave")
    subscription = add_pipeline(engine, dead_letter_policy=dead_letters_to("grave"), retry_policy=backoff(500, 600))
    sink.refuses_row = refuse_bad
    engine.publish(topic_name("flights"), [Draft(b"bad")], T0)
    engine.run_until(T0 + 5 * MINUTE)
    assert engine.subscriptions.tally(subscription).dead_lettered == 1


def test_the_retry_policy_spaces_attempts_out(engine: PubSub, sink: RecordingSink) -> None:
    times = []
    add_pipeline(engine, retry_policy=backoff(60, 300))
    sink.refuses_row = lambda _: times.append(engine.now_us) or "bad"  # type: ignore[func-returns-value]
    engine.publish(topic_name("flights"), [Draft(b"bad")], T0)
    engine.run_until(T0 + HOUR)
    gaps_s = [(later - earlier) / SECOND for earlier, later in pairwise(times)]
    for gap, wait in zip(gaps_s, (60, 120, 240, 300, 300, 300), strict=False):
        assert wait <= gap < wait + 60


def test_without_any_policy_attempts_go_on_until_retention_ends(
    engine: PubSub, sink: RecordingSink, ledger: Ledger
) -> None:
    subscription = add_pipeline(engine, message_retention_duration={"seconds": 3600})
    sink.refuses_row = refuse_bad
    engine.publish(topic_name("flights"), [Draft(b"bad"), Draft(b"good")], T0 + 1)
    engine.run_until(T0 + HOUR)
    assert 50 < attempts(ledger, subscription)["invalid_argument"] < 120
    assert ledger.subscriptions()[subscription][T0 + 59 * MINUTE].backlog == 1
    assert ledger.subscriptions()[subscription][T0 + 59 * MINUTE].oldest_unacked_age_s == pytest.approx(3600, abs=1e-5)
    before = attempts(ledger, subscription)
    engine.run_until(T0 + 2 * HOUR)
    assert attempts(ledger, subscription) == before
    assert engine.subscriptions.tally(subscription).expired == 1
    assert ledger.subscriptions()[subscription][T0 + HOUR].backlog == 0
    assert len(sink.rows(FLIGHTS)) == 1


def test_a_mended_table_takes_what_it_refused(engine: PubSub, sink: RecordingSink) -> None:
    subscription = add_pipeline(engine)
    engine.set_behaviour(subscription, Behaviour(refused_ratio=0.3), T0)
    engine.set_behaviour(subscription, Behaviour(), T0 + HOUR)
    publish_evenly(engine, "flights", 600, T0, HOUR)
    engine.run_until(T0 + HOUR - 1)
    refused = 600 - len(sink.rows(FLIGHTS))
    assert 120 < refused < 240
    engine.run_until(T0 + 2 * HOUR)
    assert len(sink.rows(FLIGHTS)) == len(set(sink.column(FLIGHTS, "message_id"))) == 600


def test_attempts_can_count_messages(engine: PubSub, sink: RecordingSink, ledger: Ledger) -> None:
    subscription = add_pipeline(engine, retry_policy=backoff(600, 600))
    engine.set_behaviour(subscription, Behaviour(attempt_unit="message"), T0)
    sink.refuses_row = refuse_bad
    drafts = [Draft(b"good")] * 7 + [Draft(b"bad")] * 3
    engine.publish(topic_name("flights"), drafts, T0)
    engine.run_until(T0 + MINUTE)
    assert attempts(ledger, subscription) == {"success": 7, "invalid_argument": 3}


def test_a_refused_row_is_a_failed_request_beside_the_ok_one(
    engine: PubSub, sink: RecordingSink, ledger: Ledger
) -> None:
    subscription = add_pipeline(engine, retry_policy=backoff(600, 600))
    sink.refuses_row = refuse_bad
    engine.publish(topic_name("flights"), [Draft(b"good")] * 7 + [Draft(b"bad")], T0)
    engine.run_until(T0 + MINUTE)
    assert attempts(ledger, subscription) == {"success": 1, "invalid_argument": 1}
