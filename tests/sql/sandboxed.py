"""The sandbox's BigQuery as a second evaluator: tables are filled in process, queries are sent by the genuine client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from google.api_core import exceptions
from google.cloud import bigquery

from exporter.model import TableRef
from exporter.sandbox.bigquery.engine import BigQuery
from exporter.sandbox.bigquery.types import Type
from exporter.sandbox.clock import to_us
from tests.sql.analyser import Parameter, Refused, Stored
from tests.sql.fleets import CREATED
from tests.sql.schemas import CHANGE_COLUMNS


class Sandbox:
    """Evaluates queries as ``GoogleSQL.evaluate`` does."""

    def __init__(self, engine: BigQuery, client: bigquery.Client) -> None:
        self._engine = engine
        self._client = client

    def evaluate(
        self,
        sql: str,
        parameters: Sequence[Parameter] = (),
        tables: Mapping[str, Stored] | None = None,
        location: str = "US",
    ) -> list[dict[str, Any]]:
        """Run a query in a location over the rows of tables, which replace all there were; raises ``Refused``."""
        for dataset in list(self._engine.catalog.datasets()):
            self._engine.delete_dataset(dataset.project, dataset.id, contents=True)
        for name, table in (tables or {}).items():
            self._fill(TableRef(*name.split(".")), table, location)
        config = bigquery.QueryJobConfig(query_parameters=[_sent(parameter) for parameter in parameters])
        try:
            rows = self._client.query_and_wait(sql, job_config=config, location=location)
            return [dict(row.items()) for row in rows]
        except exceptions.GoogleAPICallError as error:
            raise Refused(str(error)) from error

    def _fill(self, ref: TableRef, table: Stored, location: str) -> None:
        if all(dataset.id != ref.dataset for dataset in self._engine.catalog.datasets(ref.project)):
            self._engine.create_dataset(ref.project, ref.dataset, location, created_us=to_us(CREATED))
        names = [name for name in table.columns if name not in CHANGE_COLUMNS]
        columns = ", ".join(f"`{name}` {table.columns[name]}" for name in names)
        self._client.query_and_wait(f"CREATE TABLE `{ref}` ({columns})", location=location)
        made = self._engine.table(ref)
        made.created_us = to_us(CREATED)
        kinds = {column.name: column.type for column in made.columns}
        rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        for commit_us, batch in groupby(sorted(rows, key=_commit_us), key=_commit_us):
            values = [tuple(_held(row[name], kinds[name]) for name in names) for row in batch]
            made.contents.append(names, values, commit_us)


def _commit_us(row: Mapping[str, Any]) -> int:
    return to_us(row.get("_CHANGE_TIMESTAMP", CREATED))


def _held(value: Any, kind: Type) -> Any:
    """A value as the sandbox's tables take it."""
    if value is None:
        return None
    if kind.kind == "TIMESTAMP":
        return to_us(value)
    if kind.kind == "ARRAY":
        return [_held(item, kind.item) for item in value]
    if kind.kind == "STRUCT":
        return {name: _held(item, part) for (name, part), item in zip(kind.fields, value, strict=True)}
    return value


def _sent(parameter: Parameter) -> Any:
    if parameter.kind.startswith("ARRAY<"):
        return bigquery.ArrayQueryParameter(parameter.name, parameter.kind[6:-1], parameter.value)
    return bigquery.ScalarQueryParameter(parameter.name, parameter.kind, parameter.value)
