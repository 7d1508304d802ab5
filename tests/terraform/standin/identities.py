"""What the cloud would call a resource: its id, and the names, addresses and numbers that follow from it.

Each template is filled with the resource's own arguments, and with ``project_number``, ``serial`` (a number that the
service would choose) and the other computed values before it. The arguments in the template of ``id`` are the
resource's identity: to change one of them replaces the resource. The forms are those of the provider's documentation;
what is not listed gets a value that is only plausible in its type.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Identity:
    """Templates of a type: ``computed`` in the order in which they build on each other; ``fixed`` are further arguments
    that cannot be changed.
    """

    id: str
    computed: Mapping[str, str] = field(default_factory=dict)
    fixed: tuple[str, ...] = ()

    @property
    def arguments(self) -> frozenset[str]:
        """Arguments whose change replaces the resource."""
        named = (name for _, name, _, _ in string.Formatter().parse(self.id) if name)
        return frozenset(named) - _NOT_ARGUMENTS | frozenset(self.fixed)


_NOT_ARGUMENTS = frozenset({"serial", "project_number"})
_EMAIL = "{account_id}@{project}.iam.gserviceaccount.com"

IDENTITIES: Mapping[str, Identity] = {
    "google_artifact_registry_repository": Identity(
        "projects/{project}/locations/{location}/repositories/{repository_id}", {"name": "{repository_id}"}, ("format",)
    ),
    "google_bigquery_dataset": Identity(
        "projects/{project}/datasets/{dataset_id}",
        {"self_link": "https://bigquery.googleapis.com/bigquery/v2/{id}"},
        ("location",),
    ),
    "google_bigquery_table": Identity(
        "projects/{project}/datasets/{dataset_id}/tables/{table_id}",
        {"self_link": "https://bigquery.googleapis.com/bigquery/v2/{id}", "location": "US", "type": "TABLE"},
    ),
    "google_cloud_run_v2_service": Identity(
        "projects/{project}/locations/{location}/services/{name}",
        {
            "uri": "https://{name}-{project_number}.{location}.run.app",
            "latest_created_revision": "{id}/revisions/{name}-00001",
            "latest_ready_revision": "{id}/revisions/{name}-00001",
        },
    ),
    "google_cloud_scheduler_job": Identity("projects/{project}/locations/{region}/jobs/{name}", {"state": "ENABLED"}),
    "google_monitoring_alert_policy": Identity("projects/{project}/alertPolicies/{serial}", {"name": "{id}"}),
    "google_monitoring_dashboard": Identity("projects/{project_number}/dashboards/{serial}"),
    "google_monitoring_notification_channel": Identity(
        "projects/{project}/notificationChannels/{serial}", {"name": "{id}"}, ("type",)
    ),
    "google_project_iam_custom_role": Identity("projects/{project}/roles/{role_id}", {"name": "{id}"}),
    "google_project_service": Identity("{project}/{service}"),
    "google_pubsub_schema": Identity("projects/{project}/schemas/{name}"),
    "google_pubsub_subscription": Identity(
        "projects/{project}/subscriptions/{name}", fixed=("topic", "filter", "enable_message_ordering")
    ),
    "google_pubsub_topic": Identity("projects/{project}/topics/{name}"),
    "google_secret_manager_secret": Identity(
        "projects/{project}/secrets/{secret_id}",
        {"name": "projects/{project_number}/secrets/{secret_id}"},
        ("replication",),
    ),
    "google_secret_manager_secret_version": Identity(
        "{secret}/versions/{serial}",
        {"name": "{id}", "version": "{serial}"},
        ("secret_data", "secret_data_wo_version", "is_secret_data_base64"),
    ),
    "google_service_account": Identity(
        f"projects/{{project}}/serviceAccounts/{_EMAIL}",
        {"name": "{id}", "email": _EMAIL, "member": "serviceAccount:{email}", "unique_id": "{serial}"},
    ),
    "google_storage_bucket": Identity(
        "{name}",
        {"self_link": "https://www.googleapis.com/storage/v1/b/{name}", "url": "gs://{name}"},
        ("project", "location"),
    ),
    # A binding of a member is not a thing of its own: to add it twice is no mistake.
    "google_artifact_registry_repository_iam_member": Identity(
        "{repository}/{role}/{member}", fixed=("project", "location", "condition")
    ),
    "google_bigquery_dataset_iam_member": Identity(
        "projects/{project}/datasets/{dataset_id}/{role}/{member}", fixed=("condition",)
    ),
    "google_bigquery_table_iam_member": Identity(
        "projects/{project}/datasets/{dataset_id}/tables/{table_id}/{role}/{member}", fixed=("condition",)
    ),
    "google_cloud_run_v2_service_iam_member": Identity(
        "projects/{project}/locations/{location}/services/{name}/{role}/{member}", fixed=("condition",)
    ),
    "google_project_iam_member": Identity("{project}/{role}/{member}", fixed=("condition",)),
    "google_pubsub_subscription_iam_member": Identity("{subscription}/{role}/{member}", fixed=("project", "condition")),
    "google_pubsub_topic_iam_member": Identity("{topic}/{role}/{member}", fixed=("project", "condition")),
    "google_secret_manager_secret_iam_member": Identity("{secret_id}/{role}/{member}", fixed=("project", "condition")),
    "google_service_account_iam_member": Identity("{service_account_id}/{role}/{member}", fixed=("condition",)),
}

DATA_IDENTITIES: Mapping[str, Identity] = {
    "google_client_config": Identity(
        "projects/{project}/regions/{region}/zones/{zone}", {"access_token": "not-a-token"}
    ),
    "google_project": Identity("projects/{project_id}", {"name": "{project_id}", "number": "{project_number}"}),
}


def project_number(project: str) -> str:
    """The number of a project, the same wherever it is asked for."""
    return str(10**11 + int(hashlib.sha256(project.encode()).hexdigest(), 16) % (9 * 10**11))


def named(identity: Identity, value: Mapping[str, Any], serial: int) -> dict[str, str]:
    """The id and the computed values of a resource, from its arguments."""
    words: dict[str, Any] = {
        **value,
        "serial": serial,
        "project_number": project_number(str(value.get("project") or value.get("project_id"))),
    }
    found: dict[str, str] = {}
    for name, template in {"id": identity.id, **identity.computed}.items():
        found[name] = words[name] = template.format(**words)
    return found
