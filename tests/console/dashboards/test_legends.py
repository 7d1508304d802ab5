"""What series are called."""

from __future__ import annotations

import pytest

from exporter.console.dashboards import legends
from exporter.console.series.model import Series


def series(metric: str = "a.b/latency", resource: dict[str, str] | None = None, **labels: str) -> Series:
    found = {"job": "x", "namespace": "f"} if resource is None else resource
    return Series(metric, labels, "generic_task", found, "gauge", "double", "s", (1.0,), (1.0,), (2.0,))


TWO = [series(quantile="p50"), series(quantile="p95")]


@pytest.mark.parametrize(
    ("legend", "expected"),
    [
        ("${metric.labels.quantile}", ["p50", "p95"]),
        ('${metric.label."quantile"} of ${resource.label.job}', ["p50 of x", "p95 of x"]),
        ("${ resource.type } ${metric.type}", ["generic_task a.b/latency"] * 2),
        ("fixed", ["fixed", "fixed"]),
        ("${metric.labels.none}", ["p50", "p95"]),
        ("${metadata.system_labels.name} - ${metric.labels.quantile}", ["- p50", "- p95"]),
        ("", ["p50", "p95"]),
        ("  ", ["p50", "p95"]),
    ],
)
def test_templates(legend: str, expected: list[str]) -> None:
    assert legends.names(TWO, legend) == expected


def test_labels_that_tell_series_apart() -> None:
    found = [
        series(resource={"job": "a"}, state="1"),
        series(resource={"job": "a"}, state="2"),
        series(resource={"job": "b"}),
    ]
    assert legends.names(found, "") == ["a, 1", "a, 2", "b"]
    assert legends.names([series()], "") == ["latency"]
    assert legends.names([series(), series("c/errors")], "") == ["latency", "errors"]
    assert legends.names([], "") == []


def test_labels_by_short_names() -> None:
    found = legends.labels(series(resource={"job": "a", "zone": "z"}, job="b", code="c"))
    assert found == {"code": "c", "metric.labels.job": "b", "resource.labels.job": "a", "zone": "z"}


def test_names_have_an_end_whatever_labels_hold() -> None:
    found = [series(resource={"job": letter * 1_000}) for letter in "ab"]
    for legend in ("", "${resource.labels.job} " * 8):
        assert [(name[0], len(name), name[-1]) for name in legends.names(found, legend)] == [
            ("a", 300, "…"),
            ("b", 300, "…"),
        ]


def test_names_are_not_turned_around() -> None:
    found = [series(resource={"job": f"{letter}\u202etxt"}) for letter in "ab"]
    for legend in ("", "${resource.labels.job}"):
        assert legends.names(found, legend) == ["atxt", "btxt"]
