"""A circuit leaves an exhausted API alone, and finds out by one call at a time whether it still is."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.circuits import FIRST_PAUSE_S, LONGEST_HINT_S, LONGEST_PAUSE_S, Circuits
from exporter.errors import Transient
from tests.builders import T0


class Clock:
    """Steady seconds that move only when they are told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Api:
    """Calls through circuits, counted where they really are made."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.circuits = Circuits(self.clock, lambda: T0 + timedelta(seconds=self.clock() - 1000))
        self.made = 0

    def exhaust(self, hint_s: float | None = None, project: str = "acme-data", api: str = "bigquery") -> None:
        with self.circuits.passage(api, project) as passage:
            self.made += 1
            passage.exhaust("429: slow down", hint_s)

    def succeed(self, project: str = "acme-data", api: str = "bigquery") -> None:
        with self.circuits.passage(api, project) as passage:
            self.made += 1
            passage.succeed()

    def end_in_doubt(self) -> None:
        with self.circuits.passage("bigquery", "acme-data"):
            self.made += 1

    def is_held(self, project: str = "acme-data", api: str = "bigquery") -> bool:
        """Whether a call would not be made now; one that would be ends in doubt."""
        try:
            with self.circuits.passage(api, project):
                return False
        except Transient as held:
            return held.reason == "circuitOpen"

    def held_for(self) -> float:
        """Seconds until the next call is let through."""
        begun = self.clock.seconds
        while self.is_held():
            self.clock.seconds += 0.5
        return self.clock.seconds - begun


def test_a_held_call_says_what_was_said_and_when_it_is_asked_again() -> None:
    api = Api()
    api.exhaust(hint_s=200)
    with pytest.raises(Transient, match=r"^BigQuery said 429: slow down; asked again after 12:03:20Z$"):
        api.succeed()
    assert api.made == 1


def test_pauses_double_until_they_are_long_enough_and_a_success_ends_them() -> None:
    api = Api()
    pauses = []
    for _ in range(9):
        api.exhaust()
        pauses.append(api.held_for())
    assert pauses == [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0, 300.0]
    assert (pauses[0], pauses[-1]) == (FIRST_PAUSE_S, LONGEST_PAUSE_S)
    api.succeed()
    assert not api.is_held()
    api.exhaust()
    assert api.held_for() == FIRST_PAUSE_S


@pytest.mark.parametrize(
    ("hint_s", "pause_s"), [(1.0, 1.0), (42.0, 42.0), (1e9, LONGEST_HINT_S), (0.0, 5.0), (-3.0, 5.0)]
)
def test_a_hint_is_honoured_unless_it_makes_no_sense(hint_s: float, pause_s: float) -> None:
    api = Api()
    api.exhaust(hint_s)
    assert api.held_for() == pause_s


def test_projects_and_apis_have_circuits_of_their_own() -> None:
    api = Api()
    api.exhaust()
    assert api.is_held()
    assert not api.is_held(project="other")
    assert not api.is_held(api="pubsub")


def test_calls_that_were_under_way_together_make_one_pause() -> None:
    api = Api()
    with (
        api.circuits.passage("bigquery", "acme-data") as first,
        api.circuits.passage("bigquery", "acme-data") as second,
    ):
        first.exhaust("429")
        second.exhaust("429")
    assert api.held_for() == FIRST_PAUSE_S
    api.exhaust()
    assert api.held_for() == 2 * FIRST_PAUSE_S


def test_a_late_answer_from_before_the_opening_neither_closes_nor_shortens() -> None:
    api = Api()
    with api.circuits.passage("bigquery", "acme-data") as early:
        api.exhaust(hint_s=60)
        early.succeed()
    assert api.is_held()
    assert api.held_for() == 60


def test_only_one_call_probes_and_its_doubtful_end_lets_the_next_one() -> None:
    api = Api()
    api.exhaust()
    api.clock.seconds += FIRST_PAUSE_S
    with api.circuits.passage("bigquery", "acme-data"), pytest.raises(Transient, match="one call is under way"):
        api.succeed()
    api.end_in_doubt()
    with api.circuits.passage("bigquery", "acme-data"):
        assert api.is_held()
    api.succeed()
    with api.circuits.passage("bigquery", "acme-data"):
        assert not api.is_held()


def test_a_probe_that_ends_with_a_mistake_of_ours_is_over() -> None:
    api = Api()
    api.exhaust()
    api.clock.seconds += FIRST_PAUSE_S
    with pytest.raises(ZeroDivisionError), api.circuits.passage("bigquery", "acme-data"):
        raise ZeroDivisionError
    assert not api.is_held()


def test_of_many_threads_one_probes() -> None:
    api = Api()
    api.exhaust()
    api.clock.seconds += FIRST_PAUSE_S
    everybody = threading.Barrier(16)
    decided = threading.Barrier(16)

    def ask(_: int) -> bool:
        everybody.wait(10)
        try:
            with api.circuits.passage("bigquery", "acme-data"):
                decided.wait(10)
                return True
        except Transient:
            decided.wait(10)
            return False

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(ask, range(16))) == 1


steps = st.lists(
    st.tuples(st.sampled_from(["exhaust", "hint", "succeed", "doubt"]), st.floats(0, 400), st.floats(0.1, 5000)),
    max_size=60,
)


@given(steps)
def test_no_call_is_made_before_its_time_and_one_always_is_after_it(steps: list[tuple[str, float, float]]) -> None:
    api = Api()
    open_until = None
    for what, wait_s, hint_s in steps:
        api.clock.seconds += wait_s
        held = open_until is not None and api.clock.seconds < open_until
        made = api.made
        try:
            if what == "succeed":
                api.succeed()
            elif what == "doubt":
                api.end_in_doubt()
            else:
                api.exhaust(hint_s if what == "hint" else None)
        except Transient:
            assert held
            continue
        assert not held
        assert api.made == made + 1
        if what == "succeed":
            open_until = None
        elif what == "hint":
            open_until = api.clock.seconds + min(hint_s, LONGEST_HINT_S)
        elif what == "exhaust":
            # However long it went on, it is asked again in time.
            begun = api.clock.seconds
            api.clock.seconds += LONGEST_PAUSE_S
            assert not api.is_held()
            api.clock.seconds = begun
            open_until = begun + api.held_for()
            api.clock.seconds = begun
