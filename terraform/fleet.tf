# One file for the exporter and for Terraform: everything below follows from systems.yaml.

locals {
  text   = file(var.config_file)
  config = yamldecode(local.text)
}

module "render" {
  source = "./modules/render"

  backend = var.backend
  config  = local.config
}

module "dashboards" {
  source = "./modules/dashboards"

  dashboards = module.render.dashboards
  project    = module.render.monitoring_project

  depends_on = [google_project_service.this]
}

# Looked up here and not in the module, which waits for APIs: a lookup that waits is not known in the plan.
data "google_project" "monitoring" {
  count = length([for channel in var.channels : channel if channel.type == "pubsub"]) > 0 ? 1 : 0

  project_id = module.render.monitoring_project
}

locals {
  # The API takes channels of the policies' own project alone; by the number of a project nobody can tell here.
  foreign_channels = [
    for name, channel in var.channels : name
    if channel.type == "existing" && !can(regex("^projects/(${module.render.monitoring_project}|[0-9]+)/", channel.address))
  ]
}

module "alerts" {
  source = "./modules/alerts"

  channel_secrets = var.channel_secrets
  channels        = var.channels
  default_route   = var.default_route
  enabled         = var.alerts_enabled
  owners          = module.render.owners
  policies        = module.render.policies
  policy_owners   = module.render.policy_owners
  project         = module.render.monitoring_project
  project_number  = one(data.google_project.monitoring[*].number)
  routes          = var.routes

  depends_on = [google_project_service.this]
}
