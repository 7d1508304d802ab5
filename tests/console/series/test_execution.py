"""Questions over the wire: the genuine client, a local Cloud Monitoring, and faults that it injects."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest

from exporter.calls import CallLog
from exporter.circuits import Circuits
from exporter.console.series.execution import Reader
from exporter.console.series.model import Aggregation, Answer, Part, Pick, Question, Range
from exporter.sandbox.faults import Fault
from exporter.sandbox.monitoring.errors import Refused
from tests.console.series.making import points
from tests.sandbox.monitoring.arithmetic import distribution
from tests.sandbox.monitoring.cloud import NOW, PROJECT, TASK, Cloud, of_type, series

MINUTE = timedelta(minutes=1)
SPAN = Range(NOW - 5 * MINUTE, NOW)
PREFIX = "custom.googleapis.com/pipeline/"
JOB = ('resource.label."job"',)
JOBS = {"departures": 1.0, "arrivals": 10.0, "cargo": 100.0}


def fill(cloud: Cloud) -> None:
    """Five minutes of three jobs: a gauge ``age``, counts ``messages`` (good and all), and a distribution ``latency``."""
    for minute in range(5):
        end = NOW + (minute - 4) * MINUTE
        start = end - MINUTE + timedelta(milliseconds=1)
        for job, base in JOBS.items():
            resource = ("generic_task", {**TASK, "job": job})
            cloud.write(
                series(base + minute, end, metric=f"{PREFIX}age", resource=resource, unit="s"),
                series(base, end, start, f"{PREFIX}messages", {"result": "good"}, resource, unit="{message}"),
                series(base * minute, end, start, f"{PREFIX}messages", {"result": "bad"}, resource, unit="{message}"),
                series(distribution(5, 15), end, start, f"{PREFIX}latency", resource=resource, unit="s"),
            )


@pytest.fixture(scope="module")
def filled() -> Iterator[Cloud]:
    with Cloud() as made:
        fill(made)
        yield made


@pytest.fixture
def alone() -> Iterator[Cloud]:
    """A cloud whose calls nobody else counts: what hangs ends after the test that let it."""
    with Cloud() as made:
        fill(made)
        yield made


class Asking:
    """A reader of a cloud, and how many calls the cloud has seen since."""

    def __init__(self, cloud: Cloud, **more: Any) -> None:
        self.cloud = cloud
        self.log = CallLog()
        self.reader = Reader(
            cloud.client, PROJECT, on_call=self.log.record, on_series=self.log.returned, **{"timeout_s": 20.0, **more}
        )
        self._before = self._seen()

    def _seen(self) -> int:
        return sum(count for (_, method, _), count in self.cloud.faults.calls().items() if method == "ListTimeSeries")

    @property
    def calls(self) -> int:
        return self._seen() - self._before

    def ask(self, *questions: Question, span: Range = SPAN) -> list[Answer]:
        return self.reader.ask(questions, span)


@pytest.fixture
def asking(filled: Cloud) -> Iterator[Asking]:
    made = Asking(filled)
    yield made
    filled.faults.clear()
    made.reader.close()


def part(metric: str = "age", aligner: str = "ALIGN_MEAN", reducer: str = "REDUCE_NONE", **more: Any) -> Part:
    only = more.pop("only", "")
    return Part(f"{of_type(PREFIX + metric)} {only}", Aggregation(aligner, reducer, **more))


def by_job(answer: Answer) -> dict[str, list[Any]]:
    return {each.resource_labels["job"]: list(each.values) for each in answer.series}


def test_answers_hold_what_was_written(asking: Asking) -> None:
    age, rate, latency, raw = asking.ask(
        Question(part()),
        Question(part("messages", "ALIGN_RATE", "REDUCE_SUM", period_s=300, group_by=JOB)),
        Question(part("latency", "ALIGN_DELTA", "REDUCE_SUM", period_s=300)),
        Question(Part(of_type(f"{PREFIX}messages") + ' metric.labels.result = "good"'), unit="{x}"),
    )
    assert by_job(age) == {job: [base + minute for minute in range(5)] for job, base in JOBS.items()}
    assert (age.step_s, age.problem, age.truncated) == (60, None, False)
    assert by_job(rate) == {job: [pytest.approx(base * (5 + 10) / 300)] for job, base in JOBS.items()}
    assert (rate.series[0].unit, rate.series[0].kind) == ("{message}/s", "gauge")
    (one,) = latency.series
    assert (one.values, one.means, one.bounds) == (((15, 15, 0, 0),), (10.0,), (10.0, 20.0, 40.0))
    assert (one.kind, one.unit, one.ends_s[0] - one.starts_s[0]) == ("delta", "s", 300)
    assert raw.step_s is None
    assert [(each.kind, len(each.ends_s), each.unit) for each in raw.series] == [("cumulative", 5, "{x}")] * 3


def test_a_ratio_is_of_sums_and_may_be_aggregated_again(asking: Asking) -> None:
    bad = part("messages", "ALIGN_DELTA", "REDUCE_SUM", group_by=JOB, only='metric.labels.result = "bad"')
    every = part("messages", "ALIGN_DELTA", "REDUCE_SUM", group_by=JOB)
    plain, again, whole = asking.ask(
        Question(bad, every),
        Question(bad, every, secondary=Aggregation("ALIGN_MAX", "REDUCE_MEAN", 300)),
        Question(bad, every, step_s=300, pick=Pick("METHOD_MEAN", 1)),
    )
    assert by_job(plain)["cargo"] == [0.0, 1 / 2, 2 / 3, 3 / 4, 4 / 5]
    assert plain.series[0].unit == "1"
    (one,) = again.series
    assert points(one) == {NOW.timestamp(): pytest.approx(4 / 5)}
    assert (again.step_s, whole.step_s) == (300, 300)
    assert [list(each.values) for each in whole.series] == [[pytest.approx(10 / 15)]]
    assert asking.calls == 4  # the ratio and the one that is aggregated again share both of their requests


def test_a_second_aggregation_and_a_pick(asking: Asking) -> None:
    highest = Question(part(), secondary=Aggregation("ALIGN_MAX", "REDUCE_NONE", 300), pick=Pick("METHOD_MAX", 2))
    (answer,) = asking.ask(highest)
    assert by_job(answer) == {"cargo": [104.0], "arrivals": [14.0]}
    assert list(by_job(answer)) == ["cargo", "arrivals"]
    assert answer.step_s == 300


def test_equal_questions_are_one_call(asking: Asking) -> None:
    different = [Question(part(), step_s=60 * place) for place in range(1, 13)]
    answers = asking.ask(*different, *[Question(part(), step_s=7200)] * 8)
    assert len(answers) == 20
    assert asking.calls == 13
    assert asking.reader.calls == 13
    assert asking.log.take() == {("monitoring_read", "ListTimeSeries", "OK"): 13}
    assert asking.log.take_series() == 13 * 3
    assert len({id(answer.series[0]) for answer in answers[12:]}) == 1


def test_who_asks_again_soon_is_answered_without_a_call(filled: Cloud) -> None:
    for keep_s, expected in ((1000.0, 1), (0.0, 2)):
        asking = Asking(filled, keep_s=keep_s)
        first, second = asking.ask(Question(part())), asking.ask(Question(part()))
        assert first == second
        assert asking.calls == expected
        asking.reader.close()


class Gate:
    """Holds requests at the far end until it is opened, and says when one with a text has come."""

    def __init__(self, cloud: Cloud, text: str = "") -> None:
        self.opened = threading.Event()
        self.came = threading.Semaphore(0)
        self._cloud, self._text, self._real = cloud, text, cloud.monitoring.list_time_series

    def __enter__(self) -> Gate:
        self._cloud.monitoring.list_time_series = self._answer  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        self.opened.set()
        self._cloud.monitoring.list_time_series = self._real  # type: ignore[method-assign]

    def _answer(self, request: Any, now_us: int) -> Any:
        if self._text in request.filter:
            self.came.release()
            assert self.opened.wait(60)
        return self._real(request, now_us)


def test_viewers_who_ask_at_the_same_time_share_calls(filled: Cloud) -> None:
    asking, found = Asking(filled, keep_s=0.0), {}
    shared, own = Question(part()), Question(part("messages", "ALIGN_DELTA"))

    def look(name: str, questions: Sequence[Question]) -> None:
        found[name] = asking.ask(*questions)

    with Gate(filled) as gate:
        first = threading.Thread(target=look, args=("first", [shared]))
        first.start()
        assert gate.came.acquire(timeout=60)
        second = threading.Thread(target=look, args=("second", [shared, own]))
        second.start()
        # Questions begin in order: where the second's own one has come, the shared one has joined the first viewer's.
        assert gate.came.acquire(timeout=60)
        gate.opened.set()
        first.join(60)
        second.join(60)
    assert found["first"][0] == found["second"][0]
    assert found["second"][1].problem is None
    assert asking.calls == 2
    asking.reader.close()


def refusing(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, text: str, code: str) -> None:
    """Let the far end refuse questions with a text in them."""
    real = cloud.monitoring.list_time_series

    def answer(request: Any, now_us: int) -> Any:
        if text in request.filter:
            raise Refused(code, "secret: Bearer abcdefghijklmnop")
        return real(request, now_us)

    monkeypatch.setattr(cloud.monitoring, "list_time_series", answer)


@pytest.mark.parametrize(
    ("code", "attempts", "words"),
    [
        ("UNAVAILABLE", 3, ("Cloud Monitoring failed (UNAVAILABLE)", PROJECT, "try again")),
        ("PERMISSION_DENIED", 1, (PROJECT, "monitoring.timeSeries.list", "roles/monitoring.viewer")),
        ("UNAUTHENTICATED", 1, (PROJECT, "gcloud auth application-default login")),
        ("INVALID_ARGUMENT", 1, (PROJECT, "secret: Bearer [hidden]", "correct the filter")),
        ("RESOURCE_EXHAUSTED", 1, (PROJECT, "asked too much", "wait a minute")),
    ],
)
def test_a_failing_question_costs_the_others_nothing(
    asking: Asking, monkeypatch: pytest.MonkeyPatch, code: str, attempts: int, words: Sequence[str]
) -> None:
    refusing(asking.cloud, monkeypatch, "latency", code)
    good, bad, ratio, also_good = asking.ask(
        Question(part()),
        Question(part("latency", "ALIGN_DELTA")),
        Question(part("messages", "ALIGN_DELTA"), part("latency", "ALIGN_DELTA")),
        Question(part("messages", "ALIGN_DELTA")),
    )
    assert good.problem is also_good.problem is None
    assert len(good.series) == 3
    assert (bad.series, bad.reason, bad.step_s) == ((), code, 60)
    assert ratio.problem == bad.problem
    assert bad.problem is not None
    assert all(word in bad.problem for word in words)
    assert "abcdefgh" not in bad.problem
    # The two good ones, and the bad one: twice where the first had failed before the other asked for it.
    assert 2 + attempts <= asking.calls <= 2 + 2 * attempts
    monkeypatch.undo()
    (again,) = asking.ask(Question(part("latency", "ALIGN_DELTA")))
    assert again.problem is None  # a failure is not kept


def test_a_hang_ends_and_costs_only_the_question_concerned(alone: Cloud) -> None:
    asking = Asking(alone, timeout_s=0.2, whole_s=20.0)
    with Gate(alone, "latency"):
        bad, good = asking.ask(
            Question(part("latency", "ALIGN_DELTA")), Question(part("messages", "ALIGN_DELTA", period_s=240))
        )
    assert good.problem is None
    assert (bad.series, bad.reason) == ((), "DEADLINE_EXCEEDED")
    assert bad.problem is not None
    assert "in time" in bad.problem
    asking.reader.close()


def test_nobody_waits_longer_than_the_whole_takes(alone: Cloud) -> None:
    asking = Asking(alone, timeout_s=60.0, whole_s=0.3)
    with Gate(alone):
        (bad,) = asking.ask(Question(part(), step_s=180))
    assert bad.reason == "DEADLINE_EXCEEDED"
    asking.reader.close()


def test_an_open_circuit_is_respected(filled: Cloud) -> None:
    asking = Asking(filled, circuits=Circuits())
    filled.faults.add(Fault("monitoring", "ListTimeSeries", "RESOURCE_EXHAUSTED", count=1))
    asking.ask(Question(part(), step_s=240))
    (held,) = asking.ask(Question(part(), step_s=240))
    assert held.reason == "circuitOpen"
    assert held.problem is not None
    assert "asked again after" in held.problem
    assert asking.reader.calls == 1
    asking.reader.close()


def test_what_is_wrong_with_a_question_is_said_in_words(asking: Asking) -> None:
    unknown, broken, unfit, impossible, ambiguous = asking.ask(
        Question(part("nonsense")),
        Question(Part("metric.type")),
        Question(part("messages", "ALIGN_MEAN")),
        Question(part("age", "ALIGN_BEST")),
        Question(part("messages", "ALIGN_DELTA", "REDUCE_SUM", group_by=JOB), part("messages", "ALIGN_DELTA")),
    )
    assert unknown.problem == (
        f"project {PROJECT} has no such metric as {PREFIX}nonsense; check its name; a metric appears with its first "
        "point, and a new one takes up to ten minutes"
    )
    assert unknown.reason == "NOT_FOUND"
    assert {each.reason for each in (broken, unfit, impossible, ambiguous)} == {"INVALID_ARGUMENT"}
    assert "correct the filter or the aggregation" in str(broken.problem)
    assert "The aligner cannot be applied" in str(unfit.problem)
    assert "no aligner 'ALIGN_BEST'" in str(impossible.problem)
    assert "group both by the same labels" in str(ambiguous.problem)


def test_garbage_is_a_problem_too(asking: Asking) -> None:
    asking.cloud.faults.add(Fault("monitoring", "ListTimeSeries", garbage=True))
    (answer,) = asking.ask(Question(part(), step_s=120))
    assert answer.series == ()
    assert answer.problem is not None


def test_an_answer_has_only_so_many_series(asking: Asking) -> None:
    question = Question(part())
    ((cut),) = asking.reader.ask_each([(question, SPAN)], 2)
    assert (len(cut.series), cut.truncated) == (2, True)
    (whole,) = asking.reader.ask_each([(question, SPAN)], 3)
    assert (len(whole.series), whole.truncated) == (3, False)
    assert asking.calls == 1


def test_nothing_to_ask_is_no_call(asking: Asking) -> None:
    assert asking.ask() == []
    assert asking.calls == 0


def test_what_would_be_too_many_requests_is_not_asked_and_the_others_are(alone: Cloud) -> None:
    asking = Asking(alone)
    one, other, third = (Question(part(aligner=aligner)) for aligner in ("ALIGN_MEAN", "ALIGN_MAX", "ALIGN_MIN"))
    ratio = Question(part(aligner="ALIGN_MIN"), part(aligner="ALIGN_SUM"))
    wanted = [(each, SPAN) for each in (one, one, ratio, other, third, one)]
    found = asking.reader.ask_each(wanted, most_requests=2)
    assert asking.calls == 2
    assert [bool(each.series) for each in found] == [True, True, False, True, False, True]
    words = "This page asks for more than 2 time series questions at a time: this one was left out."
    assert {each.problem for each in found if not each.series} == {words}
    asking.reader.close()
