output "dead_letter_subscription" {
  description = "Subscription that holds the messages which could not be written, as projects/P/subscriptions/S: dead_letter_subscription in systems.yaml."
  value       = google_pubsub_subscription.dead_letters.id
}

output "dead_letter_topic" {
  description = "Dead-letter topic, as projects/P/topics/T."
  value       = google_pubsub_topic.dead_letters.id
}

output "service_agent" {
  description = "Pub/Sub's service agent that writes the table, as an IAM member."
  value       = local.service_agent
}

output "subscription" {
  description = "BigQuery subscription, as projects/P/subscriptions/S."
  value       = google_pubsub_subscription.main.id
}

output "table" {
  description = "Table that the subscription writes: project, dataset and table."
  value = {
    project = google_bigquery_table.main.project
    dataset = google_bigquery_table.main.dataset_id
    table   = google_bigquery_table.main.table_id
  }
}

output "topic" {
  description = "Topic that messages are published to, as projects/P/topics/T."
  value       = google_pubsub_topic.main.id
}

output "view" {
  description = "View that decodes the messages, as project.dataset.view; null without one."
  value       = one([for view in google_bigquery_table.view : "${view.project}.${view.dataset_id}.${view.table_id}"])
}
