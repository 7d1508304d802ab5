module "exporter" {
  source = "./modules/exporter"
  count  = var.exporter == null ? 0 : 1

  cycle_minutes      = module.render.cycle_minutes
  data_access        = try(var.exporter.data_access, null)
  enable_apis        = false # apis.tf does
  env                = try(var.exporter.env, null)
  image              = try(var.exporter.image, null)
  invokers           = try(var.exporter.invokers, null)
  labels             = var.labels
  mode               = try(var.exporter.mode, null)
  monitoring_project = module.render.monitoring_project
  name               = try(var.exporter.name, null)
  project_id         = local.exporter_project
  region             = var.exporter.region
  resources          = try(var.exporter.resources, null)
  scheduler_region   = try(var.exporter.scheduler_region, null)
  secret_env         = try(var.exporter.secret_env, null)
  systems            = module.render.systems
  systems_yaml       = local.text
  timeout_s          = try(var.exporter.timeout_s, null)

  # Rights are given on tables, which have to be there.
  depends_on = [google_project_service.this, module.pipeline]
}
