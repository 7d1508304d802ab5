"""One caller for all gRPC APIs: it asks again where that helps, for so long and no longer, and not at all while a circuit is open."""

from __future__ import annotations

import gc
import logging
import os
import threading
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.monitoring_v3 import ListTimeSeriesRequest, ListTimeSeriesResponse

from exporter import calls
from exporter.calls import Caller, CallLog, NotAsked, canonical_code
from exporter.circuits import Circuits
from tests.sandbox.running import eventually
from tests.sources.apis import GrpcApi, Refusal
from tests.test_circuits import Clock

READ = ("monitoring_read", "ListTimeSeries")


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_PAUSE_S", 0.001)


def nothing(_: Any) -> ListTimeSeriesResponse:
    return ListTimeSeriesResponse()


@pytest.fixture
def api() -> Iterator[GrpcApi]:
    with GrpcApi(nothing) as made:
        yield made


@pytest.fixture
def counted() -> Counter[str]:
    return Counter()


def caller(counted: Counter[str], timeout_s: float = 10.0, **more: Any) -> Caller:
    return Caller(lambda _api, _method, code: counted.update([code]), timeout_s, **more)


def ask(call: Caller, api: GrpcApi, project: str = "acme-data", **more: Any) -> Any:
    request = ListTimeSeriesRequest(name=f"projects/{project}")
    return call(*READ, api.monitoring.list_time_series, request, project=project, **more)


def refuse(code: str, retry_s: float | None = None) -> Any:
    def answer(_: Any) -> Any:
        raise Refusal(code, retry_s=retry_s)

    return answer


ATTEMPTS = {
    **dict.fromkeys(["UNAVAILABLE", "ABORTED", "INTERNAL", "UNKNOWN"], 3),
    "DEADLINE_EXCEEDED": 2,
    **dict.fromkeys(["RESOURCE_EXHAUSTED", "INVALID_ARGUMENT", "PERMISSION_DENIED", "NOT_FOUND", "UNAUTHENTICATED"], 1),
    **dict.fromkeys(["FAILED_PRECONDITION", "UNIMPLEMENTED", "OUT_OF_RANGE", "CANCELLED"], 1),
}


@pytest.mark.parametrize("code", ATTEMPTS)
def test_only_what_may_pass_is_asked_again(api: GrpcApi, counted: Counter[str], code: str) -> None:
    api.answer = refuse(code)
    with pytest.raises(exceptions.GoogleAPICallError) as raised:
        ask(caller(counted), api)
    assert canonical_code(raised.value) == code
    assert len(api.requests) == ATTEMPTS[code]
    assert counted == {code: ATTEMPTS[code]}


def test_what_may_be_done_in_part_is_not_asked_again(api: GrpcApi, counted: Counter[str]) -> None:
    api.answer = refuse("UNAVAILABLE")
    with pytest.raises(exceptions.ServiceUnavailable):
        ask(caller(counted, unrepeatable=lambda error: error.message == "no"), api)
    assert len(api.requests) == 1


def test_a_hung_server_is_asked_twice_and_no_longer_than_the_question_lasts(
    api: GrpcApi, counted: Counter[str]
) -> None:
    api.answer = lambda _: api.ended.wait(60) and nothing(None)
    with pytest.raises(exceptions.DeadlineExceeded):
        ask(caller(counted, timeout_s=0.1), api)
    assert counted == {"DEADLINE_EXCEEDED": 2}


def test_no_attempt_is_made_for_which_there_is_no_time(
    api: GrpcApi, counted: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "_PAUSE_S", 1000)
    api.answer = refuse("UNAVAILABLE")
    with pytest.raises(exceptions.ServiceUnavailable):
        ask(caller(counted), api)
    with pytest.raises(exceptions.DeadlineExceeded, match="no time left"):
        ask(caller(counted), api, until_s=0.0)
    assert counted == {"UNAVAILABLE": 1}


def pages_of(answers: list[Any]) -> Any:
    """Answers in turn: tokens of the next page, or refusals."""

    def answer(_: Any) -> ListTimeSeriesResponse:
        now = answers.pop(0)
        if isinstance(now, Refusal):
            raise now
        return ListTimeSeriesResponse(next_page_token=now, unit=f"before {now}")

    return answer


def listing(call: Caller, api: GrpcApi, whole_s: float = 30.0) -> Any:
    request = ListTimeSeriesRequest(name="projects/acme-data")
    return call.pages(*READ, api.monitoring.list_time_series, request, project="acme-data", whole_s=whole_s)


def test_a_page_that_fails_is_asked_for_again_alone(api: GrpcApi, counted: Counter[str]) -> None:
    api.answer = pages_of(["b", Refusal("UNAVAILABLE"), Refusal("INTERNAL"), "c", ""])
    assert [page.unit for page in listing(caller(counted), api)] == ["before b", "before c", "before "]
    assert [request.page_token for request in api.requests] == ["", "b", "b", "b", "c"]
    assert counted == {"OK": 3, "UNAVAILABLE": 1, "INTERNAL": 1}


