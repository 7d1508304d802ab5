# Cloud Scheduler asks for a cycle as often as the fleet's shortest window asks for, at least every five minutes.

locals {
  # One minute past: rows of a window settle for 15 s after its end, and a call on the dot would leave them to the next one.
  schedule = var.cycle_minutes == 1 ? "* * * * *" : "${join(",", range(1, 60, var.cycle_minutes))} * * * *"
}

resource "google_cloud_scheduler_job" "cycle" {
  for_each = { for mode in local.scheduled : mode => local.schedule if local.deployed }

  project     = var.project_id
  region      = coalesce(var.scheduler_region, var.region)
  name        = "${var.name}-cycle"
  description = "Asks the exporter to do what is due"
  schedule    = each.value
  time_zone   = "Etc/UTC"

  # As long as the service may take: a cycle whose caller has gone gets no CPU to go on with.
  attempt_deadline = "${var.timeout_s}s"

  # What a failed call left undone the next one does; only a rare call is worth trying again.
  retry_config {
    retry_count          = var.cycle_minutes >= 15 ? 2 : 0
    min_backoff_duration = "60s"
    max_backoff_duration = "120s"
  }

  http_target {
    http_method = "POST"
    uri         = "${google_cloud_run_v2_service.exporter[0].uri}/cycle"

    oidc_token {
      service_account_email = google_service_account.caller[each.key].email
      audience              = google_cloud_run_v2_service.exporter[0].uri
    }
  }

  # A call before it may call would be refused, and logged as a failure.
  depends_on = [google_cloud_run_v2_service_iam_member.caller]
}
