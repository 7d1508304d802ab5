"""The shapes of the answers, for the OpenAPI document; docs/json.md says the same in words."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Window = Annotated[list[Moment], Field(min_length=2, max_length=2)]


def _described(text: str) -> Any:
    return Field(description=text)


class Ok(BaseModel):
    """The exporter is alive, or ready."""

    status: Literal["ok"]


class Problem(BaseModel):
    """What is wrong, as problem details (RFC 9457)."""

    type: str = _described("`about:blank`: the status says what kind of problem it is")
    title: str = _described("the status in words")
    status: int
    detail: str = _described("what happened, and what to do about it")


class HealthProblem(Problem):
    """Why the exporter is not alive, or not ready."""

    reasons: list[str] | None = Field(None, description="why, for callers who may call everything else too")


class Windows(BaseModel):
    """The newest complete window of each family, `[start, end)`."""

    landing: Window | None
    delivery: Window | None
    spend: Window | None


class Messages(BaseModel):
    """Messages of the newest windows."""

    published: int | None
    delivered: int | None = _described("rows that are no duplicates")
    duplicate: int | None
    dead_lettered: int | None
    rejected: int | None = _described("publish requests that failed")


class Latency(BaseModel):
    """Quantiles of the latency from publish until queryable, in seconds."""

    p50: float | None
    p95: float | None
    p99: float | None


class System(BaseModel):
    """One system at a glance; null is no value."""

    id: str
    tier: Literal["critical", "standard", "batch"]
    health: Literal["healthy", "degraded", "failing", "unknown"]
    collected: bool = _described("false: read back from the sink")
    windows: Windows
    messages: Messages
    latency_s: Latency
    on_time_ratio: float | None = _described("share of rows within the latency objective")
    error_ratio: float | None
    error_basis: Literal["messages", "attempts"] | None
    loss_ratio: float | None
    unaccounted_messages: int | None
    cost_per_message_usd: float | None = _described("over the 24 h that end with the spend window")
    ingest_cost_per_message_usd: float | None
    data_age_s: float | None
    backlog_messages: int | None
    backlog_age_s: float | None
    problem: str | None = _described("what is wrong with the system or its measurement, in words")


class Calls(BaseModel):
    """Remote calls by API."""

    bigquery: int
    monitoring_read: int
    monitoring_write: int
    pubsub: int
    otlp: int = Field(default=0, description="requests of the sink otlp; not there without one")


class Points(BaseModel):
    """Points by what became of them."""

    written: int
    already_written: int = _described("stored by an earlier attempt")
    rejected: int = _described("not stored; `rejected` of the cycle names each of them")


class Failure(BaseModel):
    """Something that did not work."""

    source: str
    system: str | None = _described("null: it concerns the whole source")
    reason: str
    message: str


class Rejected(BaseModel):
    """A point that was not stored."""

    type: str = _described("name of the metric, without the prefix")
    system: str
    code: str = _described("canonical code name of the API's answer")


class CycleSummary(BaseModel):
    """What the cycle itself did."""

    duration_s: float
    cpu_s: float
    windows: int
    windows_expired: int = _described("windows over 24 h old, which the API takes no more")
    calls: Calls
    points: Points
    bytes_billed: int
    failures: list[Failure]
    rejected: list[Rejected]


class Cycle(BaseModel):
    """One cycle: every system, and what the cycle did. Times are RFC 3339 with Z."""

    window_end: Moment | None = _described("the newest landing end of the fleet")
    systems: list[System]
    cycle: CycleSummary
