"""How the sandbox's services behave where documentation leaves that open, or where a real account may differ.

The defaults are what is documented, or assumed where nothing is: ``[?]`` marks what nobody could confirm. ``exporter verify`` measures
these values under the same names, so that a sandbox can take over what it saw (``exporter sandbox --like``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from exporter.sandbox.knobs import KNOB, Knob, by_metric, choice, count, flag, seconds, share, some, word

MIB = 1024 * 1024
METADATA = ("subscription_name", "message_id", "publish_time", "attributes")
APIS = ("bigquery", "pubsub", "monitoring", "cloudresourcemanager")

_HISTORY = "cloud.google.com/bigquery/docs/change-history"
_STREAMING = "cloud.google.com/bigquery/docs/write-api"
_JOBS = "cloud.google.com/bigquery/docs/information-schema-jobs"
_TIMELINE = "cloud.google.com/bigquery/docs/information-schema-write-api"
_PRICING = "cloud.google.com/bigquery/pricing"
_DELIVERY = "cloud.google.com/pubsub/docs/bigquery"
_TROUBLE = "cloud.google.com/pubsub/docs/bigquery-troubleshooting"
_DEAD_LETTERS = "cloud.google.com/pubsub/docs/handling-failures"
_METRICS = "cloud.google.com/monitoring/api/metrics_gcp_p_z"
_WRITING = "cloud.google.com/monitoring/custom-metrics/creating-metrics"
_INTERVALS = "comments of google.monitoring.v3.TimeInterval"
_UNKNOWN = "[?] nobody could confirm it"

_STATES = ("ACTIVE", "PERMISSION_DENIED", "NOT_FOUND", "SCHEMA_MISMATCH")


def _state(usual: str) -> tuple[str, ...]:
    return (usual, *(state for state in _STATES if state != usual))


@dataclass(frozen=True, slots=True)
class Conduct:
    """Every field is one point in which the services may differ; setting it changes that point and nothing else.

    Raises ``ValueError`` for a value that a field does not take.
    """

    # BigQuery: what APPENDS gives, and what it costs
    change_timestamp: Literal["commit", "publish"] = choice(
        ("commit", "publish"), "What _CHANGE_TIMESTAMP of a delivered row is: its commit or its publish time", _HISTORY
    )
    appends_repeatable: bool = flag(
        True,
        "A window of APPENDS stays as it is; if not, rows move by ten minutes when they are ten minutes old",
        _HISTORY,
    )
    appends_delay_s: float = seconds(0.0, "How long after its commit APPENDS gives a row", _STREAMING)
    appends_end_in_future_refused: bool = flag(True, "APPENDS refuses an end that lies in the future", _HISTORY)
    appends_start_included: bool = flag(True, "APPENDS gives the rows of [start, end), with the start", _HISTORY)
    appends_end_included: bool = flag(False, "APPENDS gives the rows of [start, end), without the end", _HISTORY)
    appends_past_refused: bool = flag(True, "APPENDS refuses a start before the time travel window", _HISTORY)
    appends_before_creation_refused: bool = flag(
        False, "APPENDS refuses a start before the table's creation", f"{_HISTORY}; the wording leaves it open [?]"
    )
    appends_columns_billed: Literal["read", "all"] = choice(
        ("read", "all"), "APPENDS bills the columns that are read, or all", _HISTORY
    )
    appends_rows_billed: Literal["window", "table"] = choice(
        ("window", "table"), "APPENDS bills the rows of its window, or the whole table", _HISTORY
    )
    appends_sees_inserts: bool = flag(True, "APPENDS gives rows of INSERT", _HISTORY)
    appends_sees_loads: bool = flag(True, "APPENDS gives rows of load jobs", _HISTORY)
    appends_sees_copies: bool = flag(True, "APPENDS gives rows of copy jobs that append", _HISTORY)

    # BigQuery: jobs, bytes billed, storage
    bytes_billed_minimum: int = count(10 * MIB, "Bytes billed at least for a query over a table", _PRICING)
    bytes_billed_per_table_minimum: int = count(10 * MIB, "Bytes billed at least for each referenced table", _PRICING)
    bytes_billed_information_schema: int = count(10 * MIB, "Bytes billed for each INFORMATION_SCHEMA view", _PRICING)
    bytes_billed_unit: int = count(MIB, "Bytes billed are rounded up to so many", _PRICING, least=1)
    cache_hit_has_tables: bool = flag(
        False, "JOBS names the referenced tables of a query that the cache answered", _JOBS
    )
    cache_hit_billed: bool = flag(
        False, "A query that the cache answered is billed", "cloud.google.com/bigquery/docs/cached-results"
    )
    query_cached: bool = flag(
        True, "A query that is asked again is answered by the cache", "cloud.google.com/bigquery/docs/cached-results"
    )
    information_schema_cached: bool = flag(False, "Queries over INFORMATION_SCHEMA are answered by the cache", _JOBS)
    jobs_delay_s: float = seconds(0.0, "How long after its end JOBS lists a job", f"{_JOBS}: near real time")
    jobs_have_labels: bool = flag(True, "JOBS has the labels of a job", _JOBS)
    storage_delay_s: float = seconds(
        0.0,
        "How far TABLE_STORAGE is behind the table",
        "cloud.google.com/bigquery/docs/information-schema-table-storage",
    )
    tables_get_delay_s: float = seconds(
        0.0, "How far numRows and numBytes of tables.get are behind the table", _UNKNOWN
    )
    dry_run_has_bytes: bool = flag(
        True, "A dry run says how many bytes a query would process", "BigQuery v2 discovery document"
    )

    # The Storage Write API as WRITE_API_TIMELINE shows it
    timeline_has_subscription_writes: bool = flag(
        True, "Writes of BigQuery subscriptions are in WRITE_API_TIMELINE", _TIMELINE
    )
    timeline_delay_s: float = seconds(0.0, "How long after a write WRITE_API_TIMELINE counts it", _UNKNOWN)
    timeline_stream_type: str = word("DEFAULT", "stream_type of subscriptions' writes", _UNKNOWN)
    timeline_error_code_ok: str = word("OK", "error_code of writes that succeeded", _TIMELINE)
    timeline_error_code_row: str = word("INVALID_ARGUMENT", "error_code of rows that the table refused", _UNKNOWN)
    timeline_error_code_missing_table: str = word("NOT_FOUND", "error_code of writes to a table that is gone", _UNKNOWN)
    timeline_error_code_denied: str = word("PERMISSION_DENIED", "error_code of writes without permission", _UNKNOWN)
    timeline_error_code_mismatch: str = word(
        "INVALID_ARGUMENT", "error_code of writes that do not fit the schema", _UNKNOWN
    )

    # Pub/Sub: what a BigQuery subscription writes
    defaults_filled: bool = flag(False, "Column DEFAULTs are filled in rows that a subscription writes", _UNKNOWN)
    write_metadata_columns: tuple[str, ...] = some(
        METADATA,
        METADATA,
        "Columns that write_metadata fills",
        "cloud.google.com/pubsub/docs/create-bigquery-subscription",
    )
    batches_messages: bool = flag(True, "Several messages go into one write", _DELIVERY)
    duplicate_ratio: float = share(
        0.0, "Share of the batches that are written twice, at least; duplicates may happen", _DELIVERY
    )
    row_refused_alone: bool = flag(
        True, "A row that the table refuses does not keep the others of its batch out", _DELIVERY
    )

    # Pub/Sub: what goes wrong, and what the subscription says of it
    dead_letter_attempts_exact: bool = flag(
        True,
        "A message is dead-lettered after max_delivery_attempts; if not, after one more",
        f"{_DEAD_LETTERS}: best effort",
    )
    dead_letter_backoff: bool = flag(
        False, "With a dead-letter policy too, failed messages come back after a back-off", _DELIVERY
    )
    dead_letter_topic_without_subscription: Literal["lost", "kept"] = choice(
        ("lost", "kept"), "Messages for a dead-letter topic without subscription are lost, or stay", _DEAD_LETTERS
    )
    dead_letter_attributes: bool = flag(True, "Dead letters say in attributes where they come from", _DEAD_LETTERS)
    state_on_missing_table: str = choice(_state("NOT_FOUND"), "bigquery_config.state when the table is gone", _TROUBLE)
    state_on_denied: str = choice(_state("PERMISSION_DENIED"), "bigquery_config.state without permission", _TROUBLE)
    state_on_mismatch: str = choice(
        _state("SCHEMA_MISMATCH"), "bigquery_config.state when the schema does not fit", _TROUBLE
    )
    state_delay_s: float = seconds(0.0, "How long a table refuses everything before the state says so", _UNKNOWN)
    state_recovers: bool = flag(True, "The state is ACTIVE again when the table takes rows again", _TROUBLE)
    states_to_dead_letters: bool = flag(
        False, "What a table refuses as a whole goes to the dead-letter topic", _TROUBLE
    )
    refused_messages_kept: bool = flag(True, "What a table refuses as a whole stays in the backlog", _TROUBLE)

    # Metrics of Pub/Sub
    attempt_unit: Literal["request", "message"] = choice(
        ("request", "message"), "What push_request_count counts for BigQuery", _UNKNOWN
    )
    delivery_type: str = word("push", "delivery_type of deliveries to BigQuery", _UNKNOWN)
    response_class_ok: str = word("ack", "response_class of writes that succeeded", _METRICS)
    response_class_refused: str = word("invalid", "response_class of writes that failed", _UNKNOWN)
    response_code_row: str = word("invalid_argument", "response_code of rows that the table refused", _METRICS)
    response_code_missing_table: str = word("not_found", "response_code when the table is gone", _UNKNOWN)
    response_code_denied: str = word("permission_denied", "response_code without permission", _UNKNOWN)
    response_code_mismatch: str = word("failed_precondition", "response_code when the schema does not fit", _UNKNOWN)
    message_sizes_counts: Literal["messages", "batches"] = choice(
        ("messages", "batches"), "What one count of topic/message_sizes is", _METRICS
    )
    send_request_counts: Literal["requests", "messages"] = choice(
        ("requests", "messages"), "What topic/send_request_count counts", _METRICS
    )
    ack_count_has_bigquery: bool = flag(
        True, "ack_message_count and sent_message_count count deliveries to BigQuery", _UNKNOWN
    )
    dead_letter_count_written: bool = flag(
        True, "dead_letter_message_count counts messages that were forwarded", _METRICS
    )
    push_latency_ms: int = count(40, "What push_request_latencies says of each push", _UNKNOWN, most=600_000)
    metric_delay_s: Mapping[str, float] = by_metric("How late points of a service's metric can be read", _METRICS)
    metric_announced_delay_s: Mapping[str, float] = by_metric("What metadata.ingestDelay of a metric says", _METRICS)
    metric_sample_period_s: float = seconds(60.0, "What metadata.samplePeriod of the services' metrics says", _METRICS)

    # Cloud Monitoring: writing and reading
    spacing: Literal["end_time", "clock"] = choice(
        ("end_time", "clock"), "What must be apart: end times of points, or their arrivals", _UNKNOWN
    )
    spacing_s: float = seconds(
        5.0, "How far apart points of a series must be", "cloud.google.com/monitoring/quotas; older pages say 10 s"
    )
    past_limit_s: float = seconds(90_000.0, "How far in the past a point may end", _WRITING)
    future_limit_s: float = seconds(300.0, "How far in the future a point may end", _WRITING)
    unknown_location: Literal["refuse", "accept"] = choice(
        ("refuse", "accept"), "A location that is no region is refused, or taken", "field reports"
    )
    order_enforced: bool = flag(True, "A point must be newer than the newest of its series", _INTERVALS)
    gauge_start_refused: bool = flag(True, "A gauge's point may not have a start before its end", _INTERVALS)
    reset_gap_ms: int = count(
        1, "How long after the previous end a reset cumulative may start", _INTERVALS, most=3_600_000
    )
    series_per_request: int = count(
        200, "How many series one CreateTimeSeries takes", "cloud.google.com/monitoring/quotas", least=1, most=10_000
    )
    partial_failure_writes_others: bool = flag(
        True, "Points beside a refused one are written", "comments of google.monitoring.v3.CreateTimeSeriesSummary"
    )
    partial_failure_summary: bool = flag(
        True,
        "A partial failure carries CreateTimeSeriesSummary",
        "comments of google.monitoring.v3.CreateTimeSeriesSummary",
    )
    reset_cumulatives_align: bool = flag(
        True, "ALIGN_DELTA counts cumulatives that reset at every window whole", _INTERVALS
    )
    descriptor_made_by_writing: bool = flag(True, "A metric without descriptor gets one by its first point", _WRITING)
    new_labels: Literal["refuse", "add"] = choice(
        ("refuse", "add"), "A label that a metric's descriptor lacks is refused, or added", _UNKNOWN
    )
    read_delay_s: float = seconds(0.0, "How long after its arrival a point can be read", _UNKNOWN)
    wording: Literal["current", "older"] = choice(
        ("current", "older"), "How refused points are worded: as since 2025, or as before", "field reports"
    )

    # Dashboards, alert policies, APIs
    dashboard_widgets: int = count(
        100,
        "Widgets that a dashboard may have; more than 50 were refused",
        "release notes; field reports",
        least=1,
        most=10_000,
    )
    alert_conditions: int = count(
        6, "Conditions that an alert policy may have", "cloud.google.com/monitoring/quotas", least=1, most=100
    )
    apis_off: tuple[str, ...] = some(
        APIS, (), "APIs that the project has not turned on", "AIP-193; google.rpc.ErrorInfo"
    )

    def __post_init__(self) -> None:
        for name, knob in KNOBS.items():
            try:
                object.__setattr__(self, name, knob.read(getattr(self, name)))
            except ValueError as error:
                raise ValueError(f"{name} must be {error}") from error

    def changed(self, values: Mapping[str, Any]) -> Conduct:
        """The same with some values, as JSON has them; raises ``ValueError`` for an unknown name or a bad value."""
        unknown = sorted(values.keys() - KNOBS.keys())
        if unknown:
            raise ValueError(f"no such field of conduct: {', '.join(unknown)}")
        return replace(self, **values)

    def as_json(self) -> dict[str, Any]:
        """All values by name, as JSON has them."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


KNOBS: Mapping[str, Knob] = {each.name: each.metadata[KNOB] for each in fields(Conduct)}
"""What each field stands for, by name."""


class InForce:
    """The conduct that is in force; whoever behaves asks for ``now`` each time."""

    __slots__ = ("now",)

    def __init__(self, conduct: Conduct | None = None) -> None:
        self.now = conduct or Conduct()
