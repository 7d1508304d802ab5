# Templates and their variables, as in exporter/rendering/dashboards.py and backends.py: a test holds both to the same bytes.

locals {
  root           = coalesce(var.templates, "${path.module}/../../..")
  dashboard_dir  = "${local.root}/dashboards"
  dashboard_kind = { for file in fileset(local.dashboard_dir, "*.json") : trimsuffix(file, ".json") => "${local.dashboard_dir}/${file}" }

  settings       = try(local.config.exporter, {})
  sinks          = try(local.settings.sinks, ["cloud_monitoring"])
  chosen_backend = contains(local.sinks, "otlp") && !contains(local.sinks, "cloud_monitoring") ? "otlp" : "cloud_monitoring"
  backend        = coalesce(var.backend, local.chosen_backend)

  metric_prefix = try(local.settings.metric_prefix, "custom.googleapis.com/pipeline")
  path_parts    = slice(split("/", local.metric_prefix), 1, length(split("/", local.metric_prefix)))
  flat_path     = join("_", local.path_parts)
  names = {
    cloud_monitoring = {
      prefix          = "${local.metric_prefix}/"
      fleet_prefix    = "${local.metric_prefix}/fleet/"
      exporter_prefix = "${local.metric_prefix}/exporter/"
      promql_prefix   = "${replace(split("/", local.metric_prefix)[0], ".", "_")}:${local.flat_path}_"
      promql_resource = "monitored_resource=\\\"generic_task\\\","
      resource_type   = "generic_task"
      counter         = ""
      gauge           = ""
      distribution    = ""
    }
    otlp = {
      prefix          = "prometheus.googleapis.com/${local.flat_path}_"
      fleet_prefix    = "prometheus.googleapis.com/${local.flat_path}_fleet_"
      exporter_prefix = "prometheus.googleapis.com/${local.flat_path}_exporter_"
      promql_prefix   = "${local.flat_path}_"
      promql_resource = ""
      resource_type   = "prometheus_target"
      counter         = "/counter"
      gauge           = "/gauge"
      distribution    = "/histogram"
    }
  }

  monitoring_project = try(local.settings.monitoring_project, local.defaults.project)
  common = merge(local.names[local.backend], {
    fleet              = local.config.fleet
    monitoring_project = local.monitoring_project
  })

  # Numbers as text without exponent and trailing zeros: 0.1s + 1m is 60.1, in every language.
  system_variables = {
    for id, system in local.systems : id => merge(local.common, {
      id                   = id
      owner                = system.owner
      tier                 = system.tier
      window               = local.length_texts[system.window_s]
      interval             = local.length_texts[system.interval_s]
      step_s               = system.interval_s
      hour_step_s          = max(3600, system.interval_s)
      project              = system.project
      topic_project        = system.topic.project
      topic_id             = system.topic.id
      subscription_project = system.subscription.project
      subscription_id      = system.subscription.id
      table_project        = system.table.project
      dataset              = system.table.dataset
      table                = system.table.table
      api                  = system.api == null ? "" : system.api
      dead_letters = system.dead_letter_subscription == null ? "systems.yaml names no dead-letter subscription" : (
        "`gcloud pubsub subscriptions pull ${system.dead_letter_subscription.id} --project=${system.dead_letter_subscription.project} --limit=10 --format=json`"
      )
      latency_threshold_s = replace(replace(format("%.9f", system.latency_threshold_s), "/0+$/", ""), "/\\.$/", "")
      latency_target      = replace(replace(format("%.9f", system.latency_target), "/0+$/", ""), "/\\.$/", "")
      errors_allowed      = replace(replace(format("%.9f", max(0.000000001, 1 - system.errors_target)), "/0+$/", ""), "/\\.$/", "")
      data_age_s          = replace(replace(format("%.9f", system.data_age_s), "/0+$/", ""), "/\\.$/", "")
    })
  }
  # Whole minutes as hours and minutes: 1h30m.
  length_texts = {
    for seconds in distinct(flatten([for system in local.systems : [system.window_s, system.interval_s]])) :
    seconds => join("", [seconds >= 3600 ? "${floor(seconds / 3600)}h" : "", seconds % 3600 == 0 ? "" : "${floor(seconds % 3600 / 60)}m"])
  }

  filled_systems = {
    for id, variables in local.system_variables : id => jsondecode(templatefile(local.dashboard_kind["system"], variables))
    if can(local.dashboard_kind["system"])
  }
  # Tiles about an API are left out for a system without one.
  system_dashboards = {
    for id, filled in local.filled_systems : "system-${id}" => local.systems[id].api != null ? jsonencode(filled) : jsonencode(merge(filled, {
      mosaicLayout = merge(filled.mosaicLayout, {
        tiles = [for tile in filled.mosaicLayout.tiles : tile if !strcontains(jsonencode(tile), "cloud_run_revision")]
      })
    }))
  }
  fleet_dashboards = {
    for kind, file in local.dashboard_kind : kind => jsonencode(jsondecode(templatefile(file, local.common))) if kind != "system"
  }
}
