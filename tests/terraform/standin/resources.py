"""The types of the google provider that our modules use; another one is added here, and ``make programs`` extracts it."""

from __future__ import annotations

RESOURCES = (
    "google_artifact_registry_repository",
    "google_artifact_registry_repository_iam_member",
    "google_bigquery_dataset",
    "google_bigquery_dataset_iam_member",
    "google_bigquery_table",
    "google_bigquery_table_iam_member",
    "google_cloud_run_v2_service",
    "google_cloud_run_v2_service_iam_member",
    "google_cloud_scheduler_job",
    "google_monitoring_alert_policy",
    "google_monitoring_dashboard",
    "google_monitoring_notification_channel",
    "google_project_iam_custom_role",
    "google_project_iam_member",
    "google_project_service",
    "google_pubsub_schema",
    "google_pubsub_subscription",
    "google_pubsub_subscription_iam_member",
    "google_pubsub_topic",
    "google_pubsub_topic_iam_member",
    "google_secret_manager_secret",
    "google_secret_manager_secret_iam_member",
    "google_secret_manager_secret_version",
    "google_service_account",
    "google_service_account_iam_member",
    "google_storage_bucket",
)
"""``google_project_service_identity`` is a type of google-beta only: the stand-in refuses it, as google does."""

DATA_SOURCES = (
    "google_client_config",
    "google_project",
)
