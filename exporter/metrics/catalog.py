"""Every metric that the exporter writes: the one place where names, kinds, units, labels and definitions are stated.

``docs/metrics.md`` is generated from here (``python -m exporter.metrics.catalog``); sinks make descriptors from it, and tests hold what
is written, and what dashboards and alerts ask for, against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from exporter.model import Family

SYSTEM_TASK = "pipeline"
"""Resource label ``task_id`` of a system's series."""

EXPORTER_JOB = "exporter"
"""Resource label ``job`` of the series that describe the exporter itself."""

FLEET_JOB = "fleet"
"""Resource label ``job`` of the series that describe all systems together."""


class Kind(StrEnum):
    """What a value is: the state at a moment, or what was counted in a window."""

    GAUGE = "gauge"
    COUNT = "count"
    DISTRIBUTION = "distribution"


class Written(StrEnum):
    """How often a series gets a point: that is what the monitoring costs."""

    WINDOW = "each window"
    COLLECTION = "each collection"
    HOUR = "each hour"
    CYCLE = "each cycle"


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the catalogue; ``name`` comes after the prefix, ``unit`` is UCUM as Cloud Monitoring writes it."""

    name: str
    kind: Kind
    unit: str
    labels: tuple[str, ...]
    family: Family
    written: Written
    description: str
    definition: str
    source: str


AVAILABILITY: Mapping[Family, tuple[str, str]] = {
    Family.LANDING: ("the system's window", "15 s (settle) + interval"),
    Family.DELIVERY: (
        "the system's window",
        "sample period + ingest delay of Pub/Sub's metrics (about 300 s) + interval",
    ),
    Family.SPEND: ("one hour", "the slower of landing and delivery, at least 60 s"),
    Family.STATE: ("none: the state at the end of a collection", "interval; objectives and storage: one hour"),
    Family.FLEET: ("none: the state at the end of a cycle", "the shortest interval"),
    Family.EXPORTER: ("none: the cycle itself", "the shortest interval"),
}
"""Windows of each family, and how long after a window's end its points arrive."""

_L, _D, _S, _T, _F, _E = (
    Family.LANDING,
    Family.DELIVERY,
    Family.SPEND,
    Family.STATE,
    Family.FLEET,
    Family.EXPORTER,
)
_G, _C, _H = Kind.GAUGE, Kind.COUNT, Kind.DISTRIBUTION

