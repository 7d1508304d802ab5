"""Measures Pub/Sub to BigQuery pipelines end to end and exports what it finds as custom metrics."""

__version__ = "0.1.0"
