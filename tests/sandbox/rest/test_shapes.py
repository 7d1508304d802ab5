"""Shapes are those of Google's discovery documents, and what we render has them and is taken."""

from __future__ import annotations

import json
from typing import Any

import pytest

from exporter.rendering import alerts
from exporter.rendering.backends import Backend
from exporter.sandbox.conduct import Conduct
from exporter.sandbox.rest import dashboards, policies, shapes
from exporter.sandbox.rest.answers import Refused
from tests.dashboards.fleets import loaded, rendered
from tests.sandbox import make_shapes

BOTH = pytest.mark.parametrize("backend", list(Backend))


def test_the_file_holds_what_the_discovery_documents_say() -> None:
    assert json.loads(shapes.FILE.read_text(encoding="utf-8")) == make_shapes.shapes()


@BOTH
def test_every_dashboard_of_ours_is_taken(backend: Backend) -> None:
    found = rendered("fifty", backend)
    for dashboard in found.values():
        dashboards.check(dashboard, Conduct(dashboard_widgets=50))
    assert len(found) == 54


@BOTH
def test_every_policy_of_ours_is_taken(backend: Backend) -> None:
    found = alerts.render(loaded("fifty"), backend)
    for text in found.values():
        policies.check(json.loads(text), Conduct())
    assert found


@pytest.mark.parametrize("value", [float("nan"), "1.5", True, 1.5, None, {}])
def test_a_whole_number_is_one(value: Any) -> None:
    document = {"displayName": "x", "mosaicLayout": {"columns": value}}
    if value is None:  # as good as left out
        shapes.check(document, "Dashboard", "dashboard")
        return
    with pytest.raises(Refused) as refused:
        shapes.check(document, "Dashboard", "dashboard")
    assert refused.value.http == 400


@pytest.mark.parametrize("value", [48, "48", 48.0])
def test_a_whole_number_has_three_forms(value: Any) -> None:
    shapes.check({"mosaicLayout": {"columns": value}}, "Dashboard", "dashboard")


@pytest.mark.parametrize("document", [[], "x", 3])
def test_what_is_no_object_is_refused(document: Any) -> None:
    with pytest.raises(Refused):
        shapes.check(document, "AlertPolicy", "alert_policy")
