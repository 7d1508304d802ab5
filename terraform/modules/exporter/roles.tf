# What the exporter may do: one role of its own per project, with exactly what it does there, and one that reads single tables.
# docs/permissions.md has the same list, with what is missing without each.

locals {
  permissions = {
    query = [
      # Every question to BigQuery is a query job, in the project that pays for it.
      "bigquery.jobs.create",
      # JOBS, of all users: which queries read a monitored table, and what they cost.
      "bigquery.jobs.listAll",
    ]

    describe = [
      # TABLES: Google asks for both of these beside the next two.
      "bigquery.routines.get",
      "bigquery.routines.list",
      # TABLES and COLUMNS: type and columns of a table. TABLE_STORAGE: its bytes. And tables.get where a view refuses.
      "bigquery.tables.get",
      # The same views, and WRITE_API_TIMELINE: rows and errors of every minute.
      "bigquery.tables.list",
    ]

    read = [
      # A table's metadata columns, through APPENDS: latency and duplicates. Granted on each table, never on a project.
      "bigquery.tables.getData",
    ]

    measure = [
      # How late Pub/Sub's metrics arrive.
      "monitoring.metricDescriptors.list",
      # Pub/Sub's metrics: volume, errors, backlog.
      "monitoring.timeSeries.list",
    ]

    inspect = [
      # State, dead-letter policy and filter of every subscription.
      "pubsub.subscriptions.list",
    ]

    write = [
      # Describe our metrics, and see whether they are described.
      "monitoring.metricDescriptors.create",
      "monitoring.metricDescriptors.list",
      # Write their points.
      "monitoring.timeSeries.create",
      # Read back up to where they are: the watermarks, and the last day's results.
      "monitoring.timeSeries.list",
    ]
  }

  # Per project the permissions of all that is done there.
  roles = {
    for project in distinct(flatten(values(module.places.projects))) : project => sort(distinct(flatten([
      for task, projects in module.places.projects : local.permissions[task] if contains(projects, project)
    ])))
  }

  tables  = { for system in var.systems : "${system.table.project}.${system.table.dataset}.${system.table.table}" => system.table... if var.data_access }
  role_id = replace(var.name, "-", "_")
}

resource "google_project_iam_custom_role" "exporter" {
  for_each = local.roles

  project     = each.key
  role_id     = local.role_id
  title       = "Pub/Sub to BigQuery exporter"
  description = "What the exporter does in this project, and nothing else"
  permissions = each.value

  depends_on = [google_project_service.main]
}

resource "google_project_iam_custom_role" "reader" {
  for_each = toset([for tables in local.tables : tables[0].project])

  project     = each.key
  role_id     = "${local.role_id}_reader"
  title       = "Pub/Sub to BigQuery exporter: reads a table"
  description = "Granted on single tables: latency comes from their metadata columns"
  permissions = local.permissions.read

  depends_on = [google_project_service.main]
}
