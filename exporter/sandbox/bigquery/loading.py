"""Rows that come in as JSON or CSV: streaming inserts and load jobs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from exporter.model import TableRef
from exporter.sandbox.bigquery.catalog import Table, ref_of
from exporter.sandbox.bigquery.errors import ApiError, Json, invalid, table_denied
from exporter.sandbox.bigquery.jobs import Job
from exporter.sandbox.bigquery.parameters import from_json
from exporter.sandbox.bigquery.storage import LOAD
from exporter.sandbox.bigquery.types import BOOL, FLOAT64, INT64, STRING, Column, Type, column
from exporter.sandbox.iam import EXPORTER

if TYPE_CHECKING:
    from exporter.sandbox.bigquery.engine import BigQuery


def row_values(values: Mapping[str, Any], columns: Sequence[Column], *, ignore_unknown: bool) -> list[object]:
    """A row's values in order of columns; raises ``ApiError`` (invalid) that names the field."""
    known = {item.name.lower(): item for item in columns}
    given = {name.lower(): value for name, value in values.items()}
    if not ignore_unknown:
        for name in values:
            if name.lower() not in known:
                raise invalid(f"no such field: {name}.", name)
    row = []
    for item in columns:
        value = from_json(given.get(item.name.lower()), item.type, item.name)
        if value is None and item.mode == "REQUIRED":
            raise invalid(f"Missing required field: {item.name}.", item.name)
        row.append(value)
    return row


def may_write(engine: BigQuery, ref: TableRef) -> None:
    """Raise ``ApiError`` where the caller may not write to a table."""
    if not engine.iam.allowed(EXPORTER, "bigquery.tables.updateData", str(ref)):
        raise table_denied(f"{ref.project}:{ref.dataset}.{ref.table}", verb="update")


def insert_all(engine: BigQuery, ref: TableRef, body: Mapping[str, Any]) -> Json:
    """tabledata.insertAll: good rows go in only when all are good, or with ``skipInvalidRows``."""
    may_write(engine, ref)
    table = engine.table(ref)
    items = body.get("rows") or ()
    if not items:
        raise invalid("No rows present in the request.")
    good: dict[int, list[object]] = {}
    errors: dict[int, ApiError] = {}
    for number, item in enumerate(items):
        try:
            values = item.get("json") or {}
            good[number] = row_values(values, table.columns, ignore_unknown=bool(body.get("ignoreUnknownValues")))
        except ApiError as error:
            errors[number] = error
    if not errors or body.get("skipInvalidRows"):
        engine.insert(ref, [item.name for item in table.columns], list(good.values()))
    answer: Json = {"kind": "bigquery#tableDataInsertAllResponse"}
    if errors:
        answer["insertErrors"] = [
            {"index": number, "errors": [_insert_error(error)]} for number, error in errors.items()
        ]
        if not body.get("skipInvalidRows"):
            stopped = {"reason": "stopped", "location": "", "debugInfo": "", "message": ""}
            answer["insertErrors"] += [{"index": number, "errors": [stopped]} for number in good]
    return answer


def _insert_error(error: ApiError) -> Json:
    return {"reason": error.reason, "location": error.where or "", "debugInfo": "", "message": error.message}


def load(engine: BigQuery, job: Job, config: Mapping[str, Any], data: bytes | None) -> None:
    """Carry out a load job over uploaded NDJSON or CSV; raises ``ApiError``."""
    if data is None:
        raise ApiError(501, "notImplemented", "Load jobs from URIs are not supported by this BigQuery")
    ref = ref_of(config.get("destinationTable") or {})
    may_write(engine, ref)
    dataset = engine.catalog.dataset(ref.project, ref.dataset)
    job.location, job.destination = dataset.location, ref
    kind = str(config.get("sourceFormat") or "CSV").upper()
    if kind not in ("CSV", "NEWLINE_DELIMITED_JSON"):
        raise invalid(f"Load jobs of {kind} are not supported by this BigQuery", "sourceFormat")
    records = list(_json_records(data) if kind != "CSV" else _csv_records(data, config))
    table = _destination(engine, ref, config, records)
    rows = []
    for number, record in enumerate(records, 1):
        named = (
            record
            if isinstance(record, dict)
            else {item.name: value for item, value in zip(table.columns, record, strict=False)}
        )
        try:
            rows.append(row_values(named, table.columns, ignore_unknown=bool(config.get("ignoreUnknownValues"))))
        except ApiError as error:
            raise ApiError(
                400,
                "invalid",
                f"Error while reading data, error message: {kind} processing encountered too many errors, giving up. "
                f"Rows: {number}; errors: 1; error: {error.message}",
            ) from error
    engine.insert(ref, [item.name for item in table.columns], rows, LOAD)
    job.affected_rows = len(rows)


def _json_records(data: bytes) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(data.decode().splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise invalid(
                f"Error while reading data, error message: JSON parsing error in row {number}: {error}"
            ) from error
        if not isinstance(record, dict):
            raise invalid(f"Error while reading data, error message: row {number} is not an object")
        yield record


def _csv_records(data: bytes, config: Mapping[str, Any]) -> Iterator[list[Any]]:
    reader = csv.reader(io.StringIO(data.decode()), delimiter=config.get("fieldDelimiter") or ",")
    marker = config.get("nullMarker") or ""
    for number, record in enumerate(reader):
        if number >= int(config.get("skipLeadingRows") or 0) and record:
            yield [None if value == marker else value for value in record]


def _destination(engine: BigQuery, ref: TableRef, config: Mapping[str, Any], records: Sequence[Any]) -> Table:
    """The table that a load writes to, made anew or made at all where the job says so."""
    given = [column(item) for item in (config.get("schema") or {}).get("fields") or ()]
    disposition = config.get("writeDisposition") or "WRITE_APPEND"
    have = engine.catalog.find(ref)
    if have is not None:
        table = engine.table(ref)
        if disposition == "WRITE_EMPTY" and table.contents.rows:
            raise ApiError(409, "duplicate", f"Already Exists: Table {ref.project}:{ref.dataset}.{ref.table}")
        if disposition != "WRITE_TRUNCATE":
            return table
        given = given or list(table.columns)
        engine.delete_table(ref)
    elif config.get("createDisposition") == "CREATE_NEVER":
        return engine.table(ref)
    partitioning = config.get("timePartitioning") or {}
    columns = given or _detected(records)
    if not columns:
        raise invalid("No schema specified on job or table.")
    return engine.create_table(
        ref, columns, partitioned=partitioning.get("type"), partition_field=partitioning.get("field")
    )


def _detected(records: Sequence[Any]) -> list[Column]:
    found: dict[str, Type] = {}
    for record in records:
        if not isinstance(record, dict):
            return []
        for name, value in record.items():
            kind = (
                BOOL
                if isinstance(value, bool)
                else INT64
                if isinstance(value, int)
                else FLOAT64
                if isinstance(value, float)
                else STRING
            )
            if value is not None and found.get(name, kind) != kind:
                kind = FLOAT64 if {found[name], kind} == {INT64, FLOAT64} else STRING
            if value is not None:
                found[name] = kind
    return [Column(name, kind) for name, kind in found.items()]
