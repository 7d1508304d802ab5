"""The control plane of the sandbox itself: its clock, scenarios, faults, statistics and dump, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from anyio import to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from exporter.sandbox import happenings, run, scenario
from exporter.sandbox.clock import from_us
from exporter.sandbox.conduct import KNOBS, Conduct
from exporter.sandbox.dump import write_dump
from exporter.sandbox.faults import Fault
from exporter.sandbox.fleet import PROJECT
from exporter.sandbox.iam import EXPORTER, PUBSUB
from exporter.sandbox.rest import face as rest
from exporter.sandbox.scenario import ScenarioError
from exporter.sandbox.world import API_USER, World

MAX_ADVANCE_S = 30 * 86_400

_TYPES: Mapping[str, tuple[type, ...]] = {
    "api": (str,),
    "method": (str,),
    "status": (str, type(None)),
    "delay_ms": (int,),
    "garbage": (bool,),
    "probability": (int, float),
    "count": (int, type(None)),
    "series": (int, type(None)),
    "after": (bool,),
}
_NAMES: Mapping[type, str] = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
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
            *run.routes(world),
            Route("/conduct", _guarded(world, lambda w, *_: _conduct(w.engines.conduct.now))),
            Route("/conduct", _guarded(world, _behave), methods=["POST"]),
            Route("/iam", _guarded(world, _permit), methods=["POST"]),
            *rest.Face(world).routes(),
        ],
        exception_handlers={HTTPException: _no_such_call},
    )


async def _no_such_call(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    text = f"{request.method} {request.url.path}: {error.detail}"
    return JSONResponse({"error": text}, status_code=error.status_code, headers=error.headers)


class _BadRequest(ValueError):
    pass


Work = Callable[[World, Request, Any], Mapping[str, Any]]


def _guarded(world: World, work: Work) -> Callable[[Request], Any]:
    """Read the body, work in a thread, and answer mistakes with 400 and one clear sentence."""

    async def endpoint(request: Request) -> JSONResponse:
        body = await request.body()
        try:
            return JSONResponse(dict(await to_thread.run_sync(work, world, request, _object(body))))
        except ValueError as error:
            return JSONResponse({"error": str(error)}, status_code=400)

    return endpoint


def _object(body: bytes) -> dict[str, Any]:
    try:
        given = json.loads(body) if body else {}
    except (ValueError, RecursionError) as error:
        raise _BadRequest(f"the body is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise _BadRequest("the body must be a JSON object")
    return given


def _clock(world: World, *_: Any) -> Mapping[str, Any]:
    clock = world.engines.clock
    return {"now": from_us(clock.now_us()).isoformat().replace("+00:00", "Z"), "speed": clock.speed}


def _advance(world: World, _: Request, given: Mapping[str, Any]) -> Mapping[str, Any]:
    seconds = given.get("advance_s")
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if seconds is None or given.keys() != {"advance_s"} or not number or not 0 <= seconds <= MAX_ADVANCE_S:
        raise _BadRequest(f'give {{"advance_s": N}}, N from 0 to {MAX_ADVANCE_S} seconds')
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
            raise _BadRequest(
                f"{name} must be {' or '.join(_NAMES[kind] for kind in _TYPES[name])}, not {json.dumps(value)}"
            )
    world.engines.faults.add(Fault(**given))
    return {"fault": dict(given)}


def _clear(world: World, *_: Any) -> Mapping[str, Any]:
    world.engines.faults.clear()
    return {"faults": []}


def _behave(world: World, _: Request, given: Mapping[str, Any]) -> Mapping[str, Any]:
    return _conduct(world.behave(given))


def _conduct(conduct: Conduct) -> Mapping[str, Any]:
    usual, now = Conduct().as_json(), conduct.as_json()
    facts = {name: {"default": usual[name], "fact": knob.fact, "source": knob.source} for name, knob in KNOBS.items()}
    return {"conduct": now, "fields": facts}


def _permit(world: World, _: Request, given: Mapping[str, Any]) -> Mapping[str, Any]:
    if not given or given.keys() - {"revoke", "restore"}:
        raise _BadRequest('give {"revoke": [...], "restore": [...]} or one of them')
    iam = world.engines.iam
    changes = [(act, _right(each)) for act in given for each in _listed(given[act])]
    for act, right in changes:
        (iam.revoke if act == "revoke" else iam.restore)(*right)
    return {"revoked": [dict(zip(_RIGHT, each, strict=True)) for each in iam.revoked()]}


_RIGHT = ("principal", "permission", "resource")


def _listed(given: Any) -> list[Any]:
    if not isinstance(given, list):
        raise _BadRequest("revoke and restore are lists")
    return given


def _right(given: Any) -> tuple[str, str, str]:
    """A permission by its name, of the exporter in the whole project; or an object that says of whom and where."""
    named = {"permission": given} if isinstance(given, str) else given
    good = isinstance(named, dict) and "permission" in named and not named.keys() - set(_RIGHT)
    if not good or not all(isinstance(value, str) and value for value in named.values()):
        raise _BadRequest("a right is a permission, or an object of permission and, if need be, principal and resource")
    principal = named.get("principal", EXPORTER)
    if principal not in (EXPORTER, PUBSUB):
        raise _BadRequest(f"principal must be {EXPORTER} or {PUBSUB}, not {json.dumps(principal)}")
    return principal, named["permission"], named.get("resource", PROJECT)


def _stats(world: World, live_failures: Mapping[str, int]) -> Mapping[str, Any]:
    calls: dict[str, dict[str, dict[str, int]]] = {}
    for (api, method, code), count in world.engines.faults.calls().items():
        calls.setdefault(api, {}).setdefault(method, {})[code] = count
    return {
        "calls": calls,
        # Without the reads that the sandbox makes up: what callers are billed.
        "bytes_billed": sum(
            job["bytes_billed"] or 0 for job in world.engines.bigquery.jobs() if job["user"] != API_USER
        ),
        "points_stored": world.engines.monitoring.points_stored,
        "distribution_points_stored": world.engines.monitoring.distribution_points_stored,
        "series_returned": world.engines.monitoring.series_returned,
        "live_failures": dict(live_failures),
    }


def _dump(world: World, request: Request, _: Any) -> Mapping[str, Any]:
    directory = request.query_params.get("dir")
    if not directory:
        raise _BadRequest("say where to: POST /dump?dir=DIRECTORY")
    try:
        write_dump(world, Path(directory))
    except OSError as error:
        raise _BadRequest(f"{directory} cannot be written: {error.strerror or error}") from error
    return {"dir": directory}
