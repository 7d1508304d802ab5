"""All that ``exporter check`` says of a fleet's costs: the month's estimate, what else it could be, and the plan for the budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.config import Config, ExporterSettings
from exporter.config.types import GOOGLE_OTLP
from exporter.model import System
from exporter.observer.alternatives import Alternative, alternatives
from exporter.observer.estimate import Estimate, Terms, estimate
from exporter.observer.facts import Facts
from exporter.observer.planner import Plan, plan
from exporter.observer.usage import CLOUD_MONITORING, OTLP
from exporter.pricing import Prices


@dataclass(frozen=True, slots=True)
class Review:
    """A fleet's costs; ``plan`` is None where the file names no budget."""

    systems: tuple[System, ...]
    estimate: Estimate
    alternatives: tuple[Alternative, ...]
    plan: Plan | None


def review(config: Config, prices: Prices, facts: Mapping[str, Facts] | None = None) -> Review:
    """Estimate, compare and plan; ``facts`` are by system id, without them systems are taken to be busy."""
    terms = Terms(prices, paid_sinks(config.exporter))
    budget_usd = config.exporter.budget_monthly_usd
    planned = None if budget_usd is None else plan(config.systems, terms, budget_usd, facts)
    estimated = estimate(config.systems, terms, facts) if planned is None else planned.before
    return Review(config.systems, estimated, alternatives(config.systems, terms, facts), planned)


def paid_sinks(settings: ExporterSettings) -> tuple[str, ...]:
    """The sinks that Google charges for: a collector of one's own costs whatever it costs."""
    own = settings.otlp.endpoint != GOOGLE_OTLP
    return tuple(name for name in settings.sinks if name == CLOUD_MONITORING or (name == OTLP and not own))
