"""Few at a time: the next ones wait, and those beyond are sent away."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event

import pytest

from exporter.console.crowds import Crowd, Crowded


def test_those_beyond_are_sent_away_and_told_when_to_come_again() -> None:
    crowd = Crowd(2, 0, 60.0, retry_s=7)
    with ExitStack() as inside:
        for _ in range(2):
            inside.enter_context(crowd.entered())
        with pytest.raises(Crowded, match="try again in 7 s") as raised, crowd.entered():
            pass
        assert raised.value.retry_s == 7
    with crowd.entered():
        pass


def test_who_waits_comes_in_when_there_is_room_and_nobody_waits_for_ever() -> None:
    patient, hasty = Crowd(1, 1, 60.0), Crowd(1, 1, 0.0)
    came = Event()

    def wait() -> None:
        with patient.entered():
            came.set()

    with ThreadPoolExecutor(1) as pool:
        with patient.entered():
            waiting = pool.submit(wait)
            assert not came.is_set()
        waiting.result(60)
    assert came.is_set()
    with hasty.entered(), pytest.raises(Crowded), hasty.entered():
        pass


def test_a_failure_inside_makes_room() -> None:
    crowd = Crowd(1, 0, 0.0)
    for _ in range(3):
        with pytest.raises(ValueError, match="inside"), crowd.entered():
            raise ValueError("inside")
