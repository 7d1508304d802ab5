"""The systems: how they are now, and how they are configured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from exporter.config import format_duration
from exporter.console.glance import Glance, Glances
from exporter.document import rfc3339
from exporter.model import System
from exporter.web.problems import problem_of
from exporter.web.routes.measures import no_system
from exporter.web.schemas import Moment


class SystemNow(BaseModel):
    """One system now; null is no value that is new enough."""

    id: str
    owner: str
    tier: Literal["critical", "standard", "batch"]
    project: str
    location: str
    dataset: str
    health: Literal["healthy", "degraded", "failing", "unknown"]
    as_of: Moment | None = Field(description="time of the newest value")
    latency_p50_s: float | None
    latency_p95_s: float | None
    latency_p99_s: float | None
    error_ratio: float | None
    cost_per_message_usd: float | None = Field(description="over 24 h")
    data_age_s: float | None
    backlog_messages: float | None
    backlog_age_s: float | None
    published_per_s: float | None
    delivered_per_s: float | None
    dashboard: str = Field(description="name of its dashboard")


class SystemsNow(BaseModel):
    """All systems now."""

    systems: list[SystemNow]
    problem: str | None = Field(description="why values may be missing")


class Promise(BaseModel):
    """The objectives of a system."""

    latency_threshold_s: float
    latency_target: float
    errors_target: float
    data_age_s: float
    cost_per_message_usd: float | None


class Configuration(BaseModel):
    """A system as configured."""

    topic: str
    subscription: str
    dead_letter_subscription: str | None
    table: str
    view: str | None
    api: str | None
    owner: str
    window: str
    interval: str
    objectives: Promise


class SystemDetail(SystemNow):
    """One system now, and as configured."""

    configuration: Configuration
    problem: str | None = Field(description="why values may be missing")


class Overview(Protocol):
    """Looks at systems; may be asked from any thread."""

    def all(self) -> Glances:
        """Every system of the fleet."""
        ...

    def one(self, system: System) -> Glances:
        """One system alone."""
        ...


def router(overview: Overview, systems: Mapping[str, System]) -> APIRouter:
    """The routes of systems, which are given by their ids."""
    routes = APIRouter(tags=["systems"])

    @routes.get("/api/systems", response_model=SystemsNow, summary="All systems now")
    def list_systems() -> Response:
        """Has the newest value of each kind; one that is older than three intervals and its delay is none."""
        found = overview.all()
        return JSONResponse({"systems": [_now(each) for each in found.systems], "problem": found.problem})

    @routes.get(
        "/api/systems/{system_id}",
        response_model=SystemDetail,
        responses={404: problem_of("There is no such system.")},
        summary="One system now, and as configured",
    )
    def system_now(system_id: str) -> Response:
        """Has the same values as the list, and what the configuration says."""
        system = systems.get(system_id)
        if system is None:
            return no_system(systems)
        found = overview.one(system)
        body = {**_now(found.systems[0]), "configuration": _configuration(system), "problem": found.problem}
        return JSONResponse(body)

    return routes


def _now(glance: Glance) -> dict[str, Any]:
    system = glance.system
    return {
        "id": system.id,
        "owner": system.owner,
        "tier": system.tier.value,
        "project": system.project,
        "location": system.location,
        "dataset": system.table.dataset,
        "health": glance.health,
        "as_of": None if glance.as_of is None else rfc3339(glance.as_of),
        "latency_p50_s": glance.latency_p50_s,
        "latency_p95_s": glance.latency_p95_s,
        "latency_p99_s": glance.latency_p99_s,
        "error_ratio": glance.error_ratio,
        "cost_per_message_usd": glance.cost_per_message_usd,
        "data_age_s": glance.data_age_s,
        "backlog_messages": glance.backlog_messages,
        "backlog_age_s": glance.backlog_age_s,
        "published_per_s": glance.published_per_s,
        "delivered_per_s": glance.delivered_per_s,
        "dashboard": f"system-{system.id}",
    }


def _configuration(system: System) -> dict[str, Any]:
    promised = system.objectives
    return {
        "topic": system.topic,
        "subscription": system.subscription,
        "dead_letter_subscription": system.dead_letter_subscription,
        "table": str(system.table),
        "view": None if system.view is None else str(system.view),
        "api": system.api,
        "owner": system.owner,
        "window": format_duration(system.window_s),
        "interval": format_duration(system.interval_s),
        "objectives": {
            "latency_threshold_s": promised.latency_threshold_s,
            "latency_target": promised.latency_target,
            "errors_target": promised.errors_target,
            "data_age_s": promised.data_age_s,
            "cost_per_message_usd": promised.cost_per_message_usd,
        },
    }
