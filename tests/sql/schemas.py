"""Relations as BigQuery documents them: names and types of every documented column, and the page that says so.

Types are written in GoogleSQL. What the pages call RECORD has the fields of the API type that they link to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_DOCS = "https://docs.cloud.google.com/bigquery/docs"


@dataclass(frozen=True, slots=True)
class View:
    """An INFORMATION_SCHEMA view: its columns' types by name, and the page that documents them."""

    columns: Mapping[str, str]
    page: str


CHANGE_COLUMNS: Mapping[str, str] = {"_CHANGE_TYPE": "STRING", "_CHANGE_TIMESTAMP": "TIMESTAMP"}
"""What APPENDS adds to the columns of its table (page change-history, "APPENDS function: output")."""

APPENDS_ARGUMENTS = ("start_timestamp", "end_timestamp")
"""After the table, each ``TIMESTAMP DEFAULT NULL`` (page reference/standard-sql/time-series-functions, "APPENDS")."""

SUBSCRIPTION_TABLE: Mapping[str, str] = {
    "data": "BYTES",
    "subscription_name": "STRING",
    "message_id": "STRING",
    "publish_time": "TIMESTAMP",
    "attributes": "JSON",
}
"""A table that a BigQuery subscription writes metadata to (Pub/Sub page create-bigquery-subscription, "Write metadata")."""

_TABLE = "STRUCT<project_id STRING, dataset_id STRING, table_id STRING>"
_INDEX_UNUSED = f"STRUCT<base_table {_TABLE}, code STRING, index_name STRING, message STRING>"

JOBS = View(
    {
        "bi_engine_statistics": (
            "STRUCT<acceleration_mode STRING, bi_engine_mode STRING, "
            "bi_engine_reasons ARRAY<STRUCT<code STRING, message STRING>>>"
        ),
        "cache_hit": "BOOL",
        "creation_time": "TIMESTAMP",
        "destination_table": _TABLE,
        "dml_statistics": "STRUCT<inserted_row_count INT64, deleted_row_count INT64, updated_row_count INT64>",
        "end_time": "TIMESTAMP",
        "error_result": "STRUCT<reason STRING, location STRING, debug_info STRING, message STRING>",
        "job_creation_reason": "STRUCT<code STRING>",
        "job_id": "STRING",
        "job_stages": "ARRAY<STRUCT<name STRING, id INT64, status STRING, slot_ms INT64, records_read INT64>>",
        "job_type": "STRING",
        "labels": "ARRAY<STRUCT<key STRING, value STRING>>",
        "parent_job_id": "STRING",
        "priority": "STRING",
        "project_id": "STRING",
        "project_number": "INT64",
        "query": "STRING",
        "referenced_tables": f"ARRAY<{_TABLE}>",
        "reservation_id": "STRING",
        "edition": "STRING",
        "session_info": "STRUCT<session_id STRING>",
        "start_time": "TIMESTAMP",
        "state": "STRING",
        "statement_type": "STRING",
        "timeline": (
            "ARRAY<STRUCT<elapsed_ms INT64, total_slot_ms INT64, pending_units INT64, completed_units INT64, "
            "active_units INT64, estimated_runnable_units INT64>>"
        ),
        "total_bytes_billed": "INT64",
        "total_bytes_processed": "INT64",
        "total_modified_partitions": "INT64",
        "total_slot_ms": "INT64",
        "total_services_sku_slot_ms": "INT64",
        "transaction_id": "STRING",
        "user_email": "STRING",
        "principal_subject": "STRING",
        "query_info": (
            "STRUCT<resource_warning STRING, query_hashes STRUCT<normalized_literals STRING>, "
            "performance_insights STRUCT<avg_previous_execution_ms INT64>, optimization_details JSON>"
        ),
        "transferred_bytes": "INT64",
        "materialized_view_statistics": (
            f"STRUCT<materialized_view ARRAY<STRUCT<table_reference {_TABLE}, chosen BOOL, "
            "estimated_bytes_saved INT64, rejected_reason STRING>>>"
        ),
        "metadata_cache_statistics": (
            f"STRUCT<table_metadata_cache_usage ARRAY<STRUCT<table_reference {_TABLE}, unused_reason STRING, "
            "explanation STRING>>>"
        ),
        "search_statistics": f"STRUCT<index_usage_mode STRING, index_unused_reasons ARRAY<{_INDEX_UNUSED}>>",
        "query_dialect": "STRING",
        "continuous": "BOOL",
        "continuous_query_info": "STRUCT<output_watermark TIMESTAMP>",
        "vector_search_statistics": f"STRUCT<index_usage_mode STRING, index_unused_reasons ARRAY<{_INDEX_UNUSED}>>",
        "external_service_costs": (
            "ARRAY<STRUCT<external_service STRING, bytes_processed INT64, bytes_billed INT64, slot_ms INT64>>"
        ),
    },
    f"{_DOCS}/information-schema-jobs",
)

