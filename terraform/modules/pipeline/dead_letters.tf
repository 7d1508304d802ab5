# Where messages go that cannot be written. A dead-letter topic without a subscription would lose them, and look like success.

locals {
  dead_letter_subscription = coalesce(var.system.dead_letter_subscription, {
    project = var.system.subscription.project
    id      = "${substr(var.system.subscription.id, 0, 242)}-dead-letters"
  })
  dead_letter_topic = coalesce(var.dead_letter_topic, local.dead_letter_subscription.id)
}

resource "google_pubsub_topic" "dead_letters" {
  project = local.dead_letter_subscription.project
  name    = local.dead_letter_topic
  labels  = local.labels

  deletion_policy = local.deletion_policy

  lifecycle {
    precondition {
      condition     = local.dead_letter_topic != var.system.topic.id || local.dead_letter_subscription.project != var.system.topic.project
      error_message = "dead_letter_topic: ${local.dead_letter_topic} is the system's own topic, so failed messages would come back for ever. Give the dead-letter topic another name."
    }
  }
}

resource "google_pubsub_subscription" "dead_letters" {
  project = local.dead_letter_subscription.project
  name    = local.dead_letter_subscription.id
  topic   = google_pubsub_topic.dead_letters.id
  labels  = local.labels

  deletion_policy = local.deletion_policy

  # A week to look at them: somebody may be on holiday.
  message_retention_duration = "604800s"

  # Never: by default a subscription that nobody reads from is deleted after 31 days.
  expiration_policy {
    ttl = ""
  }
}
