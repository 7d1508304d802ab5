"""Small configurations to try the machinery with."""

from __future__ import annotations

REQUIRING = """
terraform {
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 7.0, < 9.0"
    }
  }
}

provider "google" {
  project = "demo-project"
  region  = "europe-west1"
}
"""

PIPELINE = """
variable "name" {
  type    = string
  default = "orders"
}

variable "team" {
  type    = string
  default = "a"
}

data "google_project" "this" {}

resource "google_pubsub_topic" "this" {
  name   = var.name
  labels = { team = var.team }
}

resource "google_pubsub_subscription" "this" {
  name  = "orders-to-bigquery"
  topic = google_pubsub_topic.this.id
  bigquery_config {
    table          = "demo-project.flights.orders"
    write_metadata = true
  }
}

resource "google_service_account" "this" {
  account_id = "exporter"
}

resource "google_project_iam_member" "this" {
  project = google_service_account.this.project
  role    = "roles/viewer"
  member  = google_service_account.this.member
}

resource "google_monitoring_alert_policy" "this" {
  for_each     = toset(["latency", "errors"])
  display_name = "the same"
  combiner     = "OR"
  conditions {
    display_name = "c"
    condition_prometheus_query_language {
      query = "up == 0"
    }
  }
}

resource "google_cloud_run_v2_service" "this" {
  name                = "exporter"
  location            = "europe-west1"
  deletion_protection = false
  template {
    containers {
      image = "exporter:1"
    }
  }
}

output "member" {
  value = google_service_account.this.member
}

output "agent" {
  value = "service-${data.google_project.this.number}"
}
"""
"""One of each way in which values come about: given, computed, defaulted by the provider, nested, read."""

CREATED = {
    "google_cloud_run_v2_service.this": "create",
    'google_monitoring_alert_policy.this["errors"]': "create",
    'google_monitoring_alert_policy.this["latency"]': "create",
    "google_project_iam_member.this": "create",
    "google_pubsub_subscription.this": "create",
    "google_pubsub_topic.this": "create",
    "google_service_account.this": "create",
}

SECRET = """
variable "data" {
  type = string
}

resource "google_secret_manager_secret_version" "this" {
  secret      = "projects/demo-project/secrets/systems"
  secret_data = var.data
}
"""

TERRAFORMS_OWN = """
mock_provider "google" {
  mock_resource "google_service_account" {
    defaults = {
      member = "serviceAccount:exporter@demo-project.iam.gserviceaccount.com"
    }
  }
}

run "right" {
  assert {
    condition     = google_pubsub_topic.this.name == "orders"
    error_message = "the topic has another name"
  }
}

run "wrong" {
  command = plan
  assert {
    condition     = google_pubsub_topic.this.name == "flights"
    error_message = "the topic is not called flights"
  }
}
"""
"""A test in Terraform's own language, with one run that passes and one that fails."""
