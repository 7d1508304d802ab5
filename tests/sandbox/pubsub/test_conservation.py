"""Properties that hold whatever is published and whatever goes wrong."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.sandbox.ledger import Ledger, SubscriptionMinute, TopicMinute
from exporter.sandbox.ports import Row, SinkState
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
    backoff,
    dead_letters_to,
    published,
    subscription_name,
    table_name,
    topic_name,
    total,
)
from tests.sandbox.pubsub.recording import Commit, RecordingSink

LENGTH_MINUTES = 30

ratios = st.sampled_from([0.0, 0.0, 0.2, 1.0])


@dataclass(frozen=True)
class Story:
    """A pipeline, what is published to it and what goes wrong with it."""

    publishes: list[tuple[int, int, bool, bool]]  # seconds from the start, messages, good rows, passes the filter
    behaviours: list[tuple[int, Behaviour]]
    outages: list[tuple[int, int, SinkState]]  # from and to, in minutes
    dead_letters: bool = False
    retries: bool = False
    filtered: bool = False
    retention_minutes: int = 10
    seek_minute: int | None = None
    name: str = "flights"


@st.composite
def stories(draw: st.DrawFn) -> Story:
    moments = st.integers(0, LENGTH_MINUTES * 60 - 1)
    publishes = draw(
        st.lists(st.tuples(moments, st.integers(1, 20), st.booleans(), st.booleans()), min_size=1, max_size=40)
    )
    behaviours = draw(
        st.lists(
            st.tuples(
                moments,
                st.builds(
                    Behaviour,
                    latency_scale=st.sampled_from([0.0, 1.0, 20.0]),
                    extra_latency_s=st.sampled_from([0.0, 45.0]),
                    duplicate_ratio=ratios,
                    loss_ratio=ratios,
                    refused_ratio=ratios,
                ),
            ),
            max_size=3,
        )
    )
    states: st.SearchStrategy[SinkState] = st.sampled_from(["NOT_FOUND", "SCHEMA_MISMATCH"])
    outages = draw(st.lists(st.tuples(st.integers(0, LENGTH_MINUTES), st.integers(1, 25), states), max_size=2))
    return Story(
        publishes,
        behaviours,
        [(start, start + length, state) for start, length, state in outages],
        dead_letters=draw(st.booleans()),
        retries=draw(st.booleans()),
        filtered=draw(st.booleans()),
        seek_minute=draw(st.none() | st.integers(0, LENGTH_MINUTES)),
    )


def refuse_bad(row: Row) -> str | None:
    return "bad" if row[0] == b"bad" else None


def prepare(engine: PubSub, sink: RecordingSink, story: Story) -> str:
    """Set the pipeline up and schedule all that is published and misbehaves; the subscription's name."""
    sink.refuses_row = refuse_bad
    add_topic(engine, f"{story.name}-dead")
    add_pull(engine, f"{story.name}-dead", f"{story.name}-dead")
    subscription = add_pipeline(
        engine,
        story.name,
        message_retention_duration={"seconds": story.retention_minutes * 60},
        filter="attributes:kept" if story.filtered else "",
        dead_letter_policy=dead_letters_to(f"{story.name}-dead") if story.dead_letters else None,
        retry_policy=backoff(5, 60) if story.retries else None,
        retain_acked_messages=story.seek_minute is not None,
    )
    for second, behaviour in story.behaviours:
        engine.set_behaviour(subscription, behaviour, T0 + second * SECOND + 1)
    for second, count, good, kept in story.publishes:
        draft = Draft(b"good" if good else b"bad", {"kept": "yes"} if kept else {"other": "x"})
        engine.publish(topic_name(story.name), [draft] * count, T0 + second * SECOND + 1)
    return subscription


