"""Costs of the monitoring for people: the costliest first, at 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import groupby

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from exporter.config import format_duration
from exporter.metrics.catalog import EXPORTER_JOB, FLEET_JOB
from exporter.model import Family
from exporter.observer import alerting
from exporter.observer.estimate import ALERTING, Estimate
from exporter.observer.planner import Change, Plan
from exporter.observer.review import Review
from exporter.observer.usage import COMPONENTS

COSTLIEST = 8
"""So many systems are shown; ``--json`` has all."""

NAMED = 5
"""So many systems of a change are named."""

FREE_TIERS = (
    "List prices. Free each month per billing account: 1 TiB of queries, 150 MiB of custom metrics, 1 million series read, "
    "180,000 vCPU-seconds and 2 million requests of Cloud Run, 3 jobs of Cloud Scheduler."
)

_HEADINGS = dict(zip(COMPONENTS, ("queries", "points", "OTLP", "reads", "Cloud Run"), strict=True))
_SYSTEM_FAMILIES = (Family.LANDING.value, Family.DELIVERY.value, Family.SPEND.value)


def costs(review: Review, *, written: bool) -> RenderableType:
    """Estimate, costliest systems, alternatives and budget; ``written`` says that the plan is in the file now."""
    estimated = review.estimate
    blocks: list[RenderableType] = [
        Text(f"The monitoring costs about ${dollars(estimated.bill.total)} a month:", style="bold"),
        _families(estimated),
        Text(),
        _costliest(review),
        Text(),
        Text("Otherwise it would cost a month:", style="bold"),
        _alternatives(review),
        Text(),
        *_notes(review),
    ]
    if review.plan is not None:
        blocks += [Text(), *_budget(review.plan, written=written)]
    return Group(*blocks)


def dollars(amount: Fraction) -> str:
    """Write an amount in cents; one that is positive never looks like nothing."""
    cents = round(amount * 100)
    return "<0.01" if amount > 0 and not cents else f"{cents / 100:,.2f}"


def _table(first: str, columns: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
    table.add_column(first, no_wrap=True, overflow="ellipsis", min_width=12, max_width=20)
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _cells(amounts: Sequence[Fraction]) -> list[str]:
    return [dollars(amount) if amount else "-" for amount in amounts]


def _families(estimated: Estimate) -> Table:
    used = [name for name in COMPONENTS if estimated.bill.components[name]]
    table = _table("family", [*(_HEADINGS[name] for name in used), "$/month"])
    for family, bill in estimated.by_family.items():
        if family != ALERTING:
            table.add_row(family, *_cells([bill.components[name] for name in used]), dollars(bill.total))
    table.add_row("all", *_cells([estimated.bill.components[name] for name in used]), dollars(estimated.bill.total))
    return table


def _costliest(review: Review) -> Table:
    bills, whole = review.estimate.by_owner_and_family, review.estimate.by_owner
    ordered = sorted(review.systems, key=lambda system: (-whole[system.id].total, system.id))
    table = _table("system", ["interval", *_SYSTEM_FAMILIES, "other", "$/month"])
    for system in ordered[:COSTLIEST]:
        shown = [bills[system.id, family].total for family in _SYSTEM_FAMILIES]
        other = whole[system.id].total - sum(shown, Fraction(0))
        table.add_row(
            system.id,
            format_duration(system.interval_s),
            *_cells([*shown, other]),
            dollars(whole[system.id].total),
        )
    blank = [""] * (len(_SYSTEM_FAMILIES) + 2)
    rest = ordered[COSTLIEST:]
    if rest:
        table.add_row(f"{len(rest)} others", *blank, dollars(sum((whole[s.id].total for s in rest), Fraction(0))))
    table.add_row("the exporter itself", *blank, dollars(whole[FLEET_JOB].total + whole[EXPORTER_JOB].total))
    return table


def _alternatives(review: Review) -> Table:
    table = _table("", ["$/month", "difference"])
    table.show_header = False
    table.columns[0].max_width = 40
    for each in review.alternatives:
        difference = each.monthly_usd - review.estimate.bill.total
        sign = "+" if difference >= 0 else "-"
        table.add_row(each.name, dollars(each.monthly_usd), f"{sign}{dollars(abs(difference))}")
    return table


def _notes(review: Review) -> Iterator[Text]:
    estimated, count = review.estimate, alerting.policies(review.systems)
    usd = dollars(estimated.bill.alerting)
    yield Text(f"{count} alert policies: free until September 2027, then up to ${usd} a month on top.", style="dim")
    if count > alerting.MOST_POLICIES:
        remedy = "give fewer owners, or fewer pairs of window and interval"
        yield Text(f"That is more than the {alerting.MOST_POLICIES} that a project takes: {remedy}.", style="yellow")
    yield Text(FREE_TIERS, style="dim")
    if estimated.prices["slot_hour"]:
        yield Text("Queries run on slots (prices.slot_hour): what they take is not in the estimate.", style="dim")


def _budget(plan: Plan, *, written: bool) -> Iterator[RenderableType]:
    budget, cost = dollars(plan.budget_usd), dollars(plan.after.bill.total)
    if not plan.changes and plan.fits:
        yield Text(f"It fits the budget of ${budget}.", style="green")
        return
    over = dollars(plan.before.bill.total - plan.budget_usd)
    yield Text(f"It is ${over} over the budget of ${budget}.", style="bold red")
    if not plan.fits:
        yield Text(
            f"No intervals up to 1 h fit it: the least is ${cost}. Raise exporter.budget.monthly_usd, choose longer windows, "
            "or see the alternatives above."
        )
        return
    yield Text(f"{'Written' if written else 'These intervals fit it'}: ${cost} a month with")
    yield _changes(plan.changes)


def _changes(changes: Sequence[Change]) -> Table:
    table = _table("tier", ["interval", "systems", "saves $", "sees trouble"])
    table.add_column("which", overflow="fold")

    def kind(change: Change) -> tuple[str, int, int]:
        return change.system.tier.value, change.system.interval_s, change.interval_s

    for (tier, before_s, after_s), group in groupby(sorted(changes, key=kind), key=kind):
        alike = list(group)
        names = ", ".join(change.system.id for change in alike[:NAMED])
        more = f" and {len(alike) - NAMED} more" if len(alike) > NAMED else ""
        table.add_row(
            tier,
            f"{format_duration(before_s)} -> {format_duration(after_s)}",
            str(len(alike)),
            dollars(sum((change.saved_usd for change in alike), Fraction(0))),
            f"{format_duration(after_s - before_s)} later",
            names + more,
        )
    return table