TABLE_STORAGE = View(
    {
        "project_id": "STRING",
        "project_number": "INT64",
        "table_catalog": "STRING",
        "table_schema": "STRING",
        "table_name": "STRING",
        "creation_time": "TIMESTAMP",
        "total_rows": "INT64",
        "total_partitions": "INT64",
        "total_logical_bytes": "INT64",
        "active_logical_bytes": "INT64",
        "long_term_logical_bytes": "INT64",
        "current_physical_bytes": "INT64",
        "total_physical_bytes": "INT64",
        "active_physical_bytes": "INT64",
        "long_term_physical_bytes": "INT64",
        "time_travel_physical_bytes": "INT64",
        "storage_last_modified_time": "TIMESTAMP",
        "deleted": "BOOL",
        "table_type": "STRING",
        "managed_table_type": "STRING",
        "fail_safe_physical_bytes": "INT64",
        "last_metadata_index_refresh_time": "TIMESTAMP",
        "table_deletion_reason": "STRING",
        "table_deletion_time": "TIMESTAMP",
    },
    f"{_DOCS}/information-schema-table-storage",
)

WRITE_API_TIMELINE = View(
    {
        "start_timestamp": "TIMESTAMP",
        "project_id": "STRING",
        "project_number": "INT64",
        "dataset_id": "STRING",
        "table_id": "STRING",
        "stream_type": "STRING",
        "error_code": "STRING",
        "total_requests": "INT64",
        "total_rows": "INT64",
        "total_input_bytes": "INT64",
    },
    f"{_DOCS}/information-schema-write-api",
)

TABLES = View(
    {
        "table_catalog": "STRING",
        "table_schema": "STRING",
        "table_name": "STRING",
        "table_type": "STRING",
        "managed_table_type": "STRING",
        "is_insertable_into": "STRING",
        "is_fine_grained_mutations_enabled": "STRING",
        "is_typed": "STRING",
        "is_change_history_enabled": "STRING",
        "creation_time": "TIMESTAMP",
        "base_table_catalog": "STRING",
        "base_table_schema": "STRING",
        "base_table_name": "STRING",
        "snapshot_time_ms": "TIMESTAMP",
        "replica_source_catalog": "STRING",
        "replica_source_schema": "STRING",
        "replica_source_name": "STRING",
        "replication_status": "STRING",
        "replication_error": "STRING",
        "ddl": "STRING",
        "default_collation_name": "STRING",
        "sync_status": "JSON",
        "upsert_stream_apply_watermark": "TIMESTAMP",
    },
    f"{_DOCS}/information-schema-tables",
)

COLUMNS = View(
    {
        "table_catalog": "STRING",
        "table_schema": "STRING",
        "table_name": "STRING",
        "column_name": "STRING",
        "ordinal_position": "INT64",
        "is_nullable": "STRING",
        "data_type": "STRING",
        "is_generated": "STRING",
        "generation_expression": "STRING",
        "is_stored": "STRING",
        "is_hidden": "STRING",
        "is_updatable": "STRING",
        "is_system_defined": "STRING",
        "is_partitioning_column": "STRING",
        "clustering_ordinal_position": "INT64",
        "collation_name": "STRING",
        "column_default": "STRING",
        "rounding_mode": "STRING",
        "policy_tags": "ARRAY<STRING>",
        "is_identity": "STRING",
        "identity_generation": "STRING",
        "identity_start": "INT64",
        "identity_increment": "INT64",
        "identity_maximum": "INT64",
        "identity_minimum": "INT64",
        "identity_cycle": "STRING",
    },
    f"{_DOCS}/information-schema-columns",
)

INFORMATION_SCHEMA: Mapping[str, View] = {
    "JOBS": JOBS,
    "TABLE_STORAGE": TABLE_STORAGE,
    "WRITE_API_TIMELINE": WRITE_API_TIMELINE,
    "TABLES": TABLES,
    "COLUMNS": COLUMNS,
}
