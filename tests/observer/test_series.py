"""The table of points holds every metric of the catalogue, with no more label values than its labels allow."""

from __future__ import annotations

from exporter.metrics.catalog import CATALOG, Kind, Written
from exporter.model import Family
from exporter.observer.series import HEARTBEAT, OF_CYCLES, OF_SYSTEMS

EVERY = (*OF_SYSTEMS, *OF_CYCLES, HEARTBEAT)


def test_every_metric_is_paid_for() -> None:
    assert {series.metric for series in EVERY} == set(CATALOG)


def test_metrics_of_cycles_are_those_of_the_exporter_and_the_fleet() -> None:
    of_cycles = {name for name, metric in CATALOG.items() if metric.written is Written.CYCLE}
    assert {series.metric for series in (*OF_CYCLES, HEARTBEAT)} == of_cycles
    assert {series.family for series in (*OF_CYCLES, HEARTBEAT)} == {Family.FLEET, Family.EXPORTER}


def test_a_metric_without_labels_has_one_series() -> None:
    for series in EVERY:
        if not CATALOG[series.metric].labels:
            assert series.points <= 1, series.metric


def test_distributions_have_buckets_and_nothing_else_has() -> None:
    for series in EVERY:
        assert series.is_distribution == (CATALOG[series.metric].kind is Kind.DISTRIBUTION) == bool(series.buckets)
