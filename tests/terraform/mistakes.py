"""Mistakes of every kind, for a validated configuration that holds nothing else."""

from __future__ import annotations

MISTAKES = {
    "unknown argument": (
        """
resource "google_pubsub_topic" "x" {
  name   = "orders"
  lables = {}
}
""",
        'An argument named "lables" is not expected here',
    ),
    "unknown block": (
        """
resource "google_pubsub_topic" "x" {
  name = "orders"
  schema {}
}
""",
        'Blocks of type "schema" are not expected here',
    ),
    "unknown type": (
        """
resource "google_pubsub_tpoic" "x" {}
""",
        'does not support resource type "google_pubsub_tpoic"',
    ),
    "type of the beta provider": (
        """
resource "google_project_service_identity" "x" {
  service = "pubsub.googleapis.com"
}
""",
        'does not support resource type "google_project_service_identity"',
    ),
    "missing argument": (
        """
resource "google_pubsub_subscription" "x" {
  name = "s"
}
""",
        'The argument "topic" is required, but no definition was found',
    ),
    "missing block": (
        """
resource "google_monitoring_alert_policy" "x" {
  display_name = "x"
  combiner     = "OR"
}
""",
        'At least 1 "conditions" blocks are required',
    ),
    "missing argument in a block": (
        """
resource "google_pubsub_subscription" "x" {
  name  = "s"
  topic = "t"
  bigquery_config {}
}
""",
        'The argument "table" is required, but no definition was found',
    ),
    "wrong type": (
        """
resource "google_pubsub_subscription" "x" {
  name                 = "s"
  topic                = "t"
  ack_deadline_seconds = "soon"
}
""",
        'Inappropriate value for attribute "ack_deadline_seconds": a number is required',
    ),
    "computed only": (
        """
resource "google_service_account" "x" {
  account_id = "exporter"
  email      = "a@b"
}
""",
        'Can\'t configure a value for "email"',
    ),
    "too many blocks": (
        """
resource "google_pubsub_subscription" "x" {
  name  = "s"
  topic = "t"
  retry_policy {}
  retry_policy {}
}
""",
        'No more than 1 "retry_policy" blocks are allowed',
    ),
    "bad value of an enumeration": (
        """
resource "google_monitoring_alert_policy" "x" {
  display_name = "x"
  combiner     = "XOR"
  conditions {
    display_name = "c"
  }
}
""",
        "expected combiner to be one of",
    ),
    "bad value deep inside": (
        """
resource "google_monitoring_alert_policy" "x" {
  display_name = "x"
  combiner     = "OR"
  conditions {
    display_name = "c"
    condition_threshold {
      comparison = "COMPARISON_GTT"
      duration   = "60s"
    }
  }
}
""",
        "expected conditions.condition_threshold.comparison to be one of",
    ),
    "bad value in a list": (
        """
resource "google_monitoring_alert_policy" "x" {
  display_name = "x"
  combiner     = "OR"
  conditions {
    display_name = "c"
  }
  alert_strategy {
    notification_prompts = ["OPENED", "SHUT"]
  }
}
""",
        "expected alert_strategy.notification_prompts to be one of",
    ),
    "text that is no JSON": (
        """
resource "google_monitoring_dashboard" "x" {
  dashboard_json = "{"
}
""",
        '"dashboard_json" contains an invalid JSON',
    ),
    "form of a service account": (
        """
resource "google_service_account" "x" {
  account_id = "Exporter"
}
""",
        '"account_id" ("Exporter") doesn\'t match regexp',
    ),
    "form of a role": (
        """
resource "google_project_iam_custom_role" "x" {
  role_id     = "my-role"
  title       = "x"
  permissions = ["a.b.c"]
}
""",
        '"role_id" ("my-role") doesn\'t match regexp',
    ),
    "form of a dataset": (
        """
resource "google_bigquery_dataset" "x" {
  dataset_id = "my-data"
}
""",
        '"dataset_id" ("my-data") doesn\'t match regexp',
    ),
    "role without permissions": (
        """
resource "google_project_iam_custom_role" "x" {
  role_id     = "role"
  title       = "x"
  permissions = []
}
""",
        "attribute permissions requires 1 item minimum",
    ),
    "member without a type": (
        """
resource "google_pubsub_topic_iam_member" "x" {
  topic  = "t"
  role   = "roles/pubsub.publisher"
  member = "me"
}
""",
        'invalid value "me" for member',
    ),
    "two destinations": (
        """
resource "google_pubsub_subscription" "x" {
  name  = "s"
  topic = "t"
  bigquery_config {
    table = "p.d.t"
  }
  push_config {
    push_endpoint = "https://example.com"
  }
}
""",
        '"push_config": conflicts with bigquery_config',
    ),
    "unknown provider argument": (
        """
provider "google" {
  alias   = "x"
  projekt = "p"
}

resource "google_pubsub_topic" "x" {
  provider = google.x
  name     = "orders"
}
""",
        'An argument named "projekt" is not expected here',
    ),
}
"""What is wrong -> a configuration, and what Terraform must say of it."""
