# What writes messages into the table, and what it does with those that it cannot write.

resource "google_pubsub_subscription" "main" {
  project = var.system.subscription.project
  name    = var.system.subscription.id
  topic   = google_pubsub_topic.main.id
  labels  = local.labels

  deletion_policy            = local.deletion_policy
  message_retention_duration = var.message_retention

  bigquery_config {
    table = "${google_bigquery_table.main.project}.${google_bigquery_table.main.dataset_id}.${google_bigquery_table.main.table_id}"

    # Without it a row does not say when its message was published, and nobody can tell how long it took.
    write_metadata      = true
    use_topic_schema    = var.use_topic_schema
    use_table_schema    = var.use_table_schema
    drop_unknown_fields = var.drop_unknown_fields
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead_letters.id
    max_delivery_attempts = var.max_delivery_attempts
  }

  retry_policy {
    minimum_backoff = var.min_backoff
    maximum_backoff = var.max_backoff
  }

  # Never: by default a subscription that is idle for 31 days is deleted, and the pipeline with it.
  expiration_policy {
    ttl = ""
  }

  # Pub/Sub refuses to create the subscription before its service agent may write the table.
  depends_on = [google_bigquery_table_iam_member.service_agent]
}
