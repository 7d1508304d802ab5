# The options of variables that are of type any, and those that are given and are none: a precondition of the output "systems" refuses them.

locals {
  # Of modules/pipeline all but create_dataset: datasets are made by the variable datasets, because systems share them.
  options = {
    channels = ["type", "address"]
    columns  = ["name", "type", "mode", "description"]
    exporter = ["data_access", "env", "image", "invokers", "mode", "name", "project", "region", "resources", "scheduler_region", "secret_env", "timeout_s"]
    pipelines = [
      "columns", "data_required", "data_type", "dead_letter_topic", "deletion_protection", "drop_unknown_fields", "max_backoff",
      "max_delivery_attempts", "message_retention", "min_backoff", "partition_by", "partition_expiration_days", "partition_unit", "publishers",
      "require_partition_filter", "schema", "use_table_schema", "use_topic_schema", "view_query",
    ]
    resources  = ["cpu", "memory"]
    routes     = ["page", "ticket"]
    schema     = ["name", "type", "definition", "encoding"]
    secret_env = ["secret", "version"]
  }

  # Objects, where they stand, and whose options they take.
  given = concat(
    [{ at = "exporter", of = "exporter", value = var.exporter }],
    [{ at = "exporter.resources", of = "resources", value = try(var.exporter.resources, null) }],
    [{ at = "default_route", of = "routes", value = var.default_route }],
    [for name, value in try(merge(var.exporter.secret_env, {}), {}) : { at = "exporter.secret_env.${name}", of = "secret_env", value = value }],
    [for name, value in var.channels : { at = "channels.${name}", of = "channels", value = value }],
    [for owner, value in var.routes : { at = "routes.${owner}", of = "routes", value = value }],
    [for id, value in var.pipelines : { at = "pipelines.${id}", of = "pipelines", value = value }],
    [for id, value in var.pipelines : { at = "pipelines.${id}.schema", of = "schema", value = try(value.schema, null) }],
    flatten([for id, value in var.pipelines : [
      for place, column in try(concat(value.columns, []), []) : { at = "pipelines.${id}.columns[${place}]", of = "columns", value = column }
    ]]),
  )
  unknown_options = flatten([for each in local.given : [
    for key in try(keys(each.value), []) : "${each.at}.${key} (known: ${join(", ", local.options[each.of])})" if !contains(local.options[each.of], key)
  ]])
}