def run_minute(engine: PubSub, sink: RecordingSink, story: Story, minute: int, steps: int = 1) -> None:
    """Run one minute, in equal steps, with the table as the story has it."""
    table = table_name(story.name)
    state = next((state for start, end, state in story.outages if start <= minute < end), None)
    if state is None:
        sink.refusing.pop(table, None)
    else:
        sink.refusing[table] = state
    start_us = T0 + minute * MINUTE
    if minute == story.seek_minute:
        engine.snapshots.seek_to_time(subscription_name(story.name), start_us - 5 * MINUTE, start_us)
    for step in range(1, steps + 1):
        engine.run_until(start_us + step * MINUTE // steps)


@given(stories())
@settings(max_examples=100, deadline=None)
def test_every_message_is_accounted_for_in_every_minute(story: Story) -> None:
    ledger, sink = Ledger(), RecordingSink()
    engine = PubSub(ledger, sink, seed=3)
    subscription = prepare(engine, sink, story)
    topic = topic_name(story.name)
    for minute in range(LENGTH_MINUTES + 20):
        run_minute(engine, sink, story, minute)
        end_us = T0 + (minute + 1) * MINUTE
        tally = engine.subscriptions.tally(subscription)
        closed = ledger.subscriptions()[subscription][end_us - MINUTE]
        assert closed.backlog is not None
        gone = sum(total(ledger, subscription, field, end_us) for field in ("delivered", "dead_lettered", "lost"))
        assert published(ledger, topic, end_us) + tally.replayed == (
            gone + tally.expired + tally.filtered + tally.purged + closed.backlog
        )
        assert (closed.backlog == 0) is (closed.oldest_unacked_age_s == 0) is (closed.backlog_bytes == 0)
        assert closed.oldest_unacked_age_s is not None
        assert closed.oldest_unacked_age_s <= story.retention_minutes * 60
    dead = published(ledger, f"{topic}-dead", T0 + 10 * HOUR)
    assert dead == total(ledger, subscription, "dead_lettered")
    if story.seek_minute is None:
        written = set(sink.column(table_name(story.name), "message_id"))
        assert len(written) == total(ledger, subscription, "delivered")


def everything(ledger: Ledger, sink: RecordingSink) -> object:
    topics: dict[str, dict[int, TopicMinute]] = ledger.topics()
    subscriptions: dict[str, dict[int, SubscriptionMinute]] = ledger.subscriptions()
    commits: dict[str, list[Commit]] = sink.commits
    return topics, subscriptions, commits


@given(stories(), st.integers(2, 7))
@settings(max_examples=25, deadline=None)
def test_the_same_seed_gives_the_same_ledger_however_time_is_stepped(story: Story, steps: int) -> None:
    outcomes = []
    for count in (1, steps):
        ledger, sink = Ledger(), RecordingSink()
        engine = PubSub(ledger, sink, seed=3)
        prepare(engine, sink, story)
        for minute in range(LENGTH_MINUTES + 5):
            run_minute(engine, sink, story, minute, count)
        outcomes.append(everything(ledger, sink))
    assert outcomes[0] == outcomes[1]


@given(stories())
@settings(max_examples=25, deadline=None)
def test_faults_of_one_subscription_leave_the_others_alone(story: Story) -> None:
    outcomes = []
    for faulty in (False, True):
        ledger, sink = Ledger(), RecordingSink()
        engine = PubSub(ledger, sink, seed=3)
        others = [Story(story.publishes, [], [], name=f"other-{number}") for number in range(3)]
        for other in others:
            prepare(engine, sink, other)
        prepare(engine, sink, story if faulty else Story(story.publishes, [], []))
        for minute in range(LENGTH_MINUTES + 5):
            run_minute(engine, sink, story if faulty else others[0], minute)
        outcomes.append(
            [(sink.commits.get(table_name(o.name)), ledger.subscriptions()[subscription_name(o.name)]) for o in others]
        )
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("seed", [1, 2])
def test_another_seed_gives_other_times(seed: int) -> None:
    times = []
    for use in (seed, seed + 10):
        sink = RecordingSink()
        engine = PubSub(Ledger(), sink, seed=use)
        add_pipeline(engine)
        engine.publish(topic_name("flights"), [Draft(b"x")], T0)
        engine.run_until(T0 + HOUR)
        times.append(sink.commits[table_name("flights")][0].at_us)
    assert times[0] != times[1]
