from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from exporter.console.series.sharing import Shared


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as made:
        yield made


class Work:
    """Counts how often it was done; a new value each time."""

    def __init__(self, size: int = 1) -> None:
        self.done = 0
        self.size = size

    def __call__(self) -> str:
        self.done += 1
        return "x" * self.size


def shared(pool: ThreadPoolExecutor, keep_s: float = 1000.0, most: int = 10) -> Shared[str]:
    return Shared(pool, len, keep_s=keep_s, most=most)


def test_equal_work_under_way_is_done_once(pool: ThreadPoolExecutor) -> None:
    store, work, go_on = shared(pool, keep_s=0.0), Work(), threading.Event()

    def slow() -> str:
        assert go_on.wait(60)
        return work()

    found = [store.get(b"k", slow) for _ in range(5)]
    go_on.set()
    assert [each.result(60) for each in found] == ["x"] * 5
    assert work.done == 1


def test_a_result_is_kept_for_a_while(pool: ThreadPoolExecutor) -> None:
    kept, forgotten = Work(), Work()
    for work, store in ((kept, shared(pool)), (forgotten, shared(pool, keep_s=0.0))):
        for _ in range(3):
            assert store.get(b"k", work).result(60) == "x"
    assert (kept.done, forgotten.done) == (1, 3)


def test_the_oldest_are_forgotten_where_they_get_too_many(pool: ThreadPoolExecutor) -> None:
    store, works = shared(pool, most=10), {key: Work(4) for key in (b"a", b"b", b"c")}
    for key in (b"a", b"b", b"c", b"c", b"b", b"a"):
        store.get(key, works[key]).result(60)
    assert [works[key].done for key in (b"a", b"b", b"c")] == [2, 1, 1]


def test_what_is_too_large_to_keep_is_done_again(pool: ThreadPoolExecutor) -> None:
    store, work = shared(pool, most=10), Work(11)
    for _ in range(2):
        store.get(b"k", work).result(60)
    assert work.done == 2


def test_a_failure_is_shared_but_not_kept(pool: ThreadPoolExecutor) -> None:
    store, go_on, work = shared(pool), threading.Event(), Work()

    def fails() -> str:
        assert go_on.wait(60)
        raise ValueError("no")

    def get(how: Callable[[], str]) -> object:
        return store.get(b"k", how)

    assert get(fails) is get(work)
    go_on.set()
    with pytest.raises(ValueError, match="no"):
        store.get(b"k", fails).result(60)
    pool.shutdown()
    assert work.done == 0
    fresh = shared(ThreadPoolExecutor(1))
    assert fresh.get(b"k", work).result(60) == "x"
