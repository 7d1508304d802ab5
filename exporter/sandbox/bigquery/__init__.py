"""The sandbox's BigQuery: the v2 REST API over DuckDB, with GoogleSQL translated by way of SQLGlot."""

from exporter.sandbox.bigquery.engine import BigQuery
from exporter.sandbox.bigquery.rest import Server

__all__ = ["BigQuery", "Server"]
