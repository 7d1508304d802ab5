from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from exporter.metrics import accounting
from exporter.metrics.accounting import Basis, Errors, Unaccounted
from exporter.snapshots import Delivery, Landing, PublishMinute, Subscription
from tests.builders import T0, system, window

FILTERED = Subscription(True, "ACTIVE", "t", "b", "", 'attributes.kind = "x"', True, 0.0)


def hour(
    published: Sequence[int], delivered: Sequence[int], dead: Sequence[int], before: int | None, after: int | None
) -> tuple[list[Landing], list[Delivery]]:
    windows = [window(at) for at in range(0, 3600, 300)]
    landings = [Landing("s", each, landed_rows=n, delivered=n) for each, n in zip(windows, delivered, strict=True)]
    deliveries = [
        Delivery(
            "s",
            each,
            publishes=(PublishMinute(p, 0, 1),),
            dead_lettered=d,
            backlog_messages_at_start=before if place == 0 else 0,
            backlog_messages=after if place == 11 else 0,
        )
        for place, (each, p, d) in enumerate(zip(windows, published, dead, strict=True))
    ]
    return landings, deliveries


TWELVE = st.lists(st.integers(0, 1000), min_size=12, max_size=12)


@given(TWELVE, TWELVE, TWELVE, st.integers(0, 10**6), st.integers(0, 10**6))
def test_the_balance_is_what_neither_arrived_nor_waits(
    published: list[int], delivered: list[int], dead: list[int], before: int, after: int
) -> None:
    found = accounting.unaccounted(*hour(published, delivered, dead, before, after), None)
    assert found is not None
    assert found.messages == sum(published) - sum(delivered) - sum(dead) - (after - before)


def test_a_standing_backlog_is_not_lost() -> None:
    found = accounting.unaccounted(*hour([10] * 12, [10] * 12, [0] * 12, 5000, 5000), None)
    assert found == Unaccounted(120, 0)
    assert found.loss_ratio == 0.0


def test_there_is_no_balance_where_something_is_unknown() -> None:
    landings, deliveries = hour([1] * 12, [1] * 12, [0] * 12, 0, 0)
    assert accounting.unaccounted(landings, deliveries, FILTERED) is None
    assert accounting.unaccounted(landings[1:], deliveries[1:], None) is None
    assert accounting.unaccounted(landings, deliveries[1:], None) is None
    assert accounting.unaccounted([], [], None) is None
    assert accounting.unaccounted(*hour([1] * 12, [1] * 12, [0] * 12, None, 0), None) is None
    assert accounting.unaccounted(*hour([1] * 12, [1] * 12, [0] * 12, 0, None), None) is None


def test_a_replay_has_no_loss_ratio() -> None:
    assert Unaccounted(100, -3).loss_ratio is None
    assert Unaccounted(0, 0).loss_ratio is None
    assert Unaccounted(100, 4).loss_ratio == 0.04


def test_the_tolerance_is_two_minutes_of_traffic() -> None:
    assert Unaccounted(6000, 0).tolerance == 200


def test_errors_are_counted_in_messages_with_a_dead_letter_policy_and_else_in_attempts() -> None:
    landing = Landing("s", window(0), landed_rows=9, delivered=9)
    delivery = Delivery("s", window(0), dead_lettered=1, attempts=((("error", "x"), 3), (("ok", "success"), 1)))
    assert accounting.errors(Basis.MESSAGES, landing, delivery).ratio == 0.1
    assert accounting.errors(Basis.ATTEMPTS, landing, delivery).ratio == 0.75
    without = Subscription(True, "ACTIVE", "t", "b", "", "", True, 0.0)
    assert accounting.basis_of(system(), without) is Basis.ATTEMPTS
    assert accounting.basis_of(system(), None) is Basis.MESSAGES
    assert accounting.basis_of(system(dead_letter_subscription=None), None) is Basis.ATTEMPTS


def test_nothing_tried_has_no_ratio_and_no_events() -> None:
    nothing = Errors(Basis.MESSAGES, 0, 0)
    assert nothing.ratio is None
    assert accounting.points(system(), window(0), nothing) == []
    assert accounting.gauges(system(), window(0), nothing) == []
    assert accounting.balance_points(system(), T0, None) == []


def test_both_results_are_written_zero_included() -> None:
    points = accounting.points(system(), window(0), Errors(Basis.MESSAGES, 5, 0))
    assert [(p.labels["result"], p.value) for p in points] == [("good", 5.0), ("bad", 0.0)]
