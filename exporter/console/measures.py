"""Numbers of a system that are worth comparing with those of others: what each is, and which metric it is made of.

Everything refers to the catalogue of metrics; docs/metrics.md has the exact definitions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from exporter.metrics.catalog import CATALOG, Written
from exporter.model import System
from exporter.rendering.ranges import HOUR_S

How = Literal["mean", "total", "worst", "rate", "share", "average"]
"""What is made of a metric's points.

mean: the mean of a gauge in each step; total: the sum of such means over several series; worst: its lowest value; rate: counts per
second; share: counts by counts; average: the mean of everything that went into distributions.
"""


@dataclass(frozen=True, slots=True)
class Measure:
    """One number: ``metric`` and its labels ``where``; of a share these are the part, and ``whole`` are the labels of all.

    ``scale`` is by what a rate per second is multiplied. A part that is not written while it is zero is ``zero_if_absent``, wherever
    the whole has a value.
    """

    id: str
    title: str
    unit: str
    metric: str
    how: How
    help: str
    where: Mapping[str, tuple[str, ...]]
    whole: Mapping[str, tuple[str, ...]] | None = None
    scale: float = 1.0
    zero_if_absent: bool = False

    @property
    def family(self) -> str:
        """The family of its metric, which says how late it is; that of failures is the slower one."""
        return "delivery" if self._is_late else CATALOG[self.metric].family.value

    @property
    def _is_late(self) -> bool:
        """What belongs to landing, but comes from Pub/Sub's own metrics."""
        outcomes = {*self.where.get("outcome", ()), *self.where.get("objective", ())}
        return bool(outcomes & {"published", "rejected", "dead_lettered", "errors"})

    @property
    def counts(self) -> bool:
        """Whether it is made of what was counted in windows: then steps have to be whole windows."""
        return self.how in ("rate", "share", "average")

    def writing_s(self, system: System) -> int:
        """How far apart the points of a system are."""
        match CATALOG[self.metric].written:
            case Written.WINDOW:
                return system.window_s
            case Written.HOUR:
                return HOUR_S if self.counts else max(HOUR_S, system.interval_s)
            case _:
                return system.interval_s


def _is(**labels: str) -> dict[str, tuple[str, ...]]:
    return {name: (value,) for name, value in labels.items()}


def _quantile(id_: str, quantile: str, percent: int) -> Measure:
    return Measure(
        id_,
        f"Latency ({percent} of 100 arrive within)",
        "s",
        "latency_quantile",
        "mean",
        f"From publish until queryable: {percent} of 100 rows of a window took no longer. Longer steps show the mean of the windows.",
        _is(quantile=quantile),
    )


