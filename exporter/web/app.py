"""The application: health, metrics, and `POST /cycle`; pages and the API of the console are routers of the same application."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from exporter import __version__
from exporter.errors import ExporterError, SourceError
from exporter.web import problems, schemas
from exporter.web.frame import Frame
from exporter.web.guard import Guard
from exporter.web.ports import Health, Metrics, Worker
from exporter.web.problems import problem
from exporter.web.turns import TooMany, Turns

RETRY_AFTER_S = 10
_DESCRIPTION = """Measures Pub/Sub to BigQuery pipelines and exports what it finds.

Every path but `/healthz` and `/readyz` asks who calls (`exporter.auth`). Errors are problem details (RFC 9457)."""


def application(worker: Worker, guard: Guard, metrics: Metrics | None) -> FastAPI:
    """Make the application; ``metrics`` is the exposition of the Prometheus sink, None where there is no such sink."""
    app = FastAPI(
        title="Pub/Sub to BigQuery exporter",
        description=_DESCRIPTION,
        version=__version__,
        docs_url=None,  # the documentation pages of FastAPI load their scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    refusals: dict[int | str, dict[str, Any]] = {
        401: _problem_of("The caller did not show who it is."),
        403: _problem_of("The caller may not call, or not from there."),
    }
    app.include_router(_health(worker, guard))
    app.include_router(_metrics(metrics), responses=refusals)
    app.include_router(_cycle(Turns(worker)), responses=refusals)
    app.add_exception_handler(HTTPException, _http_problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_middleware(Frame, guard=guard)
    _describe(app, guard)
    return app


def _health(worker: Worker, guard: Guard) -> APIRouter:
    router = APIRouter(tags=["health"])

    async def answer(request: Request, health: Health, *, well: bool, what: str) -> Response:
        if well:
            return JSONResponse({"status": "ok"})
        # Anybody may ask; the words of an error are for those who may call everything.
        known = await guard.refusal(request.headers.raw) is None
        members: dict[str, Any] = {"reasons": list(health.reasons)} if known else {}
        return problem(503, f"the exporter is not {what}: its log says why", **members)

    sick: dict[int | str, dict[str, Any]] = {503: _problem_of("It is not.", schemas.HealthProblem)}

    @router.get("/healthz", response_model=schemas.Ok, responses=sick, summary="Is the exporter alive?")
    async def healthz(request: Request) -> Response:
        """Fails when only a restart can help, such as a dead scheduler, or cycle after cycle that stored nothing."""
        health = worker.status()
        return await answer(request, health, well=health.live, what="alive")

    @router.get("/readyz", response_model=schemas.Ok, responses=sick, summary="Has the exporter done a cycle?")
    async def readyz(request: Request) -> Response:
        """Fails until the first cycle is over."""
        health = worker.status()
        return await answer(request, health, well=health.ready, what="ready")

    return router


def _metrics(metrics: Metrics | None) -> APIRouter:
    router = APIRouter(tags=["metrics"])
    text = {
        "content": {"text/plain": {"schema": {"type": "string"}}},
        "description": "The last values, for Prometheus.",
    }

    @router.get(
        "/metrics",
        response_class=Response,
        responses={200: text, 404: _problem_of("There is no such sink.")},
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

    return router


def _cycle(turns: Turns) -> APIRouter:
    router = APIRouter(tags=["cycle"])

    @router.post(
        "/cycle",
        response_model=schemas.Cycle,
        responses={
            429: _problem_of("Too many calls wait already."),
            500: {"model": schemas.Cycle, "description": "Something failed; the body is the same, and names it."},
            503: _problem_of("Nothing could be done."),
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
        except ExporterError as error:
            remedy = error.remedy if isinstance(error, SourceError) else ""
            return problem(503, f"{error}: {remedy}" if remedy else str(error))
        return Response(answer.body, 200 if answer.succeeded else 500, media_type="application/json")

    return router


def _problem_of(description: str, model: type[schemas.Problem] = schemas.Problem) -> dict[str, Any]:
    """Describe an error in the OpenAPI document."""
    reference = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"description": description, "content": {problems.MEDIA_TYPE: {"schema": reference}}}


def _describe(app: FastAPI, guard: Guard) -> None:
    """Complete the OpenAPI document: the shapes of problems, and what a caller has to show."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            components = made.setdefault("components", {})
            for model in (schemas.Problem, schemas.HealthProblem):
                components.setdefault("schemas", {})[model.__name__] = model.model_json_schema()
            if guard.scheme is not None:
                components["securitySchemes"] = {"caller": dict(guard.scheme)}
                made["security"] = [{"caller": []}]
                for path in ("/healthz", "/readyz"):
                    made["paths"][path]["get"]["security"] = []
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


async def _http_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    details = {
        404: "there is nothing at this path: /openapi.json lists what there is",
        405: f"{request.method} is not done here",
    }
    return problem(error.status_code, details.get(error.status_code, str(error.detail)), headers=error.headers)


async def _invalid(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the shape of a handler
    """Name what is wrong, and do not repeat what was sent."""
    assert isinstance(error, RequestValidationError)
    wrong = "; ".join(f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors())
    return problem(422, wrong)
