"""Injected faults: whom they hit, how often, when they end, and which make no sense."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.sandbox.faults import APIS, STATUSES, Fault, Faults

DOWN = Fault("bigquery", "jobs.query", status="UNAVAILABLE")


def test_a_fault_hits_its_method_and_no_other() -> None:
    faults = Faults()
    faults.add(DOWN)
    assert faults.strike("bigquery", "jobs.query") == DOWN
    assert faults.strike("bigquery", "jobs.get") is None
    assert faults.strike("monitoring", "jobs.query") is None


def test_a_star_hits_every_method_of_its_api() -> None:
    faults = Faults()
    faults.add(Fault("pubsub", garbage=True))
    assert faults.strike("pubsub", "Publish") is not None
    assert faults.strike("pubsub", "Pull") is not None
    assert faults.strike("monitoring", "ListTimeSeries") is None


def test_a_delay_alone_is_no_answer() -> None:
    faults = Faults()
    faults.add(Fault("pubsub", delay_ms=1, count=1))
    assert faults.strike("pubsub", "Publish") is None


def test_fixed_delays_concern_no_answer_either() -> None:
    assert Faults({"pubsub": 1}).strike("pubsub", "Publish") is None


@given(st.integers(min_value=1, max_value=20))
def test_a_counted_fault_ends_after_so_many_hits(count: int) -> None:
    faults = Faults()
    faults.add(Fault("pubsub", "Publish", status="INTERNAL", count=count))
    hits = [faults.strike("pubsub", "Publish") is not None for _ in range(count + 5)]
    assert hits == [True] * count + [False] * 5


def test_calls_of_other_methods_do_not_use_up_a_count() -> None:
    faults = Faults()
    faults.add(Fault("pubsub", "Publish", status="INTERNAL", count=1))
    faults.strike("pubsub", "Pull")
    assert faults.strike("pubsub", "Publish") is not None


def test_hits_are_counted_exactly_between_threads() -> None:
    faults = Faults()
    faults.add(Fault("pubsub", "Publish", status="INTERNAL", count=1000))
    hits: list[Fault | None] = []

    def call() -> None:
        hits.extend(faults.strike("pubsub", "Publish") for _ in range(500))

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(hit is not None for hit in hits) == 1000


def test_the_fault_that_came_first_answers_and_the_next_takes_over() -> None:
    faults = Faults()
    first, second = Fault("pubsub", status="INTERNAL", count=1), Fault("pubsub", status="ABORTED")
    faults.add(first)
    faults.add(second)
    assert [faults.strike("pubsub", "Pull") for _ in range(3)] == [first, second, second]


def test_a_fault_can_be_ended_even_when_it_has_hit_already() -> None:
    faults = Faults()
    fault = Fault("pubsub", status="INTERNAL", count=5)
    faults.add(fault)
    faults.strike("pubsub", "Pull")
    faults.remove(fault)
    assert faults.strike("pubsub", "Pull") is None
    faults.remove(fault)


def test_clearing_ends_all_faults() -> None:
    faults = Faults()
    for api in APIS:
        faults.add(Fault(api, status="INTERNAL"))
    faults.clear()
    assert [faults.strike(api, "Anything") for api in APIS] == [None, None, None]


def test_probability_is_a_share_of_the_calls_and_the_same_for_the_same_seed() -> None:
    def hits(seed: int) -> list[bool]:
        faults = Faults(seed=seed)
        faults.add(Fault("pubsub", status="INTERNAL", probability=0.3))
        return [faults.strike("pubsub", "Pull") is not None for _ in range(10_000)]

    assert 2700 < sum(hits(1)) < 3300
    assert hits(1) == hits(1)
    assert hits(1) != hits(2)


@pytest.mark.parametrize(("probability", "hit"), [(0.0, False), (1.0, True), (1, True)])
def test_probability_at_its_ends(probability: float, hit: bool) -> None:
    faults = Faults()
    faults.add(Fault("pubsub", status="INTERNAL", probability=probability))
    assert {faults.strike("pubsub", "Pull") is not None for _ in range(200)} == {hit}


def test_calls_are_counted_by_code() -> None:
    faults = Faults()
    for code in ("OK", "OK", "NOT_FOUND"):
        faults.record("pubsub", "Pull", code)
    faults.record("bigquery", "jobs.query", "OK")
    assert faults.calls() == {
        ("pubsub", "Pull", "OK"): 2,
        ("pubsub", "Pull", "NOT_FOUND"): 1,
        ("bigquery", "jobs.query", "OK"): 1,
    }


NONSENSE: list[tuple[dict[str, Any], str]] = [
    ({"api": "storage", "status": "INTERNAL"}, "api must be one of bigquery, pubsub, monitoring"),
    ({"api": "pubsub"}, "or it does nothing"),
    ({"api": "pubsub", "count": 2}, "or it does nothing"),
    ({"api": "pubsub", "status": "OK"}, "status must be one of CANCELLED"),
    ({"api": "pubsub", "status": "unavailable"}, "status must be one of CANCELLED"),
    ({"api": "monitoring", "status": "QUOTA_EXCEEDED"}, "status must be one of CANCELLED"),
    ({"api": "pubsub", "delay_ms": -1}, "delay_ms must lie between 0 and 3600000, not -1"),
    ({"api": "pubsub", "delay_ms": 10**9}, "delay_ms must lie between 0 and 3600000"),
    ({"api": "pubsub", "status": "INTERNAL", "probability": 1.01}, "probability must lie between 0 and 1, not 1.01"),
    ({"api": "pubsub", "status": "INTERNAL", "probability": -0.1}, "probability must lie between 0 and 1"),
    ({"api": "pubsub", "status": "INTERNAL", "probability": float("nan")}, "probability must lie between 0 and 1"),
    ({"api": "pubsub", "status": "INTERNAL", "count": 0}, "count must be at least 1, not 0"),
    (
        {"api": "monitoring", "method": "CreateTimeSeries", "status": "INTERNAL", "series": 0},
        "series must be at least 1",
    ),
    ({"api": "monitoring", "status": "INTERNAL", "series": 1}, "its method CreateTimeSeries"),
    (
        {"api": "monitoring", "method": "CreateTimeSeries", "delay_ms": 5, "series": 1},
        "the status that they are refused",
    ),
    ({"api": "pubsub", "status": "INTERNAL", "garbage": True}, "not with both"),
    ({"api": "pubsub", "status": "INTERNAL", "after": True}, "after belongs to the api monitoring"),
    ({"api": "monitoring", "delay_ms": 5, "after": True}, "a status or garbage to answer with"),
    (
        {"api": "monitoring", "method": "CreateTimeSeries", "status": "INTERNAL", "series": 1, "after": True},
        "not to a fault of some series",
    ),
]


@pytest.mark.parametrize(("given", "message"), NONSENSE)
def test_a_fault_that_makes_no_sense_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Fault(**given)


@pytest.mark.parametrize("api", APIS)
def test_every_api_takes_every_canonical_code(api: str) -> None:
    assert [Fault(api, status=status).status for status in STATUSES] == list(STATUSES)