_PER_HOUR = 3600.0
_EVERY = (
    _quantile("latency_p50", "0.5", 50),
    _quantile("latency_p95", "0.95", 95),
    _quantile("latency_p99", "0.99", 99),
    Measure(
        "on_time_ratio",
        "On time",
        "1",
        "slo_events",
        "share",
        "Share of rows that arrived within the system's own latency threshold.",
        _is(objective="latency", result="good"),
        _is(objective="latency"),
    ),
    Measure(
        "error_ratio",
        "Failed",
        "1",
        "slo_events",
        "share",
        "Share of messages that were dead-lettered, or of delivery attempts that failed where there is no dead-letter policy.",
        _is(objective="errors", result="bad"),
        _is(objective="errors"),
    ),
    Measure(
        "dead_lettered_ratio",
        "Dead-lettered, of published",
        "1",
        "messages",
        "share",
        "Messages that were dead-lettered by messages published in the same time.",
        _is(outcome="dead_lettered"),
        _is(outcome="published"),
        zero_if_absent=True,
    ),
    Measure(
        "data_age",
        "Age of the newest message",
        "s",
        "data_age",
        "mean",
        "How old the newest queryable message is; it grows while nothing arrives.",
        {},
    ),
    Measure(
        "published_per_s",
        "Published",
        "{message}/s",
        "messages",
        "rate",
        "Messages per second that were published.",
        _is(outcome="published"),
    ),
    Measure(
        "delivered_per_s",
        "Delivered",
        "{message}/s",
        "messages",
        "rate",
        "Messages per second that became queryable for the first time.",
        _is(outcome="delivered"),
    ),
    Measure(
        "duplicates_per_s",
        "Duplicates",
        "{message}/s",
        "messages",
        "rate",
        "Rows per second that repeat a message. No value where there were none, or where the table has no message ids.",
        _is(outcome="duplicate"),
    ),
    Measure(
        "backlog_messages",
        "Backlog",
        "{message}",
        "backlog_messages",
        "mean",
        "Messages that wait for delivery.",
        {},
    ),
    Measure(
        "backlog_age",
        "Age of the backlog",
        "s",
        "backlog_age",
        "mean",
        "How long the oldest waiting message has been waiting.",
        {},
    ),
    Measure(
        "unaccounted_messages",
        "Unaccounted messages",
        "{message}",
        "unaccounted_messages",
        "mean",
        "Messages per hour that were published, but neither delivered, dead-lettered nor waiting.",
        {},
    ),
    Measure(
        "loss_ratio",
        "Lost",
        "1",
        "loss_ratio",
        "mean",
        "Share of the messages of an hour that nobody can account for. No value where more arrived than was published.",
        {},
    ),
    Measure(
        "attempts_failed_ratio",
        "Failed delivery attempts",
        "1",
        "delivery_attempts",
        "share",
        "Share of Pub/Sub's requests to BigQuery that failed; failed ones are tried again. Known once an hour.",
        _is(result="error"),
        {},
        zero_if_absent=True,
    ),
    Measure(
        "cost_per_message",
        "Cost per message, 24 h",
        "{USD}",
        "cost_per_message",
        "mean",
        "Pub/Sub and BigQuery by delivered messages, over the last 24 hours. Known once an hour.",
        _is(horizon="24h"),
    ),
    Measure(
        "cost_per_message_1h",
        "Cost per message, 1 h",
        "{USD}",
        "cost_per_message",
        "mean",
        "Pub/Sub and BigQuery by delivered messages, hour by hour.",
        _is(horizon="1h"),
    ),
    Measure(
        "ingest_cost_per_message",
        "Cost per message to bring in, 24 h",
        "{USD}",
        "ingest_cost_per_message",
        "mean",
        "Pub/Sub and a month of storage by delivered messages, over the last 24 hours. Known once an hour.",
        _is(horizon="24h"),
    ),
    Measure(
        "cost_per_hour",
        "Cost per hour",
        "{USD}/h",
        "cost",
        "rate",
        "All components of the cost together. Known once an hour.",
        {},
        scale=_PER_HOUR,
    ),
    Measure(
        "queries_per_hour",
        "Queries per hour",
        "{query}/h",
        "queries",
        "rate",
        "Query jobs on the table or the view, failed ones included. No value for hours without any.",
        {},
        scale=_PER_HOUR,
    ),
    Measure(
        "query_bytes_per_hour",
        "Bytes billed by queries per hour",
        "By/h",
        "query_bytes",
        "rate",
        "What queries on the table or the view were billed for. No value for hours without any.",
        _is(kind="billed"),
        scale=_PER_HOUR,
    ),
    Measure(
        "query_duration",
        "Duration of a query",
        "s",
        "query_duration",
        "average",
        "Mean time that queries on the table or the view took. Known once an hour.",
        {},
    ),
    Measure(
        "written_bytes_per_hour",
        "Bytes written per hour",
        "By/h",
        "bytes",
        "rate",
        "Bytes that were written to the table. Known once an hour.",
        _is(stage="written"),
        scale=_PER_HOUR,
    ),
    Measure(
        "storage_bytes",
        "Storage",
        "By",
        "storage_bytes",
        "total",
        "Logical bytes in the table, active and long-term together. Known once an hour.",
        {},
    ),
    Measure(
        "health",
        "Health",
        "1",
        "health",
        "worst",
        "2 healthy, 1 degraded, 0 failing: the worst of each step. No value while unknown.",
        {},
    ),
)

MEASURES: Mapping[str, Measure] = {measure.id: measure for measure in _EVERY}
"""All measures by id, in the order in which people look at them."""