def test_a_listing_without_end_is_cut(api: GrpcApi, counted: Counter[str]) -> None:
    api.answer = lambda _: ListTimeSeriesResponse(next_page_token="more")
    with pytest.raises(exceptions.DeadlineExceeded):
        for _ in listing(caller(counted), api, whole_s=0.3):
            pass
    assert counted["OK"] >= 1


def test_an_exhausted_api_is_left_alone_for_as_long_as_it_asks(api: GrpcApi, counted: Counter[str]) -> None:
    clock = Clock()
    call = caller(counted, circuits=Circuits(clock))
    api.answer = refuse("RESOURCE_EXHAUSTED", retry_s=30.0)
    with pytest.raises(exceptions.ResourceExhausted):
        ask(call, api)
    api.answer = nothing
    clock.seconds += 29.9
    with pytest.raises(NotAsked, match="Cloud Monitoring said RESOURCE_EXHAUSTED: no; asked again after") as held:
        ask(call, api)
    assert canonical_code(held.value) == "circuitOpen"
    assert len(api.requests) == 1
    assert counted == {"RESOURCE_EXHAUSTED": 1}
    ask(call, api, project="other")
    clock.seconds += 0.1
    ask(call, api)
    ask(call, api)
    assert counted == {"RESOURCE_EXHAUSTED": 1, "OK": 3}


@pytest.mark.parametrize(("code", "closed"), [("PERMISSION_DENIED", True), ("UNAVAILABLE", False)])
def test_an_api_that_says_no_for_another_reason_is_not_exhausted_any_more(
    api: GrpcApi, counted: Counter[str], code: str, closed: bool
) -> None:
    clock = Clock()
    circuits = Circuits(clock)
    call = caller(counted, circuits=circuits)
    api.answer = refuse("RESOURCE_EXHAUSTED")
    with pytest.raises(exceptions.ResourceExhausted):
        ask(call, api)
    clock.seconds += 300
    api.answer = refuse(code)
    with pytest.raises(exceptions.GoogleAPICallError):
        ask(call, api)
    api.answer = nothing
    # While one call is under way, a closed circuit lets another one through, and a half open one does not.
    with circuits.passage(READ[0], "acme-data"):
        if closed:
            ask(call, api)
        else:
            with pytest.raises(NotAsked):
                ask(call, api)


def test_after_an_outage_the_same_client_goes_on(counted: Counter[str]) -> None:
    with GrpcApi(nothing) as api:
        call = caller(counted, timeout_s=2.0)
        ask(call, api)
        api.stop()
        for _ in range(3):
            with pytest.raises(exceptions.ServiceUnavailable):
                ask(call, api)
        with GrpcApi(nothing, api.port) as again:

            def answered() -> bool:
                try:
                    ask(call, api)
                except exceptions.ServiceUnavailable:
                    return False
                return True

            eventually(answered)
            assert again.requests


def open_files() -> int:
    return len(list(Path(f"/proc/{os.getpid()}/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="there is no /proc to count open files in")
def test_failures_leave_nothing_behind(api: GrpcApi, counted: Counter[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # What gRPC logs of garbage pytest keeps.
    monkeypatch.setattr(logging.getLogger("grpc._common"), "disabled", True)

    def hang(_: Any) -> Any:
        api.ended.wait(0.1)
        return nothing(None)

    call = caller(counted, timeout_s=0.02)
    kinds = [refuse("UNAVAILABLE"), refuse("RESOURCE_EXHAUSTED"), hang, lambda _: b"\xff\xff"]

    def fail(times: int) -> None:
        for number in range(times):
            api.answer = kinds[number % len(kinds)]
            with pytest.raises(exceptions.GoogleAPICallError):
                ask(call, api)

    def held() -> tuple[int, int, int]:
        """Threads, open files and bytes of objects, without the server's threads and records."""
        api.requests.clear()
        gc.collect()
        threads = [each for each in threading.enumerate() if not each.name.startswith("api")]
        return len(threads), open_files(), tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        fail(80)
        threads, files, size = held()
        fail(200)
        limits = (threads + 1, files + 1, size + 100_000)
        eventually(lambda: all(now <= limit for now, limit in zip(held(), limits, strict=True)))
    finally:
        tracemalloc.stop()


def test_the_log_loses_no_count_of_any_thread() -> None:
    log = CallLog()

    def work(number: int) -> None:
        for _ in range(500):
            log.record("pubsub", "ListSubscriptions", "OK" if number % 2 else "UNAVAILABLE")
            log.returned(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert log.take() == {
        ("pubsub", "ListSubscriptions", "OK"): 2000,
        ("pubsub", "ListSubscriptions", "UNAVAILABLE"): 2000,
    }
    assert log.take_series() == 500 * sum(range(8))
    assert (log.take(), log.take_series()) == ({}, 0)
