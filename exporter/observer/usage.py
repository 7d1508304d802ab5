"""What monitoring uses, and what that costs: for a month's estimate and for what a cycle really used."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from fractions import Fraction

from exporter.model import Distribution, Point
from exporter.pricing import TIB, Prices

MIB = 2**20
MILLION = 1_000_000

CLOUD_MONITORING, OTLP = "cloud_monitoring", "otlp"
"""Sinks that are paid for by the point; ``prometheus`` is scraped, and costs whoever scrapes."""

Amount = int | Fraction


def samples_of(value: float | Distribution) -> int:
    """Samples that Managed Service for Prometheus counts for one point: of a distribution count, sum, and each bucket that holds something.

    Its documentation describes histograms as sparse; docs/costs.md says what it would be with every bucket.
    """
    if isinstance(value, Distribution):
        return 2 + sum(1 for count in value.bucket_counts if count)
    return 1


@dataclass(frozen=True, slots=True)
class Usage:
    """Amounts that are paid for, whatever they cost; usages add up, and scale by a factor.

    ``slot_hours`` count where queries run on slots, ``bytes_billed`` where they run on demand. ``request_*`` is Cloud Run billed by
    request, ``instance_*`` billed by instance. ``scheduler_jobs`` and ``alert_references`` are per month.
    """

    bytes_billed: Amount = 0
    slot_hours: Amount = 0
    scalar_points: Amount = 0
    distribution_points: Amount = 0
    otlp_samples: Amount = 0
    series_read: Amount = 0
    requests: Amount = 0
    request_vcpu_s: Amount = 0
    request_gib_s: Amount = 0
    instance_vcpu_s: Amount = 0
    instance_gib_s: Amount = 0
    scheduler_jobs: Amount = 0
    alert_references: Amount = 0
    alert_points: Amount = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(getattr(self, name) + getattr(other, name) for name in _NAMES))

    def __mul__(self, factor: Amount) -> Usage:
        return Usage(*(getattr(self, name) * factor for name in _NAMES))

    @classmethod
    def of_points(cls, points: Iterable[Point]) -> Usage:
        """What storing points uses in every sink that is paid for by the point."""
        scalars = distributions = samples = 0
        for point in points:
            if isinstance(point.value, Distribution):
                distributions += 1
            else:
                scalars += 1
            samples += samples_of(point.value)
        return cls(scalar_points=scalars, distribution_points=distributions, otlp_samples=samples)

    def only(self, sinks: Collection[str]) -> Usage:
        """Without what points use in other sinks than these."""
        custom, otlp = (int(name in sinks) for name in (CLOUD_MONITORING, OTLP))
        return replace(
            self,
            scalar_points=self.scalar_points * custom,
            distribution_points=self.distribution_points * custom,
            otlp_samples=self.otlp_samples * otlp,
        )


_NAMES = tuple(each.name for each in fields(Usage))


def total(usages: Iterable[Usage]) -> Usage:
    """Add up usages."""
    sums: list[Amount] = [0] * len(_NAMES)
    for usage in usages:
        for place, name in enumerate(_NAMES):
            amount = getattr(usage, name)
            if amount:
                sums[place] += amount
    return Usage(*sums)


@dataclass(frozen=True, slots=True)
class Bill:
    """US dollars by component, exact; ``alerting`` is announced and not charged yet, so it is not in the total."""

    components: Mapping[str, Fraction]
    alerting: Fraction = Fraction(0)

    @property
    def total(self) -> Fraction:
        """All components."""
        return sum(self.components.values(), Fraction(0))


COMPONENTS = ("bigquery_query", "monitoring_points", "otlp_samples", "monitoring_reads", "cloud_run")
"""What a bill is made of: BigQuery, points of custom metrics or samples by OTLP, reads of Cloud Monitoring, and where the exporter runs."""


def bill(usage: Usage, prices: Prices) -> Bill:
    """What a usage costs at list prices, without free tiers."""
    if prices["slot_hour"]:
        queries = usage.slot_hours * prices["slot_hour"]
    else:
        queries = usage.bytes_billed * prices["on_demand_per_tib"] / TIB
    point_bytes = (
        usage.scalar_points * prices["scalar_point_bytes"]
        + usage.distribution_points * prices["distribution_point_bytes"]
    )
    return Bill(
        {
            "bigquery_query": queries,
            "monitoring_points": point_bytes * prices["custom_metrics_per_mib"] / MIB,
            "otlp_samples": usage.otlp_samples * prices["prometheus_samples_per_million"] / MILLION,
            "monitoring_reads": usage.series_read * prices["monitoring_read_per_million_series"] / MILLION,
            "cloud_run": _cloud_run(usage, prices),
        },
        usage.alert_references * prices["alerting_metric_reference_month"]
        + usage.alert_points * prices["alerting_points_per_million"] / MILLION,
    )


def _cloud_run(usage: Usage, prices: Prices) -> Fraction:
    return (
        usage.requests * prices["cloud_run_requests_per_million"] / MILLION
        + usage.request_vcpu_s * prices["cloud_run_request_vcpu_second"]
        + usage.request_gib_s * prices["cloud_run_request_gib_second"]
        + usage.instance_vcpu_s * prices["cloud_run_instance_vcpu_second"]
        + usage.instance_gib_s * prices["cloud_run_instance_gib_second"]
        + usage.scheduler_jobs * prices["cloud_scheduler_job_month"]
    )
