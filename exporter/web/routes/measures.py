"""Measures: which there are, their values by system, and how they go together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from exporter.console import correlating, spreadsheets
from exporter.console.lines import Lines, Measuring, Wanted
from exporter.console.measures import MEASURES
from exporter.console.series.model import Range
from exporter.document import rfc3339
from exporter.web.problems import problem, problem_of
from exporter.web.routes import measured

_LISTED = 12
_FEW = 500

_KNOWN: dict[str, Any] = {"enum": list(MEASURES)}
Id = Annotated[str, Query(max_length=200)]
Ids = Annotated[list[str], Query(max_length=_FEW)]
MeasureId = Annotated[str, Query(json_schema_extra=_KNOWN)]
MeasureIds = Annotated[list[Annotated[str, Field(json_schema_extra=_KNOWN)]], Query(max_length=_FEW)]


_WRONG: dict[int | str, dict[str, Any]] = {
    404: problem_of("There is no such measure, or no such system."),
    422: problem_of("A parameter is wrong."),
}
_CSV = {"content": {"text/csv": {"schema": {"type": "string"}}}}


def router(measuring: Measuring, span_of: Callable[..., Range]) -> APIRouter:
    """The routes of measures; ``span_of`` is the dependency that reads the range of time."""
    routes = APIRouter(tags=["measures"], responses=_WRONG)
    _add_measures(routes, measuring, span_of)
    _add_correlation(routes, measuring, span_of)
    _add_matrix(routes, measuring, span_of)
    return routes


def _add_measures(routes: APIRouter, measuring: Measuring, span_of: Callable[..., Range]) -> None:
    systems = measuring.systems

    @routes.get("/api/measures", response_model=measured.MeasureList, summary="Which measures are there?")
    def list_measures() -> Response:
        """Lists the numbers of a system that can be compared and correlated."""
        return JSONResponse({"measures": [measured.info(each) for each in MEASURES.values()]})

    @routes.get(
        "/api/measures/{measure_id}",
        response_model=measured.Measured,
        responses={200: _CSV, 503: problem_of("CSV was asked for, and there are no values to put into it.")},
        summary="A measure by system",
    )
    def measure_by_system(
        measure_id: Annotated[str, Path(json_schema_extra=_KNOWN)],
        system: Ids = [],  # noqa: B006 - FastAPI copies it
        format: Literal["json", "csv"] = "json",  # noqa: A002 - the parameter's name
        span: Range = Depends(span_of),  # noqa: B008 - how FastAPI is told
    ) -> Response:
        """Has a line for each system, of all systems or of those that are named."""
        if measure_id not in MEASURES:
            return _no_measure()
        if not set(system) <= systems.keys():
            return no_system(systems)
        chosen = [systems[name] for name in dict.fromkeys(system)] or list(systems.values())
        (found,) = measuring.lines([Wanted(MEASURES[measure_id], chosen)], span)
        if format == "csv":
            return _as_csv(found)
        return JSONResponse(measured.measured(found, span))


def _add_correlation(routes: APIRouter, measuring: Measuring, span_of: Callable[..., Range]) -> None:
    systems = measuring.systems

    @routes.get("/api/correlation", response_model=measured.Correlated, summary="How two measures go together")
    def correlation(
        x: MeasureId,
        y: MeasureId,
        over: Literal["systems", "time"] = "systems",
        x_system: Id | None = None,
        y_system: Id | None = None,
        span: Range = Depends(span_of),  # noqa: B008 - how FastAPI is told
    ) -> Response:
        """Pairs the means of systems, or the steps of one system's `x` with those of its own or another system's `y`."""
        if x not in MEASURES or y not in MEASURES:
            return _no_measure()
        chosen = MEASURES[x], MEASURES[y]
        if over == "systems":
            if x_system is not None or y_system is not None:
                return problem(422, "`x_system` and `y_system` belong to `over=time`")
            found = correlating.over_systems(measuring, *chosen, span)
        elif x_system is None:
            return problem(422, "`over=time` needs `x_system`: the system whose values are paired")
        elif not {x_system, y_system or x_system} <= systems.keys():
            return no_system(systems)
        else:
            one, other = systems[x_system], systems[y_system or x_system]
            found = correlating.over_time(measuring, (chosen[0], one), (chosen[1], other), span)
        return JSONResponse(measured.correlated(found, *chosen, over))


def _add_matrix(routes: APIRouter, measuring: Measuring, span_of: Callable[..., Range]) -> None:
    systems = measuring.systems

    @routes.get(
        "/api/correlations",
        response_model=measured.CorrelationMatrix,
        summary="How all measures, or all systems, go together",
    )
    def correlations(
        between: Literal["measures", "systems"] = "measures",
        measure: MeasureIds = [],  # noqa: B006 - FastAPI copies it
        system: Ids = [],  # noqa: B006 - FastAPI copies it
        span: Range = Depends(span_of),  # noqa: B008 - how FastAPI is told
    ) -> Response:
        """Correlates measures over systems, or systems over time by one measure."""
        if not set(measure) <= MEASURES.keys():
            return _no_measure()
        if not set(system) <= systems.keys():
            return no_system(systems)
        chosen = [MEASURES[name] for name in dict.fromkeys(measure)]
        if between == "measures":
            if system:
                return problem(422, "`system` belongs to `between=systems`")
            chosen = chosen or list(MEASURES.values())
            found = correlating.between_measures(measuring, chosen, span)
            return JSONResponse(measured.matrix(found, between, [each.title for each in chosen]))
        if len(chosen) != 1:
            return problem(422, "`between=systems` compares systems by one `measure`: name it")
        named = [systems[name] for name in dict.fromkeys(system)] or list(systems.values())
        found = correlating.between_systems(measuring, chosen[0], named, span)
        return JSONResponse(measured.matrix(found, between, found.names))


def _no_measure() -> Response:
    return problem(404, f"there is no such measure; there are {_listed(MEASURES)}")


def no_system(known: Iterable[str]) -> Response:
    """The answer to an id that no system has."""
    return problem(404, f"there is no such system; there are {_listed(known)}")


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - _LISTED} more" if len(every) > _LISTED else ""
    return f"{', '.join(every[:_LISTED])}{more}"


def _as_csv(found: Lines) -> Response:
    rows = [
        (line.system, moment(end_s), value)
        for line in found.lines
        for end_s, value in zip(line.ends_s, line.values, strict=True)
    ]
    if not rows and found.problem is not None:
        return problem(503, found.problem)
    return csv_file(spreadsheets.table(("system", "time", found.measure.id), rows), found.measure.id)


def moment(seconds: float) -> str:
    """Seconds since the epoch as RFC 3339."""
    return rfc3339(datetime.fromtimestamp(seconds, UTC))


def csv_file(text: str, name: str) -> Response:
    """A table to be saved; ``name`` is one of ours."""
    headers = {"content-disposition": f'attachment; filename="{name}.csv"'}
    return Response(text.encode(), media_type="text/csv; charset=utf-8", headers=headers)
