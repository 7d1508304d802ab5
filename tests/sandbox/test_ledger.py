"""The ledger: an event belongs to the minute that holds its time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exporter.sandbox.ledger import MINUTE_US, Ledger

moments = st.integers(min_value=0, max_value=2**51)


@given(st.lists(moments, min_size=1, max_size=30))
def test_events_are_counted_in_the_minute_that_holds_them(times_us: list[int]) -> None:
    ledger = Ledger()
    for at_us in times_us:
        ledger.topic("t", at_us).messages += 1
        ledger.subscription("s", at_us).delivered += 1
    topic, subscription = ledger.topics()["t"], ledger.subscriptions()["s"]
    for start in {at_us // MINUTE_US * MINUTE_US for at_us in times_us}:
        inside = sum(start <= at_us < start + MINUTE_US for at_us in times_us)
        assert topic[start].messages == subscription[start].delivered == inside
    assert sum(minute.messages for minute in topic.values()) == len(times_us)
    assert all(start % MINUTE_US == 0 for start in topic)


@given(moments)
def test_the_minute_begins_with_its_first_microsecond(at_us: int) -> None:
    ledger = Ledger()
    start = at_us - at_us % MINUTE_US
    assert ledger.topic("t", at_us) is ledger.topic("t", start) is ledger.topic("t", start + MINUTE_US - 1)
    assert ledger.topic("t", start + MINUTE_US) is not ledger.topic("t", start)


def test_topics_and_subscriptions_of_one_name_are_apart() -> None:
    ledger = Ledger()
    ledger.topic("same", 0).messages = 3
    assert ledger.subscriptions() == {}
    ledger.topic("other", 0).messages = 4
    assert ledger.topics()["same"][0].messages == 3


def test_the_state_at_a_minutes_end_is_unknown_before_it() -> None:
    minute = Ledger().subscription("s", 59_999_999)
    assert (minute.backlog, minute.backlog_bytes, minute.oldest_unacked_age_s) == (None, None, None)
    assert minute.attempts == {}
