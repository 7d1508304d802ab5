from __future__ import annotations

from pathlib import Path

import pytest

from exporter.metrics.catalog import CATALOG, Kind, Metric, markdown
from exporter.model import LATENCY_BOUNDS_S

ROOT = Path(__file__).parents[2]


def test_the_reference_page_is_generated_from_the_catalogue() -> None:
    assert (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8") == markdown()


@pytest.mark.parametrize("metric", CATALOG.values(), ids=lambda metric: metric.name)
def test_every_metric_says_all_there_is_to_say(metric: Metric) -> None:
    assert metric.description.endswith(".")
    assert metric.definition
    assert metric.source
    assert metric.unit
    assert len(metric.labels) <= 10
    assert not {"project_id", "location", "namespace", "job", "task_id"} & set(metric.labels)


def test_bounds_are_few_and_increasing() -> None:
    assert len(LATENCY_BOUNDS_S) <= 40
    assert list(LATENCY_BOUNDS_S) == sorted(set(LATENCY_BOUNDS_S))
    assert (LATENCY_BOUNDS_S[0], LATENCY_BOUNDS_S[-1]) == (0.1, 86400.0)


def test_ratios_are_never_counts() -> None:
    assert all(metric.kind is Kind.GAUGE for metric in CATALOG.values() if metric.name.endswith("_ratio"))
