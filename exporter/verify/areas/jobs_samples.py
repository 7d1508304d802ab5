"""Queries of every kind that the exporter meets in JOBS, run once; what ``jobs.get`` says of each is noted."""

# ruff: noqa: S608 - the SQL is made of names of the run; values go in as parameters

from __future__ import annotations

from typing import Any

from google.api_core import exceptions

from exporter.sources.bigquery import library as bigquery
from exporter.verify.areas import jobs_queries as queries
from exporter.verify.areas.storage_tables import INSERTED, LOADED
from exporter.verify.lab import Lab
from exporter.verify.questions import CouldNotAsk, Step

LABEL = ("purpose", "sample")
"""A label that the samples have beside those of the run."""

NOTED = "job samples"
MIB = 2**20
MINIMUM_BYTES = 10 * MIB
WIDE_COPIES = 14
"""So many times the wide column of the loaded table are more than the least billed bytes."""

_BIG = "verify_big"


def _texts(lab: Lab) -> dict[str, tuple[str, bool]]:
    """The samples by name: their text, and whether the cache may answer."""
    loaded, inserted, big = (queries.table(lab, name) for name in (LOADED, INSERTED, _BIG))
    tables = f"`{lab.place.project}`.`{lab.place.dataset}`.INFORMATION_SCHEMA.TABLES"
    small = f"SELECT COUNT(small) AS n FROM {loaded}"
    cached = f"SELECT MAX(number) AS newest FROM {loaded}"
    view = f"SELECT COUNT(message_id) AS n FROM {queries.table(lab, 'main_view')}"
    return {
        "one table": (small, False),
        "two tables": (f"{small} UNION ALL SELECT COUNT(small) FROM {inserted}", False),
        "view": (view, False),
        "big": (f"SELECT COUNT(wide) AS n FROM {big}", False),
        "failed": (f"SELECT 1 / SUM(number - number) AS n FROM {loaded}", False),
        "first": (cached, True),
        "again": (cached, True),
        "schema first": (f"SELECT COUNT(*) AS n FROM {tables}", True),
        "schema again": (f"SELECT COUNT(*) AS n FROM {tables}", True),
    }


def _run(lab: Lab) -> bool:
    """Run the samples, one after the other; those that were run stay."""
    _make_big(lab)
    for name, (text, may_be_cached) in _texts(lab).items():
        if name not in lab.book.get(NOTED, {}):
            made = queries.job(lab, text, cached=may_be_cached, labels=dict([LABEL]))
            lab.book.note(NOTED, {**lab.book.get(NOTED, {}), name: _told(lab, made)})
    return True


def _told(lab: Lab, made: bigquery.QueryJob) -> dict[str, Any]:
    """What ``jobs.get`` says of a query that has ended."""
    error = made.error_result or {}
    return {
        "id": made.job_id,
        "ended_at": lab.now().isoformat(),
        "processed": made.total_bytes_processed,
        "billed": made.total_bytes_billed,
        "cache_hit": bool(made.cache_hit),
        "reason": error.get("reason"),
    }


def _make_big(lab: Lab) -> None:
    """A table whose wide column is more than the least billed bytes."""
    text = (
        f"CREATE TABLE {queries.table(lab, _BIG)} AS SELECT wide FROM {queries.table(lab, LOADED)} "
        f"CROSS JOIN UNNEST(GENERATE_ARRAY(1, {WIDE_COPIES})) AS copy"
    )
    try:
        lab.services.bigquery.get_table(queries.full_name(lab, _BIG))
    except exceptions.NotFound:
        queries.job(lab, text)


def sample(lab: Lab, name: str) -> dict[str, Any]:
    """What ``jobs.get`` said of a sample."""
    found: dict[str, Any] = lab.book.get(NOTED)[name]
    return found


def listed(lab: Lab, name: str) -> dict[str, Any] | None:
    """The row of JOBS for a sample, or None while there is none of an ended job.

    Raises ``CouldNotAsk`` where the job ran in a reservation: then nothing is billed by bytes.
    """
    text = (
        "SELECT job_type, statement_type, state, error_result.reason AS reason, cache_hit, total_bytes_processed, "
        "total_bytes_billed, total_slot_ms, labels, referenced_tables, reservation_id, "
        "creation_time, start_time, end_time "
        f"FROM {queries.schema_view(lab, 'JOBS')} WHERE creation_time >= @since AND job_id = @job AND state = 'DONE'"
    )
    found = queries.rows(lab, text, since=lab.done_at("created"), job=sample(lab, name)["id"])
    return found[0] if found else None


def billed(row: dict[str, Any]) -> int:
    """Bytes billed by a row of JOBS; raises ``CouldNotAsk`` where nothing is billed by bytes."""
    if row["reservation_id"] is not None:
        raise CouldNotAsk("queries of this project run in a reservation and are not billed by bytes", by_design=True)
    return int(row["total_bytes_billed"] or 0)


def table_names(row: dict[str, Any]) -> list[str]:
    """Names of the tables that a row of JOBS refers to, without project and dataset."""
    return sorted(str(each["table_id"]) for each in row["referenced_tables"] or ())


STEP = Step("sampled", "running queries of every kind", _run, needs=("loaded", "inserted"))
