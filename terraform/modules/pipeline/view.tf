# What readers query: the body of the message, decoded. A body that cannot be decoded gives NULL, never an error that would take the
# whole query down; the row stays.

locals {
  views = { for view in [var.system.view] : "${view.project}.${view.dataset}.${view.table}" => view if view != null }

  decoded = {
    BYTES  = "SAFE.PARSE_JSON(SAFE_CONVERT_BYTES_TO_STRING(data), wide_number_mode => 'round')"
    STRING = "SAFE.PARSE_JSON(data, wide_number_mode => 'round')"
    JSON   = "data"
  }

  view_columns = concat(
    [for column in local.metadata_columns : column.name],
    local.by_schema ? [] : ["${local.decoded[var.data_type]} AS data"],
    [for column in var.columns : "`${column.name}`"],
    # What readers have to filter by, so that a query reads the days that it asks for and not the whole table.
    var.partition_by == "ingestion_time" ? ["_PARTITIONTIME AS partition_time"] : [],
  )

  view_query = coalesce(var.view_query, <<-SQL
    SELECT
      ${join(",\n  ", local.view_columns)}
    FROM `${var.system.table.project}.${var.system.table.dataset}.${var.system.table.table}`
  SQL
  )
}

resource "google_bigquery_table" "view" {
  for_each = local.views

  project     = each.value.project
  dataset_id  = each.value.dataset
  table_id    = each.value.table
  description = "Messages of ${var.system.topic.id}, decoded"
  labels      = local.labels

  # It holds nothing: it may be made anew at any time.
  deletion_protection = false

  view {
    query          = local.view_query
    use_legacy_sql = false
  }

  depends_on = [google_bigquery_dataset.main, google_bigquery_table.main]
}
