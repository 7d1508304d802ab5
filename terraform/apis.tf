# What an empty project lacks. An API stays on when this is taken back: others may use it by then.

locals {
  exporter_project = var.exporter == null ? null : coalesce(var.exporter.project, module.render.monitoring_project)

  apis_by_project = concat(
    [{ project = module.render.monitoring_project, apis = contains(try(local.config.exporter.sinks, []), "otlp") ? ["monitoring", "telemetry"] : ["monitoring"] }],
    [for id in keys(local.made) : { project = module.render.systems[id].topic.project, apis = ["pubsub"] }],
    [for id in keys(local.made) : { project = module.render.systems[id].subscription.project, apis = ["pubsub"] }],
    [for id in keys(local.made) : { project = try(module.render.systems[id].dead_letter_subscription.project, module.render.systems[id].subscription.project), apis = ["pubsub"] }],
    [for id in keys(local.made) : { project = module.render.systems[id].table.project, apis = ["bigquery"] }],
    var.exporter == null ? [] : [
      { project = local.exporter_project, apis = ["artifactregistry", "bigquery", "iam", "monitoring", "pubsub", "run", "secretmanager"] },
      { project = local.exporter_project, apis = var.exporter.mode == "scheduled" ? ["cloudscheduler"] : [] },
    ],
  )
  apis = toset(flatten([for each in local.apis_by_project : [for api in each.apis : "${each.project}/${api}.googleapis.com"]]))
}

resource "google_project_service" "this" {
  for_each = var.enable_apis ? local.apis : toset([])

  project            = split("/", each.key)[0]
  service            = split("/", each.key)[1]
  disable_on_destroy = false
}
