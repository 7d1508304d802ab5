"""The systems' APIs on Cloud Run: they answer the newest rows of a view, and each request is counted and timed as Cloud Run would."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from exporter.model import TableRef
from exporter.sandbox.bigquery.errors import ApiError
from exporter.sandbox.bigquery.execution import Plan
from exporter.sandbox.bigquery.jobs import Request as Query
from exporter.sandbox.fleet import PROJECT, Pipeline
from exporter.sandbox.world import API_USER, RUN_LOCATION, World, service_of

USUAL_ROWS, MAX_ROWS = 20, 1000

_Answer = tuple[int, Mapping[str, Any]]


def routes(world: World) -> list[Route]:
    """Below ``/run/PROJECT/LOCATION/SERVICE`` every service has one page, its root."""

    async def call(request: Request) -> JSONResponse:
        code, body = await to_thread.run_sync(_call, world, request)
        return JSONResponse(body, code)

    service = "/run/{project}/{location}/{service}"
    return [Route(service, call), Route(f"{service}/{{path:path}}", call)]


def _call(world: World, request: Request) -> _Answer:
    asked = request.path_params
    pipeline = next((each for each in world.pipelines if service_of(each) == asked["service"]), None)
    if pipeline is None or (asked["project"], asked["location"]) != (PROJECT, RUN_LOCATION):
        # What is not there has no metrics either.
        return 404, {"error": "there is no such service: services are called as `api` of each system in systems.yaml"}
    at_us = world.settle()
    began_s = time.monotonic()
    code, body = _served(world, pipeline, asked.get("path", ""), request.query_params, at_us)
    world.count_request(pipeline, code, (time.monotonic() - began_s) * 1000, at_us)
    return code, body


def _served(world: World, pipeline: Pipeline, path: str, parameters: Mapping[str, str], at_us: int) -> _Answer:
    """What the service answers; its own refusals count as requests, too."""
    if path:
        return 404, {"error": "the service has one page only, its root"}
    limit = parameters.get("limit", str(USUAL_ROWS))
    if not (limit.isascii() and limit.isdecimal() and 1 <= int(limit[:9]) <= MAX_ROWS):
        return 400, {"error": f"limit is a whole number from 1 to {MAX_ROWS}"}
    try:
        return 200, {"rows": _rows(world, pipeline, int(limit), at_us)}
    except ApiError as error:
        return 500, {"error": error.message}


def _rows(world: World, pipeline: Pipeline, limit: int, at_us: int) -> list[Any]:
    """Rows of the view, newest first where they have a publish time; raises ``ApiError``. The query is a job of the service's account."""
    bigquery = world.engines.bigquery
    view = bigquery.catalog.find(pipeline.view)
    timed = view is not None and any(column.name == "publish_time" for column in view.columns)
    order = "ORDER BY newest.publish_time DESC " if timed else ""
    text = f"SELECT TO_JSON_STRING(newest) FROM `{pipeline.view}` AS newest {order}LIMIT {limit}"  # noqa: S608 - names of our own
    began_s = time.monotonic()
    plan: Plan | None = None
    error: ApiError | None = None
    try:
        query = Query(text, location=pipeline.location)
        plan = bigquery.execution.analyse(PROJECT, query, at_us, principal=API_USER)
        return [json.loads(str(row[0])) for row in bigquery.execution.select(plan)]
    except ApiError as raised:
        error = raised
        raise
    finally:
        read: tuple[TableRef, ...] = (pipeline.table,) if plan is None else tuple(plan.referenced)
        bigquery.record_job(
            PROJECT,
            pipeline.location,
            API_USER,
            at_us,
            referenced=read,
            query=text,
            duration_ms=round((time.monotonic() - began_s) * 1000),
            bytes_processed=0 if plan is None else plan.processed,
            bytes_billed=0 if plan is None or error else plan.billed,
            slot_ms=0 if plan is None else plan.slot_ms,
            error=None if error is None else (error.reason, error.message),
        )
