"""Reads the last day of our own results back from the sink, so that a restart goes on as if nothing had happened."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from fractions import Fraction

from exporter import pricing
from exporter.history import KEPT, History
from exporter.metrics.spend import USUALLY_ZERO
from exporter.model import Family, Point, System, Watermark, Window
from exporter.pricing import HOURS_PER_MONTH, Prices
from exporter.sinks import Sink
from exporter.snapshots import Delivery, HourCost, Landing, PublishMinute
from exporter.windows import MAX_AGE

_METRICS = (
    "messages",
    "slo_events",
    "latency_quantile",
    "cost",
    "bytes",
    "data_age",
    "backlog_messages",
    "backlog_age",
)

REMEMBERED = timedelta(days=42)
"""Cloud Monitoring keeps points of custom metrics at their full resolution for six weeks."""

Values = Mapping[str, float]
"""Values of one system and moment by ``metric`` or ``metric/label``."""


def watermarks(
    sink: Sink, systems: Sequence[System], now: datetime, *, first: bool
) -> dict[tuple[str, Family], Watermark]:
    """Up to where the sink is; raises ``SourceError``.

    The ``first`` time it is asked about systems that were not stored for over a day, too: what is older is expired, not forgotten.
    """
    found = dict(sink.watermarks(now - MAX_AGE, now))
    if first and any((system.id, Family.LANDING) not in found for system in systems):
        return {**sink.watermarks(now - REMEMBERED, now), **found}
    return found


def restore(sink: Sink, systems: Sequence[System], history: History, prices: Prices, now: datetime) -> None:
    """Fill the history of systems from the sink, one reading per metric type; raises ``SourceError``."""
    points: list[Point] = []
    for metric in _METRICS:
        points += sink.read(metric, now - KEPT, now)
    by_system: dict[str, list[Point]] = defaultdict(list)
    for point in points:
        by_system[point.job].append(point)
    for system in systems:
        _restore(system, by_system[system.id], history, prices)


def _restore(system: System, points: Iterable[Point], history: History, prices: Prices) -> None:
    windows: dict[Window, dict[str, float]] = defaultdict(dict)
    moments: dict[datetime, dict[str, float]] = defaultdict(dict)
    for point in points:
        if not isinstance(point.value, float):
            continue
        key = "/".join((point.metric, *(point.labels[name] for name in sorted(point.labels))))
        if point.start is None:
            moments[point.end][key] = point.value
        else:
            windows[Window(point.start, point.end)][key] = point.value
    kept = history.of(system.id)
    for window, values in windows.items():
        if "messages/delivered" in values:
            kept.landings.add([_landing(system, window, values, moments[window.end])])
        if "messages/published" in values:
            kept.deliveries.add([_delivery(system, window, values, moments[window.start], moments[window.end])])
    for window, values in windows.items():
        if any(key.startswith("cost/") for key in values):
            delivered = sum(each.delivered for each in kept.landings.whole(window.start, window.end))
            kept.costs.add([_cost(window, values, delivered, prices)])
    ages = [(at - timedelta(seconds=values["data_age"])) for at, values in moments.items() if "data_age" in values]
    if ages:
        kept.newest_publish = max(ages)


def _landing(system: System, window: Window, values: Values, at_end: Values) -> Landing:
    delivered = round(values["messages/delivered"])
    duplicate = round(values.get("messages/duplicate", 0.0))
    good = round(values.get("slo_events/latency/good", 0.0))
    bad = round(values.get("slo_events/latency/bad", 0.0))
    # Rows without latency: the table lacks the metadata that tells latency and duplicates.
    unmeasurable = delivered > 0 and good + bad == 0
    quantiles = ((name, at_end.get(f"latency_quantile/{name}")) for name in ("0.5", "0.95", "0.99"))
    return Landing(
        system=system.id,
        window=window,
        landed_rows=delivered + duplicate,
        delivered=delivered,
        duplicate=None if unmeasurable else duplicate,
        measurable=not unmeasurable,
        measured_rows=good + bad,
        within_threshold=good,
        quantiles_us=tuple((name, round(value * 1_000_000)) for name, value in quantiles if value is not None),
        restored=True,
    )


def _delivery(system: System, window: Window, values: Values, at_start: Values, at_end: Values) -> Delivery:
    tried = {
        ("ok", ""): round(values.get("slo_events/errors/good", 0.0)),
        ("error", ""): round(values.get("slo_events/errors/bad", 0.0)),
    }
    before, after = at_start.get("backlog_messages"), at_end.get("backlog_messages")
    return Delivery(
        system=system.id,
        window=window,
        publishes=(PublishMinute(round(values["messages/published"]), 0, 0),),
        rejected=round(values.get("messages/rejected", 0.0)),
        dead_lettered=round(values.get("messages/dead_lettered", 0.0)),
        attempts=tuple(tried.items()),
        backlog_messages=None if after is None else round(after),
        backlog_messages_at_start=None if before is None else round(before),
        backlog_age_s=at_end.get("backlog_age"),
        restored=True,
    )


def _cost(hour: Window, values: Values, delivered: int, prices: Prices) -> HourCost:
    written = values.get("bytes/written")
    month = Fraction(HOURS_PER_MONTH)
    components = {key.removeprefix("cost/"): value for key, value in values.items() if key.startswith("cost/")}
    if "pubsub_delivery" in components:
        components = {**dict.fromkeys(USUALLY_ZERO, 0.0), **components}
    return HourCost(
        window=hour,
        components=components,
        delivered=delivered,
        ingest_storage=None if written is None else float(pricing.storage_usd(prices, round(written), 0, month)),
    )
