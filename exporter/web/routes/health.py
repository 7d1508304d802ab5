"""Is the exporter alive, and has it begun its work? Open to everybody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from exporter.web import schemas
from exporter.web.guard import Guard
from exporter.web.ports import Health
from exporter.web.problems import problem, problem_of


def router(status: Callable[[], Health], guard: Guard) -> APIRouter:
    """Routes for probers; ``status`` answers at once."""
    routes = APIRouter(tags=["health"])

    async def answer(request: Request, health: Health, *, well: bool, what: str) -> Response:
        if well:
            return JSONResponse({"status": "ok"})
        # Anybody may ask; the words of an error are for those who may call everything.
        known = await guard.refusal(request.headers.raw) is None
        members: dict[str, Any] = {"reasons": list(health.reasons)} if known else {}
        return problem(503, f"the exporter is not {what}: its log says why", **members)

    sick: dict[int | str, dict[str, Any]] = {503: problem_of("It is not.", "HealthProblem")}

    @routes.get("/healthz", response_model=schemas.Ok, responses=sick, summary="Is the exporter alive?")
    async def healthz(request: Request) -> Response:
        """Fails when only a restart can help, such as a dead scheduler, or cycle after cycle that stored nothing."""
        health = status()
        return await answer(request, health, well=health.live, what="alive")

    @routes.get("/readyz", response_model=schemas.Ok, responses=sick, summary="Has the exporter done a cycle?")
    async def readyz(request: Request) -> Response:
        """Fails until the first cycle is over."""
        health = status()
        return await answer(request, health, well=health.ready, what="ready")

    return routes
