"""What the sources saw, and what an hour cost: frozen, so that every number can be computed again from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from exporter.model import Window

PUBSUB_COMPONENTS = ("pubsub_publish", "pubsub_delivery", "pubsub_dead_letter", "pubsub_retention")
COST_COMPONENTS = (*PUBSUB_COMPONENTS, "bigquery_storage", "bigquery_query")


@dataclass(frozen=True, slots=True)
class Landing:
    """Rows of one system that became queryable in one window; without rows everything is 0 or None.

    ``duplicate`` is None where the table has no message ids. ``measured_rows`` have a publish time; latency is in integer
    microseconds, ``quantiles_us`` by quantile. ``measurable`` is False where no latency can be known. ``restored`` windows are
    stored in the sink, and their buckets are forgotten.
    """

    system: str
    window: Window
    landed_rows: int = 0
    delivered: int = 0
    duplicate: int | None = 0
    measurable: bool = True
    measured_rows: int = 0
    negative_rows: int = 0
    latency_sum_us: int = 0
    within_threshold: int = 0
    bucket_counts: tuple[int, ...] = ()
    quantiles_us: tuple[tuple[str, int], ...] = ()
    newest_publish: datetime | None = None
    restored: bool = False


@dataclass(slots=True)
class Readings:
    """Samples of one system, each with the end of its sample period in epoch seconds; counts carry their labels' meaning.

    ``sizes`` holds (end, messages, bytes), ``requests``, ``rejected`` and ``dead_lettered`` (end, count), ``attempts`` (end,
    result, reason, count), and the gauges (end, value); all in order of time.
    """

    sizes: list[tuple[int, int, int]] = field(default_factory=list)
    requests: list[tuple[int, int]] = field(default_factory=list)
    rejected: list[tuple[int, int]] = field(default_factory=list)
    attempts: list[tuple[int, str, str, int]] = field(default_factory=list)
    dead_lettered: list[tuple[int, int]] = field(default_factory=list)
    backlog: list[tuple[int, int]] = field(default_factory=list)
    backlog_bytes: list[tuple[int, int]] = field(default_factory=list)
    oldest_age: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PublishMinute:
    """One sample period of a topic: what is billed depends on both sums."""

    messages: int
    message_bytes: int
    requests: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """What Pub/Sub's own metrics say of one system and one window.

    ``attempts`` are requests by (result, reason), result being ``ok`` or ``error``. Gauges are None where there was no point at most
    120 s old; ``*_at_start`` hold for the start of the window. ``retained_bytes`` are the backlog's bytes of each sample at which the
    oldest unacknowledged message was over a day old. ``restored`` windows are stored in the sink: they know messages, but not what is
    billed for them.
    """

    system: str
    window: Window
    publishes: tuple[PublishMinute, ...] = ()
    rejected: int = 0
    dead_lettered: int = 0
    attempts: tuple[tuple[tuple[str, str], int], ...] = ()
    backlog_messages: int | None = None
    backlog_messages_at_start: int | None = None
    backlog_age_s: float | None = None
    retained_bytes: tuple[int, ...] = ()
    restored: bool = False

    @property
    def published(self) -> int:
        """Messages published in the window."""
        return sum(minute.messages for minute in self.publishes)

    def attempted(self, result: str) -> int:
        """Delivery attempts of the window with a result (``ok`` or ``error``)."""
        return sum(count for (kind, _), count in self.attempts if kind == result)


@dataclass(frozen=True, slots=True)
class TableQueries:
    """Query jobs of one hour that share their cost among ``table_count`` tables, one of them the system's.

    Sums are over whole jobs: this table's part is one ``table_count``-th.
    """

    table_count: int
    succeeded: int
    failed: int
    bytes_processed: int
    bytes_billed: int
    slot_ms: int
    duration_sum_us: int
    bucket_counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TableWrites:
    """What the Storage Write API wrote to a table in some minutes of one window; ``error_code`` is ``OK`` for success."""

    start: datetime
    error_code: str
    requests: int
    written_rows: int
    input_bytes: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """When tables were written to, and the newest minute of which the region's timeline shows anything."""

    reach: datetime | None
    tables: Mapping[str, tuple[TableWrites, ...]]


@dataclass(frozen=True, slots=True)
class Storage:
    """Logical bytes in a table at a moment."""

    active_bytes: int
    long_term_bytes: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Table:
    """What a table is; ``kind`` is BigQuery's table type (``BASE TABLE``, ``VIEW``, ...)."""

    kind: str
    created: datetime
    columns: frozenset[str]


@dataclass(frozen=True, slots=True)
class Subscription:
    """The state of a subscription and of its BigQuery destination."""

    active: bool
    state: str
    topic: str
    table: str
    dead_letter_topic: str
    filter: str
    write_metadata: bool
    retention_s: float


@dataclass(frozen=True, slots=True)
class HourCost:
    """What an hour cost in US dollars by component, and the messages that it bought; a missing component is absent."""

    window: Window
    components: Mapping[str, float]
    delivered: int
    ingest_storage: float | None

    @property
    def complete(self) -> bool:
        """Whether every component is known."""
        return len(self.components) == len(COST_COMPONENTS)

    @property
    def ingest_usd(self) -> float | None:
        """Pub/Sub components and a month of storage of what was written, or None where one is unknown."""
        if self.ingest_storage is None or any(name not in self.components for name in PUBSUB_COMPONENTS):
            return None
        return math.fsum([*(self.components[name] for name in PUBSUB_COMPONENTS), self.ingest_storage])
