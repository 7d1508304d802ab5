"""One question for time series, as it is put: filter and aggregation of Cloud Monitoring's API."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Literal, Protocol

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.responses import JSONResponse, Response
from pydantic import AfterValidator

from exporter.config import parse_duration
from exporter.console import spreadsheets
from exporter.console.dashboards import legends
from exporter.console.series.model import Aggregation, Answer, Part, Question, Range, Series
from exporter.console.series.requests import ALIGNERS, REDUCERS
from exporter.web.problems import problem, problem_of
from exporter.web.routes import answers
from exporter.web.routes.measures import csv_file, moment


def _among(names: Sequence[str]) -> AfterValidator:
    """Checks that a text is one of those that the API knows."""

    def check(text: str) -> str:
        if text not in names:
            raise ValueError(f"one of {', '.join(names)} is expected")
        return text

    return AfterValidator(check)


Aligner = Annotated[str, _among(ALIGNERS), Query(json_schema_extra={"enum": list(ALIGNERS)})]
Reducer = Annotated[str, _among(REDUCERS), Query(json_schema_extra={"enum": list(REDUCERS)})]
Period = Annotated[str | None, Query(max_length=20, description="at least this long, such as `300s` or `1h`")]
Groups = Annotated[list[str], Query(max_length=20, description="labels to group by, such as `resource.label.job`")]


class Source(Protocol):
    """Answers questions; may be asked from any thread."""

    def ask(self, questions: Sequence[Question], span: Range) -> list[Answer]:
        """An answer to each question, in their order."""
        ...


_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}},
    422: problem_of("A parameter is wrong, or CSV was asked for and the question cannot be answered."),
    503: problem_of("CSV was asked for, and Cloud Monitoring did not answer."),
}


def router(source: Source, span_of: Callable[..., Range]) -> APIRouter:
    """The route of single questions; ``span_of`` is the dependency that reads the range of time."""
    routes = APIRouter(tags=["measures"])

    @routes.get("/api/query", response_model=answers.Answered, responses=_ANSWERS, summary="Time series by filter")
    def query(
        filter: Annotated[str, Query(min_length=1, max_length=2000, description="in the API's language")],  # noqa: A002
        aligner: Aligner = "ALIGN_NONE",
        reducer: Reducer = "REDUCE_NONE",
        period: Period = None,
        group_by: Groups = [],  # noqa: B006 - FastAPI copies it
        format: Literal["json", "csv"] = "json",  # noqa: A002 - the parameter's name
        span: Range = Depends(span_of),  # noqa: B008 - how FastAPI is told
    ) -> Response:
        """Asks Cloud Monitoring; a question that it does not take has its reason in `problem`."""
        asked = Question(Part(filter, Aggregation(aligner, reducer, _period_s(period), tuple(group_by))))
        (answer,) = source.ask([asked], span)
        if format == "json":
            return JSONResponse(answers.encode(answer))
        if answer.problem is not None:
            ours = answer.reason in ("INVALID_ARGUMENT", "NOT_FOUND")
            return problem(422 if ours else 503, answer.problem)
        names = legends.names(answer.series, "")
        rows = (row for series, name in zip(answer.series, names, strict=True) for row in _rows(series, name))
        return csv_file(spreadsheets.table(("series", "start", "end", "value", "mean"), rows), "series")

    return routes


def _period_s(text: str | None) -> int | None:
    """Whole seconds of a duration."""
    if text is None:
        return None
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise HTTPException(422, f"`period`: {error}") from error
    if seconds != int(seconds) or seconds < 1:
        raise HTTPException(422, "`period` is whole seconds, such as `300s`")
    return int(seconds)


def _rows(series: Series, name: str) -> Iterator[Sequence[spreadsheets.Cell]]:
    """A row for each point; of a distribution the value is how many went into it."""
    for place, value in enumerate(series.values):
        start = None if series.kind == "gauge" else moment(series.starts_s[place])
        mean = series.means[place] if series.means else None
        number = sum(value) if isinstance(value, tuple) else value
        yield name, start, moment(series.ends_s[place]), number, mean
