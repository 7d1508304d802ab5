# Who gets which role, on what. No basic role, and nobody but the accounts above and those that var.invokers names.

resource "google_project_iam_member" "exporter" {
  for_each = google_project_iam_custom_role.exporter

  project = each.key
  role    = each.value.name
  member  = google_service_account.exporter.member
}

resource "google_bigquery_table_iam_member" "reader" {
  for_each = local.tables

  project    = each.value[0].project
  dataset_id = each.value[0].dataset
  table_id   = each.value[0].table
  role       = google_project_iam_custom_role.reader[each.value[0].project].name
  member     = google_service_account.exporter.member
}

# Google's receiver of OTLP has a role of its own, whose permissions Google has changed before: so it is used as it is.
resource "google_project_iam_member" "otlp" {
  for_each = local.otlp ? toset([var.monitoring_project]) : toset([])

  project = each.key
  role    = "roles/telemetry.metricsWriter"
  member  = google_service_account.exporter.member
}

resource "google_secret_manager_secret_iam_member" "systems" {
  project   = google_secret_manager_secret.systems.project
  secret_id = google_secret_manager_secret.systems.secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.exporter.member
}

resource "google_secret_manager_secret_iam_member" "env" {
  for_each = toset(values(local.secrets))

  project   = split("/", each.key)[1]
  secret_id = split("/", each.key)[3]
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.exporter.member
}

resource "google_cloud_run_v2_service_iam_member" "caller" {
  for_each = { for mode, account in google_service_account.caller : mode => account if local.deployed }

  project  = google_cloud_run_v2_service.exporter[0].project
  location = google_cloud_run_v2_service.exporter[0].location
  name     = google_cloud_run_v2_service.exporter[0].name
  role     = "roles/run.invoker"
  member   = each.value.member
}

resource "google_cloud_run_v2_service_iam_member" "invoker" {
  for_each = local.deployed ? var.invokers : toset([])

  project  = google_cloud_run_v2_service.exporter[0].project
  location = google_cloud_run_v2_service.exporter[0].location
  name     = google_cloud_run_v2_service.exporter[0].name
  role     = "roles/run.invoker"
  member   = each.value
}
