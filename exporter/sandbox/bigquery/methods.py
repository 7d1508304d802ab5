"""The API's methods for projects, datasets, tables and rows: one function for each, from a request's parts to the JSON of the answer."""

# ruff: noqa: S608 - the SQL is made of names of our own; what callers send goes in as parameters

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from exporter.model import TableRef
from exporter.sandbox.bigquery import resources
from exporter.sandbox.bigquery.catalog import Dataset, Table, View
from exporter.sandbox.bigquery.engine import BigQuery
from exporter.sandbox.bigquery.errors import Json, invalid, table_denied
from exporter.sandbox.bigquery.loading import insert_all
from exporter.sandbox.bigquery.metadata import logical_bytes, row_count
from exporter.sandbox.bigquery.rows import encode_rows
from exporter.sandbox.bigquery.storage import COMMIT
from exporter.sandbox.bigquery.translation import export
from exporter.sandbox.bigquery.types import quote
from exporter.sandbox.iam import EXPORTER

PAGE_ROWS = 100_000
"""Rows in a page where the caller sets no limit; the real API ends a page at 20 MB."""


@dataclass(slots=True)
class Call:
    """One call: what its path, query and body say, and the uploaded bytes of a load."""

    engine: BigQuery
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Json = field(default_factory=dict)
    upload: bytes | None = None

    @property
    def project(self) -> str:
        """The project in the path."""
        return self.path["project"]

    @property
    def table(self) -> TableRef:
        """The table in the path."""
        return TableRef(self.project, self.path["dataset"], self.path["table"])

    def flag(self, name: str) -> bool:
        """A boolean of the query string."""
        return self.query.get(name, "").lower() == "true"

    def number(self, name: str, default: int) -> int:
        """A number of the query string; raises ``ApiError``."""
        text = self.query.get(name)
        if text is None or text == "":
            return default
        if not text.isdigit():
            raise invalid(f"Invalid value for {name}: {text}", name)
        return int(text)


Method = Callable[[Call], Json | None]


def page(call: Call, items: list[Any], key: str, kind: str, show: Callable[[Any], Json]) -> Json:
    """One page of a list; ``key`` and ``kind`` are the list's names in the API."""
    start = resources.page_start(call.query.get("pageToken"))
    limit = call.number("maxResults", 1_000) or 1_000
    answer: Json = {"kind": kind, "etag": f"list/{len(items)}", "totalItems": len(items)}
    shown = items[start : start + limit]
    if shown:
        answer[key] = [show(item) for item in shown]
    if start + limit < len(items):
        answer["nextPageToken"] = resources.page_token(start + limit)
    return answer


# Projects and datasets


def projects_list(call: Call) -> Json:
    """projects.list."""
    names = sorted({dataset.project for dataset in call.engine.catalog.datasets()})

    def show(name: str) -> Json:
        return {
            "kind": "bigquery#project",
            "id": name,
            "numericId": "0",
            "projectReference": {"projectId": name},
            "friendlyName": name,
        }

    return page(call, names, "projects", "bigquery#projectList", show)


def datasets_list(call: Call) -> Json:
    """datasets.list."""

    def show(dataset: Dataset) -> Json:
        whole = resources.dataset_resource(dataset)
        return {
            key: whole[key]
            for key in ("kind", "id", "datasetReference", "location", "labels", "friendlyName")
            if key in whole
        }

    items = list(call.engine.catalog.datasets(call.project))
    return page(call, items, "datasets", "bigquery#datasetList", show)


def datasets_insert(call: Call) -> Json:
    """datasets.insert."""
    reference = call.body.get("datasetReference") or {}
    dataset = reference.get("datasetId")
    if not dataset:
        raise invalid("Required parameter is missing: datasetReference.datasetId", "datasetReference")
    call.engine.demand("bigquery.datasets.create", "Project", call.project, call.project)
    made = call.engine.create_dataset(
        reference.get("projectId") or call.project,
        dataset,
        call.body.get("location") or "US",
        max_time_travel_hours=int(call.body.get("maxTimeTravelHours") or 168),
        properties=resources.dataset_properties(call.body),
    )
    call.engine.iam.take_over(f"{made.project}.{made.id}", resources.access_of(made))
    return resources.dataset_resource(made)


def _dataset(call: Call, permission: str) -> Dataset:
    dataset = call.path["dataset"]
    call.engine.demand(permission, "Dataset", f"{call.project}.{dataset}", f"{call.project}:{dataset}")
    return call.engine.catalog.dataset(call.project, dataset)


def datasets_get(call: Call) -> Json:
    """datasets.get."""
    return resources.dataset_resource(_dataset(call, "bigquery.datasets.get"))


def datasets_patch(call: Call) -> Json:
    """datasets.patch and datasets.update."""
    found = _dataset(call, "bigquery.datasets.update")
    if call.body.get("location") and call.body["location"].lower() != found.location.lower():
        raise invalid("Cannot change dataset location", "location")
    found.properties = {**found.properties, **resources.dataset_properties(call.body)}
    if call.body.get("maxTimeTravelHours"):
        found.max_time_travel_hours = int(call.body["maxTimeTravelHours"])
    found.modified_us = call.engine.clock.now_us()
    call.engine.iam.take_over(f"{found.project}.{found.id}", resources.access_of(found))
    return resources.dataset_resource(found)


