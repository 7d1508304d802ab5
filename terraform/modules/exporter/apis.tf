# APIs that are called. They stay on when this module goes: others may use them too.

locals {
  otlp = try(contains(local.config.exporter.sinks, "otlp"), false)
}

module "places" {
  source = "./places"

  mode               = var.mode
  monitoring_project = var.monitoring_project
  otlp               = local.otlp
  project_id         = var.project_id
  systems            = var.systems
}

resource "google_project_service" "main" {
  for_each = var.enable_apis ? module.places.apis : toset([])

  project            = split("/", each.key)[0]
  service            = split("/", each.key)[1]
  disable_on_destroy = false
}
