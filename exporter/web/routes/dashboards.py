"""Dashboards: which there are, what is on them, and the data that they show."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Body, Depends, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from exporter.console.crowds import Crowd, Crowded
from exporter.console.dashboards import spans, variables
from exporter.console.dashboards.nodes import not_json
from exporter.console.dashboards.page import Page
from exporter.console.dashboards.parsing import parse
from exporter.console.dashboards.shelf import Entry, Unreadable
from exporter.console.dashboards.variables import UnknownField
from exporter.console.dashboards.view import View
from exporter.console.series.model import Answer, Question, Range
from exporter.document import rfc3339
from exporter.web.problems import problem, problem_of
from exporter.web.routes import answers
from exporter.web.schemas import Moment

OPENED = "opened"
"""The name of a dashboard that came with the request."""
MOST_REQUESTS = 60
"""Different requests of Cloud Monitoring for one page: the largest of the fleet's own need some fifty."""
LARGE = 50
"""Queries of a page: those that have more are answered few at a time. None of the fleet's own has."""
_FILTER = "KEY:VALUE, for each chosen value of each field of the view; `*` and no value mean everything"
_AT_ONCE, _WAITING, _WAIT_S = 2, 4, 10.0
_WRONG: dict[int | str, dict[str, Any]] = {
    400: problem_of("The body cannot be read."),
    422: problem_of("A parameter is wrong."),
    429: problem_of("It is asked too often, or too many ask for large dashboards."),
}
_STORED: dict[int | str, dict[str, Any]] = {
    404: problem_of("There is no such dashboard."),
    422: problem_of("A parameter is wrong, or the file holds no dashboard."),
    429: problem_of("It is asked too often, or too many ask for large dashboards."),
}


class Source(Protocol):
    """Answers questions; may be asked from any thread."""

    def ask_each(self, wanted: Sequence[tuple[Question, Range]], *, most_requests: int | None = None) -> list[Answer]:
        """An answer to each question for its range, in their order; beyond so many requests they say that they were not asked."""
        ...

    @property
    def calls(self) -> int:
        """Remote calls so far."""
        ...


class Dashboards(Protocol):
    """The dashboards that there are."""

    @property
    def known(self) -> Mapping[str, Sequence[str]]:
        """Values that fields may choose from, by what they compare."""
        ...

    def entries(self) -> Sequence[Entry]:
        """All of them."""
        ...

    def view(self, name: str) -> View | None:
        """One of them, None where there is none; raises ``Unreadable``."""
        ...


class _Route(APIRoute):
    """Says of a body that is YAML what to do, where others hear of the first character that is no JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except RequestValidationError as error:
                yaml = not_json(error.body) if any(each["type"] == "json_invalid" for each in error.errors()) else None
                if yaml is None:
                    raise
                return problem(422, yaml)

        return handle


class ListedDashboard(BaseModel):
    """A dashboard that there is."""

    name: str
    title: str
    system: str | None = Field(description="the system whose own page it is")
    note: str | None = Field(description="why it cannot be shown")


class DashboardList(BaseModel):
    """All dashboards: the fleet's own, and the files that were given."""

    dashboards: list[ListedDashboard]


class DashboardData(BaseModel):
    """What the queries of a dashboard brought."""

    start: Moment
    end: Moment
    calls: int = Field(description="calls of Cloud Monitoring that it took")
    answers: answers.Answers


class OpenedDashboard(BaseModel):
    """A dashboard, and what was chosen of its fields."""

    dashboard: Any = Field(description="JSON of a dashboard")
    filters: dict[str, str | list[str]] = Field(default_factory=dict, description="values by the keys of the fields")


