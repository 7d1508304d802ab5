from __future__ import annotations

import itertools
from datetime import timedelta

from exporter.model import Failure
from exporter.quarantine import FIRST_PAUSE, LONGEST_PAUSE, Quarantine
from tests.builders import T0

GONE = Failure("landing", "s", "notFound", "gone")


def test_pauses_grow_up_to_a_limit_and_end_with_an_answer() -> None:
    quarantine = Quarantine()
    assert quarantine.held("s", T0) is None
    now, pauses = T0, []
    for _ in range(8):
        quarantine.failed("s", GONE, now)
        begun = now
        while quarantine.held("s", now) == GONE:
            now += timedelta(seconds=30)
        pauses.append(now - begun)
    assert pauses[0] == FIRST_PAUSE
    assert all(after >= before for before, after in itertools.pairwise(pauses))
    assert pauses[-1] == LONGEST_PAUSE
    assert quarantine.suspect("s")
    quarantine.answered("s")
    assert not quarantine.suspect("s")
    assert quarantine.held("s", T0) is None
