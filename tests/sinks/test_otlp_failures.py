"""What an OTLP receiver may do instead of taking a request, and what becomes of each point then."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from exporter import calls
from exporter.model import Outcome, Point
from tests.sinks.cloud import NOW, SYSTEMS, WINDOW, count, gauge, window_of
from tests.sinks.otlp_bench import Bench, stored
from tests.sinks.otlp_receiver import PROTOBUF, Answer, Received, Receiver, refusal


@pytest.fixture(autouse=True, scope="module")
def _at_once() -> Iterator[None]:
    """Attempts do not wait for each other: what is tested here is not when they come."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calls, "_PAUSE_S", 0.001)
        yield


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


@pytest.fixture
def bench(receiver: Receiver) -> Iterator[Bench]:
    made = Bench(receiver)
    yield made
    made.sink.close()


def whole(outcome: Outcome, points: list[Point], code: str) -> str:
    """All points have to be sent again, for one reason."""
    assert [each.point for each in outcome.retryable] == points
    assert {each.code for each in outcome.retryable} == {code}
    (message,) = {each.message.removeprefix("not sent: ") for each in outcome.retryable}
    return message


PASSING = {429: "RESOURCE_EXHAUSTED", 502: "UNAVAILABLE", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}


@pytest.mark.parametrize(("status", "code"), PASSING.items())
def test_what_passes_is_tried_again_at_once_and_then_later(bench: Bench, status: int, code: str) -> None:
    bench.receiver.answers.extend([refusal(status)] * 2)
    point = count()
    assert bench.sink.export([point]).written == (point,)
    assert bench.codes() == {code: 2, "OK": 1}
    bench.calls.clear()
    bench.receiver.always = refusal(status, "too busy")
    assert "too busy" in whole(bench.sink.export([point]), [point], code)
    assert bench.codes() == {code: 3}
    bench.receiver.always = None
    assert bench.sink.export([point]).written == (point,)


FINAL = {
    301: "UNKNOWN",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNKNOWN",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
}


@pytest.mark.parametrize(("status", "code"), FINAL.items())
def test_what_does_not_pass_is_asked_once_an_export_and_loses_nothing(bench: Bench, status: int, code: str) -> None:
    bench.receiver.always = refusal(status, "no way", location="/elsewhere/v1/metrics")
    points = window_of(SYSTEMS[:60])
    message = whole(bench.sink.export(points), points, code)
    assert f"HTTP {status}: no way" in message
    assert bench.receiver.sizes() == [200]
    assert bench.codes() == {code: 1}
    bench.receiver.always = None
    assert len(bench.sink.export(points).written) == 480
    assert set(stored(bench.receiver).values()) == {1}


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (401, "check the credentials in OTEL_EXPORTER_OTLP_HEADERS or exporter.otlp.headers_file"),
        (403, "let these credentials write metrics"),
        (404, "check exporter.otlp.endpoint"),
        (308, "check exporter.otlp.endpoint"),
    ],
)
def test_what_somebody_must_put_right_says_how(bench: Bench, status: int, remedy: str) -> None:
    bench.receiver.always = refusal(status, "")
    assert remedy in bench.sink.export([count()]).retryable[0].message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"upstream is gone", "upstream is gone"),
        (json.dumps({"error": {"code": 503, "message": "quota"}}).encode(), "HTTP 503: quota"),
        (json.dumps({"code": 14, "message": "quota"}).encode(), "HTTP 503: quota"),
        (b"[" * 100_000, "[[["),
        (b"\xff\xfe\x00\x1b[2J", "HTTP 503"),
        (b"", "Service Unavailable"),
    ],
)
def test_an_error_in_any_form_is_said_in_its_own_words(bench: Bench, body: bytes, said: str) -> None:
    bench.receiver.always = Answer(503, body)
    message = bench.sink.export([count()]).retryable[0].message
    assert said in message
    assert message.isprintable()
    assert len(message) < 500


def test_a_receiver_that_asks_to_wait_is_left_alone(bench: Bench) -> None:
    bench.receiver.answers.append(refusal(429, "slowly", retry_after="120"))
    points = [count(job=job) for job in SYSTEMS[:2]]
    whole(bench.sink.export(points), points, "RESOURCE_EXHAUSTED")
    assert bench.sink.retry_after == timedelta(seconds=120)
    bench.clock.now_s += 119
    message = whole(bench.sink.export(points), points, "RESOURCE_EXHAUSTED")
    assert "not sent for another 1 s" in message
    assert "slowly" in message
    assert bench.codes() == {"RESOURCE_EXHAUSTED": 1}
    bench.clock.now_s += 1.5
    assert not bench.sink.retry_after
    assert len(bench.sink.export(points).written) == 2


