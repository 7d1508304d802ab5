"""The INFORMATION_SCHEMA views: their columns as Google documents them, and what a caller needs to read them."""

from __future__ import annotations

from dataclasses import dataclass

from exporter.sandbox.bigquery.types import BOOL, INT64, STRING, TIMESTAMP, Column, Type, array, struct


@dataclass(frozen=True, slots=True)
class SchemaView:
    """A view: its columns, the permission it takes, and whether a dataset may qualify it."""

    name: str
    permission: str
    columns: tuple[Column, ...]
    by_dataset: bool = False


def _columns(*pairs: tuple[str, Type]) -> tuple[Column, ...]:
    return tuple(Column(name, kind) for name, kind in pairs)


TABLE_REFERENCE = struct((("project_id", STRING), ("dataset_id", STRING), ("table_id", STRING)))
ERROR = struct((("reason", STRING), ("location", STRING), ("debug_info", STRING), ("message", STRING)))
LABELS = array(struct((("key", STRING), ("value", STRING))))
DML = struct((("inserted_row_count", INT64), ("deleted_row_count", INT64), ("updated_row_count", INT64)))

JOB_COLUMNS = _columns(
    ("creation_time", TIMESTAMP),
    ("project_id", STRING),
    ("project_number", INT64),
    ("user_email", STRING),
    ("principal_subject", STRING),
    ("job_id", STRING),
    ("job_type", STRING),
    ("statement_type", STRING),
    ("priority", STRING),
    ("start_time", TIMESTAMP),
    ("end_time", TIMESTAMP),
    ("query", STRING),
    ("state", STRING),
    ("reservation_id", STRING),
    ("total_bytes_processed", INT64),
    ("total_slot_ms", INT64),
    ("error_result", ERROR),
    ("cache_hit", BOOL),
    ("destination_table", TABLE_REFERENCE),
    ("referenced_tables", array(TABLE_REFERENCE)),
    ("labels", LABELS),
    ("total_bytes_billed", INT64),
    ("transaction_id", STRING),
    ("parent_job_id", STRING),
    ("dml_statistics", DML),
    ("total_modified_partitions", INT64),
    ("edition", STRING),
    ("job_creation_reason", struct((("code", STRING),))),
)

_STORAGE = SchemaView(
    "TABLE_STORAGE",
    "bigquery.tables.list",
    _columns(
        ("project_id", STRING),
        ("project_number", INT64),
        ("table_catalog", STRING),
        ("table_schema", STRING),
        ("table_name", STRING),
        ("creation_time", TIMESTAMP),
        ("total_rows", INT64),
        ("total_partitions", INT64),
        ("total_logical_bytes", INT64),
        ("active_logical_bytes", INT64),
        ("long_term_logical_bytes", INT64),
        ("current_physical_bytes", INT64),
        ("total_physical_bytes", INT64),
        ("active_physical_bytes", INT64),
        ("long_term_physical_bytes", INT64),
        ("time_travel_physical_bytes", INT64),
        ("storage_last_modified_time", TIMESTAMP),
        ("deleted", BOOL),
        ("table_type", STRING),
        ("managed_table_type", STRING),
        ("fail_safe_physical_bytes", INT64),
        ("last_metadata_index_refresh_time", TIMESTAMP),
        ("table_deletion_reason", STRING),
        ("table_deletion_time", TIMESTAMP),
    ),
)

_TIMELINE = SchemaView(
    "WRITE_API_TIMELINE",
    "bigquery.tables.list",
    _columns(
        ("project_id", STRING),
        ("project_number", INT64),
        ("dataset_id", STRING),
        ("table_id", STRING),
        ("stream_type", STRING),
        ("start_timestamp", TIMESTAMP),
        ("error_code", STRING),
        ("total_requests", INT64),
        ("total_rows", INT64),
        ("total_input_bytes", INT64),
    ),
)

_TABLES = SchemaView(
    "TABLES",
    "bigquery.tables.list",
    _columns(
        ("table_catalog", STRING),
        ("table_schema", STRING),
        ("table_name", STRING),
        ("table_type", STRING),
        ("managed_table_type", STRING),
        ("is_insertable_into", STRING),
        ("is_fine_grained_mutations_enabled", STRING),
        ("is_typed", STRING),
        ("is_change_history_enabled", STRING),
        ("creation_time", TIMESTAMP),
        ("base_table_catalog", STRING),
        ("base_table_schema", STRING),
        ("base_table_name", STRING),
        ("snapshot_time_ms", TIMESTAMP),
        ("ddl", STRING),
        ("default_collation_name", STRING),
    ),
    by_dataset=True,
)

_COLUMNS = SchemaView(
    "COLUMNS",
    "bigquery.tables.get",
    _columns(
        ("table_catalog", STRING),
        ("table_schema", STRING),
        ("table_name", STRING),
        ("column_name", STRING),
        ("ordinal_position", INT64),
        ("is_nullable", STRING),
        ("data_type", STRING),
        ("is_generated", STRING),
        ("generation_expression", STRING),
        ("is_stored", STRING),
        ("is_hidden", STRING),
        ("is_updatable", STRING),
        ("is_system_defined", STRING),
        ("is_partitioning_column", STRING),
        ("clustering_ordinal_position", INT64),
        ("collation_name", STRING),
        ("column_default", STRING),
        ("rounding_mode", STRING),
    ),
    by_dataset=True,
)

_SCHEMATA = SchemaView(
    "SCHEMATA",
    "bigquery.datasets.get",
    _columns(
        ("catalog_name", STRING),
        ("schema_name", STRING),
        ("schema_owner", STRING),
        ("creation_time", TIMESTAMP),
        ("last_modified_time", TIMESTAMP),
        ("location", STRING),
        ("ddl", STRING),
        ("default_collation_name", STRING),
    ),
)

_VIEWS = SchemaView(
    "VIEWS",
    "bigquery.tables.get",
    _columns(
        ("table_catalog", STRING),
        ("table_schema", STRING),
        ("table_name", STRING),
        ("view_definition", STRING),
        ("check_option", STRING),
        ("use_standard_sql", STRING),
    ),
    by_dataset=True,
)

_PARTITIONS = SchemaView(
    "PARTITIONS",
    "bigquery.tables.getData",
    _columns(
        ("table_catalog", STRING),
        ("table_schema", STRING),
        ("table_name", STRING),
        ("partition_id", STRING),
        ("total_rows", INT64),
        ("total_logical_bytes", INT64),
        ("total_billable_bytes", INT64),
        ("last_modified_time", TIMESTAMP),
        ("storage_tier", STRING),
    ),
    by_dataset=True,
)

_JOBS = SchemaView("JOBS", "bigquery.jobs.listAll", JOB_COLUMNS)

SCHEMA_VIEWS: dict[str, SchemaView] = {
    **{view.name: view for view in (_JOBS, _STORAGE, _TIMELINE, _TABLES, _COLUMNS, _SCHEMATA, _VIEWS, _PARTITIONS)},
    "JOBS_BY_PROJECT": _JOBS,
    "TABLE_STORAGE_BY_PROJECT": _STORAGE,
    "WRITE_API_TIMELINE_BY_PROJECT": _TIMELINE,
}
"""The views by name; ``_BY_PROJECT`` is a synonym.

https://cloud.google.com/bigquery/docs/information-schema-intro
"""

Row = tuple[object, ...]
