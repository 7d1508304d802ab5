from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from exporter.metrics import delivery
from exporter.snapshots import PublishMinute, Readings
from tests.builders import T0, system, window

START = int(T0.timestamp())
ENDS = st.integers(START - 600, START + 1500)
COUNTS = st.lists(st.tuples(ENDS, st.integers(1, 1000)), max_size=60).map(sorted)


def values(points: list[object]) -> dict[str, float]:
    return {f"{p.metric}/{p.labels.get('outcome', '')}": p.value for p in points}  # type: ignore[attr-defined]


@given(COUNTS, COUNTS)
def test_every_sample_counts_in_exactly_the_window_that_its_period_ends_in(
    dead_lettered: list[tuple[int, int]], rejected: list[tuple[int, int]]
) -> None:
    readings = Readings(dead_lettered=dead_lettered, rejected=rejected)
    asked = [window(at) for at in range(0, 900, 300)]
    measured = delivery.windows(system(), readings, asked)
    for each in measured:
        first, last = each.window.start.timestamp(), each.window.end.timestamp()
        assert each.dead_lettered == sum(count for end, count in dead_lettered if first < end <= last)
        assert each.rejected == sum(count for end, count in rejected if first < end <= last)
    inside = sum(count for end, count in dead_lettered if START < end <= START + 900)
    assert sum(each.dead_lettered for each in measured) == inside


def test_a_sample_that_ends_with_the_window_belongs_to_it() -> None:
    readings = Readings(
        sizes=[(START, 1, 100), (START + 60, 2, 300), (START + 300, 3, 600)], requests=[(START + 60, 2)]
    )
    (measured,) = delivery.windows(system(), readings, [window(0)])
    assert measured.published == 5
    assert measured.publishes == (PublishMinute(2, 300, 2), PublishMinute(3, 600, 0))


def test_gauges_are_the_last_sample_at_most_two_minutes_old() -> None:
    readings = Readings(backlog=[(START, 7), (START + 180, 9)], oldest_age=[(START + 179, 5)])
    (measured,) = delivery.windows(system(), readings, [window(0)])
    assert (measured.backlog_messages_at_start, measured.backlog_messages) == (7, 9)
    assert measured.backlog_age_s is None


def test_no_series_means_zero_counts_and_no_gauges() -> None:
    (measured,) = delivery.windows(system(), Readings(), [window(0)])
    assert values(delivery.points(system(), measured)) == {"messages/published": 0.0}  # type: ignore[arg-type]
    assert delivery.gauges(system(), measured) == []


def test_attempts_are_summed_by_result_and_reason() -> None:
    readings = Readings(
        attempts=sorted(
            [
                (START + 60, "ok", "success", 10),
                (START + 120, "ok", "success", 5),
                (START + 120, "error", "permission_denied", 2),
            ]
        )
    )
    (measured,) = delivery.windows(system(), readings, [window(0)])
    assert Counter(dict(measured.attempts)) == {("ok", "success"): 15, ("error", "permission_denied"): 2}
    assert (measured.attempted("ok"), measured.attempted("error")) == (15, 2)


def test_a_backlog_is_charged_for_only_while_its_oldest_message_is_over_a_day_old() -> None:
    readings = Readings(
        oldest_age=[(START + 60, 86_400), (START + 120, 86_401), (START + 180, 90_000)],
        backlog_bytes=[(START + 60, 10), (START + 120, 20), (START + 180, 30)],
    )
    (measured,) = delivery.windows(system(), readings, [window(0)])
    assert measured.retained_bytes == (20, 30)
