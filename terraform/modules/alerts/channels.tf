locals {
  own_channels = { for name, channel in var.channels : name => channel if channel.type != "existing" }

  api_types = {
    email     = "email"
    slack     = "slack"
    pagerduty = "pagerduty"
    webhook   = "webhook_tokenauth"
    pubsub    = "pubsub"
  }
  # The label that holds a channel's address: descriptors of projects.notificationChannelDescriptors.
  address_labels = {
    email     = "email_address"
    slack     = "channel_name"
    pagerduty = null
    webhook   = "url"
    pubsub    = "topic"
  }
}

resource "google_monitoring_notification_channel" "this" {
  for_each = local.own_channels

  project      = var.project
  display_name = each.key
  type         = local.api_types[each.value.type]
  labels       = each.value.type == "pagerduty" ? {} : { (local.address_labels[each.value.type]) = each.value.address }

  dynamic "sensitive_labels" {
    for_each = contains(["slack", "pagerduty"], each.value.type) ? ["secret"] : []

    content {
      auth_token  = each.value.type == "slack" ? var.channel_secrets[each.key] : null
      service_key = each.value.type == "pagerduty" ? var.channel_secrets[each.key] : null
    }
  }

  lifecycle {
    precondition {
      condition     = !contains(["slack", "pagerduty"], each.value.type) || contains(keys(nonsensitive(var.channel_secrets)), each.key)
      error_message = "channel_secrets.${each.key} is missing: Slack wants a token, PagerDuty an integration key."
    }
  }
}

# What Monitoring publishes with: made by Google with the first channel, and without this right it is silently not heard.
data "google_project" "monitoring" {
  count = var.project_number == null && length([for channel in var.channels : channel if channel.type == "pubsub"]) > 0 ? 1 : 0

  project_id = var.project
}

resource "google_pubsub_topic_iam_member" "channel" {
  for_each = { for name, channel in var.channels : name => channel.address if channel.type == "pubsub" }

  project = split("/", each.value)[1]
  topic   = split("/", each.value)[3]
  role    = "roles/pubsub.publisher"
  member  = "serviceAccount:service-${coalesce(var.project_number, one(data.google_project.monitoring[*].number))}@gcp-sa-monitoring-notification.iam.gserviceaccount.com"

  depends_on = [google_monitoring_notification_channel.this]
}

locals {
  channel_ids = merge(
    { for name, channel in google_monitoring_notification_channel.this : name => channel.id },
    { for name, channel in var.channels : name => channel.address if channel.type == "existing" },
  )
}
