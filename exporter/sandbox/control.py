"""The control plane of the sandbox itself: its clock, scenarios, faults, statistics and dump, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from exporter.sandbox import happenings, scenario
from exporter.sandbox.clock import from_us
from exporter.sandbox.dump import write_dump
from exporter.sandbox.faults import Fault
from exporter.sandbox.scenario import ScenarioError
from exporter.sandbox.world import World

_STATUSES = ("CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "UNAUTHENTICATED")  # fmt: skip  # noqa: E501
_TYPES: Mapping[str, tuple[type, ...]] = {
    "api": (str,),
    "method": (str,),
    "status": (str, type(None)),
    "delay_ms": (int,),
    "garbage": (bool,),
    "probability": (int, float),
    "count": (int, type(None)),
    "series": (int, type(None)),
}


def application(world: World, live_failures: Callable[[], Mapping[str, int]]) -> Starlette:
    """The control plane of one world; ``live_failures`` counts what live traffic could not send."""
    return Starlette(
        routes=[
            Route("/healthz", _guarded(world, lambda *_: {"status": "ok"})),
            Route("/clock", _guarded(world, _clock)),
            Route("/clock", _guarded(world, _advance), methods=["POST"]),
            Route("/scenarios", _guarded(world, lambda *_: {"scenarios": _scenarios()})),
            Route("/scenario/{name}", _guarded(world, _begin), methods=["POST"]),
            Route("/faults", _guarded(world, _inject), methods=["POST"]),
            Route("/faults", _guarded(world, _clear), methods=["DELETE"]),
            Route("/stats", _guarded(world, lambda w, *_: _stats(w, live_failures()))),
            Route("/dump", _guarded(world, _dump), methods=["POST"]),
        ]
    )


class _BadRequest(ValueError):
    pass


Work = Callable[[World, Request, Any], Mapping[str, Any]]


def _guarded(world: World, work: Work) -> Callable[[Request], Any]:
    """Read the body, work in a thread, and answer mistakes with 400 and one clear sentence."""
    from anyio import to_thread

    async def endpoint(request: Request) -> JSONResponse:
        body = await request.body()
        try:
            return JSONResponse(dict(await to_thread.run_sync(work, world, request, _object(body))))
        except (ScenarioError, _BadRequest, ValueError) as error:
            return JSONResponse({"error": str(error)}, status_code=400)

    return endpoint


def _object(body: bytes) -> dict[str, Any]:
    given = json.loads(body) if body else {}
    if not isinstance(given, dict):
        raise _BadRequest("the body must be a JSON object")
    return given


def _clock(world: World, *_: Any) -> Mapping[str, Any]:
    clock = world.engines.clock
    return {"now": from_us(clock.now_us()).isoformat().replace("+00:00", "Z"), "speed": clock.speed}


def _advance(world: World, _: Request, given: Mapping[str, Any]) -> Mapping[str, Any]:
    seconds = given.get("advance_s")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= 30 * 86_400:
        raise _BadRequest('give {"advance_s": N}, N from 0 to 2592000 seconds')
    world.engines.clock.advance(float(seconds))
    world.settle()
    return _clock(world)


def _scenarios() -> list[dict[str, str]]:
    loaded = [scenario.load(name) for name in scenario.names()]
    return [{"name": each.name, "title": each.title, "description": each.description} for each in loaded]


def _begin(world: World, request: Request, _: Any) -> Mapping[str, Any]:
    chosen = scenario.load(request.path_params["name"])
    if chosen.odd and not any(pipeline.oddity for pipeline in world.pipelines):
        raise ScenarioError(f"{chosen.name} adds systems: start the sandbox with --scenario {chosen.name}")
    happenings.begin(world, chosen, world.settle())
    world.settle()
    return {"scenario": chosen.name, "title": chosen.title}


def _inject(world: World, _: Request, given: Mapping[str, Any]) -> Mapping[str, Any]:
    known = {each.name for each in fields(Fault)}
    if set(given) - known or "api" not in given:
        raise _BadRequest(f"a fault has api and, if need be, {', '.join(sorted(known - {'api'}))}")
    for name, value in given.items():
        if not isinstance(value, _TYPES[name]) or (isinstance(value, bool) and bool not in _TYPES[name]):
            raise _BadRequest(f"{name} must be {' or '.join(kind.__name__ for kind in _TYPES[name])}, not {value!r}")
    if given.get("status") not in (None, *_STATUSES):
        raise _BadRequest(f"status must be one of {', '.join(_STATUSES)}, not {given['status']!r}")
    world.engines.faults.add(Fault(**given))
    return {"fault": dict(given)}


def _clear(world: World, *_: Any) -> Mapping[str, Any]:
    world.engines.faults.clear()
    return {"faults": []}


def _stats(world: World, live_failures: Mapping[str, int]) -> Mapping[str, Any]:
    calls: dict[str, dict[str, dict[str, int]]] = {}
    for (api, method, code), count in world.engines.faults.calls().items():
        calls.setdefault(api, {}).setdefault(method, {})[code] = count
    return {
        "calls": calls,
        "bytes_billed": sum(int(job.get("bytes_billed") or 0) for job in world.engines.bigquery.jobs()),
        "points_stored": world.engines.monitoring.points_stored,
        "live_failures": dict(live_failures),
    }


def _dump(world: World, request: Request, _: Any) -> Mapping[str, Any]:
    directory = request.query_params.get("dir")
    if not directory:
        raise _BadRequest("say where to: POST /dump?dir=DIRECTORY")
    try:
        write_dump(world, Path(directory))
    except OSError as error:
        raise _BadRequest(f"{directory} cannot be written: {error.strerror}") from error
    return {"dir": directory}
