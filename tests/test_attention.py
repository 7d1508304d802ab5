from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.attention import Attention, has_risen, is_troubled, shows_trouble
from exporter.history import History
from exporter.snapshots import Delivery, Landing, Readings
from tests.builders import T0, system, window

NOON = T0 + timedelta(hours=1)


def history(*, late: int = 0, dead_lettered: int = 0, age_s: float | None = 3.0, at: int = 3000) -> History:
    """An hour of a hundred messages a window; in the window at ``at`` something may be wrong."""
    found = History()
    kept = found.of("departures")
    for start in range(0, 3600, 300):
        bad = late if start == at else 0
        kept.landings.add(
            [Landing("departures", window(start), 100, 100, measured_rows=100, within_threshold=100 - bad)]
        )
        dead, age = (dead_lettered, age_s) if start == at else (0, 3.0)
        kept.deliveries.add([Delivery("departures", window(start), dead_lettered=dead, backlog_age_s=age)])
    return found


def test_a_quiet_hour_needs_no_attention() -> None:
    assert not is_troubled(system(), history().of("departures"), NOON)
    assert not is_troubled(system(), History().of("departures"), NOON)


@pytest.mark.parametrize("wrong", [{"late": 13}, {"dead_lettered": 2}, {"age_s": 31.0}])
def test_trouble_is_remembered_for_an_hour(wrong: dict[str, int]) -> None:
    kept = history(**wrong).of("departures")
    assert is_troubled(system(), kept, NOON)
    assert is_troubled(system(), kept, NOON + timedelta(minutes=50))
    assert not is_troubled(system(), kept, NOON + timedelta(minutes=51))


def test_within_the_error_budget_is_no_trouble() -> None:
    assert not is_troubled(system(), history(late=12, dead_lettered=1).of("departures"), NOON)


@given(st.lists(st.integers(0, 50), min_size=65, max_size=65))
def test_attempts_rise_when_a_window_has_more_than_twice_the_usual(counts: list[int]) -> None:
    failed = [(int(T0.timestamp()) + 60 * (n + 1), count) for n, count in enumerate(counts)]
    expected = sum(counts[60:]) > 2 * sum(counts[:60]) / 12
    assert has_risen(failed, 300, T0 + timedelta(minutes=65)) == expected


def test_a_look_sees_backlogs_and_failed_attempts_that_rise() -> None:
    noon_s = int(NOON.timestamp())
    assert not shows_trouble(system(), Readings(), NOON)
    assert not shows_trouble(system(), Readings(oldest_age=[(noon_s - 60, 300), (noon_s, 30)]), NOON)
    assert shows_trouble(system(), Readings(oldest_age=[(noon_s - 60, 3), (noon_s, 31)]), NOON)
    assert not shows_trouble(system(), Readings(attempts=[(noon_s, "ok", "success", 9)]), NOON)
    assert shows_trouble(system(), Readings(attempts=[(noon_s, "error", "invalid_argument", 1)]), NOON)


def test_a_system_is_looked_at_once_a_window() -> None:
    attention, both = Attention(), [system(), system(id="arrivals", window_s=60)]
    assert attention.due_for_a_look(both, NOON) == both
    assert attention.due_for_a_look(both, NOON + timedelta(seconds=59)) == []
    assert attention.due_for_a_look(both, NOON + timedelta(seconds=60)) == both[1:]
    assert attention.due_for_a_look(both, NOON + timedelta(seconds=300)) == both


def test_what_was_noticed_between_collections_has_attention_for_an_hour() -> None:
    attention = Attention()
    attention.notice(["departures"], NOON)
    assert attention.given(NOON + timedelta(minutes=59)) == {"departures"}
    assert attention.given(NOON + timedelta(hours=1)) == frozenset()
    attention.judge([system()], history(late=50), NOON)
    assert attention.given(NOON) == {"departures"}
    attention.judge([system()], history(), NOON)
    assert attention.given(NOON) == frozenset()
