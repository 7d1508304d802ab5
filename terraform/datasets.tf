# Datasets of the pipelines that are made here, each once, whichever of its systems says so. Rows are never deleted along.

locals {
  made = { for id, options in var.pipelines : id => options if contains(keys(module.render.systems), id) }

  datasets = merge([
    for id, options in local.made : {
      for each in [module.render.systems[id].table, module.render.systems[id].view] :
      "${each.project}.${each.dataset}" => { project = each.project, dataset = each.dataset, location = module.render.systems[id].location } if each != null
    } if options.create_dataset
  ]...)
}

resource "google_bigquery_dataset" "pipelines" {
  for_each = local.datasets

  project                    = each.value.project
  dataset_id                 = each.value.dataset
  location                   = each.value.location
  labels                     = var.labels
  delete_contents_on_destroy = false

  depends_on = [google_project_service.this]
}
