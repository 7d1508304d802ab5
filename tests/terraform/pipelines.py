"""Inputs of the module ``pipeline``, and what it makes of them: reviewed inventories."""

from __future__ import annotations

from typing import Any

from tests.terraform.inventory import Inventory
from tests.terraform.standin.identities import project_number

SYSTEM: dict[str, Any] = {
    "id": "departures",
    "project": "acme-data",
    "location": "us-central1",
    "topic": {"project": "acme-data", "id": "departures"},
    "subscription": {"project": "acme-data", "id": "departures-bq"},
    "dead_letter_subscription": None,
    "table": {"project": "acme-data", "dataset": "raw", "table": "departures"},
    "view": None,
    "api": None,
}
VIEW = {"project": "acme-data", "dataset": "curated", "table": "departures"}
MINIMAL: dict[str, Any] = {"system": SYSTEM}

AVRO = '{"type": "record", "name": "Departure", "fields": [{"name": "flight", "type": "string"}]}'
FULL: dict[str, Any] = {
    "system": {
        **SYSTEM,
        "topic": {"project": "acme-topics", "id": "departures"},
        "subscription": {"project": "acme-subs", "id": "departures-bq"},
        "dead_letter_subscription": {"project": "acme-subs", "id": "departures-dlq"},
        "view": {"project": "acme-views", "dataset": "curated", "table": "departures"},
        "api": "departures-api",
    },
    "columns": [{"name": "checked_at", "type": "TIMESTAMP", "description": "When somebody checked it"}],
    "create_dataset": True,
    "data_required": False,
    "dead_letter_topic": "departures-dead",
    "deletion_protection": False,
    "labels": {"team": "data-platform"},
    "max_backoff": "300s",
    "max_delivery_attempts": 20,
    "message_retention": "2678400s",
    "min_backoff": "0s",
    "partition_by": "publish_time",
    "partition_expiration_days": 400,
    "partition_unit": "HOUR",
    "publishers": ["serviceAccount:app@acme-data.iam.gserviceaccount.com", "group:flights@example.com"],
    "require_partition_filter": True,
    "schema": {"name": "departure", "type": "AVRO", "definition": AVRO},
}
"""A pipeline whose parts lie in four projects, with everything that can be chosen chosen."""


def agent(project: str) -> str:
    return f"serviceAccount:service-{project_number(project)}@gcp-sa-pubsub.iam.gserviceaccount.com"


MINIMAL_INVENTORY: Inventory = {
    "terraform_data.protection": {"input": {"protected": True, "system": "departures"}},
    "google_bigquery_table.main": {
        "project": "acme-data",
        "dataset_id": "raw",
        "table_id": "departures",
        "deletion_protection": True,
        "require_partition_filter": False,
        "time_partitioning": [{"type": "DAY", "field": None}],
        "labels": {"system": "departures"},
    },
    "google_bigquery_table_iam_member.service_agent": {
        "project": "acme-data",
        "dataset_id": "raw",
        "table_id": "departures",
        "role": "roles/bigquery.dataEditor",
        "member": agent("acme-data"),
    },
    "google_pubsub_topic.main": {
        "project": "acme-data",
        "name": "departures",
        "schema_settings": [],
        "deletion_policy": "PREVENT",
    },
    "google_pubsub_topic.dead_letters": {"project": "acme-data", "name": "departures-bq-dead-letters"},
    "google_pubsub_subscription.dead_letters": {
        "project": "acme-data",
        "name": "departures-bq-dead-letters",
        "message_retention_duration": "604800s",
        "expiration_policy": [{"ttl": ""}],
    },
    "google_pubsub_subscription.main": {
        "project": "acme-data",
        "name": "departures-bq",
        "message_retention_duration": "604800s",
        "expiration_policy": [{"ttl": ""}],
        "bigquery_config": [
            {
                "table": "acme-data.raw.departures",
                "write_metadata": True,
                "use_topic_schema": False,
                "use_table_schema": False,
                "drop_unknown_fields": False,
            }
        ],
        "dead_letter_policy": [{"max_delivery_attempts": 5}],
        "retry_policy": [{"minimum_backoff": "10s", "maximum_backoff": "600s"}],
    },
    "google_pubsub_topic_iam_member.service_agent": {
        "project": "acme-data",
        "topic": "departures-bq-dead-letters",
        "role": "roles/pubsub.publisher",
        "member": agent("acme-data"),
    },
    "google_pubsub_subscription_iam_member.service_agent": {
        "project": "acme-data",
        "subscription": "departures-bq",
        "role": "roles/pubsub.subscriber",
        "member": agent("acme-data"),
    },
}

