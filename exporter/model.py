"""The vocabulary of the exporter: what stages hand to each other, all of it frozen.

Times are aware UTC, and every quantity carries its unit in its name. Nothing here reads a clock, a file or the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

LATENCY_BOUNDS_S: tuple[float, ...] = (
    *(0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0),
    *(180.0, 300.0, 450.0, 600.0, 900.0, 1200.0, 1800.0, 2700.0, 3600.0, 5400.0, 7200.0, 10800.0, 14400.0, 21600.0),
    *(28800.0, 43200.0, 64800.0, 86400.0),
)
"""Upper bounds, exclusive, of all histogram buckets in seconds; the last bucket is open."""

LATENCY_BOUNDS_US: tuple[int, ...] = tuple(round(bound * 1_000_000) for bound in LATENCY_BOUNDS_S)
"""The same bounds in microseconds, in which latency is measured."""


class Tier(StrEnum):
    """How closely a system is watched: the default lengths of its windows and intervals."""

    CRITICAL = "critical"
    STANDARD = "standard"
    BATCH = "batch"


class Family(StrEnum):
    """Metrics that come from one source and become complete together."""

    LANDING = "landing"
    DELIVERY = "delivery"
    SPEND = "spend"
    STATE = "state"
    FLEET = "fleet"
    EXPORTER = "exporter"


@dataclass(frozen=True, slots=True)
class TableRef:
    """A BigQuery table or view by its full name."""

    project: str
    dataset: str
    table: str

    def __str__(self) -> str:
        return f"{self.project}.{self.dataset}.{self.table}"


@dataclass(frozen=True, slots=True)
class Objectives:
    """What a system's owner promises; ``target`` is the share of good events, 0 < target < 1."""

    latency_threshold_s: float
    latency_target: float
    errors_target: float
    data_age_s: float
    cost_per_message_usd: float | None = None


@dataclass(frozen=True, slots=True)
class ActiveHours:
    """When silence is a fault: weekdays (0 = Monday) and minutes of the day, in a time zone.

    ``end_minute`` may be 1440, and may be at or before ``start_minute``: the range then runs past midnight and belongs
    to the weekday on which it started.
    """

    weekdays: frozenset[int]
    start_minute: int
    end_minute: int
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the metadata columns in a system's table."""

    publish_time: str = "publish_time"
    message_id: str = "message_id"
    subscription_name: str = "subscription_name"
    ingest_time: str | None = None


@dataclass(frozen=True, slots=True)
class System:
    """One monitored pipeline: topic -> BigQuery subscription -> table -> view -> API.

    ``topic``, ``subscription`` and ``dead_letter_subscription`` are full resource names
    (``projects/P/topics/T``, ``projects/P/subscriptions/S``).
    """

    id: str
    project: str
    location: str
    metrics_location: str
    tier: Tier
    window_s: int
    interval_s: int
    owner: str
    topic: str
    subscription: str
    table: TableRef
    view: TableRef | None
    objectives: Objectives
    active_hours: ActiveHours
    duplicate_lookback_s: int = 600
    dead_letter_subscription: str | None = None
    api: str | None = None
    query_projects: tuple[str, ...] = ()
    columns: Columns = field(default_factory=Columns)


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A half-open stretch of time ``[start, end)``, aligned to UTC multiples of its length."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """How long the window is."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Distribution:
    """A histogram over the catalogue's fixed bounds: ``len(bounds) + 1`` counts, lower bounds inclusive."""

    count: int
    total: float
    bucket_counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """One value of one series.

    ``metric`` is a name of the catalogue, without the prefix. ``job`` is a system's id or ``exporter``. ``start`` is None
    for a gauge and the start of the window for a count or a distribution; ``end`` is the end of the window.
    """

    metric: str
    job: str
    end: datetime
    value: float | Distribution
    labels: Mapping[str, str] = field(default_factory=dict)
    start: datetime | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A point that a sink did not store; ``code`` is the canonical code name of the API's answer."""

    point: Point
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the points of one export; every point is in exactly one of the four.

    ``already_written`` points were refused as out of order, which proves that an earlier export stored them. ``rejected`` points
    will never be accepted; ``retryable`` ones may be, if they are sent again.
    """

    written: tuple[Point, ...] = ()
    already_written: tuple[Point, ...] = ()
    rejected: tuple[Refusal, ...] = ()
    retryable: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class Watermark:
    """Up to where a system's family is stored; ``written_at`` is the time of the watermark's own point."""

    end: datetime
    written_at: datetime


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that did not work in a cycle; ``system`` is None where it concerns a whole source.

    After a ``transient`` failure asking again can help.
    """

    source: str
    system: str | None
    reason: str
    message: str
    remedy: str = ""
    transient: bool = False


@dataclass(frozen=True, slots=True)
class SystemSummary:
    """One system at a glance: the newest complete window of each family; None is no value.

    ``collected`` is False where the values were read back from the sink. ``problem`` says in words what is wrong with the system or
    with its measurement.
    """

    id: str
    tier: Tier
    health: str
    collected: bool
    landing: Window | None = None
    delivery: Window | None = None
    spend: Window | None = None
    published: int | None = None
    delivered: int | None = None
    duplicate: int | None = None
    dead_lettered: int | None = None
    rejected: int | None = None
    latency_p50_s: float | None = None
    latency_p95_s: float | None = None
    latency_p99_s: float | None = None
    on_time_ratio: float | None = None
    error_ratio: float | None = None
    error_basis: str | None = None
    loss_ratio: float | None = None
    unaccounted_messages: int | None = None
    cost_per_message_usd: float | None = None
    ingest_cost_per_message_usd: float | None = None
    data_age_s: float | None = None
    backlog_messages: int | None = None
    backlog_age_s: float | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class CycleReport:
    """What one cycle did: durations in seconds, remote calls by kind of API, points by what became of them."""

    at: datetime
    systems: tuple[SystemSummary, ...]
    duration_s: float
    cpu_s: float
    windows: int
    windows_expired: int
    calls: Mapping[tuple[str, str, str], int]
    written: int
    already_written: int
    rejected: tuple[Refusal, ...]
    retryable: tuple[Refusal, ...]
    failures: tuple[Failure, ...]
    bytes_billed: int
