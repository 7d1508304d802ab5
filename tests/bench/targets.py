"""The numbers to reach, and whether they were."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from tests.bench import comparison, usage
from tests.bench.results import Results, cpu_s, peak_rss_mib, wall_s
from tests.bench.spread import Spread, spread

SERIES_PER_REQUEST = 200
WAVES = 4
"""What a collection of three windows sends in turn: each window, then what is of the present. Each may end with part of a request."""

FLAT = 1.03
"""Memory is flat where the last quarter of a day holds no more than this many times that of the quarter after the first."""


@dataclass(frozen=True, slots=True)
class Target:
    """A number to reach; ``reached`` is None where it was not measured."""

    name: str
    wanted: str
    measured: str
    reached: bool | None


def _most(name: str, most: float, measured: Spread, unit: str, digits: int) -> Target:
    """The median may not be more than a number."""
    return Target(name, f"<= {most:g} {unit}", f"{measured.text(digits)} {unit}", measured.median <= most)


def targets(results: Results) -> Iterator[Target]:
    """All of them, in the order in which they were set."""
    warm, one_window = comparison.WARM, comparison.ONE_WINDOW
    yield _most("cycle, 50 systems, all families, 300 ms / 30 ms", 1.5, results.of(warm, wall_s), "s", 2)
    yield _most("the same, 3 s per BigQuery call", 4.2, spread([wall_s(each) for each in results.slow]), "s", 2)
    yield _most("BigQuery jobs", 4, results.of(warm, lambda each: each.used.bigquery_calls), "", 0)
    yield _most("Cloud Monitoring reads, warm", 10, results.of(warm, lambda each: each.used.monitoring_reads), "", 0)
    cold = results.of(comparison.COLD, lambda each: each.used.monitoring_reads)
    yield _most("Cloud Monitoring reads, cold", 20, cold, "", 0)
    yield _writes(results)
    yield _most("CPU of the cycle, one window a system", 0.25, results.of(one_window, cpu_s), "s", 2)
    yield _most("memory, warm", 120, results.of(warm, peak_rss_mib), "MiB", 0)
    yield _most("memory, cold", 120, results.of(comparison.COLD, peak_rss_mib), "MiB", 0)
    yield _most("`exporter check --offline`", 1, spread([each.wall_s for each in results.offline]), "s", 2)
    yield _most("`exporter demo`, first table", 20, spread([each.wall_s for each in results.demo]), "s", 1)
    yield _growth(results)
    yield _bill(results)
    yield _flat(results)


def _writes(results: Results) -> Target:
    samples = results.comparison.samples[comparison.WARM]
    least = [math.ceil(sample.used.points / SERIES_PER_REQUEST) for sample in samples]
    made = [sample.used.monitoring_writes for sample in samples]
    reached = all(number <= few + WAVES - 1 for number, few in zip(made, least, strict=True))
    wanted = f"full requests, {WAVES} waves: <= {max(least) + WAVES - 1}"
    return Target("Cloud Monitoring writes", wanted, spread(made).text(0), reached)


def _growth(results: Results) -> Target:
    if len(results.growth) < 2:
        return Target("cost per system and month of a larger fleet", "no more than of a small one", "", None)
    costs = {
        each.systems: usage.monthly(each.used, 1, results.prices).total_usd / each.systems for each in results.growth
    }
    few, many = min(costs), max(costs)
    name = f"cost per system and month at {many:,}"
    # Cents are compared: what all share is spread over more systems, and what each needs stays.
    return Target(name, f"<= {costs[few]:.3f} USD, as at {few}", f"{costs[many]:.3f} USD", costs[many] <= costs[few])


def _bill(results: Results) -> Target:
    day = results.day
    bill = usage.monthly(day.used, len(day.hours), results.prices)
    name = f"the month's bill, {day.systems} systems, from {len(day.hours)} simulated hours"
    return Target(name, "<= 30 USD", f"{bill.total_usd:.2f} USD", bill.total_usd <= 30)


def _flat(results: Results) -> Target:
    resident = [hour.rss_mib for hour in results.day.hours]
    quarter = max(1, len(resident) // 4)
    early, late = (spread(part).median for part in (resident[quarter : 2 * quarter] or resident, resident[-quarter:]))
    measured = f"{early:.0f} MiB in the second quarter, {late:.0f} MiB in the last"
    return Target(f"memory over {len(resident)} simulated hours", "flat", measured, late <= early * FLAT)
