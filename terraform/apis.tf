# What an empty project lacks. An API stays on when this is taken back: others may use it by then.

locals {
  exporter_project = coalesce(try(var.exporter.project, null), module.render.monitoring_project)

  # What pipelines are made of, each in the project in which it lies.
  of_pipelines = flatten([
    for system in [for id in keys(local.made) : module.render.systems[id]] : concat(
      [for each in [system.topic, system.subscription, system.dead_letter_subscription] : "${each.project}/pubsub.googleapis.com" if each != null],
      [for each in [system.table, system.view] : "${each.project}/bigquery.googleapis.com" if each != null],
    )
  ])
  otlp          = contains(try(local.config.exporter.sinks, []), "otlp")
  of_monitoring = [for api in local.otlp ? ["monitoring", "telemetry"] : ["monitoring"] : "${module.render.monitoring_project}/${api}.googleapis.com"]
}

module "places" {
  source = "./modules/exporter/places"
  count  = var.exporter == null ? 0 : 1

  mode               = coalesce(try(var.exporter.mode, null), "scheduled")
  monitoring_project = module.render.monitoring_project
  otlp               = local.otlp
  project_id         = local.exporter_project
  systems            = module.render.systems
}

resource "google_project_service" "this" {
  for_each = var.enable_apis ? setunion(local.of_pipelines, local.of_monitoring, flatten([for each in module.places[*].apis : tolist(each)])) : toset([])

  project            = split("/", each.key)[0]
  service            = split("/", each.key)[1]
  disable_on_destroy = false
}
