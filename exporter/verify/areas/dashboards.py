"""B: whether Cloud Monitoring takes every dashboard and every alert policy of the exporter.

Dashboards are only validated. Policies cannot be: each is made, switched off so that nobody is called, and deleted at once. A kind of
policies is a question of its own, so that a mistake in one template is named and hides no other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from google.api_core import exceptions

from exporter.rendering import alerts, dashboards, templates
from exporter.rendering.backends import Backend
from exporter.verify.areas.exporter_config import config
from exporter.verify.areas.writing_limits import boundary
from exporter.verify.lab import Lab
from exporter.verify.questions import Check, Seen

_DASHBOARDS = "https://docs.cloud.google.com/monitoring/api/ref_v3/rest/v1/projects.dashboards/create"
_POLICIES = "https://docs.cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies/create"
_QUOTAS = "https://docs.cloud.google.com/monitoring/quotas"

_REFUSED = (exceptions.BadRequest, exceptions.NotFound)
"""What is said against a document: a policy over a metric that is not known is answered with 404."""

_WIDGETS, _MOST_WIDGETS = 100, 400
_CONDITIONS, _MOST_CONDITIONS = 6, 24


def _rendered(lab: Lab, template: str) -> Mapping[str, Any]:
    """The dashboards of a template by name, for the throwaway pipelines."""
    found = dashboards.render(config(lab.place), Backend.CLOUD_MONITORING)
    names = [name for name in found if name == template or (template == "system" and name.startswith("system-"))]
    return {name: json.loads(found[name]) for name in names}


def _policies(lab: Lab, kind: str) -> Mapping[str, Any]:
    """The policies of a kind by name."""
    found = alerts.render(config(lab.place), Backend.CLOUD_MONITORING)
    return {name: json.loads(found[name]) for name in found if name.partition("--")[0] == kind}


def _refusals(documents: Mapping[str, Any], attempt: Callable[[Any], None], lab: Lab) -> dict[str, str]:
    """What is said against each document that is refused."""
    found = {}
    for name, document in documents.items():
        try:
            attempt(document)
        except _REFUSED as error:
            found[name] = lab.words(error)
    return found


def _seen(documents: Mapping[str, Any], refusals: Mapping[str, str]) -> Seen:
    said = "; ".join(f"{name}: {words}" for name, words in refusals.items())
    taken = "it is taken" if len(documents) == 1 else f"all {len(documents)} are taken"
    text = f"{len(refusals)} of {len(documents)} refused: {said}" if refusals else taken
    return Seen(text, bool(documents) and not refusals, {}, dict(refusals))


def validate(lab: Lab, dashboard: Mapping[str, Any]) -> None:
    """Have a dashboard checked, which makes none; raises ``GoogleAPICallError``."""
    path = f"v1/projects/{lab.place.project}/dashboards"
    lab.services.rest.call("monitoring", "POST", path, parameters={"validateOnly": "true"}, body=dashboard)


def make_and_delete(lab: Lab, policy: Mapping[str, Any]) -> None:
    """Make a policy that is off, and delete it; its labels are the run's, should it be left. Raises ``GoogleAPICallError``."""
    path = f"v3/projects/{lab.place.project}/alertPolicies"
    labels = {**policy.get("userLabels", {}), **lab.place.labels}
    body = {**policy, "enabled": False, "userLabels": labels}
    made = lab.services.rest.call("monitoring", "POST", path, body=body)
    lab.making("policy", made["name"])
    # One that cannot be found yet is removed at the end, with all that a run made.
    with suppress(exceptions.NotFound):
        lab.services.rest.call("monitoring", "DELETE", f"v3/{made['name']}")


def _dashboard(template: str) -> Callable[[Lab], Seen]:
    def ask(lab: Lab) -> Seen:
        found = _rendered(lab, template)
        return _seen(found, _refusals(found, lambda dashboard: validate(lab, dashboard), lab))

    return ask


def _kind(kind: str) -> Callable[[Lab], Seen]:
    def ask(lab: Lab) -> Seen:
        found = _policies(lab, kind)
        return _seen(found, _refusals(found, lambda policy: make_and_delete(lab, policy), lab))

    return ask


def _taken(lab: Lab, attempt: Callable[[Lab, Mapping[str, Any]], None], document: Mapping[str, Any]) -> bool:
    try:
        attempt(lab, document)
    except _REFUSED:
        return False
    return True


def _widgets(lab: Lab) -> Seen:
    """Have dashboards with ever more texts checked."""

    def taken(number: int) -> bool:
        texts = [{"text": {"content": str(place), "format": "RAW"}} for place in range(number)]
        board = {"displayName": "exporter-verify", "gridLayout": {"columns": "4", "widgets": texts}}
        return number == 0 or _taken(lab, validate, board)

    found = boundary(taken, (_WIDGETS, _WIDGETS + 1), _MOST_WIDGETS)
    expected = found == (_WIDGETS, _WIDGETS + 1)
    return Seen(f"{found[0]} are taken, {found[1]} are not", expected, {"dashboard_widgets": found[0]})


def _conditions(lab: Lab) -> Seen:
    """Make policies with ever more conditions, each switched off and deleted at once."""

    def taken(number: int) -> bool:
        policy = {
            "displayName": "exporter-verify",
            "combiner": "OR",
            "conditions": [_condition(place) for place in range(number)],
        }
        return number == 0 or _taken(lab, make_and_delete, policy)

    found = boundary(taken, (_CONDITIONS, _CONDITIONS + 1), _MOST_CONDITIONS)
    expected = found == (_CONDITIONS, _CONDITIONS + 1)
    return Seen(f"{found[0]} are taken, {found[1]} are not", expected, {"alert_conditions": found[0]})


def _condition(place: int) -> dict[str, Any]:
    """A condition over a metric that every project has."""
    metric = "pubsub.googleapis.com/subscription/num_undelivered_messages"
    return {
        "displayName": f"condition {place}",
        "conditionThreshold": {
            "filter": f'metric.type="{metric}" AND resource.type="pubsub_subscription"',
            "comparison": "COMPARISON_GT",
            "thresholdValue": 1_000_000 + place,
            "duration": "300s",
            "aggregations": [{"alignmentPeriod": "300s", "perSeriesAligner": "ALIGN_MEAN"}],
        },
    }


STEPS = ()

_BOARDS = tuple(templates.read("dashboards"))
_KINDS = tuple(templates.read("alerts"))

CHECKS = (
    Check(
        "B01",
        "How many widgets may a dashboard have?",
        f"{_WIDGETS}; ours have 50 at most, for more were once refused",
        f"{_QUOTAS}, release notes",
        _widgets,
    ),
    Check(
        "B02", "How many conditions may an alert policy have?", f"{_CONDITIONS}; ours have one", _QUOTAS, _conditions
    ),
    *(
        Check(
            f"B{number:02}",
            f"Does Cloud Monitoring take the dashboard {template}.json?",
            "yes, for each system" if template == "system" else "yes",
            f"{_DASHBOARDS}, validateOnly",
            _dashboard(template),
        )
        for number, template in enumerate(_BOARDS, 11)
    ),
    *(
        Check(
            f"B{number:02}",
            f"Does Cloud Monitoring take the alert policies {kind}.json?",
            "yes, for each class and owner",
            _POLICIES,
            _kind(kind),
        )
        for number, kind in enumerate(_KINDS, 31)
    ),
)
