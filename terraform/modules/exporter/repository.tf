# Where the image lies.

resource "google_artifact_registry_repository" "main" {
  project       = var.project_id
  location      = var.region
  repository_id = var.name
  description   = "Images of the Pub/Sub to BigQuery exporter"
  format        = "DOCKER"
  labels        = var.labels

  cleanup_policies {
    id     = "old"
    action = "DELETE"

    condition {
      tag_state  = "ANY"
      older_than = "7776000s" # 90 days
    }
  }

  # Whatever their age: enough to go back to.
  cleanup_policies {
    id     = "last"
    action = "KEEP"

    most_recent_versions {
      keep_count = 10
    }
  }

  depends_on = [google_project_service.main]
}
