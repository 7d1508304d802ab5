"""Q: whether BigQuery takes every statement of the exporter, as the exporter renders it; by dry run, which costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from exporter.errors import Permanent
from exporter.model import System, Window
from exporter.snapshots import Table
from exporter.sources.bigquery import messages, statements
from exporter.sources.bigquery.runner import Runner, Statement
from exporter.sources.bigquery.statements import LandingRequest
from exporter.verify.areas.exporter_config import WINDOW_S, config
from exporter.verify.lab import Lab
from exporter.verify.questions import Check, CouldNotAsk, Seen
from exporter.windows import HOUR, align_down, split

_LANGUAGE = "https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax"
_APPENDS = "https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/table-functions-built-in#appends"
_SCHEMA = "https://docs.cloud.google.com/bigquery/docs/information-schema-intro"
_DRY_RUN = "https://docs.cloud.google.com/bigquery/docs/running-queries#dry-run"

_TIMEOUT_S = 60.0
_BROKEN = ("deleted", "mismatch")
"""Systems whose table a run takes away, or columns of it: a statement that names them is refused, and rightly."""

_DENIED = ("accessDenied", "Forbidden", "unauthenticated")

Render = Callable[[Lab], Statement]


def _uncounted(_api: str, _method: str, _code: str) -> None:
    pass


def _systems(lab: Lab) -> list[System]:
    return [system for system in config(lab.place).systems if system.id not in _BROKEN]


def _main(lab: Lab) -> System:
    return next(system for system in config(lab.place).systems if system.id == "main")


def _windows(lab: Lab) -> tuple[Window, ...]:
    """The windows of the last hour that are over."""
    length = timedelta(seconds=WINDOW_S)
    end = align_down(lab.now(), length)
    return tuple(split(end - HOUR, end, length))


def _landing(lab: Lab) -> Statement:
    return statements.landing([LandingRequest(_main(lab), _windows(lab), None)])


def _landings(lab: Lab) -> Statement:
    return statements.landing([LandingRequest(system, _windows(lab), None) for system in _systems(lab)])


def _arrivals(lab: Lab) -> Statement:
    """Rows of a view, told by a column: what is done where the table is no plain table."""
    main = _main(lab)
    assert main.view is not None
    columns = replace(main.columns, ingest_time="publish_time")
    table = Table(
        kind="VIEW",
        created=lab.now() - 2 * HOUR,
        columns=frozenset(("data", "subscription_name", "message_id", "publish_time")),
    )
    return statements.landing([LandingRequest(replace(main, table=main.view, columns=columns), _windows(lab), table)])


def _writers(lab: Lab) -> Statement:
    windows = _windows(lab)
    return statements.writers(_main(lab), windows[0].start, windows[-1].end)


def _tables(lab: Lab) -> list[str]:
    return [f"{system.table.dataset}.{system.table.table}" for system in config(lab.place).systems]


def _writes(lab: Lab) -> Statement:
    windows, place = _windows(lab), lab.place
    return statements.writes(place.project, place.location, _tables(lab), windows[0].start, windows[-1].end, WINDOW_S)


def _jobs(lab: Lab) -> Statement:
    systems, windows, place = config(lab.place).systems, _windows(lab), lab.place
    names = [(str(system.table), str(system.table)) for system in systems]
    names += [(str(system.view), str(system.table)) for system in systems if system.view is not None]
    return statements.jobs(place.project, place.location, names, windows[0].start, windows[-1].end)


def _storage(lab: Lab) -> Statement:
    return statements.storage(lab.place.project, lab.place.location, _tables(lab))


def _described(lab: Lab) -> Statement:
    return statements.tables(lab.place.project, lab.place.location, _tables(lab))


def _page(lab: Lab) -> Statement:
    main = _main(lab)
    assert main.view is not None
    place = messages.Place(lab.now(), "0", 1)
    return messages.page(main.view, main.columns, lab.now() - HOUR, place, 100, 2**30)


def _dry_run(render: Render) -> Callable[[Lab], Seen]:
    """Ask whether a statement would run; what BigQuery says against it is what was seen."""

    def ask(lab: Lab) -> Seen:
        statement = render(lab)
        runner = Runner(lab.services.bigquery, _uncounted, _TIMEOUT_S)
        try:
            processed = runner.dry_run(statement, lab.place.project, lab.place.location)
        except Permanent as error:
            if error.reason in _DENIED:
                raise CouldNotAsk(lab.words(error)) from error
            text = f"refused: {error.reason}: {lab.words(error)}"
            return Seen(text, as_expected=False, evidence={"statement": statement.text})
        return Seen(f"taken; it would process {processed} bytes", as_expected=True)

    return ask


STEPS = ()

RENDERED: tuple[tuple[str, str, str, Render], ...] = (
    ("landing", "what landed in one table", _APPENDS, _landing),
    ("landing_rows", "what landed in several tables", _APPENDS, _landings),
    ("landing of a view", "what landed where APPENDS cannot be asked", _LANGUAGE, _arrivals),
    ("writers", "who wrote to a table", _APPENDS, _writers),
    ("writes", "the write timeline", f"{_SCHEMA}, WRITE_API_TIMELINE", _writes),
    ("jobs", "query jobs", f"{_SCHEMA}, JOBS", _jobs),
    ("storage", "stored bytes", f"{_SCHEMA}, TABLE_STORAGE", _storage),
    ("tables", "what tables are", f"{_SCHEMA}, TABLES and COLUMNS", _described),
    ("messages", "a page of a view", _LANGUAGE, _page),
)
"""Every statement by its file, what it asks for, where its language is documented, and how it is made."""

CHECKS = tuple(
    Check(
        f"Q{number:02}",
        f"Does BigQuery take the statement for {what} ({name}.sql)?".replace(" of a view.sql", ".sql"),
        "yes",
        f"{source}; {_DRY_RUN}",
        _dry_run(render),
        ("created",),
    )
    for number, (name, what, source, render) in enumerate(RENDERED, 1)
)
