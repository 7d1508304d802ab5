"""The console for one configuration: its parts, put together, as routers of the application."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from exporter import clients
from exporter.assembly import Parts
from exporter.config import Config
from exporter.console.alerts import Alerts
from exporter.console.dead_letters import DeadLetters
from exporter.console.glance import Overview
from exporter.console.incidents import Incidents
from exporter.console.lines import Measuring
from exporter.console.messages import Messages
from exporter.console.series.execution import Reader
from exporter.rendering.backends import backend_of
from exporter.sources.bigquery.runner import Runner
from exporter.web import paces
from exporter.web.paces import Pace
from exporter.web.problems import problem, problem_of
from exporter.web.routes import dashboards, incidents, measures, messages, pages, queries, systems
from exporter.web.routes.ranges import ranges

QUERY_S = 20.0
"""How long a page waits for BigQuery."""
_NEEDED = ("markdown_it", "plotly")
"""Modules of the extra ``console``."""
_READABLE = ("cloud_monitoring", "otlp")
"""Sinks that Cloud Monitoring can be asked for."""


@contextmanager
def routers(
    parts: Parts, directory: Path | None = None, *, pace: Pace | None = None, costly: Pace | None = None
) -> Iterator[Sequence[APIRouter]]:
    """The console's routers, as long as it is served; where it cannot be, one that says why.

    ``directory`` holds dashboards to be shown beside the fleet's own. ``pace`` is kept by what reads time series, ``costly`` by what
    asks BigQuery and Pub/Sub.
    """
    why = absence(parts.config)
    if why is not None:
        yield [_absent(why)]
        return
    reader = Reader(
        parts.clients.monitoring,
        parts.config.exporter.monitoring_project,
        on_call=parts.calls.record,
        on_series=parts.calls.returned,
        circuits=parts.circuits,
    )
    try:
        with _alerts(parts.config) as alerts:
            reading = _reading(parts, reader, directory, alerts)
            yield [
                _paced(reading, pace or paces.readings()),
                _messages(parts, costly or paces.queries()),
                pages.router(),
            ]
    finally:
        reader.close()


def absence(config: Config) -> str | None:
    """Why this configuration, as it is installed here, has no console; None where it has one."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        return "the console is not installed: pip install 'pubsub-bigquery-exporter[console]'"
    if not set(_READABLE) & set(config.exporter.sinks):
        return "the console reads from Cloud Monitoring: list cloud_monitoring or otlp in exporter.sinks"
    return None


def _reading(parts: Parts, reader: Reader, directory: Path | None, alerts: Alerts | None) -> list[APIRouter]:
    """What is made of time series."""
    # Whoever has no console does not need what reads markdown.
    from exporter.console.dashboards.shelf import Shelf

    config, now = parts.config, parts.clients.now
    span_of = ranges(now)
    by_id = {system.id: system for system in config.systems}
    return [
        dashboards.router(Shelf(config, backend_of(config), directory), reader, span_of),
        measures.router(Measuring(reader, config, now), span_of),
        queries.router(reader, span_of),
        systems.router(Overview(reader, config, now), by_id),
        incidents.router(Incidents(config, reader, alerts), now),
    ]


def _messages(parts: Parts, pace: Pace) -> APIRouter:
    by_id = {system.id: system for system in parts.config.systems}
    runner = Runner(parts.clients.bigquery, parts.calls.record, QUERY_S, circuits=parts.circuits)
    letters = DeadLetters(parts.clients.subscriber, parts.calls.record, circuits=parts.circuits)
    return messages.router(by_id, Messages(runner), letters, parts.clients.now, pace)


@contextmanager
def _alerts(config: Config) -> Iterator[Alerts | None]:
    """Incidents that Cloud Monitoring opened; a sandbox opens none."""
    if config.endpoints.monitoring is not None:
        yield None
        return
    rest = clients.rest_client(None)
    try:
        yield Alerts(rest, config.exporter.monitoring_project, config.fleet)
    finally:
        rest.close()


def _paced(routers: Sequence[APIRouter], pace: Pace) -> APIRouter:
    """Routers that are asked no faster than the pace allows."""
    slow = APIRouter(dependencies=[Depends(_admission(pace))], responses={429: problem_of("It is asked too often.")})
    for router in routers:
        slow.include_router(router)
    return slow


def _admission(pace: Pace) -> Callable[[], None]:
    """The dependency that lets a request through."""

    def admitted() -> None:
        pace.admit()

    return admitted


def _absent(why: str) -> APIRouter:
    """In place of the console, its first page, which says what is missing."""
    routes = APIRouter(tags=["pages"])

    @routes.get(
        "/", response_class=Response, responses={404: problem_of("There is no console.")}, summary="The console"
    )
    def console() -> Response:
        """Says why there is no console."""
        return problem(404, why)

    return routes
