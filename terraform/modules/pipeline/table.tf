# What the subscription writes. The columns of Pub/Sub have fixed names and types:
# https://docs.cloud.google.com/pubsub/docs/bigquery#properties_subscription

locals {
  by_schema = var.use_topic_schema || var.use_table_schema

  data_column = local.by_schema ? [] : [{
    name        = "data"
    type        = var.data_type
    mode        = var.data_required ? "REQUIRED" : "NULLABLE"
    description = "Body of the message"
  }]
  metadata_columns = [
    { name = "subscription_name", type = "STRING", mode = "NULLABLE", description = "Subscription that wrote the row" },
    { name = "message_id", type = "STRING", mode = "NULLABLE", description = "Pub/Sub's id of the message: rows that share it are duplicates" },
    { name = "publish_time", type = "TIMESTAMP", mode = "NULLABLE", description = "When Pub/Sub took the message" },
    { name = "attributes", type = "JSON", mode = "NULLABLE", description = "Attributes and ordering key of the message" },
  ]
  extra_columns = [for column in var.columns : { for key, value in column : key => value if value != null }]
}

resource "google_bigquery_table" "main" {
  project     = var.system.table.project
  dataset_id  = var.system.table.dataset
  table_id    = var.system.table.table
  description = "Messages of ${var.system.topic.id}, written by the subscription ${var.system.subscription.id}"
  labels      = local.labels
  schema      = jsonencode(concat(local.data_column, local.metadata_columns, local.extra_columns))

  require_partition_filter = var.require_partition_filter
  deletion_protection      = var.deletion_protection

  time_partitioning {
    type          = var.partition_unit
    field         = var.partition_by == "publish_time" ? "publish_time" : null
    expiration_ms = var.partition_expiration_days == null ? null : var.partition_expiration_days * 86400000
  }

  depends_on = [google_bigquery_dataset.main]
}
