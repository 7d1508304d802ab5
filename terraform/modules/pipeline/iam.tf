# Who may do what, and no more. The service agent that writes is that of the subscription's project, wherever topic and table lie.
# https://docs.cloud.google.com/pubsub/docs/create-bigquery-subscription#assign_bigquery_service_account

data "google_project" "subscription" {
  for_each = var.pubsub_service_agent == null ? toset([var.system.subscription.project]) : toset([])

  project_id = each.key
}

locals {
  service_agent = "serviceAccount:${coalesce(
    var.pubsub_service_agent,
    one([for project in data.google_project.subscription : "service-${project.number}@gcp-sa-pubsub.iam.gserviceaccount.com"]),
  )}"
}

# Write rows and see the columns, in this table alone: Google asks for this role, on the project or on the table.
resource "google_bigquery_table_iam_member" "service_agent" {
  project    = google_bigquery_table.main.project
  dataset_id = google_bigquery_table.main.dataset_id
  table_id   = google_bigquery_table.main.table_id
  role       = "roles/bigquery.dataEditor"
  member     = local.service_agent

  # Google makes the service agent when a project first uses Pub/Sub; an account that does not exist cannot be given anything.
  depends_on = [google_pubsub_topic.main, google_pubsub_topic.dead_letters]
}

# Forward what cannot be written ...
resource "google_pubsub_topic_iam_member" "service_agent" {
  project = google_pubsub_topic.dead_letters.project
  topic   = google_pubsub_topic.dead_letters.name
  role    = "roles/pubsub.publisher"
  member  = local.service_agent
}

# ... and acknowledge it where it came from.
resource "google_pubsub_subscription_iam_member" "service_agent" {
  project      = google_pubsub_subscription.main.project
  subscription = google_pubsub_subscription.main.name
  role         = "roles/pubsub.subscriber"
  member       = local.service_agent
}

resource "google_pubsub_topic_iam_member" "publisher" {
  for_each = var.publishers

  project = google_pubsub_topic.main.project
  topic   = google_pubsub_topic.main.name
  role    = "roles/pubsub.publisher"
  member  = each.value
}
