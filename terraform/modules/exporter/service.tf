# The exporter on Cloud Run: called by Cloud Scheduler, and paid for while it answers (scheduled), or running all the time (always_on).

locals {
  deployed  = var.image != null
  scheduled = var.mode == "scheduled" ? toset(["scheduled"]) : toset([])

  # /readyz answers 503 until the first cycle is over. Scheduled, that cycle comes with a call, and no call comes before the container has
  # started; always on, it makes up for up to a day, and may take longer than the four minutes that a start may. So both probes ask /healthz.
  health = "/healthz"

  # Memory that Cloud Run takes, in MiB by CPUs: https://docs.cloud.google.com/run/docs/configuring/services/memory-limits and .../cpu
  memory_mib = {
    "1" = { least = 512, most = 4096 }
    "2" = { least = 512, most = 8192 }
    "4" = { least = 2048, most = 16384 }
    "6" = { least = 4096, most = 24576 }
    "8" = { least = 4096, most = 32768 }
  }

  secrets = {
    for name, each in var.secret_env :
    name => startswith(each.secret, "projects/") ? each.secret : "projects/${var.project_id}/secrets/${each.secret}"
  }
}

resource "google_cloud_run_v2_service" "exporter" {
  count = local.deployed ? 1 : 0

  project     = var.project_id
  location    = var.region
  name        = var.name
  description = "Measures pipelines from Pub/Sub to BigQuery"
  labels      = var.labels

  # Nobody on the internet reaches it. Cloud Scheduler does: in the same project, and by the service's own address, it counts as internal.
  # https://docs.cloud.google.com/run/docs/securing/ingress
  ingress = "INGRESS_TRAFFIC_INTERNAL_ONLY"

  # It keeps no state: what it knows stands in Cloud Monitoring.
  deletion_protection = false

  template {
    service_account       = google_service_account.exporter.email
    execution_environment = "EXECUTION_ENVIRONMENT_GEN2"
    timeout               = "${var.timeout_s}s"

    # Calls that come while a cycle is under way share the next one; sixteen may wait (docs/http.md). With one at a time Cloud Run would
    # answer them with 429 itself, and they cost no more together than one.
    max_instance_request_concurrency = 20

    scaling {
      min_instance_count = var.mode == "always_on" ? 1 : 0
      max_instance_count = 1
    }

    containers {
      name  = "exporter"
      image = var.image
      args  = [var.mode == "always_on" ? "run" : "serve", "--config", "/etc/exporter/systems.yaml"]

      ports {
        container_port = 8080
      }

      dynamic "env" {
        for_each = var.env

        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = var.secret_env

        content {
          name = env.key

          value_source {
            secret_key_ref {
              # The short name for one in its own project, the long one for others.
              secret  = trimprefix(local.secrets[env.key], "projects/${var.project_id}/secrets/")
              version = env.value.version
            }
          }
        }
      }

      resources {
        limits            = var.resources
        cpu_idle          = var.mode == "scheduled"
        startup_cpu_boost = true
      }

      startup_probe {
        period_seconds    = 5
        timeout_seconds   = 5
        failure_threshold = 12

        http_get {
          path = local.health
          port = 8080
        }
      }

      # Fails only where a restart can help, after five cycles in a row that stored nothing: there is no hurry.
      liveness_probe {
        period_seconds    = 60
        timeout_seconds   = 10
        failure_threshold = 3

        http_get {
          path = local.health
          port = 8080
        }
      }

      volume_mounts {
        name       = "systems"
        mount_path = "/etc/exporter"
      }
    }

    volumes {
      name = "systems"

      secret {
        secret = google_secret_manager_secret.systems.secret_id

        items {
          path    = "systems.yaml"
          version = google_secret_manager_secret_version.systems.version
          mode    = 292 # 0444: everybody may read it, nobody write
        }
      }
    }
  }

  # Terraform makes the service with an image; later ones are deployed to it (docs/deploying.md), and are not taken back by the next apply.
  # The others are what `gcloud run services update` writes beside the image.
  lifecycle {
    ignore_changes = [
      client,
      client_version,
      template[0].containers[0].image,
      template[0].labels,
      template[0].revision,
    ]
  }

  # It reads the file at its start, and measures at once.
  depends_on = [
    google_bigquery_table_iam_member.reader,
    google_project_iam_member.exporter,
    google_project_iam_member.otlp,
    google_secret_manager_secret_iam_member.env,
    google_secret_manager_secret_iam_member.systems,
  ]
}
