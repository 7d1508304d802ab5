from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from exporter.console.series import requests
from exporter.console.series.model import Aggregation, Part, Question, Range
from exporter.console.series.requests import Unaskable

END = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
SPAN = Range(END - timedelta(hours=1), END)


def asked(question: Question, span: Range = SPAN) -> requests.Asked:
    return requests.of(question, "acme", span)


def periods(request: Any) -> tuple[int, int]:
    return (
        int(request.aggregation.alignment_period.total_seconds()),
        int(request.secondary_aggregation.alignment_period.total_seconds()),
    )


def test_a_question_without_an_aligner_has_no_period() -> None:
    found = asked(Question(Part("metric.type = x"), step_s=3600))
    (request,) = found.requests
    assert (request.name, request.filter, found.step_s) == ("projects/acme", "metric.type = x", None)
    assert "aggregation" not in request
    assert request.interval.end_time == END
    assert request.interval.start_time == END - timedelta(hours=1) + timedelta(microseconds=1)


def test_both_aggregations_go_to_the_api_and_the_second_period_is_never_shorter() -> None:
    first = Aggregation("ALIGN_RATE", "REDUCE_SUM", 300, ("resource.label.job",))
    found = asked(Question(Part("f", first), secondary=Aggregation("ALIGN_MAX", "REDUCE_MEAN", 60)))
    (request,) = found.requests
    assert periods(request) == (300, 300)
    assert (found.step_s, found.second) == (300, None)
    assert list(request.aggregation.group_by_fields) == ["resource.label.job"]
    assert request.secondary_aggregation.cross_series_reducer.name == "REDUCE_MEAN"


def test_the_second_aggregation_of_a_ratio_is_left_to_us_and_both_parts_have_the_same_period() -> None:
    part = Part("a", Aggregation("ALIGN_DELTA", "REDUCE_SUM", 60))
    other = Part("b", Aggregation("ALIGN_DELTA", "REDUCE_SUM", 600))
    found = asked(Question(part, other, secondary=Aggregation("ALIGN_MAX", period_s=1800), step_s=300))
    assert [periods(each) for each in found.requests] == [(600, 0), (600, 0)]
    assert found.second == Aggregation("ALIGN_MAX", period_s=1800)
    assert found.step_s == 1800


@pytest.mark.parametrize(
    ("question", "text"),
    [
        (Question(Part("f", Aggregation("ALIGN_BEST"))), "no aligner 'ALIGN_BEST'"),
        (Question(Part("f", Aggregation("ALIGN_MEAN", "REDUCE_ALL"))), "no reducer 'REDUCE_ALL'"),
        (Question(Part("f", Aggregation("ALIGN_MEAN", period_s=10**9))), "at most 62899200 s"),
        (Question(Part("f", Aggregation("ALIGN_MEAN", period_s=10**30))), "at most 62899200 s"),
        (Question(Part("\ud800", Aggregation())), "cannot be put to the API"),
    ],
)
def test_says_what_cannot_be_asked(question: Question, text: str) -> None:
    with pytest.raises(Unaskable, match=text):
        asked(question)


def test_an_empty_range_cannot_be_asked() -> None:
    with pytest.raises(Unaskable, match="empty"):
        asked(Question(Part("f")), Range(END, END))


SIX_WEEKS = Range(END - timedelta(days=42), END)


def summed(aligner: str, reducer: str = "REDUCE_NONE", period_s: int | None = 3600) -> Part:
    return Part("f", Aggregation(aligner, reducer, period_s))


def steps(question: Question, span: Range = SIX_WEEKS) -> tuple[int | None, bool]:
    found = asked(question, span)
    return found.step_s, found.stretched


@pytest.mark.parametrize("reducer", ["REDUCE_NONE", "REDUCE_SUM", "REDUCE_MEAN"])
@pytest.mark.parametrize(
    "aligner", ["ALIGN_DELTA", "ALIGN_SUM", "ALIGN_COUNT", "ALIGN_COUNT_TRUE", "ALIGN_COUNT_FALSE"]
)
def test_sums_keep_their_period_for_longer_and_say_where_they_cannot(aligner: str, reducer: str) -> None:
    assert steps(Question(summed(aligner, reducer))) == (3600, False)
    assert steps(Question(summed(aligner, reducer, 1800))) == (3600, True)
    assert steps(Question(summed(aligner, reducer, 60), step_s=3600)) == (3600, False)
    assert steps(Question(summed(aligner, reducer, None))) == (3600, False)


def test_what_is_no_sum_has_the_points_of_a_chart() -> None:
    for part in (
        summed("ALIGN_MEAN"),
        summed("ALIGN_DELTA", "REDUCE_PERCENTILE_95"),
        summed("ALIGN_RATE", "REDUCE_SUM"),
    ):
        assert steps(Question(part)) == (3 * 3600, False)


def test_the_length_of_a_step_cancels_out_in_a_ratio_of_two_sums() -> None:
    one = summed("ALIGN_DELTA", "REDUCE_SUM", 60)
    assert steps(Question(one, one)) == (3 * 3600, False)
    assert steps(Question(one, summed("ALIGN_MEAN", "REDUCE_SUM", 60))) == (3600, True)


def test_sums_of_a_second_aggregation() -> None:
    for aligner, expected in (("ALIGN_SUM", (3600, False)), ("ALIGN_MAX", (3 * 3600, False))):
        assert steps(Question(summed("ALIGN_DELTA"), secondary=Aggregation(aligner, period_s=3600))) == expected
