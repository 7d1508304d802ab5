"""The last values of all metrics, for Prometheus."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import Response

from exporter.web.ports import Metrics
from exporter.web.problems import problem, problem_of


def router(metrics: Metrics | None) -> APIRouter:
    """The route that is scraped; 404 where there is no sink ``prometheus``."""
    routes = APIRouter(tags=["metrics"])
    text = {
        "content": {"text/plain": {"schema": {"type": "string"}}},
        "description": "The last values, for Prometheus.",
    }

    @routes.get(
        "/metrics",
        response_class=Response,
        responses={200: text, 404: problem_of("There is no such sink.")},
        summary="The last values of all metrics",
    )
    async def scrape(request: Request) -> Response:
        """Exposes what the sink `prometheus` holds, in the format that the header `Accept` prefers."""
        if metrics is None:
            return problem(404, "there are no metrics to scrape: add `prometheus` to exporter.sinks")
        accepted = ", ".join(request.headers.getlist("accept"))
        # Thousands of systems take a while to write out, and others are answered meanwhile.
        body, media_type = await asyncio.to_thread(metrics, accepted)
        return Response(body, headers={"content-type": media_type})

    return routes
