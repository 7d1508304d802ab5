# Where messages are published. A schema refuses bad messages at the publisher, before they can fail on their way into the table.

resource "google_pubsub_schema" "main" {
  for_each = var.schema == null ? {} : { (var.schema.name) = var.schema }

  project    = var.system.topic.project
  name       = each.key
  type       = each.value.type
  definition = each.value.definition
}

resource "google_pubsub_topic" "main" {
  project = var.system.topic.project
  name    = var.system.topic.id
  labels  = local.labels

  deletion_policy = local.deletion_policy

  dynamic "schema_settings" {
    for_each = google_pubsub_schema.main

    content {
      schema   = schema_settings.value.id
      encoding = var.schema.encoding
    }
  }
}
