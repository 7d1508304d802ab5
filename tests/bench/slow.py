"""Cycles with all families due where BigQuery takes as long as it really does for such queries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.bench import candidates
from tests.bench.candidates import Sample
from tests.bench.sandbox import QUARTER_S, QUARTERS, SLOW_LATENCY, sandbox


def cycles(python: Path, systems: int, number: int) -> Iterator[Sample]:
    """A number of hours, of which the last quarter's cycle is measured."""
    with sandbox(systems, "1h", latency=SLOW_LATENCY) as cloud, candidates.warm(python, cloud, cloud.config, 0) as warm:
        warm.begin()
        for _ in range(number):
            for _ in range(QUARTERS):
                cloud.advance(QUARTER_S)
                sample = warm.collect()
            yield sample