@pytest.mark.parametrize(
    ("asked", "least_s", "most_s"),
    [
        ("0", 0, 0),
        (format_datetime(NOW - timedelta(days=9000), usegmt=True), 0, 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 900, 900),
        ("999999999", 900, 900),
        ("soon", 0, 0),
        ("-5", 0, 0),
        ("", 0, 0),
    ],
)
def test_the_wait_may_be_a_date_and_is_bounded(bench: Bench, asked: str, least_s: float, most_s: float) -> None:
    bench.receiver.answers.append(refusal(503, "", retry_after=asked))
    bench.sink.export([count()])
    wait = bench.sink.retry_after or timedelta(0)
    assert timedelta(seconds=least_s) <= wait <= timedelta(seconds=most_s)


def test_a_receiver_that_hangs_costs_one_time_out(receiver: Receiver) -> None:
    bench = Bench(receiver, timeout_s=0.2)
    receiver.always = Answer(hang=True)
    points = window_of(SYSTEMS)
    assert "no answer in 0.2 s" in whole(bench.sink.export(points), points, "DEADLINE_EXCEEDED")
    whole(bench.sink.export(points), points, "DEADLINE_EXCEEDED")
    assert receiver.sizes() == [200]
    assert bench.codes() == {"DEADLINE_EXCEEDED": 1}
    receiver.always = None
    bench.clock.now_s += 31
    assert len(bench.sink.export(points).written) == 480
    bench.sink.close()


def test_a_connection_that_is_lost_is_made_again(bench: Bench) -> None:
    bench.receiver.answers.append(Answer(drop=True))
    point = count()
    assert bench.sink.export([point]).written == (point,)
    assert bench.codes() == {"UNAVAILABLE": 1, "OK": 1}


def test_a_receiver_that_always_hangs_up(bench: Bench) -> None:
    bench.receiver.always = Answer(drop=True)
    points = window_of(SYSTEMS)
    assert "no connection to http://127.0.0.1" in whole(bench.sink.export(points), points, "UNAVAILABLE")
    assert bench.codes() == {"UNAVAILABLE": 3}


def test_nobody_listens(receiver: Receiver) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        bench = Bench(receiver, f"http://127.0.0.1:{taken.getsockname()[1]}")
        message = whole(bench.sink.export([point := count()]), [point], "UNAVAILABLE")
    assert "Connection refused" in message
    assert "Max retries" not in message
    bench.sink.close()


@pytest.mark.parametrize("status", [200, 202])
def test_an_empty_answer_is_success(bench: Bench, status: int) -> None:
    bench.receiver.always = Answer(status)
    assert len(bench.sink.export([count()]).written) == 1


def test_an_answer_in_json_is_understood(bench: Bench) -> None:
    bench.receiver.as_json = True
    assert len(bench.sink.export([count()]).written) == 1
    bench.receiver.refuses = lambda _: True
    assert [each.message for each in bench.sink.export([count()]).rejected] == ["some points are wrong"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"<html>Sign in</html>", "text/html"),
        (b"OK", "text/plain"),
        (b"\xff" * 20, PROTOBUF),
        (b"{", "application/json"),
        (b"[1]", "application/json; charset=utf-8"),
        (b"\xff" * 3_000_000, PROTOBUF),
    ],
)
def test_garbage_is_no_success(bench: Bench, body: bytes, content_type: str) -> None:
    bench.receiver.always = Answer(200, body, {"content-type": content_type})
    message = whole(bench.sink.export([point := count()]), [point], "UNKNOWN")
    assert "check that exporter.otlp.endpoint is an OTLP receiver" in message
    assert bench.codes() == {"UNKNOWN": 1}


@pytest.mark.parametrize("broken", [Answer(200, b"", missing=9), Answer(200, b"no gzip", {"content-encoding": "gzip"})])
def test_an_answer_that_breaks_off_is_no_success(bench: Bench, broken: Answer) -> None:
    bench.receiver.always = broken
    assert len(bench.sink.export([count()]).retryable) == 1
    assert bench.codes() == {"UNKNOWN": 1}


def test_a_series_is_never_overtaken(bench: Bench) -> None:
    """What arrives of a series arrives oldest first, whatever is refused on the way."""
    points = [count(float(k), NOW - WINDOW * k, job) for k in range(4) for job in SYSTEMS[:30]]
    bench.receiver.answers.extend([refusal(503)] * 3)
    left, seen = points, []
    while left:
        outcome = bench.sink.export(left)
        left = [each.point for each in outcome.retryable]
        seen.append(len(outcome.written))
    assert seen == [0, 120]
    by_series: dict[Any, list[Received]] = {}
    for found in bench.receiver.stored:
        by_series.setdefault(found.series, []).append(found)
    assert all([each.end for each in found] == sorted(each.end for each in found) for found in by_series.values())


def test_gauges_that_wait_are_not_lost(bench: Bench) -> None:
    bench.receiver.answers.extend([Answer(drop=True)] * 3)
    points = [gauge(float(k), NOW + WINDOW * k) for k in range(3)]
    outcome = bench.sink.export(points)
    assert [each.point for each in outcome.retryable] == points
    assert bench.sink.export(points).written == tuple(points)
