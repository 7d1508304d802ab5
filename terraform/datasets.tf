# Datasets of the pipelines that are made here, whichever systems use them; rows are never deleted along.

locals {
  made = { for id, options in var.pipelines : id => options if contains(keys(module.render.systems), id) }

  # project.dataset of every table and view that is made here, and where it has to lie.
  used_datasets = flatten([
    for id in keys(local.made) : [
      for each in [module.render.systems[id].table, module.render.systems[id].view] :
      { name = "${each.project}.${each.dataset}", location = module.render.systems[id].location } if each != null
    ]
  ])
  datasets = {
    for name in var.datasets : name => [for each in local.used_datasets : each.location if each.name == name]
  }
}

resource "google_bigquery_dataset" "pipelines" {
  for_each = local.datasets

  project                    = join(".", slice(split(".", each.key), 0, length(split(".", each.key)) - 1))
  dataset_id                 = reverse(split(".", each.key))[0]
  location                   = try(each.value[0], var.datasets_location)
  labels                     = var.labels
  delete_contents_on_destroy = false

  depends_on = [google_project_service.this]

  lifecycle {
    precondition {
      condition     = length(distinct(each.value)) <= 1
      error_message = "datasets: ${each.key} is used by systems in several locations: ${join(", ", distinct(each.value))}. A dataset lies in one."
    }

    precondition {
      condition     = length(each.value) > 0 || var.datasets_location != null
      error_message = "datasets: no pipeline here uses ${each.key}. Take it out, or set datasets_location while it still exists."
    }
  }
}
