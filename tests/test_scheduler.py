from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.triggers.interval import IntervalTrigger

from exporter import scheduler
from exporter.errors import Transient
from exporter.scheduler import Scheduler, SchedulerDied
from exporter.windows import MINUTE, align_down

WAIT_S = 30.0


class Cycles:
    """Counts cycles, and lets a test hold them up."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.go_on.set()
        self.running = 0
        self.at_once = 0
        self.error: Exception | None = None

    def __call__(self) -> None:
        self.running += 1
        self.at_once = max(self.at_once, self.running)
        self.begun.release()
        self.go_on.wait(WAIT_S)
        self.running -= 1
        if self.error is not None:
            raise self.error

    def wait(self) -> None:
        assert self.begun.acquire(timeout=WAIT_S)


@contextmanager
def scheduled(
    cycles: Cycles, overrun: Callable[[], None] = lambda: None, **options: object
) -> Iterator[threading.Event]:
    stop = threading.Event()
    settings = {"period": timedelta(seconds=1), "offset": timedelta(0), **options}
    runner = Scheduler(cycles, overrun, **settings)  # type: ignore[arg-type]
    thread = threading.Thread(target=runner.run, args=[stop])
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        cycles.go_on.set()
        thread.join(WAIT_S)
        assert not thread.is_alive()


def test_the_first_cycle_is_at_once_and_others_follow() -> None:
    cycles = Cycles()
    with scheduled(cycles):
        for _ in range(3):
            cycles.wait()


def test_cycles_never_overlap_and_those_left_out_are_counted() -> None:
    cycles, left_out = Cycles(), threading.Semaphore(0)
    cycles.go_on.clear()
    with scheduled(cycles, left_out.release):
        cycles.wait()
        for _ in range(2):
            assert left_out.acquire(timeout=WAIT_S)
        cycles.go_on.set()
        cycles.wait()
    assert cycles.at_once == 1


@pytest.mark.parametrize("error", [Transient("UNAVAILABLE", "down"), ZeroDivisionError()])
def test_a_cycle_that_fails_does_not_end_the_schedule(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    cycles = Cycles()
    cycles.error = error
    with scheduled(cycles):
        cycles.wait()
        cycles.wait()
    assert any("the cycle" in record.message for record in caplog.records)


def test_the_sandboxs_clock_says_when_a_cycle_begins() -> None:
    cycles, now = Cycles(), [datetime(2026, 3, 4, 12, 0, 5, tzinfo=UTC)]
    with scheduled(cycles, period=timedelta(hours=1), follow=lambda: now[0]):
        cycles.wait()
        assert not cycles.begun.acquire(timeout=2)
        now[0] += timedelta(hours=1)
        cycles.wait()
        now[0] -= timedelta(hours=5)
        cycles.wait()


def test_a_clock_that_is_moved_before_the_first_heartbeat_starts_a_cycle() -> None:
    cycles, now = Cycles(), [datetime(2026, 3, 4, 12, 0, 5, tzinfo=UTC)]
    with scheduled(cycles, period=timedelta(hours=1), follow=lambda: now[0]):
        cycles.wait()
        now[0] += timedelta(hours=1)
        cycles.wait()


class Broken(IntervalTrigger):  # type: ignore[misc]
    """A trigger that raises: APScheduler's thread ends without a word."""

    def get_next_fire_time(self, previous_fire_time: object, now: datetime) -> datetime:
        if previous_fire_time is not None:
            raise RuntimeError("no next time")
        return now


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_scheduler_whose_thread_has_died_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    cycles = Cycles()
    runner = Scheduler(cycles, lambda: None, period=timedelta(seconds=1), offset=timedelta(0))
    monkeypatch.setattr(runner, "_trigger", lambda: Broken(seconds=1, timezone=UTC))
    with pytest.raises(SchedulerDied):
        runner.run(threading.Event())


def test_cycles_come_a_little_after_the_end_of_a_window() -> None:
    offsets = {scheduler.offset(f"fleet-{n}") for n in range(50)}
    assert len(offsets) > 5
    assert all(timedelta(seconds=15) < each < timedelta(seconds=30) for each in offsets)
    trigger = Scheduler(Cycles(), lambda: None, period=MINUTE, offset=timedelta(seconds=20))._trigger()
    first = trigger.get_next_fire_time(None, datetime.now(UTC))
    assert first - align_down(first, MINUTE) == timedelta(seconds=20)


def test_a_clock_that_is_followed_has_one_cycle_for_each_of_its_periods() -> None:
    cycles, period = Cycles(), timedelta(seconds=1)
    begin = align_down(datetime.now(UTC), period)
    with scheduled(cycles, period=period, follow=lambda: datetime.now(UTC)):
        for _ in range(10):
            cycles.wait()
    # The first is at once, and may share its period with the second.
    assert datetime.now(UTC) - begin >= 8 * period
