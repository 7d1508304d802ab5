"""From evaluations to incidents, by hand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.alerts.firing import Span, spans
from tests.alerts.promtool import Labels

A: Labels = frozenset({("job", "a")})
B: Labels = frozenset({("job", "b")})


def evaluations(*found: str) -> list[tuple[int, dict[Labels, float]]]:
    """One evaluation a minute; each letter is a series that it finds."""
    series = {"a": A, "b": B}
    return [(60 * place, {series[letter]: 1.0 for letter in letters}) for place, letters in enumerate(found)]


def test_without_duration_it_opens_at_once_and_closes_when_nothing_is_found() -> None:
    assert spans(evaluations("", "a", "a", ""), 0) == [Span(A, 60, 180)]


def test_it_opens_when_it_has_lasted() -> None:
    assert spans(evaluations("a", "a", "a", "a"), 120) == [Span(A, 120, None)]
    assert spans(evaluations("a", "a"), 120) == []


def test_a_pause_begins_anew() -> None:
    assert spans(evaluations("a", "a", "", "a", "a", "a"), 120) == [Span(A, 300, None)]
    assert spans(evaluations("a", "", "a", "", "a", ""), 60) == []


def test_an_incident_opens_again_after_it_was_closed() -> None:
    assert spans(evaluations("a", "", "a"), 0) == [Span(A, 0, 60), Span(A, 120, None)]


def test_series_are_incidents_of_their_own() -> None:
    assert spans(evaluations("ab", "a", "ab"), 60) == [Span(A, 60, None)]
    assert spans(evaluations("ab", "ab", "b"), 60) == [Span(A, 60, 120), Span(B, 60, None)]


@given(st.lists(st.sampled_from(["", "a"]), max_size=30), st.integers(0, 4))
def test_each_incident_has_lasted_and_nothing_that_lasted_is_missed(found: list[str], minutes: int) -> None:
    opened = spans(evaluations(*found), 60 * minutes)
    lasted = [run for run in "".join(each or " " for each in found).split() if len(run) > minutes]
    assert len(opened) == len(lasted)
    for span in opened:
        first = span.opened_s // 60 - minutes
        assert all(found[first : span.opened_s // 60 + 1])
        assert first == 0 or not found[first - 1]
