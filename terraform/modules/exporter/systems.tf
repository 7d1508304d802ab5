# systems.yaml reaches the container as a file out of Secret Manager. It holds no secrets; but of all that Cloud Run can mount, this alone has
# fixed versions: a new file makes a new revision, which starts with it or does not replace the old one. A bucket would change under a
# running exporter, and an environment variable takes 32 KiB.

locals {
  config = try(yamldecode(var.systems_yaml), {})
}

resource "google_secret_manager_secret" "systems" {
  project   = var.project_id
  secret_id = "${var.name}-systems"
  labels    = var.labels

  # Kept where it is used.
  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  depends_on = [google_project_service.main]
}

resource "google_secret_manager_secret_version" "systems" {
  secret      = google_secret_manager_secret.systems.id
  secret_data = var.systems_yaml

  # Versions stay, so that an earlier revision can still be gone back to.
  deletion_policy = "ABANDON"

  # The service moves to the new version before the old one goes.
  lifecycle {
    create_before_destroy = true
  }
}
