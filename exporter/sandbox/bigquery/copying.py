"""Copy jobs: the rows of tables, put into another one in one commit (https://cloud.google.com/bigquery/docs/managing-tables#copy-table)."""

# ruff: noqa: S608 - the SQL is made of names of our own; what callers send goes in as parameters

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from exporter.model import TableRef
from exporter.sandbox.bigquery.catalog import Table, ref_of
from exporter.sandbox.bigquery.errors import ApiError, invalid, table_denied
from exporter.sandbox.bigquery.jobs import Job
from exporter.sandbox.bigquery.loading import may_write
from exporter.sandbox.bigquery.storage import COMMIT, COPY
from exporter.sandbox.bigquery.types import quote
from exporter.sandbox.iam import EXPORTER

if TYPE_CHECKING:
    from exporter.sandbox.bigquery.engine import BigQuery


def copy(engine: BigQuery, job: Job, config: Mapping[str, Any]) -> None:
    """Carry out a copy job within one location; raises ``ApiError``."""
    if config.get("operationType") not in (None, "COPY"):
        raise ApiError(501, "notImplemented", "Snapshots, clones and restores are not supported by this BigQuery")
    given = config.get("sourceTables") or ([config["sourceTable"]] if config.get("sourceTable") else [])
    if not given:
        raise invalid("Required parameter is missing: sourceTable", "sourceTable")
    sources = [engine.table(ref_of(each)) for each in given]
    for source in sources:
        if not engine.iam.allowed(EXPORTER, "bigquery.tables.getData", str(source.ref)):
            raise table_denied(_shown(source.ref), verb="read")
    ref = ref_of(config.get("destinationTable") or {})
    may_write(engine, ref)
    job.location, job.destination = engine.catalog.dataset(ref.project, ref.dataset).location, ref
    target = _target(engine, ref, config, sources[0])
    names = [column.name for column in sources[0].columns]
    rows = [row for source in sources for row in _rows(source, names, target)]
    engine.insert(ref, names, rows, COPY)
    job.affected_rows = len(rows)


def _shown(ref: TableRef) -> str:
    return f"{ref.project}:{ref.dataset}.{ref.table}"


def _target(engine: BigQuery, ref: TableRef, config: Mapping[str, Any], source: Table) -> Table:
    """The table that is copied into, made anew or made at all where the job says so."""
    disposition = config.get("writeDisposition") or "WRITE_EMPTY"
    if engine.catalog.find(ref) is not None and disposition != "WRITE_TRUNCATE":
        have = engine.table(ref)
        if disposition == "WRITE_EMPTY" and have.contents.rows:
            raise ApiError(409, "duplicate", f"Already Exists: Table {_shown(ref)}")
        return have
    if engine.catalog.find(ref) is not None:
        engine.delete_table(ref)
    elif config.get("createDisposition") == "CREATE_NEVER":
        return engine.table(ref)
    return engine.create_table(
        ref, source.columns, partitioned=source.partitioning, partition_field=source.partition_field
    )


def _rows(source: Table, names: list[str], target: Table) -> list[tuple[Any, ...]]:
    have = {column.name: column.type for column in source.columns}
    want = {column.name: column.type for column in target.columns}
    wrong = [name for name in names if have.get(name) != want.get(name)]
    lacking = [column.name for column in target.columns if column.mode == "REQUIRED" and column.name not in have]
    if wrong or lacking:
        raise invalid(
            f"Provided Schema does not match Table {_shown(target.ref)}. Cannot add fields (field: {(wrong + lacking)[0]})"
        )
    source.contents.flush()
    listed = ", ".join(f"epoch_us({quote(name)})" if have[name].kind == "TIMESTAMP" else quote(name) for name in names)
    return source.contents.select(f"SELECT {listed} FROM {source.contents.name} ORDER BY {quote(COMMIT)}, rowid")
