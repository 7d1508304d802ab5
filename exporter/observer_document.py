"""Costs of the monitoring for machines: what ``check --json`` prints of them (docs/json.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from exporter.errors import Mistake
from exporter.observer import alerting
from exporter.observer.planner import Change, Plan
from exporter.observer.review import Review
from exporter.observer.usage import Bill


def mistakes(found: Sequence[Mistake]) -> list[dict[str, Any]]:
    """Mistakes of a configuration file; ``line`` is null where none can be named."""
    return [
        {"file": each.file, "line": each.line or None, "key": each.key or None, "message": each.message}
        for each in found
    ]


def costs(review: Review, *, written: bool) -> dict[str, Any]:
    """The month's costs in US dollars, whole, by family, and by system and family; ``written`` says that the plan was."""
    estimated = review.estimate
    families: dict[str, dict[str, Any]] = {system.id: {} for system in review.systems}
    for (owner, family), bill in estimated.by_owner_and_family.items():
        if owner in families:
            families[owner][family] = _bill(bill)
    return {
        "monthly_usd": float(estimated.bill.total),
        "components": {name: float(value) for name, value in estimated.bill.components.items()},
        "families": {name: _bill(bill) for name, bill in estimated.by_family.items()},
        "systems": [
            {
                "id": system.id,
                "tier": system.tier.value,
                "window_s": system.window_s,
                "interval_s": system.interval_s,
                "monthly_usd": float(estimated.by_owner[system.id].total),
                "families": families[system.id],
            }
            for system in review.systems
        ],
        "alternatives": [{"name": each.name, "monthly_usd": float(each.monthly_usd)} for each in review.alternatives],
        "alerting_monthly_usd": float(estimated.bill.alerting),
        "alert_policies": alerting.policies(review.systems),
        "budget_monthly_usd": None if review.plan is None else float(review.plan.budget_usd),
        "plan": None if review.plan is None else _plan(review.plan, written=written),
    }


def _bill(bill: Bill) -> dict[str, float]:
    return {name: float(value) for name, value in bill.components.items() if value}


def _plan(plan: Plan, *, written: bool) -> dict[str, Any]:
    return {
        "fits": plan.fits,
        "monthly_usd": float(plan.after.bill.total),
        "written": written,
        "changes": [_change(change) for change in plan.changes],
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "system": change.system.id,
        "tier": change.system.tier.value,
        "interval_s": change.system.interval_s,
        "planned_interval_s": change.interval_s,
        "saved_usd": float(change.saved_usd),
        "later_s": change.later_s,
    }
