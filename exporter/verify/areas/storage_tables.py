"""Tables of known rows: one is loaded twice, others get an INSERT and a copy; no subscription writes to them."""

# ruff: noqa: S608 - the SQL is made of names of the run; values go in as parameters

from __future__ import annotations

from typing import Any

from google.api_core import exceptions

from exporter.sources.bigquery import library as bigquery
from exporter.verify.areas import jobs_queries as queries
from exporter.verify.lab import Lab
from exporter.verify.questions import CouldNotAsk, Step

LOADED, INSERTED, COPIED = "verify_loaded", "verify_inserted", "verify_copied"
"""Tables of the run's dataset."""

ROWS_PER_LOAD = 400
_WIDE = 1_000
NUMBER_BYTES, SMALL_BYTES, WIDE_BYTES = 8, 2 + 8, 2 + _WIDE
"""Logical bytes of a value in each column (https://cloud.google.com/bigquery/pricing#data)."""

LOADED_ROWS = 2 * ROWS_PER_LOAD
LOADED_BYTES = LOADED_ROWS * (NUMBER_BYTES + SMALL_BYTES + WIDE_BYTES)

_BETWEEN_LOADS_S = 10.0
_PASSED_S = 1.0
"""So much later, rows were committed before the present, which is where an open window of APPENDS ends."""

_TIMEOUT_S = 120.0
_SCHEMA = [
    bigquery.SchemaField("number", "INT64"),
    bigquery.SchemaField("small", "STRING"),
    bigquery.SchemaField("wide", "STRING"),
]


def _load(lab: Lab) -> bool:
    """Make the tables and load rows into the first, twice; the book has when the second load began (``loaded between``)."""
    for name in (LOADED, INSERTED, COPIED):
        _make(lab, name)
    _load_rows(lab, first=0)
    lab.clock.wait(_BETWEEN_LOADS_S)
    lab.once("loaded between", lambda: _asked_at(lab))
    lab.clock.wait(_BETWEEN_LOADS_S)
    _load_rows(lab, first=ROWS_PER_LOAD)
    lab.clock.wait(_PASSED_S)
    return True


def _make(lab: Lab, name: str) -> None:
    table = bigquery.Table(queries.full_name(lab, name), schema=_SCHEMA)
    table.labels = lab.place.labels
    lab.services.bigquery.create_table(table, exists_ok=True, timeout=_TIMEOUT_S)


def _load_rows(lab: Lab, first: int) -> None:
    """Load rows, once: the job's name tells a second attempt that it was done."""
    name = f"{lab.place.name('load')}-{first}"
    found = [_row(number) for number in range(first, first + ROWS_PER_LOAD)]
    config = bigquery.LoadJobConfig(schema=_SCHEMA, labels=lab.place.labels, write_disposition="WRITE_APPEND")
    client = lab.services.bigquery
    try:
        client.load_table_from_json(
            found,
            queries.full_name(lab, LOADED),
            job_id=name,
            project=lab.place.project,
            location=lab.place.location,
            job_config=config,
            timeout=_TIMEOUT_S,
        ).result(timeout=_TIMEOUT_S)
    except exceptions.Conflict:
        client.get_job(name, project=lab.place.project, location=lab.place.location).result(timeout=_TIMEOUT_S)


def _row(number: int) -> dict[str, Any]:
    return {"number": number, "small": f"{number:08d}", "wide": f"{number:0{_WIDE}d}"}


def _asked_at(lab: Lab) -> str:
    """BigQuery's own time."""
    moment: str = queries.row(lab, "SELECT CURRENT_TIMESTAMP() AS asked_at")["asked_at"].isoformat()
    return moment


def _insert(lab: Lab) -> bool:
    text = f"INSERT INTO {queries.table(lab, INSERTED)} (number, small) VALUES (1, 'inserted'), (2, 'inserted')"
    job = queries.job(lab, text)
    if job.error_result is not None:
        raise CouldNotAsk(f"INSERT failed: {job.error_result.get('reason')}")
    lab.clock.wait(_PASSED_S)
    return True


def _copy(lab: Lab) -> bool:
    config = bigquery.CopyJobConfig(labels=lab.place.labels, write_disposition="WRITE_APPEND")
    try:
        job = lab.services.bigquery.copy_table(
            queries.full_name(lab, LOADED),
            queries.full_name(lab, COPIED),
            project=lab.place.project,
            location=lab.place.location,
            job_config=config,
            timeout=_TIMEOUT_S,
        )
        job.result(timeout=_TIMEOUT_S)
    except exceptions.MethodNotImplemented as error:
        raise CouldNotAsk("this BigQuery copies no tables") from error
    lab.clock.wait(_PASSED_S)
    return True


STEPS = (
    Step("loaded", "loading a table of known rows", _load, needs=("created",)),
    Step("inserted", "inserting rows into a table", _insert, needs=("loaded",)),
    Step("copied", "appending the rows of a table to another", _copy, needs=("loaded",)),
)
