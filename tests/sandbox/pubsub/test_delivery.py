from __future__ import annotations

import json
import statistics
from collections import Counter
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
    DAY,
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


def test_nothing_happens_in_the_past(engine: PubSub) -> None:
    add_pipeline(engine)
    engine.run_until(T0 + DAY)
    with pytest.raises(ValueError, match="lies in the past"):
        engine.publish(topic_name("flights"), [Draft(b"x")], T0)
    engine.run_until(T0)
    assert engine.now_us == T0 + DAY
