"""Default values of columns (https://cloud.google.com/bigquery/docs/default-values), computed when rows come in without them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from exporter.sandbox.bigquery.catalog import Table
from exporter.sandbox.bigquery.jobs import Request
from exporter.sandbox.bigquery.translation import storable

if TYPE_CHECKING:
    from exporter.sandbox.bigquery.store import Store

Rows = Sequence[Sequence[object]]


def filled(
    engine: Store, table: Table, names: Sequence[str], rows: Rows, at_us: int
) -> tuple[Sequence[str], Sequence[tuple[object, ...]]]:
    """Columns and rows with the defaults of all columns that the rows lack; raises ``ApiError`` for a default that is none."""
    given = {name.lower() for name in names}
    missing = [column for column in table.columns if column.default is not None and column.name.lower() not in given]
    values: tuple[object, ...] = ()
    for column in missing:
        request = Request(f"SELECT {column.default}")
        plan = engine.execution.analyse(table.ref.project, request, at_us)
        values += engine.execution.select(plan, storable(plan.translation, [column.type]))[0]
    return [*names, *(column.name for column in missing)], [(*row, *values) for row in rows]
