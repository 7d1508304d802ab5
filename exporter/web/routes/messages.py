"""A system's messages, as its view shows them, and its dead letters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from exporter.console import messages_cursor
from exporter.console.dead_letters import MAX_MESSAGES, DeadLetter, Look
from exporter.console.messages import MAX_ROWS, Page
from exporter.console.messages_trouble import RETRY_S, Kind, Trouble
from exporter.console.series.model import Range
from exporter.document import rfc3339
from exporter.model import System
from exporter.web.paces import Pace
from exporter.web.problems import problem, problem_of
from exporter.web.routes.ranges import ranges
from exporter.web.schemas import Moment

STATUSES: Mapping[Kind, int] = {
    Kind.MISSING: 404,
    Kind.UNFIT: 409,
    Kind.BAD_CURSOR: 422,
    Kind.DENIED: 403,
    Kind.TOO_MANY_BYTES: 422,
    Kind.TOO_SLOW: 504,
    Kind.UNAVAILABLE: 503,
    Kind.REFUSED: 502,
}

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    403: problem_of("The caller may not call; or the exporter may not read this, and the detail names the permission."),
    404: problem_of("There is no such system, or it has no such view or subscription."),
    409: problem_of("The view or the subscription is not of a kind that can be read."),
    422: problem_of("A parameter is wrong, or the page would read more bytes than it may."),
    429: problem_of("It is asked too often."),
    502: problem_of("Google's service does not do it."),
    503: problem_of("Google's service cannot be asked now."),
    504: problem_of("Google's service did not answer in time."),
}


class MessageColumn(BaseModel):
    """A column of the view."""

    name: str
    type: str = Field(description="as GoogleSQL writes it, such as `ARRAY<STRING>`")


class MessagePage(BaseModel):
    """Rows of a system's view, newest first."""

    columns: list[MessageColumn]
    rows: list[list[Any]] = Field(
        description="values in the order of the columns: bytes in base64, times in RFC 3339, numbers that JSON cannot hold exactly as text"
    )
    next: str | None = Field(description="the cursor of the next page; null after the last")
    bytes_billed: int
    bytes_limit: int = Field(description="what a page may bill at most")


class DeadLetterMessage(BaseModel):
    """A message of the dead-letter subscription."""

    message_id: str
    publish_time: Moment = Field(description="when it was forwarded to the dead-letter topic")
    delivery_attempt: int | None = Field(description="null where the subscription has no dead-letter policy of its own")
    ordering_key: str
    attributes: dict[str, str]
    text: str | None = Field(description="the data, where it is UTF-8")
    data_base64: str
    truncated: bool = Field(description="the data is longer than what is shown of it")


class DeadLetterLook(BaseModel):
    """Some dead letters, which stay where they are."""

    messages: list[DeadLetterMessage]
    note: str = Field(description="what looking at them does")


class Messages(Protocol):
    """Reads pages of views."""

    def page(self, system: System, start: datetime, end: datetime, limit: int, cursor: str | None = None) -> Page:
        """Rows that were published in ``[start, end)``; raises ``Trouble``."""
        ...


class DeadLetters(Protocol):
    """Looks at dead-letter subscriptions."""

    def look(self, system: System, limit: int) -> Look:
        """Some messages, which are given back; raises ``Trouble``."""
        ...


def router(
    systems: Mapping[str, System],
    messages: Messages,
    dead_letters: DeadLetters,
    now: Callable[[], datetime],
    pace: Pace,
) -> APIRouter:
    """The routes of messages; ``systems`` by id, ``now`` is the exporter's clock, ``pace`` is kept by what costs money."""
    routes = APIRouter(tags=["messages"], prefix="/api/systems")
    span_of = Depends(ranges(now))

    @routes.get(
        "/{system}/messages", response_model=MessagePage, responses=_PROBLEMS, summary="The newest messages of a system"
    )
    def newest_messages(
        system: str,
        limit: Annotated[int, Query(ge=1, le=MAX_ROWS)] = 50,
        cursor: Annotated[
            str | None,
            Query(
                max_length=messages_cursor.MAX_LENGTH,
                description="`next` of the page before; keeps the range of the first page",
            ),
        ] = None,
        span: Range = span_of,
    ) -> Response:
        """Reads the system's decoding view, newest first by publish time. Each page is a query that BigQuery bills."""
        found = systems.get(system)
        if found is None:
            return _unknown()
        pace.admit()
        try:
            page = messages.page(found, span.start, span.end, limit, cursor)
        except Trouble as trouble:
            return _problem(trouble)
        return JSONResponse(_page(page))

    @routes.get(
        "/{system}/dead-letters",
        response_model=DeadLetterLook,
        responses=_PROBLEMS,
        summary="A look at a system's dead letters",
    )
    def some_dead_letters(system: str, limit: Annotated[int, Query(ge=1, le=MAX_MESSAGES)] = 10) -> Response:
        """Pulls messages of the dead-letter subscription and gives them back at once; none is acknowledged."""
        found = systems.get(system)
        if found is None:
            return _unknown()
        pace.admit()
        try:
            look = dead_letters.look(found, limit)
        except Trouble as trouble:
            return _problem(trouble)
        return JSONResponse({"messages": [_dead_letter(each) for each in look.messages], "note": look.note})

    return routes


def _page(page: Page) -> dict[str, Any]:
    return {
        "columns": [{"name": column.name, "type": column.type} for column in page.columns],
        "rows": page.rows,
        "next": page.next,
        "bytes_billed": page.bytes_billed,
        "bytes_limit": page.bytes_limit,
    }


def _dead_letter(message: DeadLetter) -> dict[str, Any]:
    return {
        "message_id": message.message_id,
        "publish_time": rfc3339(message.publish_time),
        "delivery_attempt": message.delivery_attempt,
        "ordering_key": message.ordering_key,
        "attributes": dict(message.attributes),
        "text": message.text,
        "data_base64": message.data_base64,
        "truncated": message.truncated,
    }


def _unknown() -> Response:
    return problem(404, "there is no system of this id: /api/systems lists those that there are")


def _problem(trouble: Trouble) -> Response:
    headers = {"retry-after": str(RETRY_S)} if trouble.kind is Kind.UNAVAILABLE else None
    return problem(STATUSES[trouble.kind], str(trouble), headers=headers)
