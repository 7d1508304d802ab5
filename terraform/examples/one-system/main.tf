# One system from nothing: its pipeline, the exporter that Cloud Scheduler calls, dashboards, and alerts by email.

variable "image" {
  description = "The exporter's image by its digest. Null at first: the first apply makes the repository to push it to."
  type        = string
  default     = null
}

module "fleet" {
  source = "../.."

  config_file = "${path.module}/systems.yaml"

  datasets  = ["acme-data.raw", "acme-data.curated"]
  pipelines = { departures = {} }

  exporter = {
    region = "us-central1"
    image  = var.image
  }

  channels      = { team = { type = "email", address = "data-platform@example.com" } }
  default_route = { page = ["team"], ticket = ["team"] }
}

output "dashboards" {
  description = "Where to look."
  value       = module.fleet.dashboards
}

output "repository" {
  description = "Where to push the image."
  value       = module.fleet.exporter.repository
}
