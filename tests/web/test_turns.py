"""Overlapping calls for a cycle."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter

from exporter.errors import Transient
from exporter.web.turns import WAITING_MAX, Turns
from tests.sandbox.running import eventually
from tests.web.conftest import Call, FakeWorker, ask, serving


def gated() -> tuple[FakeWorker, threading.Semaphore]:
    """A worker whose cycles end when the gate lets them."""
    gate = threading.Semaphore(0)
    return FakeWorker(go_on=gate), gate


def test_calls_during_a_cycle_share_the_next_one_and_too_many_are_sent_away() -> None:
    worker, gate = gated()
    surplus = 4
    with serving(worker) as address:
        calls = [Call(lambda: ask(address, "POST", "/cycle"))]
        assert worker.began.acquire(timeout=60)
        calls += [Call(lambda: ask(address, "POST", "/cycle")) for _ in range(WAITING_MAX - 1 + surplus)]
        eventually(lambda: sum(not call.is_alive() for call in calls) == surplus)
        assert [thread.name for thread in threading.enumerate()].count("cycle on request") == 1
        gate.release(2)
        answers = [call.result() for call in calls]
        assert Counter(answer.status for answer in answers) == {200: WAITING_MAX, 429: surplus}
        windows = Counter(answer.json["cycle"]["windows"] for answer in answers if answer.status == 200)
        assert windows == {1: 1, 2: WAITING_MAX - 1}
        sent_away = next(answer for answer in answers if answer.status == 429)
        assert sent_away.headers["content-type"] == "application/problem+json"
        assert int(sent_away.headers["retry-after"]) > 0
        assert worker.cycles == 2


def test_places_are_free_again_after_a_cycle() -> None:
    with serving() as address:
        answers = [ask(address, "POST", "/cycle") for _ in range(WAITING_MAX + 2)]
        assert [answer.json["cycle"]["windows"] for answer in answers] == list(range(1, WAITING_MAX + 3))


def test_those_who_share_a_cycle_share_its_error_and_the_next_call_starts_afresh() -> None:
    async def story() -> None:
        worker, gate = gated()
        turns = Turns(worker)
        first = asyncio.create_task(turns.cycle())
        assert await asyncio.to_thread(worker.began.acquire, timeout=60)
        shared = [asyncio.create_task(turns.cycle()) for _ in range(3)]
        await asyncio.sleep(0)
        gate.release()
        assert windows((await first).body) == 1
        assert await asyncio.to_thread(worker.began.acquire, timeout=60)
        worker.error = Transient("server", "not now")
        gate.release()
        assert {str(error) for error in await asyncio.gather(*shared, return_exceptions=True)} == {"not now"}
        worker.error = None
        gate.release()
        assert windows((await turns.cycle()).body) == 3

    asyncio.run(story())


def test_a_call_that_is_given_up_does_not_take_the_cycle_from_the_others() -> None:
    async def story() -> None:
        worker, gate = gated()
        turns = Turns(worker)
        running = asyncio.create_task(turns.cycle())
        assert await asyncio.to_thread(worker.began.acquire, timeout=60)
        given_up, stays = (asyncio.create_task(turns.cycle()) for _ in range(2))
        await asyncio.sleep(0)
        running.cancel()
        given_up.cancel()
        gate.release(2)
        assert windows((await stays).body) == 2
        assert running.cancelled()
        assert given_up.cancelled()

    asyncio.run(story())


def windows(body: bytes) -> int:
    found = json.loads(body)["cycle"]["windows"]
    assert isinstance(found, int)
    return found
