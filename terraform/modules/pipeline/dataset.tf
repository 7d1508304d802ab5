# Datasets of the table and of the view, where they are this system's own. A dataset that several systems share is made outside.

locals {
  datasets = {
    for each in distinct([
      for each in [var.system.table, var.system.view] : { project = each.project, dataset = each.dataset } if each != null
    ]) : "${each.project}.${each.dataset}" => each if var.create_dataset
  }
}

resource "google_bigquery_dataset" "main" {
  for_each = local.datasets

  project    = each.value.project
  dataset_id = each.value.dataset
  location   = var.system.location
  labels     = local.labels

  # A dataset with tables in it is not deleted: what the tables hold cannot be had again.
  delete_contents_on_destroy = false
}
