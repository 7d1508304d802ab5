"""Rows of the INFORMATION_SCHEMA views that describe datasets, tables, columns, partitions and storage as they are now."""

# ruff: noqa: S608 - the SQL is made of names of our own; what callers send goes in as parameters

from __future__ import annotations

from collections.abc import Iterator

from exporter.sandbox.bigquery.catalog import Dataset, Table, View
from exporter.sandbox.bigquery.information_schema import Row
from exporter.sandbox.bigquery.journal import Journal
from exporter.sandbox.bigquery.storage import COMMIT
from exporter.sandbox.bigquery.types import quote, size_sql
from exporter.sandbox.iam import project_number

LONG_TERM_US = 90 * 86_400_000_000
"""A table that has not been modified for this long costs half (https://cloud.google.com/bigquery/pricing#storage)."""

COMPRESSION = 4
"""Logical bytes per physical byte: a plausible ratio, the same for every table."""


def logical_bytes(table: Table, now_us: int, behind_us: int = 0) -> tuple[int, int]:
    """A table's active and long-term logical bytes, as they were a time ago."""
    names = [column.name for column in table.columns]
    size = table.contents.bytes_at(names, now_us - behind_us) if behind_us else table.contents.bytes_of(names)
    changed = table.contents.last_commit_us or table.created_us
    return (0, size) if now_us - changed > LONG_TERM_US else (size, 0)


def _items(datasets: list[Dataset]) -> Iterator[Table | View]:
    for dataset in datasets:
        yield from (dataset.items[name] for name in sorted(dataset.items))


def row_count(table: Table, now_us: int, behind_us: int = 0) -> int:
    """A table's rows, as they were a time ago."""
    return table.contents.rows_at(now_us - behind_us) if behind_us else table.contents.rows


def storage_rows(datasets: list[Dataset], now_us: int, behind_us: int, journal: Journal) -> list[Row]:
    """TABLE_STORAGE, so much behind; every figure that goes out is noted."""
    rows: list[Row] = []
    for item in _items(datasets):
        if not isinstance(item, Table):
            continue
        active, long_term = logical_bytes(item, now_us, behind_us)
        ref, count = item.ref, row_count(item, now_us, behind_us)
        journal.served(now_us, ref, "TABLE_STORAGE", count, active, long_term)
        physical = [active // COMPRESSION, long_term // COMPRESSION]
        total = sum(physical)
        rows.append(
            (
                ref.project,
                project_number(ref.project),
                ref.project,
                ref.dataset,
                ref.table,
                item.created_us,
                count,
                1 if item.partitioning is None else _partition_count(item),
                active + long_term,
                active,
                long_term,
                total,
                total,
                physical[0],
                physical[1],
                0,
                item.contents.last_commit_us or item.created_us,
                False,
                "BASE TABLE",
                "NATIVE",
                0,
                None,
                None,
                None,
            )
        )
    return rows


def _partition_count(table: Table) -> int:
    return len(partition_rows([table]))


def tables_rows(datasets: list[Dataset]) -> list[Row]:
    """TABLES."""
    return [
        (
            item.ref.project,
            item.ref.dataset,
            item.ref.table,
            "BASE TABLE" if isinstance(item, Table) else "VIEW",
            "NATIVE" if isinstance(item, Table) else None,
            "YES" if isinstance(item, Table) else "NO",
            "NO",
            "NO",
            "NO",
            item.created_us,
            None,
            None,
            None,
            None,
            None,
            "NULL",
        )
        for item in _items(datasets)
    ]


def columns_rows(datasets: list[Dataset]) -> list[Row]:
    """COLUMNS."""
    rows: list[Row] = []
    for item in _items(datasets):
        for place, column in enumerate(item.columns, 1):
            partitions = isinstance(item, Table) and column.name == item.partition_field
            rows.append(
                (
                    item.ref.project,
                    item.ref.dataset,
                    item.ref.table,
                    column.name,
                    place,
                    "NO" if column.mode == "REQUIRED" else "YES",
                    str(column.type),
                    "NEVER",
                    None,
                    None,
                    "NO",
                    None,
                    "NO",
                    "YES" if partitions else "NO",
                    None,
                    "NULL",
                    column.default or "NULL",
                    None,
                )
            )
    return rows


def schemata_rows(datasets: list[Dataset]) -> list[Row]:
    """SCHEMATA."""
    return [
        (item.project, item.id, None, item.created_us, item.modified_us, item.location, None, "NULL")
        for item in datasets
    ]


def views_rows(datasets: list[Dataset]) -> list[Row]:
    """VIEWS."""
    return [
        (item.ref.project, item.ref.dataset, item.ref.table, item.sql, None, "YES")
        for item in _items(datasets)
        if isinstance(item, View)
    ]


_FORMATS = {"HOUR": "%Y%m%d%H", "DAY": "%Y%m%d", "MONTH": "%Y%m", "YEAR": "%Y"}


def partition_rows(tables: list[Table]) -> list[Row]:
    """PARTITIONS: one row per partition, or one for a table without partitions."""
    rows: list[Row] = []
    for table in tables:
        table.contents.flush()
        size = " + ".join(size_sql(quote(column.name), column.type) for column in table.columns) or "0"
        commit = quote(COMMIT)
        moment = (
            f"make_timestamp({commit})"
            if table.partition_field is None
            else f"CAST({quote(table.partition_field)} AS TIMESTAMP)"
        )
        key = "NULL" if table.partitioning is None else f"strftime({moment}, '{_FORMATS[table.partitioning]}')"
        missing = "NULL" if table.partitioning is None else "'__NULL__'"
        sql = (
            f"SELECT coalesce({key}, {missing}), count(*), CAST(coalesce(sum({size}), 0) AS BIGINT), max({commit}) "
            f"FROM {table.contents.name} GROUP BY 1 ORDER BY 1"
        )
        rows += [
            (table.ref.project, table.ref.dataset, table.ref.table, key, count, total, total, last, "ACTIVE")
            for key, count, total, last in table.contents.select(sql)
        ]
    return rows


def all_tables(datasets: list[Dataset]) -> list[Table]:
    """The regular tables of some datasets."""
    return [item for item in _items(datasets) if isinstance(item, Table)]
