"""Inputs of the module ``exporter``, and what it makes of them: reviewed inventories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from tests.terraform.inventory import Inventory

IMAGE = f"us-central1-docker.pkg.dev/acme-observability/pipeline-exporter/exporter@sha256:{'0123456789abcdef' * 4}"
DOCUMENT: dict[str, Any] = {
    "fleet": "flights",
    "defaults": {"project": "acme-data", "location": "us-central1"},
    "systems": [
        {"id": "departures", "topic": "departures", "subscription": "departures-bq", "table": "raw.departures"}
    ],
    "exporter": {"monitoring_project": "acme-observability", "auth": "cloud_run"},
}


def in_project(project: str, **names: str) -> dict[str, Any]:
    return {key: {"project": project, "id": name} for key, name in names.items()}


SYSTEMS: dict[str, Any] = {
    # Everything in a project of its own.
    "departures": {
        "id": "departures",
        "project": "acme-data",
        **in_project("acme-topics", topic="departures"),
        **in_project("acme-subs", subscription="departures-bq"),
        **in_project("acme-dead", dead_letter_subscription="departures-dlq"),
        "table": {"project": "acme-tables", "dataset": "raw", "table": "departures"},
        "query_projects": ["acme-reports"],
    },
    # Everything in one.
    "arrivals": {
        "id": "arrivals",
        "project": "acme-data",
        **in_project("acme-data", topic="arrivals", subscription="arrivals-bq"),
        "table": {"project": "acme-data", "dataset": "raw", "table": "arrivals"},
    },
    # Writes the same table as the one before.
    "tickets": {
        "id": "tickets",
        "project": "acme-data",
        **in_project("acme-data", topic="tickets", subscription="tickets-bq"),
        "table": {"project": "acme-data", "dataset": "raw", "table": "arrivals"},
    },
}
SCHEDULED: dict[str, Any] = {
    "project_id": "acme-observability",
    "monitoring_project": "acme-observability",
    "region": "us-central1",
    "image": IMAGE,
    "systems_yaml": yaml.safe_dump(DOCUMENT),
    "systems": SYSTEMS,
}
ALWAYS_ON: dict[str, Any] = {
    **SCHEDULED,
    "mode": "always_on",
    "monitoring_project": "acme-metrics",
    "systems_yaml": yaml.safe_dump(
        {
            **DOCUMENT,
            "exporter": {
                "monitoring_project": "acme-metrics",
                "auth": "cloud_run",
                "sinks": ["cloud_monitoring", "otlp"],
            },
        }
    ),
    "systems": {"arrivals": SYSTEMS["arrivals"]},
    "data_access": False,
    "name": "flights-exporter",
    "labels": {"team": "data-platform"},
    "env": {"TZ": "UTC"},
    "resources": {"cpu": "2", "memory": "1Gi"},
    "timeout_s": 600,
    "invokers": ["group:flights@example.com"],
}

ACCOUNT = "serviceAccount:pipeline-exporter@acme-observability.iam.gserviceaccount.com"
JOBS = ["bigquery.jobs.create", "bigquery.jobs.listAll"]
DESCRIBE = ["bigquery.routines.get", "bigquery.routines.list", "bigquery.tables.get", "bigquery.tables.list"]
MEASURE = ["monitoring.metricDescriptors.list", "monitoring.timeSeries.list"]
WRITE = [
    "monitoring.metricDescriptors.create",
    "monitoring.metricDescriptors.list",
    "monitoring.timeSeries.create",
    "monitoring.timeSeries.list",
]
ROLES: Mapping[str, Sequence[str]] = {
    "acme-data": [*JOBS, *DESCRIBE, *MEASURE, "pubsub.subscriptions.list"],
    "acme-dead": ["pubsub.subscriptions.list"],
    "acme-observability": WRITE,
    "acme-reports": JOBS,
    "acme-subs": [*MEASURE, "pubsub.subscriptions.list"],
    "acme-tables": DESCRIBE,
    "acme-topics": MEASURE,
}


def apis(project: str, *names: str) -> dict[str, dict[str, Any]]:
    return {
        f'google_project_service.main["{project}/{name}.googleapis.com"]': {
            "project": project,
            "service": f"{name}.googleapis.com",
            "disable_on_destroy": False,
        }
        for name in names
    }


def roles(permissions: Mapping[str, Sequence[str]], role: str) -> dict[str, dict[str, Any]]:
    made: dict[str, dict[str, Any]] = {}
    for project, names in permissions.items():
        made[f'google_project_iam_custom_role.exporter["{project}"]'] = {
            "project": project,
            "role_id": role,
            "permissions": list(names),
        }
        made[f'google_project_iam_member.exporter["{project}"]'] = {"project": project}
    return made


def service(command: str, **changes: Any) -> dict[str, Any]:
    """The Cloud Run service as a reviewer wants it."""
    probe = {"http_get": [{"path": "/healthz", "port": 8080}]}
    container = {
        "image": IMAGE,
        "args": [command, "--config", "/etc/exporter/systems.yaml"],
        "startup_probe": [probe],
        "liveness_probe": [probe],
        "volume_mounts": [{"name": "systems", "mount_path": "/etc/exporter"}],
        **changes.pop("container"),
    }
    return {
        "project": "acme-observability",
        "location": "us-central1",
        "ingress": "INGRESS_TRAFFIC_INTERNAL_ONLY",
        "deletion_protection": False,
        "template": [
            {
                "max_instance_request_concurrency": 20,
                "containers": [container],
                "volumes": [{"name": "systems", "secret": [{"items": [{"path": "systems.yaml", "mode": 0o444}]}]}],
                **changes,
            }
        ],
    }


def fixed(name: str) -> dict[str, dict[str, Any]]:
    """What there is in either mode."""
    here = {"project": "acme-observability"}
    return {
        "google_service_account.exporter": {**here, "account_id": name},
        "google_artifact_registry_repository.main": {
            **here,
            "repository_id": name,
            "format": "DOCKER",
            "location": "us-central1",
        },
        "google_secret_manager_secret.systems": {
            **here,
            "secret_id": f"{name}-systems",
            "replication": [{"user_managed": [{"replicas": [{"location": "us-central1"}]}]}],
        },
        "google_secret_manager_secret_iam_member.systems": {
            **here,
            "secret_id": f"{name}-systems",
            "role": "roles/secretmanager.secretAccessor",
        },
    }


HOME = (
    *("artifactregistry", "bigquery", "cloudresourcemanager", "iam", "monitoring", "pubsub"),
    *("run", "secretmanager"),
)
GIVEN = ("cloudresourcemanager", "iam")
"""What it takes to make a role in a project, and to give it."""

READER = {"permissions": ["bigquery.tables.getData"], "role_id": "pipeline_exporter_reader"}

SCHEDULED_INVENTORY: Inventory = {
    **apis("acme-observability", *HOME, "cloudscheduler"),
    **apis("acme-data", *GIVEN, "bigquery", "monitoring", "pubsub"),
    **apis("acme-dead", *GIVEN, "pubsub"),
    **apis("acme-reports", *GIVEN, "bigquery"),
    **apis("acme-subs", *GIVEN, "monitoring", "pubsub"),
    **apis("acme-tables", *GIVEN, "bigquery"),
    **apis("acme-topics", *GIVEN, "monitoring"),
    **roles(ROLES, "pipeline_exporter"),
    **fixed("pipeline-exporter"),
    'google_project_iam_custom_role.reader["acme-data"]': READER,
    'google_project_iam_custom_role.reader["acme-tables"]': READER,
    'google_bigquery_table_iam_member.reader["acme-data.raw.arrivals"]': {
        "project": "acme-data",
        "dataset_id": "raw",
        "table_id": "arrivals",
    },
    'google_bigquery_table_iam_member.reader["acme-tables.raw.departures"]': {
        "project": "acme-tables",
        "dataset_id": "raw",
        "table_id": "departures",
    },
    "google_secret_manager_secret_version.systems": {"secret_data": SCHEDULED["systems_yaml"]},
    "google_cloud_run_v2_service.exporter[0]": service(
        "serve",
        timeout="300s",
        scaling=[{"min_instance_count": 0, "max_instance_count": 1}],
        container={
            "env": [],
            "resources": [{"limits": {"cpu": "1", "memory": "512Mi"}, "cpu_idle": True, "startup_cpu_boost": True}],
        },
    ),
    'google_service_account.caller["scheduled"]': {
        "project": "acme-observability",
        "account_id": "pipeline-exporter-caller",
    },
    'google_cloud_run_v2_service_iam_member.caller["scheduled"]': {
        "project": "acme-observability",
        "location": "us-central1",
        "name": "pipeline-exporter",
        "role": "roles/run.invoker",
    },
    'google_cloud_scheduler_job.cycle["scheduled"]': {
        "project": "acme-observability",
        "region": "us-central1",
        "schedule": "1,6,11,16,21,26,31,36,41,46,51,56 * * * *",
        "time_zone": "Etc/UTC",
        "attempt_deadline": "300s",
        "http_target": [{"http_method": "POST"}],
        "retry_config": [{"retry_count": 0}],
    },
}

ALWAYS_ON_INVENTORY: Inventory = {
    **apis("acme-observability", *HOME),
    **apis("acme-metrics", *GIVEN, "monitoring", "telemetry"),
    **apis("acme-data", *GIVEN, "bigquery", "monitoring", "pubsub"),
    **roles(
        {"acme-data": [*JOBS, *DESCRIBE, *MEASURE, "pubsub.subscriptions.list"], "acme-metrics": WRITE},
        "flights_exporter",
    ),
    **fixed("flights-exporter"),
    'google_project_iam_member.otlp["acme-metrics"]': {
        "project": "acme-metrics",
        "role": "roles/telemetry.metricsWriter",
    },
    "google_secret_manager_secret_version.systems": {"secret_data": ALWAYS_ON["systems_yaml"]},
    "google_cloud_run_v2_service.exporter[0]": service(
        "run",
        timeout="600s",
        scaling=[{"min_instance_count": 1, "max_instance_count": 1}],
        container={
            "env": [{"name": "TZ", "value": "UTC"}],
            "resources": [{"limits": {"cpu": "2", "memory": "1Gi"}, "cpu_idle": False, "startup_cpu_boost": True}],
        },
    ),
    'google_cloud_run_v2_service_iam_member.invoker["group:flights@example.com"]': {
        "name": "flights-exporter",
        "role": "roles/run.invoker",
        "member": "group:flights@example.com",
    },
}