LABELS = {"system": "departures", "team": "data-platform"}
FULL_INVENTORY: Inventory = {
    "terraform_data.protection": {"input": {"protected": False, "system": "departures"}},
    'google_bigquery_dataset.main["acme-data.raw"]': {
        "project": "acme-data",
        "dataset_id": "raw",
        "location": "us-central1",
        "delete_contents_on_destroy": False,
        "labels": LABELS,
    },
    'google_bigquery_dataset.main["acme-views.curated"]': {
        "project": "acme-views",
        "dataset_id": "curated",
        "location": "us-central1",
        "delete_contents_on_destroy": False,
        "labels": LABELS,
    },
    "google_bigquery_table.main": {
        "project": "acme-data",
        "deletion_protection": False,
        "require_partition_filter": True,
        "time_partitioning": [{"type": "HOUR", "field": "publish_time", "expiration_ms": 34_560_000_000}],
        "labels": LABELS,
    },
    'google_bigquery_table.view["acme-views.curated.departures"]': {
        "project": "acme-views",
        "dataset_id": "curated",
        "table_id": "departures",
        "deletion_protection": False,
        "view": [{"use_legacy_sql": False}],
    },
    # Whoever writes is the agent of the subscription's project.
    "google_bigquery_table_iam_member.service_agent": {
        "project": "acme-data",
        "dataset_id": "raw",
        "table_id": "departures",
        "role": "roles/bigquery.dataEditor",
        "member": agent("acme-subs"),
    },
    'google_pubsub_schema.main["departure"]': {
        "project": "acme-topics",
        "name": "departure",
        "type": "AVRO",
        "definition": AVRO,
    },
    "google_pubsub_topic.main": {
        "project": "acme-topics",
        "name": "departures",
        "schema_settings": [{"encoding": "JSON"}],
        "labels": LABELS,
    },
    "google_pubsub_topic.dead_letters": {"project": "acme-subs", "name": "departures-dead", "labels": LABELS},
    "google_pubsub_subscription.dead_letters": {
        "project": "acme-subs",
        "name": "departures-dlq",
        "message_retention_duration": "604800s",
        "expiration_policy": [{"ttl": ""}],
        "labels": LABELS,
    },
    "google_pubsub_subscription.main": {
        "project": "acme-subs",
        "name": "departures-bq",
        "message_retention_duration": "2678400s",
        "bigquery_config": [{"table": "acme-data.raw.departures", "write_metadata": True}],
        "dead_letter_policy": [{"max_delivery_attempts": 20}],
        "retry_policy": [{"minimum_backoff": "0s", "maximum_backoff": "300s"}],
        "labels": LABELS,
    },
    "google_pubsub_topic_iam_member.service_agent": {
        "project": "acme-subs",
        "topic": "departures-dead",
        "role": "roles/pubsub.publisher",
        "member": agent("acme-subs"),
    },
    "google_pubsub_subscription_iam_member.service_agent": {
        "project": "acme-subs",
        "subscription": "departures-bq",
        "role": "roles/pubsub.subscriber",
        "member": agent("acme-subs"),
    },
    'google_pubsub_topic_iam_member.publisher["serviceAccount:app@acme-data.iam.gserviceaccount.com"]': {
        "project": "acme-topics",
        "topic": "departures",
        "role": "roles/pubsub.publisher",
        "member": "serviceAccount:app@acme-data.iam.gserviceaccount.com",
    },
    'google_pubsub_topic_iam_member.publisher["group:flights@example.com"]': {
        "project": "acme-topics",
        "topic": "departures",
        "role": "roles/pubsub.publisher",
        "member": "group:flights@example.com",
    },
}
