"""What makes an alert policy one that Cloud Monitoring takes, beyond its shape.

Sources: the discovery document of ``monitoring`` v3 and its comments, https://cloud.google.com/monitoring/quotas. Not checked: what
filters and queries say, whether metrics and notification channels exist, and aggregations beyond their periods.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from exporter.sandbox.conduct import Conduct
from exporter.sandbox.rest import shapes
from exporter.sandbox.rest.answers import Refused, invalid

Json = Mapping[str, Any]

MOST_DOCUMENTATION_BYTES = 8_192
MOST_LINKS = 3
MOST_LABELS = 64
AUTO_CLOSE_S = (1_800, 604_800)
MOST_DURATION_S = 84_600
"""23 hours and 30 minutes."""
_KINDS = (
    "conditionAbsent",
    "conditionMatchedLog",
    "conditionMonitoringQueryLanguage",
    "conditionPrometheusQueryLanguage",
    "conditionSql",
    "conditionThreshold",
)


def check(policy: Json, conduct: Conduct) -> None:
    """Raise ``Refused`` (INVALID_ARGUMENT) for a policy that would not be taken."""
    shapes.check(policy, "AlertPolicy", "alert_policy")
    if not policy.get("displayName"):
        raise _bad("display_name", "a policy needs a displayName")
    conditions = policy.get("conditions") or ()
    if not 1 <= len(conditions) <= conduct.alert_conditions:
        raise _bad("conditions", f"from 1 to {conduct.alert_conditions}, not {len(conditions)}")
    if policy.get("combiner", "COMBINE_UNSPECIFIED") == "COMBINE_UNSPECIFIED":
        raise _bad("combiner", "it must be AND, OR or AND_WITH_MATCHING_RESOURCE")
    for place, condition in enumerate(conditions):
        _check_condition(condition, f"conditions[{place}]")
    _check_documentation(policy.get("documentation", {}))
    _check_strategy(policy)
    if len(policy.get("userLabels", {})) > MOST_LABELS:
        raise _bad("user_labels", f"at most {MOST_LABELS}")


def _bad(field: str, reason: str) -> Refused:
    return invalid(f"Field alert_policy.{field} had an invalid value: {reason}.", f"alert_policy.{field}")


def _check_condition(condition: Json, path: str) -> None:
    if not condition.get("displayName"):
        raise _bad(f"{path}.display_name", "a condition needs a displayName")
    kinds = [kind for kind in _KINDS if kind in condition]
    if len(kinds) != 1:
        raise _bad(path, f"a condition is of one kind, not of {', '.join(kinds) or 'none'}")
    body = condition[kinds[0]]
    if kinds[0] == "conditionPrometheusQueryLanguage":
        _check_promql(body, f"{path}.condition_prometheus_query_language")
    elif kinds[0] in ("conditionThreshold", "conditionAbsent"):
        _check_metric(body, f"{path}.condition", threshold=kinds[0] == "conditionThreshold")


def _check_promql(body: Json, path: str) -> None:
    if not body.get("query"):
        raise _bad(f"{path}.query", "it is required")
    interval_s = _seconds(body.get("evaluationInterval", "30s"))
    if interval_s <= 0 or interval_s % 30:
        raise _bad(f"{path}.evaluation_interval", "it must be a positive multiple of 30 seconds")
    _check_duration(body, path, unit_s=30)


def _check_metric(body: Json, path: str, *, threshold: bool) -> None:
    if "metric.type" not in body.get("filter", "") or "resource.type" not in body["filter"]:
        raise _bad(f"{path}.filter", "it must restrict metric.type and resource.type")
    if threshold and body.get("comparison") not in ("COMPARISON_GT", "COMPARISON_LT"):
        raise _bad(f"{path}.comparison", "it must be COMPARISON_GT or COMPARISON_LT")
    for aggregation in (*body.get("aggregations", ()), *body.get("denominatorAggregations", ())):
        if _seconds(aggregation.get("alignmentPeriod", "0s")) < 60:
            raise _bad(f"{path}.aggregations", "an alignment period is at least 60 seconds")
    _check_duration(body, path, unit_s=60)
    if not threshold and _seconds(body.get("duration", "0s")) < 120:
        raise _bad(f"{path}.duration", "absence takes at least 120 seconds")


def _check_duration(body: Json, path: str, *, unit_s: int) -> None:
    duration_s = _seconds(body.get("duration", "0s"))
    if not 0 <= duration_s <= MOST_DURATION_S or duration_s % unit_s:
        reason = f"it must be a multiple of {unit_s} seconds, at most {MOST_DURATION_S}"
        raise _bad(f"{path}.duration", reason)


def _check_documentation(documentation: Json) -> None:
    if len(documentation.get("content", "").encode()) > MOST_DOCUMENTATION_BYTES:
        raise _bad("documentation.content", f"at most {MOST_DOCUMENTATION_BYTES} bytes")
    if len(documentation.get("links", ())) > MOST_LINKS:
        raise _bad("documentation.links", f"at most {MOST_LINKS}")


def _check_strategy(policy: Json) -> None:
    strategy = policy.get("alertStrategy", {})
    logs = all("conditionMatchedLog" in condition for condition in policy["conditions"])
    if "notificationRateLimit" in strategy and not logs:
        raise _bad("alert_strategy.notification_rate_limit", "it is only for conditions on logs")
    if "autoClose" in strategy and not AUTO_CLOSE_S[0] <= _seconds(strategy["autoClose"]) <= AUTO_CLOSE_S[1]:
        raise _bad("alert_strategy.auto_close", f"from {AUTO_CLOSE_S[0]} to {AUTO_CLOSE_S[1]} seconds")


def _seconds(duration: str) -> Decimal:
    return Decimal(duration.removesuffix("s"))