_METRICS = (
    Metric(
        "latency", _H, "s", (), _L, Written.WINDOW,
        "Time from publish in Pub/Sub until the row is queryable in BigQuery, per window.",
        "max(0, commit time - publish_time) of every row that became queryable in the window, duplicates included; "
        "integer microseconds; lower bucket bounds inclusive. Rows that never arrive have no latency: see backlog_age.",
        "BigQuery APPENDS: _CHANGE_TIMESTAMP and publish_time",
    ),
    Metric(
        "latency_quantile", _G, "s", ("quantile",), _L, Written.COLLECTION,
        "Latency that the given share of the rows of the collection's newest window did not exceed.",
        "APPROX_QUANTILES of latency over the window's rows, for the quantiles 0.5, 0.95 and 0.99.",
        "BigQuery APPENDS",
    ),
    Metric(
        "slo_events", _C, "{event}", ("objective", "result"), _L, Written.WINDOW,
        "Good and bad events per objective and window: what burn rates are made of.",
        "objective=latency: rows within the latency threshold are good, the others bad (family landing). objective=errors: "
        "delivered against dead-lettered messages where the subscription has a dead-letter policy, else successful against failed "
        "delivery attempts (slower of landing and delivery). Both results are written, zero included, when their sum is positive.",
        "latency, messages and delivery_attempts",
    ),
    Metric(
        "objective", _G, "1", ("objective",), _T, Written.HOUR,
        "The configured thresholds and targets, so that one alert policy serves every system.",
        "objective = latency_threshold_s, latency_target, errors_target, cost_per_message_usd, data_age_s, or active: 1 within "
        "the system's active hours, else 0; active is also written at once when it changes.",
        "configuration",
    ),
    Metric(
        "info", _G, "1", ("owner", "tier", "window", "interval"), _T, Written.HOUR,
        "1: who answers for the system, and how it is measured, so that an alert policy finds its systems by it.",
        "owner and tier as configured; window and interval in seconds.",
        "configuration",
    ),
    Metric(
        "data_age", _G, "s", (), _L, Written.COLLECTION,
        "Age of the newest message that is queryable.",
        "Window end - newest publish_time queryable at window end; keeps growing while nothing arrives.",
        "BigQuery APPENDS",
    ),
    Metric(
        "messages", _C, "{message}", ("outcome",), _L, Written.WINDOW,
        "Messages per window by what became of them.",
        "published: count of topic/message_sizes; rejected: send_message_operation_count with an error code; dead_lettered: "
        "dead_letter_message_count (all three family delivery). delivered: first-time rows; a row is first-time when no row of the same "
        "message_id was committed in [commit - duplicate_lookback, commit), and rows equal in subscription, message_id and commit time hold "
        "one first-time row; duplicate: rows - delivered, no value without a message_id column (both family landing). Zero counts other "
        "than published and delivered are not written.",
        "BigQuery APPENDS; Cloud Monitoring pubsub.googleapis.com/topic/* and subscription/dead_letter_message_count",
    ),
    Metric(
        "delivery_attempts", _C, "{request}", ("result", "reason"), _S, Written.HOUR,
        "Requests that Pub/Sub made to write into BigQuery, per hour.",
        "push_request_count of the subscription; result=ok where response_class is ack, else error; reason = response_code.",
        "Cloud Monitoring pubsub.googleapis.com/subscription/push_request_count",
    ),
    Metric(
        "error_ratio", _G, "1", ("basis",), _D, Written.COLLECTION,
        "Share of messages, or of delivery attempts, that failed in the window.",
        "basis=messages where the subscription has a dead-letter policy: dead_lettered / (delivered + dead_lettered); else "
        "basis=attempts: failed / all attempts of push_request_count. No value when nothing was tried.",
        "messages or delivery_attempts of the newest window that landing and delivery share",
    ),
    Metric(
        "loss_ratio", _G, "1", (), _D, Written.HOUR,
        "Share of published messages that nobody can account for, over an hour.",
        "unaccounted_messages / published of the same hour; no value when unaccounted_messages is negative or nothing was published.",
        "unaccounted_messages and messages",
    ),
    Metric(
        "unaccounted_messages", _G, "{message}", (), _D, Written.HOUR,
        "Messages that were published but neither delivered, dead-lettered nor waiting, over an hour.",
        "Over a full hour that landing and delivery have both reached: published - delivered - dead_lettered - (backlog "
        "at its end - backlog at its start). No value for a subscription with a filter.",
        "messages and backlog_messages",
    ),
    Metric(
        "backlog_messages", _G, "{message}", (), _D, Written.COLLECTION,
        "Messages that wait for delivery.",
        "num_undelivered_messages: the last point at or before the window's end, at most 120 s old.",
        "Cloud Monitoring pubsub.googleapis.com/subscription/num_undelivered_messages",
    ),
    Metric(
        "backlog_age", _G, "s", (), _D, Written.COLLECTION,
        "Age of the oldest message that waits for delivery.",
        "oldest_unacked_message_age: the last point at or before the window's end, at most 120 s old.",
        "Cloud Monitoring pubsub.googleapis.com/subscription/oldest_unacked_message_age",
    ),
    Metric(
        "cost", _C, "{USD}", ("component",), _S, Written.HOUR,
        "What the system cost in the hour, at list prices, by component.",
        "pubsub_publish: per minute price x max(sum of message sizes + messages x overhead, requests x minimum per request). "
        "pubsub_delivery: rows, and pubsub_dead_letter: dead-lettered messages, each x the hour's mean billed message size x price. "
        "pubsub_retention: backlog bytes, per minute in which the oldest unacknowledged message is over a day old. bigquery_query: jobs that "
        "ended in the hour, in equal parts to the tables that they reference; the exporter's own jobs never count. bigquery_storage: "
        "bytes at the last snapshot, prorated. Month = 730 h, GiB and TiB binary. pubsub_dead_letter and pubsub_retention are not written while zero.",
        "messages, Cloud Monitoring, INFORMATION_SCHEMA.JOBS, INFORMATION_SCHEMA.TABLE_STORAGE, prices.yaml",
    ),
    Metric(
        "cost_per_message", _G, "{USD}", ("horizon",), _S, Written.HOUR,
        "What a delivered message cost: Pub/Sub and BigQuery, over the horizon.",
        "Sum of all cost components / delivered messages, over the last 1 h or 24 h that end at the slowest watermark (as much "
        "of it as there is). No value where a component or every delivery is missing.",
        "cost and messages",
    ),
    Metric(
        "ingest_cost_per_message", _G, "{USD}", ("horizon",), _S, Written.HOUR,
        "What a delivered message cost to bring in: Pub/Sub, and a month of storage for the bytes written.",
        "(Pub/Sub components of cost + bytes written x active storage price of one month) / delivered messages, over the horizon.",
        "cost, bytes and messages",
    ),
    Metric(
        "bytes", _C, "By", ("stage",), _S, Written.HOUR,
        "Bytes that were published and bytes that were written, per hour.",
        "published: sum of topic/message_sizes; written: total_input_bytes of the table, of which a system takes the share of its rows "
        "where several subscriptions write to the table.",
        "Cloud Monitoring pubsub.googleapis.com/topic/message_sizes; INFORMATION_SCHEMA.WRITE_API_TIMELINE",
    ),
    Metric(
        "queries", _C, "{query}", ("result",), _S, Written.HOUR,
        "Query jobs on the system's table or view that ended in the hour.",
        "Jobs of JOBS whose referenced tables hold the system's table or view; result=ok or error; the exporter's own jobs never count.",
        "INFORMATION_SCHEMA.JOBS",
    ),
    Metric(
        "query_bytes", _C, "By", ("kind",), _S, Written.HOUR,
        "Bytes that queries on the system's table processed and were billed for, per hour.",
        "total_bytes_processed and total_bytes_billed of these jobs, in equal parts to the tables that each references.",
        "INFORMATION_SCHEMA.JOBS",
    ),
    Metric(
        "query_duration", _H, "s", (), _S, Written.HOUR,
        "How long queries on the system's table took.",
        "end_time - start_time of these jobs, failed ones included.",
        "INFORMATION_SCHEMA.JOBS",
    ),
    Metric(
        "storage_bytes", _G, "By", ("class",), _T, Written.HOUR,
        "Logical bytes stored in the system's table.",
        "class = active or long_term: active_logical_bytes and long_term_logical_bytes; without the right to read them, numBytes of the table.",
        "INFORMATION_SCHEMA.TABLE_STORAGE, else tables.get",
    ),
    Metric(
        "subscription_active", _G, "1", ("state",), _T, Written.HOUR,
        "1 while the subscription and its BigQuery destination are active, else 0.",
        "state = the state of bigquery_config where that is not ACTIVE, else the subscription's own. Written every collection "
        "while it is not active, and at once when it changes; then 1 is written for a state that is over, too.",
        "Pub/Sub ListSubscriptions",
    ),
    Metric(
        "health", _G, "1", (), _T, Written.COLLECTION,
        "2 healthy, 1 degraded, 0 failing; no point while unknown.",
        "failing: subscription or destination not active, or an objective burns at >= 14.4 x over 1 h and over the short window, or backlog_age > "
        "10 x the latency threshold. degraded: an objective burns at >= 1 x over 6 h, or dead letters or unaccounted messages beyond the "
        "tolerance in the last hour, or data_age > its objective within active hours while the topic published. unknown: the watermark of landing or "
        "delivery is older than its availability delay + 2 intervals.",
        "all families",
    ),
    Metric(
        "fleet/systems", _G, "{system}", ("health",), _F, Written.CYCLE,
        "Systems of the fleet by health.",
        "health = healthy, degraded, failing or unknown; all four are written.",
        "health",
    ),
    Metric(
        "fleet/worst_latency", _G, "s", (), _F, Written.CYCLE,
        "The highest 95th percentile of latency in the fleet.",
        "Maximum over the systems of latency_quantile{quantile=0.95} of their newest window; no value without any.",
        "latency_quantile",
    ),
    Metric(
        "fleet/messages_per_second", _G, "{message}/s", ("outcome",), _F, Written.CYCLE,
        "Messages per second of the whole fleet.",
        "Sum over the systems of messages{outcome} of their newest window / length of that window; outcome = published or delivered.",
        "messages",
    ),
    Metric(
        "exporter/up", _G, "1", (), _E, Written.CYCLE,
        "1: the exporter finished a cycle.", "Always 1; its absence is the signal.", "the exporter",
    ),
    Metric(
        "exporter/watermark", _G, "s", ("family",), _E, Written.COLLECTION,
        "End of the newest window whose points are all stored, in seconds since the epoch.",
        "Per system and family, on the system's own resource: where the next collection goes on.",
        "the exporter",
    ),
    Metric(
        "exporter/cycle_duration", _G, "s", (), _E, Written.CYCLE,
        "How long the cycle took until its points were sent.", "Wall time.", "the exporter",
    ),
    Metric(
        "exporter/window_lag", _G, "s", ("family",), _E, Written.CYCLE,
        "Age of the oldest watermark in the fleet, per family.", "Now - min(watermark).", "the exporter",
    ),
    Metric(
        "exporter/remote_calls", _C, "{call}", ("api", "method", "code"), _E, Written.CYCLE,
        "Calls to Google's APIs.", "Attempts since the last point, retries included.", "the exporter",
    ),
    Metric(
        "exporter/points", _C, "{point}", ("outcome",), _E, Written.CYCLE,
        "Points of the cycle by what became of them.", "outcome = written, already_written, rejected or retryable; not written while zero.", "the exporter",
    ),
    Metric(
        "exporter/failures", _C, "{failure}", ("source", "reason"), _E, Written.CYCLE,
        "What failed in the cycle.", "One per failing source or system.", "the exporter",
    ),
    Metric(
        "exporter/bytes_billed", _C, "By", (), _E, Written.CYCLE,
        "Bytes that BigQuery billed for the exporter's own queries of the cycle.", "Sum of total_bytes_billed.", "the exporter",
    ),
    Metric(
        "exporter/attention", _G, "{system}", (), _E, Written.CYCLE,
        "Systems that are collected every window because there is trouble.",
        "An objective was broken or messages waited for longer than the latency threshold within the last hour, or a look between "
        "collections saw a backlog or failed attempts rise.",
        "the exporter",
    ),
    Metric(
        "exporter/observer_cost", _G, "{USD}", ("component",), _E, Written.CYCLE,
        "What the monitoring itself costs a month, projected from what it used.",
        "Usage of the last 24 h (at least one hour of this process) x list price, times 730 h / the time it covers; free tiers are not "
        "taken off. component = bigquery_query, monitoring_points, monitoring_reads.",
        "the exporter, prices.yaml",
    ),
    Metric(
        "exporter/budget", _G, "{USD}", (), _E, Written.CYCLE,
        "What the monitoring may cost a month.", "exporter.budget.monthly_usd; no point without one.", "configuration",
    ),
    Metric(
        "exporter/overruns", _C, "{cycle}", (), _E, Written.CYCLE,
        "Cycles that were left out because the one before was not over.", "Left out since the last point; not written while zero.", "the exporter",
    ),
    Metric(
        "exporter/windows_expired", _C, "{window}", (), _E, Written.CYCLE,
        "Windows that were too old to be sent.", "Windows over 24 h old at the time of the cycle, each once.", "the exporter",
    ),
)  # fmt: skip

