"""Where the exporter itself runs: on Cloud Run, called by Cloud Scheduler as often as the shortest window asks for, or always on."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from exporter.model import System
from exporter.observer import cycles
from exporter.observer.usage import Usage

VCPUS, GIB = 1, Fraction(1, 2)
"""The instance: one vCPU and 512 MiB."""

LANDING_CYCLE_S, DELIVERY_CYCLE_S, IDLE_CYCLE_S = Fraction(42, 10), Fraction(15, 10), Fraction(3, 10)
"""How long a cycle takes: BigQuery answers within three seconds, Cloud Monitoring within a tenth of one (docs/costs.md)."""

PER_SYSTEM_S = Fraction(5, 1000)
"""Time for computing and encoding one system's points."""


def usage(systems: Iterable[System], *, always_on: bool) -> Usage:
    """A month of Cloud Run; billed by request only while a cycle runs, else all the time."""
    if always_on:
        return Usage(instance_vcpu_s=VCPUS * cycles.MONTH_S, instance_gib_s=GIB * cycles.MONTH_S)
    listed = list(systems)
    made = cycles.of(listed)
    seconds = (
        made.landing * LANDING_CYCLE_S
        + made.delivery * DELIVERY_CYCLE_S
        + made.idle * IDLE_CYCLE_S
        + sum(2 * PER_SYSTEM_S * cycles.collections(system.interval_s) for system in listed)
    )
    return Usage(requests=made.all, request_vcpu_s=VCPUS * seconds, request_gib_s=GIB * seconds, scheduler_jobs=1)
