"""promtool is asked right: what has not arrived is not seen, counters grow, and an evaluation that does not take place is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.alerts.promtool import Labels, Question, Sample, answers, evaluate

JOB: Labels = frozenset({("job", "a")})
EVERY_MINUTE = [Sample("m", JOB, 60 * place, float(place), 60 * place + 75) for place in range(200)]


def test_only_what_has_arrived_is_seen(tmp_path: Path) -> None:
    questions = [Question("last_over_time(m[600s])", at_s) for at_s in (670, 675, 730, 740)]
    found = evaluate(EVERY_MINUTE, questions, {"m": 600}, tmp_path)
    assert [list(each.values()) for each in found] == [[9.0], [10.0], [10.0], [11.0]]


def test_questions_are_answered_in_their_order(tmp_path: Path) -> None:
    questions = [
        Question("sum by (job) (last_over_time(m[600s]))", 6000),
        Question("m > 1e9", 6000),
        Question("count(m)", 600),
    ]
    found = evaluate(EVERY_MINUTE, questions, {"m": 600}, tmp_path)
    assert found == [{JOB: 98.0}, {}, {frozenset(): 1.0}]


def test_what_lies_before_every_range_need_not_be_there(tmp_path: Path) -> None:
    questions = [Question("sum_over_time(m[300s])", at_s) for at_s in (6000, 6060, 11_000)]
    assert evaluate(EVERY_MINUTE, questions, {"m": 300}, tmp_path) == evaluate(
        EVERY_MINUTE, questions, {"m": 12_000}, tmp_path
    )


def test_gaps_and_any_values_survive_the_notation(tmp_path: Path) -> None:
    values = [0.1, 0.2, 0.3, 5e-7, -3.0, 1e18, 2.0, 2.0, 2.0]
    places = [0, 1, 2, 5, 6, 9, 10, 11, 12]
    samples = [Sample("m", JOB, place * 300, value, place * 300) for place, value in zip(places, values, strict=True)]
    questions = [Question("sum by (job) (last_over_time(m[300s]))", place * 300 + 1) for place in places]
    questions += [Question("count_over_time(m[1h])", 3601)]
    found = [each[JOB] for each in evaluate(samples, questions, {"m": 3600}, tmp_path)]
    assert found == pytest.approx([*values, 8.0], rel=1e-12)


def test_several_days_are_no_matter(tmp_path: Path) -> None:
    samples = [Sample("m", JOB, 3600 * place, 1.0, 3600 * place) for place in range(24, 120)]
    samples.append(Sample("late", JOB, 3600 * 119, 1.0, 3600 * 119))
    found = evaluate(samples, [Question("count_over_time(m[96h])", 430_000)], {"m": 345_600}, tmp_path)
    assert found == [{JOB: 96.0}]


def test_a_mistake_in_a_query_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="promtool said"):
        evaluate(EVERY_MINUTE, [Question("sum(m", 600)], {"m": 600}, tmp_path)


def test_silence_is_no_answer() -> None:
    with pytest.raises(RuntimeError, match="0 of 1 evaluations took place"):
        answers("Unit Testing:  questions.yml\n  SUCCESS\n", 1, 1)
    said = '  FAILED:\n    expr: "# 1\\nvector(1)", time: 10m,\n        exp: nil\n        got: {} 1E+00\n'
    assert answers(said, 1, 1) == [{}]
    with pytest.raises(RuntimeError, match="out of bounds"):
        answers(f"{said}    out of bounds\n", 1, 1)
