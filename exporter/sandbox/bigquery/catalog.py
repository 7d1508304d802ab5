"""What exists in the sandbox's BigQuery: datasets, and the tables and views in them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from exporter.model import TableRef
from exporter.sandbox.bigquery.errors import already_exists, dataset_not_found, invalid, table_not_found
from exporter.sandbox.bigquery.storage import Contents
from exporter.sandbox.bigquery.types import Column

HOUR_US = 3_600_000_000

_versions = itertools.count(1)


@dataclass(slots=True, eq=False)
class Table:
    """A regular table; ``partition_field`` is None for partitions by time of ingestion."""

    ref: TableRef
    columns: tuple[Column, ...]
    created_us: int
    modified_us: int
    contents: Contents
    partitioning: str | None = None  # HOUR, DAY, MONTH or YEAR
    partition_field: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    bindings: Sequence[Any] = ()  # of its IAM policy
    policy_version: int = 0
    version: int = field(default_factory=lambda: next(_versions))

    def touch(self, now_us: int) -> None:
        """Note a change of the definition, which makes earlier translations of queries on it void."""
        self.modified_us = now_us
        self.version = next(_versions)

    @property
    def pseudo_columns(self) -> bool:
        """Whether ``_PARTITIONTIME`` and ``_PARTITIONDATE`` exist."""
        return self.partitioning is not None and self.partition_field is None


@dataclass(slots=True, eq=False)
class View:
    """A logical view; its columns are those of its query when it was defined."""

    ref: TableRef
    sql: str
    columns: tuple[Column, ...]
    created_us: int
    modified_us: int
    properties: dict[str, Any] = field(default_factory=dict)
    bindings: Sequence[Any] = ()  # of its IAM policy
    policy_version: int = 0
    version: int = field(default_factory=lambda: next(_versions))

    def touch(self, now_us: int) -> None:
        """Note a change of the definition."""
        self.modified_us = now_us
        self.version = next(_versions)


@dataclass(slots=True, eq=False)
class Dataset:
    """A dataset and what is in it."""

    project: str
    id: str
    location: str
    created_us: int
    modified_us: int
    max_time_travel_hours: int = 168
    properties: dict[str, Any] = field(default_factory=dict)
    items: dict[str, Table | View] = field(default_factory=dict)

    @property
    def time_travel_us(self) -> int:
        """How far back the change history of its tables reaches."""
        return self.max_time_travel_hours * HOUR_US


_DATASET_ID = re.compile(r"[A-Za-z0-9_]{1,1024}")
_TABLE_ID = re.compile(r"[\w \-]{1,1024}")


class Catalog:
    """All datasets by project and name; callers hold the engine's lock while they change it."""

    def __init__(self) -> None:
        self._datasets: dict[tuple[str, str], Dataset] = {}

    def datasets(self, project: str | None = None) -> Iterator[Dataset]:
        """The datasets of a project, or of all, in order of name."""
        for key, dataset in sorted(self._datasets.items()):
            if project is None or key[0] == project:
                yield dataset

    def dataset(self, project: str, dataset: str) -> Dataset:
        """A dataset; raises ``ApiError`` (notFound)."""
        found = self._datasets.get((project, dataset))
        if found is None:
            raise dataset_not_found(project, dataset)
        return found

    def add_dataset(self, dataset: Dataset) -> None:
        """Put a new dataset in; raises ``ApiError`` for a bad or taken name."""
        if not _DATASET_ID.fullmatch(dataset.id):
            raise invalid(
                f'Invalid dataset ID "{dataset.id}". Dataset IDs must be alphanumeric (plus underscores) '
                "and must be at most 1024 characters long."
            )
        key = (dataset.project, dataset.id)
        if key in self._datasets:
            raise already_exists("Dataset", f"{dataset.project}:{dataset.id}")
        self._datasets[key] = dataset

    def remove_dataset(self, project: str, dataset: str) -> None:
        """Take a dataset out."""
        del self._datasets[project, dataset]

    def find(self, ref: TableRef) -> Table | View | None:
        """A table or view, or None."""
        dataset = self._datasets.get((ref.project, ref.dataset))
        return dataset.items.get(ref.table) if dataset is not None else None

    def item(self, ref: TableRef) -> Table | View:
        """A table or view; raises ``ApiError`` (notFound) for it or its dataset."""
        found = self.dataset(ref.project, ref.dataset).items.get(ref.table)
        if found is None:
            raise table_not_found(ref)
        return found

    def in_location(self, ref: TableRef, location: str) -> Table | View:
        """A table or view as a query that runs in a location sees it; raises ``ApiError`` (notFound)."""
        dataset = self._datasets.get((ref.project, ref.dataset))
        if dataset is None or dataset.location.lower() != location.lower():
            raise dataset_not_found(ref.project, ref.dataset, location)
        found = dataset.items.get(ref.table)
        if found is None:
            raise table_not_found(ref, location)
        return found

    def add(self, item: Table | View) -> None:
        """Put a table or view in; raises ``ApiError`` for a bad or taken name."""
        ref = item.ref
        if not _TABLE_ID.fullmatch(ref.table):
            raise invalid(f'Invalid table ID "{ref.table}".')
        dataset = self.dataset(ref.project, ref.dataset)
        if ref.table in dataset.items:
            raise already_exists("Table", f"{ref.project}:{ref.dataset}.{ref.table}")
        check_names(item.columns)
        dataset.items[ref.table] = item

    def remove(self, ref: TableRef) -> Table | View:
        """Take a table or view out and return it; raises ``ApiError`` (notFound)."""
        found = self.item(ref)
        del self.dataset(ref.project, ref.dataset).items[ref.table]
        return found

    def locations(self, refs: Sequence[TableRef]) -> list[str]:
        """The locations of the datasets of some tables, where those exist."""
        found = (self._datasets.get((ref.project, ref.dataset)) for ref in refs)
        return [dataset.location for dataset in found if dataset is not None]


def check_names(columns: Sequence[Column]) -> None:
    """Raise ``ApiError`` for names that a schema cannot have: BigQuery's names do not differ by case alone."""
    seen: set[str] = set()
    for column in columns:
        if column.name.lower() in seen:
            raise invalid(f"Duplicate field name: {column.name}")
        seen.add(column.name.lower())


def parse_ref(name: str) -> TableRef:
    """A table's reference from ``project.dataset.table``; raises ``ValueError``."""
    parts = name.split(".")
    if len(parts) != 3 or not all(parts):
        raise ValueError(f"a table's name is project.dataset.table, not {name!r}")
    return TableRef(*parts)


def ref_of(resource: Mapping[str, Any]) -> TableRef:
    """A table's reference from the API's TableReference; raises ``ApiError``."""
    try:
        return TableRef(resource["projectId"], resource["datasetId"], resource["tableId"])
    except (KeyError, TypeError) as error:
        raise invalid("Required parameter is missing: tableReference", "tableReference") from error
