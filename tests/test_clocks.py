from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.clocks import TOLERANCE, ServiceClock
from tests.builders import T0


@dataclass
class Answer:
    headers: dict[str, str]


@dataclass
class Machine:
    """True time, steady time, and a clock of the machine's own that may be wrong."""

    true: datetime = T0
    wrong_by: timedelta = timedelta(0)
    steady_s: float = 1000.0
    service: ServiceClock = field(init=False)

    def __post_init__(self) -> None:
        self.service = ServiceClock(lambda: self.steady_s)

    def pass_time(self, seconds: float, *, asleep: bool = False) -> None:
        self.true += timedelta(seconds=seconds)
        if not asleep:
            self.steady_s += seconds

    def begin(self) -> datetime:
        return self.service.begin(self.true + self.wrong_by)

    def answer(self) -> None:
        self.service.observe(Answer({"Date": format_datetime(self.true.replace(microsecond=0), usegmt=True)}))


def test_a_clock_that_is_right_is_believed() -> None:
    machine = Machine()
    assert machine.begin() == T0
    machine.pass_time(2)
    machine.answer()
    assert machine.service.there() == machine.true
    machine.pass_time(58)
    assert machine.begin() == machine.true


@given(st.integers(-86_400, 86_400), st.floats(0, 20), st.floats(0, 20))
def test_the_service_tells_its_time_however_wrong_our_clock_is(wrong_s: int, before_s: float, after_s: float) -> None:
    machine = Machine(wrong_by=timedelta(seconds=wrong_s))
    machine.begin()
    machine.pass_time(before_s)
    machine.answer()
    machine.pass_time(after_s)
    there = machine.service.there()
    assert there is not None
    assert abs(there - machine.true) <= timedelta(seconds=1.1)
    machine.pass_time(30)
    assert abs(machine.begin() - machine.true) <= TOLERANCE + timedelta(seconds=1.1)


def test_a_clock_that_is_set_is_believed_until_the_service_answers() -> None:
    machine = Machine(wrong_by=timedelta(hours=1))
    machine.begin()
    machine.answer()
    machine.service.there()
    machine.pass_time(60)
    assert machine.begin() == machine.true
    machine.wrong_by = timedelta(0)
    machine.pass_time(60)
    assert machine.begin() == machine.true
    assert machine.service.there() is None
    machine.answer()
    assert machine.service.there() == machine.true


def test_without_an_answer_the_last_one_tells_the_time() -> None:
    machine = Machine(wrong_by=timedelta(seconds=45))
    machine.begin()
    machine.answer()
    machine.service.there()
    machine.pass_time(60)
    # Within what is tolerated the cycle goes by our own clock, and what is over by the service's.
    assert machine.begin() == machine.true + timedelta(seconds=45)
    assert machine.service.there() == machine.true


def test_a_machine_that_slept_believes_its_clock() -> None:
    machine = Machine()
    machine.begin()
    machine.answer()
    machine.service.there()
    machine.pass_time(7200, asleep=True)
    assert machine.begin() == machine.true
    assert machine.service.there() is None


def test_a_service_that_tells_no_time_is_held_to_have_ours() -> None:
    machine = Machine()
    machine.begin()
    machine.service.observe(Answer({"Date": "yesterday"}))
    assert machine.service.there() is None
    machine.service.observe(Answer({}))
    assert machine.service.there() == machine.true
    machine.answer()
    assert machine.service.there() == machine.true


def test_a_wrong_clock_is_told_once_until_it_is_right_again(caplog: pytest.LogCaptureFixture) -> None:
    machine = Machine(wrong_by=timedelta(hours=1))
    for wrong_by_s in (3600, 3600, 0, 0, -3600):
        machine.wrong_by = timedelta(seconds=wrong_by_s)
        machine.begin()
        machine.pass_time(1)
        machine.answer()
        machine.service.there()
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "this machine's clock is 3600 s ahead of BigQuery's, whose time is used: set it (NTP)",
        "this machine's clock is 3600 s behind BigQuery's, whose time is used: set it (NTP)",
    ]
