"""The application: health, metrics, `POST /cycle`, and the console, each a router in ``routes/``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from exporter import __version__
from exporter.errors import ExporterError, SourceError
from exporter.web import schemas
from exporter.web.frame import Frame
from exporter.web.guard import Guard
from exporter.web.ports import Metrics, Worker
from exporter.web.problems import problem, problem_of
from exporter.web.routes import cycle, health
from exporter.web.routes import metrics as exposition
from exporter.web.turns import Turns

_SMALL_BYTES = 2048
_COMPRESSION = 4
"""Answers of many series shrink to a tenth, in milliseconds."""
_DESCRIPTION = """Measures Pub/Sub to BigQuery pipelines and exports what it finds.

Every path but `/healthz` and `/readyz` asks who calls (`exporter.auth`). Errors are problem details (RFC 9457)."""


def application(
    worker: Worker | None, guard: Guard, metrics: Metrics | None, console: Sequence[APIRouter] = ()
) -> FastAPI:
    """Make the application.

    ``worker`` does cycles, None in a process that only shows; ``metrics`` is the exposition of the Prometheus sink, None where there is
    no such sink; ``console`` are the routers of the console (``exporter/web/console.py``).
    """
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
        401: problem_of("The caller did not show who it is."),
        403: problem_of("The caller may not call, or not from there."),
    }
    app.include_router(health.router(_Well if worker is None else worker.status, guard))
    routers = [exposition.router(metrics), *([] if worker is None else [cycle.router(Turns(worker))]), *console]
    for router in routers:
        app.include_router(router, responses=refusals)
    app.add_exception_handler(HTTPException, _http_problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ExporterError, _unavailable)
    app.add_middleware(GZipMiddleware, minimum_size=_SMALL_BYTES, compresslevel=_COMPRESSION)
    app.add_middleware(Frame, guard=guard)
    _describe(app, guard)
    return app


@dataclass(frozen=True, slots=True)
class _Well:
    """The health of a process that only shows: it answers, so it is well."""

    live: bool = True
    ready: bool = True
    reasons: tuple[str, ...] = ()


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


async def _unavailable(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the shape of a handler
    """What Google's side did not give, with what to do about it."""
    assert isinstance(error, ExporterError)
    remedy = error.remedy if isinstance(error, SourceError) else ""
    return problem(503, f"{error}: {remedy}" if remedy else str(error))


async def _invalid(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the shape of a handler
    """Name what is wrong, and do not repeat what was sent."""
    assert isinstance(error, RequestValidationError)
    wrong = "; ".join(f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors())
    return problem(422, wrong)