def datasets_delete(call: Call) -> None:
    """datasets.delete."""
    found = _dataset(call, "bigquery.datasets.delete")
    call.engine.delete_dataset(found.project, found.id, contents=call.flag("deleteContents"))


# Tables


def tables_list(call: Call) -> Json:
    """tables.list."""
    found = _dataset(call, "bigquery.tables.list")
    items = [found.items[name] for name in sorted(found.items)]
    return page(call, items, "tables", "bigquery#tableList", lambda item: resources.table_head(item, found.location))


def _item(call: Call, permission: str) -> Table | View:
    ref = call.table
    call.engine.demand(permission, "Table", str(ref), f"{ref.project}:{ref.dataset}.{ref.table}")
    return call.engine.catalog.item(ref)


def _resource(call: Call, item: Table | View) -> Json:
    now_us = call.engine.clock.now_us()
    behind_us = round(call.engine.conduct.now.tables_get_delay_s * 1_000_000)
    sizes, rows = (0, 0), 0
    if isinstance(item, Table):
        sizes, rows = logical_bytes(item, now_us, behind_us), row_count(item, now_us, behind_us)
        call.engine.journal.served(now_us, item.ref, "tables.get", rows, *sizes)
    location = call.engine.catalog.dataset(item.ref.project, item.ref.dataset).location
    return resources.table_resource(item, location, sizes, rows)


def tables_get(call: Call) -> Json:
    """tables.get."""
    return _resource(call, _item(call, "bigquery.tables.get"))


def tables_insert(call: Call) -> Json:
    """tables.insert: a table or a view."""
    body = call.body
    reference = body.get("tableReference") or {}
    ref = TableRef(call.project, call.path["dataset"], reference.get("tableId") or "")
    call.engine.demand(
        "bigquery.tables.create", "Dataset", f"{ref.project}.{ref.dataset}", f"{ref.project}:{ref.dataset}"
    )
    properties = resources.table_properties(body)
    item: Table | View
    if view := body.get("view"):
        item = call.engine.create_view(ref, _view_query(view), properties=properties)
    else:
        partitioning = body.get("timePartitioning") or {}
        item = call.engine.create_table(
            ref,
            (body.get("schema") or {}).get("fields") or (),
            partitioned=partitioning.get("type"),
            partition_field=partitioning.get("field"),
            properties=properties,
        )
    return _resource(call, item)


def _view_query(view: Mapping[str, Any]) -> str:
    if view.get("useLegacySql", False):
        raise invalid("Legacy SQL is not supported by this BigQuery; set view.useLegacySql to false", "view")
    query = view.get("query")
    if not isinstance(query, str):
        raise invalid("Required parameter is missing: view.query", "view.query")
    return query


def tables_patch(call: Call) -> Json:
    """tables.patch and tables.update."""
    engine = call.engine
    item = _item(call, "bigquery.tables.update")
    fields = (call.body.get("schema") or {}).get("fields")
    if isinstance(item, View):
        if view := call.body.get("view"):
            query = _view_query(view)
            item.columns = engine.view_columns(item.ref, query)
            item.sql = query
    elif fields is not None:
        engine.set_columns(item.ref, fields)
    item.properties = {**item.properties, **resources.table_properties(call.body)}
    item.touch(engine.clock.now_us())
    return _resource(call, item)


def tables_delete(call: Call) -> None:
    """tables.delete."""
    item = _item(call, "bigquery.tables.delete")
    call.engine.delete_table(item.ref)


def tabledata_list(call: Call) -> Json:
    """tabledata.list."""
    engine, ref = call.engine, call.table
    if not engine.iam.allowed(EXPORTER, "bigquery.tables.getData", str(ref)):
        raise table_denied(f"{ref.project}:{ref.dataset}.{ref.table}", verb="read")
    table = engine.table(ref)
    wanted = [name.lower() for name in call.query.get("selectedFields", "").split(",") if name]
    columns = [item for item in table.columns if not wanted or item.name.lower() in wanted]
    start = resources.page_start(call.query.get("pageToken")) or call.number("startIndex", 0)
    limit = call.number("maxResults", PAGE_ROWS) if call.query.get("maxResults") else PAGE_ROWS
    table.contents.flush()
    listed = ", ".join(export(quote(item.name), item.type) for item in columns) or "1"
    rows = table.contents.select(
        f"SELECT {listed} FROM {table.contents.name} ORDER BY {quote(COMMIT)}, rowid LIMIT {limit} OFFSET {start}"
    )
    total = table.contents.rows
    answer: Json = {"kind": "bigquery#tableDataList", "etag": f"data/{total}", "totalRows": str(total)}
    if rows:
        answer["rows"] = encode_rows(rows, columns, int64_timestamps=call.flag("formatOptions.useInt64Timestamp"))
    if start + len(rows) < total and rows:
        answer["pageToken"] = resources.page_token(start + len(rows))
    return answer


def tabledata_insert_all(call: Call) -> Json:
    """tabledata.insertAll."""
    return insert_all(call.engine, call.table, call.body)
