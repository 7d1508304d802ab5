module "exporter" {
  source = "./modules/exporter"
  count  = var.exporter == null ? 0 : 1

  cycle_minutes      = module.render.cycle_minutes
  data_access        = var.exporter.data_access
  enable_apis        = false # apis.tf does
  env                = var.exporter.env
  image              = var.exporter.image
  labels             = var.labels
  mode               = var.exporter.mode
  monitoring_project = module.render.monitoring_project
  name               = var.exporter.name
  project_id         = coalesce(var.exporter.project, module.render.monitoring_project)
  region             = var.exporter.region
  resources          = var.exporter.resources
  scheduler_region   = var.exporter.scheduler_region
  systems            = module.render.systems
  systems_yaml       = local.text

  # Rights are given on tables, which have to be there.
  depends_on = [google_project_service.this, module.pipeline]
}