def router(shelf: Dashboards, source: Source, span_of: Callable[..., Range]) -> APIRouter:
    """The routes of dashboards; ``span_of`` is the dependency that reads the range of time."""
    routes = APIRouter(prefix="/api/dashboards", tags=["dashboards"], route_class=_Route)
    crowd = Crowd(_AT_ONCE, _WAITING, _WAIT_S)

    def stored(name: str) -> View | Response:
        try:
            found = shelf.view(name)
        except Unreadable as error:
            return problem(422, str(error))
        return found or problem(404, "there is no such dashboard: /api/dashboards lists those that there are")

    def data(found: View, chosen: Mapping[str, Sequence[str]], span: Range) -> Response:
        return _data(found, chosen, span, source, crowd)

    @routes.get("", response_model=DashboardList, summary="Which dashboards are there?")
    def list_dashboards() -> Response:
        """Lists the fleet's own dashboards, and the files that were given."""
        return _json({"dashboards": [asdict(each) for each in shelf.entries()]})

    @routes.post("/view", response_model=Page, responses=_WRONG, summary="What is on any dashboard")
    def view_opened(dashboard: Annotated[Any, Body(description="JSON of a dashboard")] = None) -> Response:
        """Takes any dashboard of Cloud Monitoring; what cannot be shown is named where it would be."""
        return _json(parse(dashboard, OPENED, shelf.known).document())

    @routes.post("/data", response_model=DashboardData, responses=_WRONG, summary="The data of any dashboard")
    def data_opened(asked: OpenedDashboard, span: Range = Depends(span_of)) -> Response:  # noqa: B008 - how FastAPI is told
        """Asks the queries of a dashboard; query ids are those of its view."""
        values = {key: [each] if isinstance(each, str) else each for key, each in asked.filters.items()}
        return data(parse(asked.dashboard, OPENED, shelf.known), values, span)

    @routes.get("/{name}", response_model=Page, responses=_STORED, summary="What is on a dashboard")
    def view_dashboard(name: str) -> Response:
        """Says where which widgets lie, and which queries they show."""
        found = stored(name)
        return found if isinstance(found, Response) else _json(found.document())

    @routes.get("/{name}/data", response_model=DashboardData, responses=_STORED, summary="The data of a dashboard")
    def data_dashboard(
        name: str,
        filters: Annotated[list[str] | None, Query(alias="filter", description=_FILTER, max_length=100)] = None,
        span: Range = Depends(span_of),  # noqa: B008 - how FastAPI is told
    ) -> Response:
        """Asks the queries of a dashboard; query ids are those of its view."""
        chosen: dict[str, list[str]] = {}
        for each in filters or ():
            key, colon, value = each.partition(":")
            if not colon:
                return problem(422, "`filter` is of the form KEY:VALUE")
            chosen.setdefault(key, []).append(value)
        found = stored(name)
        return found if isinstance(found, Response) else data(found, chosen, span)

    return routes


def _data(found: View, chosen: Mapping[str, Sequence[str]], span: Range, source: Source, crowd: Crowd) -> Response:
    """The data of a view, or why there is none now."""
    try:
        with crowd.entered() if len(found.queries) > LARGE else nullcontext():
            return _json(read(found, chosen, span, source))
    except UnknownField as error:
        return problem(422, str(error))
    except Crowded as error:
        return problem(429, str(error), headers={"retry-after": str(error.retry_s)})


def read(found: View, chosen: Mapping[str, Sequence[str]], span: Range, source: Source) -> dict[str, Any]:
    """The data of a view as JSON, all queries asked together; raises ``UnknownField``."""
    before = source.calls
    filled = variables.filled(found, chosen)
    own = {name: spans.own(query, span) for name, query in filled.queries.items()}
    wanted = [(spans.question(query, own[name]), own[name]) for name, query in filled.queries.items()]
    brought = dict(zip(filled.queries, source.ask_each(wanted, most_requests=MOST_REQUESTS), strict=True))
    brought |= {name: Answer(problem=why) for name, why in filled.problems.items()}
    return {
        "start": rfc3339(span.start),
        "end": rfc3339(span.end),
        "calls": source.calls - before,
        "answers": {name: answers.encode(brought[name], query.legend) for name, query in found.queries.items()},
    }


def _json(value: Any) -> Response:
    body = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(body.encode(), media_type="application/json")
