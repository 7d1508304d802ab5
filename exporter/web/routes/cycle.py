"""Cycles on request, for Cloud Scheduler."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from exporter.web import schemas
from exporter.web.problems import problem, problem_of
from exporter.web.turns import TooMany, Turns

RETRY_AFTER_S = 10


def router(turns: Turns) -> APIRouter:
    """The route that does a cycle, one at a time."""
    routes = APIRouter(tags=["cycle"])

    @routes.post(
        "/cycle",
        response_model=schemas.Cycle,
        responses={
            429: problem_of("Too many calls wait already."),
            500: {"model": schemas.Cycle, "description": "Something failed; the body is the same, and names it."},
            503: problem_of("Nothing could be done."),
        },
        summary="Do what is due",
    )
    async def cycle() -> Response:
        """Does one cycle and reports it.

        The answer is of a cycle that began after the call came. Calls that come while one is under way share the next one.
        """
        try:
            answer = await turns.cycle()
        except TooMany as error:
            return problem(429, str(error), headers={"retry-after": str(RETRY_AFTER_S)})
        return Response(answer.body, 200 if answer.succeeded else 500, media_type="application/json")

    return routes
