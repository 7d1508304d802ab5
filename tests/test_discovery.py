"""The walk over Google's discovery documents finds what is wrong with a document, and nothing in one that is right."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest

from tests.discovery import check, dropped

POLICY: dict[str, Any] = {
    "displayName": "Late",
    "combiner": "OR",
    "conditions": [
        {
            "displayName": "late",
            "conditionPrometheusQueryLanguage": {
                "query": "up == 0",
                "duration": "120s",
                "evaluationInterval": "60s",
                "disableMetricValidation": True,
                "labels": {"kind": "late"},
            },
        }
    ],
    "alertStrategy": {"autoClose": "1800.5s"},
    "userLabels": {"fleet": "flights"},
}
DASHBOARD: dict[str, Any] = {
    "displayName": "Fleet",
    "mosaicLayout": {
        "columns": 48,
        "tiles": [
            {
                "width": 24,
                "height": 12,
                "widget": {
                    "title": "Late",
                    "scorecard": {
                        "timeSeriesQuery": {"prometheusQuery": "up"},
                        "thresholds": [{"value": Decimal("1.5"), "color": "RED"}],
                    },
                },
            }
        ],
    },
    "labels": {"fleet": ""},
}


def changed(document: dict[str, Any], path: list[str | int], value: Any) -> dict[str, Any]:
    """A copy of a document with one value replaced or added."""
    found: Any = copy.deepcopy(document)
    whole = found
    for step in path[:-1]:
        found = found[step]
    found[path[-1]] = value
    assert isinstance(whole, dict)
    return whole


def test_nothing_is_found_in_what_is_right() -> None:
    assert check(POLICY, "AlertPolicy", "monitoring.v3") == []
    assert check(DASHBOARD, "Dashboard", "monitoring.v1") == []


QUERY: list[str | int] = ["conditions", 0, "conditionPrometheusQueryLanguage"]
WIDGET: list[str | int] = ["mosaicLayout", "tiles", 0, "widget"]


@pytest.mark.parametrize(
    ("path", "value", "finding"),
    [
        (["sevrity"], "CRITICAL", "AlertPolicy.sevrity: is not a field of AlertPolicy"),
        (
            ["severity"],
            "FATAL",
            "AlertPolicy.severity: 'FATAL' is none of SEVERITY_UNSPECIFIED, CRITICAL, ERROR, WARNING",
        ),
        (["displayName"], 5, "AlertPolicy.displayName: must be a string, is the number 5"),
        (["displayName"], None, "AlertPolicy.displayName: must be a string, is null"),
        (["enabled"], "true", "AlertPolicy.enabled: must be a boolean, is a string"),
        (["conditions"], {}, "AlertPolicy.conditions: must be an array, is an object"),
        (["conditions", 0], [], "AlertPolicy.conditions[0]: must be an object, is an array"),
        (
            [*QUERY, "evaluationInterval"],
            "1m",
            (
                "AlertPolicy.conditions[0].conditionPrometheusQueryLanguage."
                "evaluationInterval: '1m' is no google-duration"
            ),
        ),
        (
            [*QUERY, "labels", "kind"],
            True,
            ("AlertPolicy.conditions[0].conditionPrometheusQueryLanguage.labels.kind: must be a string, is a boolean"),
        ),
        (
            ["creationRecord"],
            {"mutateTime": "2026-11-02"},
            ("AlertPolicy.creationRecord.mutateTime: '2026-11-02' is no google-datetime"),
        ),
        (
            ["creationRecord"],
            {"mutateTime": "soon"},
            "AlertPolicy.creationRecord.mutateTime: 'soon' is no google-datetime",
        ),
        (["validity"], {"code": 2**31}, f"AlertPolicy.validity.code: {2**31} is no int32"),
        (["validity"], {"code": True}, "AlertPolicy.validity.code: must be an integer, is a boolean"),
    ],
)
def test_a_mistake_in_a_policy_is_found(path: list[str | int], value: Any, finding: str) -> None:
    assert check(changed(POLICY, path, value), "AlertPolicy", "monitoring.v3") == [finding]


@pytest.mark.parametrize(
    ("path", "value", "finding"),
    [
        ([*WIDGET, "scorecards"], {}, "Dashboard.mosaicLayout.tiles[0].widget.scorecards: is not a field of Widget"),
        (["mosaicLayout", "columns"], "48", "Dashboard.mosaicLayout.columns: must be an integer, is a string"),
        (
            ["mosaicLayout", "columns"],
            Decimal(48),
            "Dashboard.mosaicLayout.columns: must be an integer, is the number 48",
        ),
        (["gridLayout"], {"columns": "2.5"}, "Dashboard.gridLayout.columns: '2.5' is no int64"),
        (["gridLayout"], {"columns": 2}, "Dashboard.gridLayout.columns: must be a string, is the number 2"),
        (
            [*WIDGET, "scorecard", "thresholds", 0, "value"],
            float("inf"),
            "Dashboard.mosaicLayout.tiles[0].widget.scorecard.thresholds[0].value: inf is no double",
        ),
    ],
)
def test_a_mistake_in_a_dashboard_is_found(path: list[str | int], value: Any, finding: str) -> None:
    assert check(changed(DASHBOARD, path, value), "Dashboard", "monitoring.v1") == [finding]


def test_every_mistake_is_found() -> None:
    wrong = changed(changed(POLICY, ["sevrity"], "x"), ["displayName"], 5)
    assert len(check(wrong, "AlertPolicy", "monitoring.v3")) == 2


@pytest.mark.parametrize(
    ("schema", "document"),
    [("MetricsScope", {"createTime": "2026-11-02T12:00:00Z"}), ("TableDisplayOptions", {"shownColumns": ["job"]})],
)
def test_what_is_read_only_or_deprecated_is_found(schema: str, document: dict[str, Any]) -> None:
    (name,) = document
    assert check(document, schema, "monitoring.v1") == [f"{schema}.{name}: is read-only or deprecated"]


def test_a_schema_that_is_not_there_is_no_reason_to_be_content() -> None:
    with pytest.raises(KeyError, match="no schema AlertPolicies"):
        check(POLICY, "AlertPolicies", "monitoring.v3")
    with pytest.raises(FileNotFoundError):
        check(POLICY, "AlertPolicy", "monitoring.v99")


def test_defaults_are_found() -> None:
    document = {
        "kept": {"a": 1, "b": "x", "c": True, "d": [1], "e": 0.5},
        "xPos": 0,
        "share": Decimal("0.0"),
        "deep": [{"crossSeriesReducer": "REDUCE_NONE", "perSeriesAligner": "ALIGN_NONE"}],
        "combiner": "COMBINE_UNSPECIFIED",
        "off": False,
        "text": "",
        "nothing": None,
        "list": [],
        "object": {},
    }
    assert dropped(document) == [
        "xPos: 0 is a default",
        "share: Decimal('0.0') is a default",
        "deep[0].crossSeriesReducer: 'REDUCE_NONE' is a default",
        "deep[0].perSeriesAligner: 'ALIGN_NONE' is a default",
        "combiner: 'COMBINE_UNSPECIFIED' is a default",
        "off: False is a default",
        "text: '' is a default",
        "nothing: None is a default",
        "list: [] is a default",
        "object: {} is a default",
    ]
