"""The estimate against the sandbox's own account: of bytes billed, points stored and series returned.

In these hours one of the fifty systems is late for a while and is collected every window, which no estimate knows beforehand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

import pytest

from exporter.observer import cycles, estimate
from exporter.observer.series import HEARTBEAT, OF_CYCLES, OF_SYSTEMS, Series
from exporter.observer.usage import Usage, total
from exporter.pricing import HOURS_PER_MONTH
from tests.observer.fleets import Account, Fleet, fleet

HOURS = 2
SYSTEMS = 50


@pytest.fixture(scope="module")
def standard() -> Iterator[Fleet]:
    with fleet(SYSTEMS) as started:
        yield started


@pytest.fixture(scope="module")
def account(standard: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Account:
    return standard.run(HOURS, tmp_path_factory.mktemp("dump"))


def used(standard: Fleet) -> Usage:
    """What the estimate says of as much time."""
    estimated = estimate.estimate(standard.systems, estimate.Terms(standard.parts.prices))
    return total(line.usage for line in estimated.lines) * Fraction(HOURS, HOURS_PER_MONTH)


def test_the_bytes_are_those_that_bigquery_billed(standard: Fleet, account: Account) -> None:
    assert account.bytes_billed == pytest.approx(float(used(standard).bytes_billed), rel=0.02)


def test_the_points_are_those_that_were_stored(standard: Fleet, account: Account) -> None:
    expected = used(standard)
    assert account.points_stored == pytest.approx(
        float(expected.scalar_points + expected.distribution_points), rel=0.02
    )


def test_every_metric_of_a_system_gets_the_points_that_its_labels_say(standard: Fleet, account: Account) -> None:
    expected: Counter[str] = Counter()
    for series in OF_SYSTEMS:
        expected[series.metric] += points(series, standard)
    for metric, number in expected.items():
        assert account.points[metric] == pytest.approx(number, rel=0.05), metric


def test_the_exporter_says_little_of_itself(standard: Fleet, account: Account) -> None:
    assert account.points[HEARTBEAT.metric] == HOURS * 12
    made = cycles.of(standard.systems)
    collecting = made.collecting * Fraction(HOURS, HOURS_PER_MONTH)
    for series in OF_CYCLES:
        # What it costs is known after an hour only; looking at a late system more often takes some cycles more.
        assert account.points[series.metric] <= series.points * collecting * Fraction(4, 3), series.metric
    others = account.points.keys() - {series.metric for series in (*OF_SYSTEMS, *OF_CYCLES, HEARTBEAT)}
    assert not others


def points(series: Series, standard: Fleet) -> int:
    """Points of one line of the table for the fleet."""
    per_system = {"each window": 12, "each collection": 4, "each hour": 1}[series.written]
    return round(series.points * per_system * HOURS * len(standard.systems))


def test_the_series_are_those_that_cloud_monitoring_returned(standard: Fleet, account: Account) -> None:
    assert account.series_read == pytest.approx(float(used(standard).series_read), rel=0.03)
