"""What went wrong in the fleet, grouped by what seems to have caused it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal, Protocol

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from exporter.console.incidents import Found
from exporter.console.incidents_model import Group, Incident, Severity
from exporter.console.series.model import Range
from exporter.document import rfc3339
from exporter.web.problems import problem_of
from exporter.web.routes.ranges import ranges
from exporter.web.schemas import Moment


class IncidentCause(BaseModel):
    """Where the systems of a group are; null where that differs, or is not known."""

    project: str | None
    location: str | None
    dataset: str | None


class SingleIncident(BaseModel):
    """Something that went wrong for a while."""

    system: str | None = Field(description="null: it concerns the whole fleet")
    what: str
    severity: Severity
    start: Moment
    end: Moment | None = Field(description="null: it goes on")
    policy: str | None = Field(description="the alert policy that noticed it")


class IncidentGroup(BaseModel):
    """Incidents that began together in one place."""

    id: str
    title: str
    cause: IncidentCause
    start: Moment
    end: Moment | None = Field(description="null: one of them goes on")
    systems: int = Field(description="how many systems; 0 for an incident of the whole fleet")
    incidents: list[SingleIncident]


class IncidentList(BaseModel):
    """The incidents that were open at any time of a range: open groups first, then the newest."""

    source: Literal["alerts", "health"] = Field(
        description="alerts: Cloud Monitoring's; health: transitions of what the exporter measured"
    )
    note: str = Field(description="where these come from, in words")
    start: Moment
    end: Moment
    groups: list[IncidentGroup]
    problem: str | None = Field(description="what could not be read")


class Incidents(Protocol):
    """Reads incidents."""

    def read(self, span: Range) -> Found:
        """The incidents that were open at any time of a span."""
        ...


def router(incidents: Incidents, now: Callable[[], datetime]) -> APIRouter:
    """The route of incidents; ``now`` is the exporter's clock."""
    routes = APIRouter(tags=["incidents"])
    span_of = Depends(ranges(now))

    @routes.get(
        "/api/incidents",
        response_model=IncidentList,
        responses={422: problem_of("A parameter is wrong.")},
        summary="What went wrong",
    )
    def list_incidents(span: Range = span_of) -> Response:
        """Groups incidents of one project and location that began together."""
        found = incidents.read(span)
        return JSONResponse(
            {
                "source": found.source,
                "note": found.note,
                "start": rfc3339(span.start),
                "end": rfc3339(span.end),
                "groups": [_group(group) for group in found.groups],
                "problem": found.problem,
            }
        )

    return routes


def _group(group: Group) -> dict[str, Any]:
    return {
        "id": group.id,
        "title": group.title,
        "cause": {
            "project": group.cause.project,
            "location": group.cause.location,
            "dataset": group.cause.dataset,
        },
        "start": rfc3339(group.start),
        "end": None if group.end is None else rfc3339(group.end),
        "systems": group.systems,
        "incidents": [_incident(each) for each in group.incidents],
    }


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "system": incident.system,
        "what": incident.what,
        "severity": incident.severity,
        "start": rfc3339(incident.start),
        "end": None if incident.end is None else rfc3339(incident.end),
        "policy": incident.policy,
    }
