"""Leaves an API alone that says it is asked too much: for as long as it asks for, or for pauses that grow.

A circuit is *closed* while calls go through, *open* while none is made, and *half open* when the pause is over: then one call is let
through, and only its success closes the circuit.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from exporter.errors import Transient

FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 300.0

LONGEST_HINT_S = 3600.0
"""An API that asks to be left alone for longer is asked once an hour all the same: the hint may be a mistake."""

CIRCUIT_OPEN = "circuitOpen"
"""Reason of a call that was not made."""

_NAMES: Mapping[str, str] = {
    "bigquery": "BigQuery",
    "monitoring_read": "Cloud Monitoring",
    "monitoring_write": "Cloud Monitoring",
    "pubsub": "Pub/Sub",
}


@dataclass(slots=True)
class _Circuit:
    """``until_s`` is None while the circuit is closed; ``pause_s`` is that of the last opening."""

    until_s: float | None = None
    pause_s: float = 0.0
    said: str = ""
    probed: bool = False


@dataclass(slots=True)
class Passage:
    """One call that was let through; it says what became of it, if that tells anything."""

    answered: bool = False
    said: str | None = None
    hint_s: float | None = None

    def succeed(self) -> None:
        """The API takes calls again."""
        self.answered = True

    def exhaust(self, said: str, hint_s: float | None = None) -> None:
        """The API wants fewer calls; ``hint_s`` is how long it asks to wait, where it says so."""
        self.said, self.hint_s = said, hint_s


class Circuits:
    """A circuit for each API and project: one project's quota is not another's. Safe in several threads.

    ``steady`` is a clock in seconds that is never set; ``now`` only words messages.
    """

    def __init__(
        self,
        steady: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._steady = steady
        self._now = now
        self._lock = threading.Lock()
        self._circuits: dict[tuple[str, str], _Circuit] = {}

    @contextmanager
    def passage(self, api: str, project: str) -> Iterator[Passage]:
        """Let one call through; raises ``Transient`` at once, with no call made, while the circuit is open."""
        with self._lock:
            circuit = self._circuits.setdefault((api, project), _Circuit())
            left_s = 0.0 if circuit.until_s is None else circuit.until_s - self._steady()
            probe = circuit.until_s is not None and left_s <= 0 and not circuit.probed
            held = circuit.until_s is not None and not probe
            circuit.probed = circuit.probed or probe
            said = circuit.said
        if held:
            raise self._held(api, said, left_s)
        passage = Passage()
        try:
            yield passage
        finally:
            with self._lock:
                self._leave(circuit, passage, probe=probe)

    def _held(self, api: str, said: str, left_s: float) -> Transient:
        if left_s > 0:
            again = f"asked again after {self._now() + timedelta(seconds=left_s):%H:%M:%SZ}"
        else:
            again = "one call is under way to see whether it still does"
        return Transient(CIRCUIT_OPEN, f"{_NAMES.get(api, api)} said {said}; {again}")

    def _leave(self, circuit: _Circuit, passage: Passage, *, probe: bool) -> None:
        if probe:
            circuit.probed = False
        if passage.said is not None:
            self._open(circuit, passage.said, passage.hint_s, probe=probe)
        elif probe and passage.answered:
            circuit.until_s, circuit.pause_s = None, 0.0

    def _open(self, circuit: _Circuit, said: str, hint_s: float | None, *, probe: bool) -> None:
        """Open, or open again; of calls that were under way together only one makes the pause longer."""
        now_s = self._steady()
        known = circuit.until_s is not None and not probe
        if not known:
            circuit.pause_s = min(max(circuit.pause_s * 2, FIRST_PAUSE_S), LONGEST_PAUSE_S)
        hinted_s = min(hint_s or 0.0, LONGEST_HINT_S)
        pause_s = hinted_s if hinted_s > 0 or known else circuit.pause_s
        circuit.until_s = max(circuit.until_s or now_s, now_s + pause_s)
        circuit.said = said
