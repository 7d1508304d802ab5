# Who the exporter is, and who calls it: two accounts, so that the one that may call may do nothing else.

resource "google_service_account" "exporter" {
  project      = var.project_id
  account_id   = var.name
  display_name = "Pub/Sub to BigQuery exporter"
  description  = "Measures pipelines and writes metrics"

  depends_on = [google_project_service.main]
}

resource "google_service_account" "caller" {
  for_each = local.scheduled

  project      = var.project_id
  account_id   = "${var.name}-caller"
  display_name = "Calls the Pub/Sub to BigQuery exporter"
  description  = "Cloud Scheduler's account for POST /cycle"

  depends_on = [google_project_service.main]
}