CATALOG: Mapping[str, Metric] = {metric.name: metric for metric in _METRICS}
"""Every metric by its name after the prefix."""


def markdown() -> str:
    """Write the catalogue as the page docs/metrics.md."""
    lines = [
        "# Metrics",
        "",
        "<!-- Generated by `make docs` from exporter/metrics/catalog.py: edit that. -->",
        "",
        (
            "Names come after `exporter.metric_prefix` (`custom.googleapis.com/pipeline`). Resource: `generic_task` with `namespace` = fleet and "
            "`job` = system id; the fleet's own series have `job` = `fleet`, the exporter's `job` = `exporter`."
        ),
        "",
        (
            "Counts and distributions hold what happened in a window; they are written as cumulatives that reset with each window, so that "
            "`ALIGN_DELTA` and `rate()` are right. No data, no value: an empty window has counts of 0 and no latency, ratio or cost per message."
        ),
        "",
        (
            "*Availability delay*: how long after its window a point arrives. `interval` is the system's (60 s critical, 900 s standard, 3600 s "
            "batch)."
        ),
        "",
        "| family | windows | availability delay |",
        "|---|---|---|",
        *(f"| {family.value} | {windows} | {delay} |" for family, (windows, delay) in AVAILABILITY.items()),
        "",
    ]
    for family in Family:
        metrics = [metric for metric in CATALOG.values() if metric.family is family]
        lines += [f"## Family {family.value}", ""]
        for metric in metrics:
            labels = ", ".join(f"`{label}`" for label in metric.labels) or "none"
            lines += [
                f"### `{metric.name}`",
                "",
                metric.description,
                "",
                f"- {metric.kind.value}, unit `{metric.unit}`, labels: {labels}; written {metric.written.value}",
                f"- definition: {metric.definition}",
                f"- source: {metric.source}",
                "",
            ]
    return "\n".join(lines)


if __name__ == "__main__":
    import sys

    sys.stdout.write(markdown())
