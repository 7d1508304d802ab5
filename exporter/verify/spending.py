"""What a run will cost and how long it may take, before it begins: bounds, from list prices and from what it is about to do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction

from exporter.pricing import TIB, Prices
from exporter.verify.questions import Check, Step
from exporter.verify.runner import PATIENT_RATIO, PAUSE_S

READING_AREAS = "CNP"
"""Areas that ask Cloud Monitoring and no query."""

FREE_AREAS = "BQ"
"""Areas that ask for nothing that costs: validation and dry runs."""

QUERIES_PER_ASK = {"A": 4, "J": 4, "W": 2, "T": 2, "D": 2}
"""Tables that a check of an area reads at most each time it is asked, where it is more than one."""

WRITING_AREAS = "CNOX"
"""Areas that write points of their own."""

SERIES_PER_READ = 20
POINTS = 5_000
MESSAGES, MESSAGE_BYTES = 600, 2_000
"""Bounds on what steps and checks publish."""

_MIB = 2**20


def asks(patience: timedelta) -> int:
    """How often a question is asked at most: every round, then less often the longer it has waited."""
    patience_s = patience.total_seconds()
    turn_s = PAUSE_S / PATIENT_RATIO
    evenly = min(patience_s, turn_s) / PAUSE_S
    later = math.log(max(1.0, patience_s / turn_s)) / math.log1p(PATIENT_RATIO)
    return math.ceil(evenly + later) + 1


def cost_usd(prices: Prices, steps: Sequence[Step], checks: Sequence[Check]) -> float:
    """What the checks and their steps cost at most, without free tiers, in US dollars."""
    queries = sum(asks(step.patience) * step.queries for step in steps)
    reads = 0
    for check in checks:
        if check.id[0] in READING_AREAS:
            reads += asks(check.patience)
        elif check.id[0] not in FREE_AREAS:
            queries += asks(check.patience) * max(check.queries, QUERIES_PER_ASK.get(check.id[0], 1))
    billed = queries * prices["query_minimum_mib_per_table"] * _MIB * prices["on_demand_per_tib"] / TIB
    read = reads * SERIES_PER_READ * prices["monitoring_read_per_million_series"] / 1_000_000
    written = POINTS * prices["distribution_point_bytes"] * prices["custom_metrics_per_mib"] / _MIB
    per_tib = 2 * prices["pubsub_publish_per_tib"] + prices["pubsub_delivery_per_tib"]
    carried = Fraction(MESSAGES * MESSAGE_BYTES, TIB) * per_tib
    makes_points = any(check.id[0] in WRITING_AREAS for check in checks)
    makes_pipelines = any(step.name == "created" for step in steps)
    return float(billed + read + (written if makes_points else 0) + (carried if makes_pipelines else 0))


def longest(steps: Sequence[Step], checks: Sequence[Check]) -> timedelta:
    """How long a run takes at most: every step and question on the longest way is given up in the end."""
    by_name = {step.name: step for step in steps}

    def until(names: Sequence[str]) -> timedelta:
        return max((by_name[name].patience + until(by_name[name].needs) for name in names), default=timedelta(0))

    return max((check.patience + until(check.needs) for check in checks), default=timedelta(0))
