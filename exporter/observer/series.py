"""How many points each metric of the catalogue gets whenever it is written: the number of its label values, and when there is none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from exporter.metrics.catalog import CATALOG, Kind, Written
from exporter.model import Family


class Needs(StrEnum):
    """What must have happened for a point to be written."""

    NOTHING = "nothing"
    ROWS = "rows"
    QUERIES = "queries"
    COST_OBJECTIVE = "cost objective"


@dataclass(frozen=True, slots=True)
class Series:
    """Points of one metric that one family writes for one system at a time.

    ``points`` may be a fraction where some label values are rare. ``rhythm`` is given where it differs from the catalogue's. ``buckets`` of
    a distribution usually hold something.
    """

    metric: str
    family: Family
    points: Fraction
    needs: Needs = Needs.NOTHING
    rhythm: Written | None = None
    buckets: int = 0

    @property
    def written(self) -> Written:
        """How often the points are written."""
        return CATALOG[self.metric].written if self.rhythm is None else self.rhythm

    @property
    def is_distribution(self) -> bool:
        """Whether a point is a distribution."""
        return CATALOG[self.metric].kind is Kind.DISTRIBUTION


def _series(metric: str, family: Family, points: int | Fraction, needs: Needs = Needs.NOTHING) -> Series:
    return Series(metric, family, Fraction(points), needs)


_L, _D, _S, _T, _F, _E = (
    Family.LANDING,
    Family.DELIVERY,
    Family.SPEND,
    Family.STATE,
    Family.FLEET,
    Family.EXPORTER,
)

DUPLICATES = Fraction(1, 25)
"""Share of windows with a duplicate: delivery is at least once, and repeats little."""

OF_SYSTEMS = (
    Series("latency", _L, Fraction(1), Needs.ROWS, buckets=8),
    _series("latency_quantile", _L, 3, Needs.ROWS),
    _series("slo_events", _L, 2, Needs.ROWS),
    _series("slo_events", _D, 2, Needs.ROWS),
    _series("messages", _L, 1),
    _series("messages", _L, DUPLICATES, Needs.ROWS),
    _series("messages", _D, 1),
    _series("data_age", _L, 1),
    _series("error_ratio", _D, 1, Needs.ROWS),
    _series("loss_ratio", _D, 1, Needs.ROWS),
    _series("unaccounted_messages", _D, 1),
    _series("backlog_messages", _D, 1),
    _series("backlog_age", _D, 1),
    _series("subscription_active", _T, 1),
    _series("health", _T, 1),
    _series("exporter/watermark", _L, 1),
    _series("exporter/watermark", _D, 1),
    Series("exporter/watermark", _S, Fraction(1), rhythm=Written.HOUR),
    Series("exporter/watermark", _T, Fraction(1), rhythm=Written.HOUR),
    _series("objective", _T, 5),
    _series("objective", _T, 1, Needs.COST_OBJECTIVE),
    _series("info", _T, 1),
    _series("storage_bytes", _T, 2),
    _series("cost", _S, 4),
    _series("cost_per_message", _S, 2, Needs.ROWS),
    _series("ingest_cost_per_message", _S, 2, Needs.ROWS),
    _series("bytes", _S, 2),
    _series("delivery_attempts", _S, 1, Needs.ROWS),
    _series("queries", _S, 1, Needs.QUERIES),
    _series("query_bytes", _S, 2, Needs.QUERIES),
    Series("query_duration", _S, Fraction(1), Needs.QUERIES, buckets=6),
)
"""Points of one system while nothing fails: failures add series of their own, which are few and rare."""

OF_CYCLES = (
    _series("fleet/systems", _F, 4),
    _series("fleet/worst_latency", _F, 1),
    _series("fleet/messages_per_second", _F, 2),
    _series("exporter/cycle_duration", _E, 1),
    _series("exporter/window_lag", _E, 3),
    _series("exporter/attention", _E, 1),
    _series("exporter/remote_calls", _E, 4),
    _series("exporter/points", _E, 1),
    _series("exporter/bytes_billed", _E, 1),
    _series("exporter/observer_cost", _E, 3),
    _series("exporter/budget", _E, 1),
    _series("exporter/failures", _E, 0),
    _series("exporter/windows_expired", _E, 0),
    _series("exporter/overruns", _E, 0),
)
"""Points of a cycle that collected something."""

HEARTBEAT = _series("exporter/up", _E, 1)
"""The point of every cycle, also where nothing was due."""
