# Fifty systems that exist already, of three teams: dashboards, alerts that go to whom they concern, and the exporter always on.

variable "image" {
  description = "The exporter's image by its digest. Null at first: the first apply makes the repository to push it to."
  type        = string
  default     = null
}

variable "pagerduty_key" {
  description = "Integration key of the PagerDuty service that is paged at night."
  type        = string
  sensitive   = true
}

module "fleet" {
  source = "../.."

  config_file = "${path.module}/systems.yaml"

  exporter = {
    region = "us-central1"
    image  = var.image
    mode   = "always_on"
  }

  channels = {
    on-call    = { type = "pagerduty" }
    operations = { type = "email", address = "operations@example.com" }
    sales      = { type = "email", address = "sales-data@example.com" }
    tickets    = { type = "pubsub", address = "projects/acme-observability/topics/alerts" }
  }
  channel_secrets = { on-call = var.pagerduty_key }
  default_route   = { page = ["on-call", "operations"], ticket = ["tickets"] }
  routes = {
    sales = { page = ["on-call", "sales"], ticket = ["sales"] }
  }
}

output "dashboards" {
  description = "Where to look."
  value       = module.fleet.dashboards
}

output "repository" {
  description = "Where to push the image."
  value       = module.fleet.exporter.repository
}
