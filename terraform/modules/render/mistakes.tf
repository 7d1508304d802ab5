# What is wrong with the file, so far as Terraform builds on it: preconditions of the output "systems" say it. `exporter check --offline` finds
# more, with line numbers.

locals {
  top_keys     = ["fleet", "defaults", "systems", "exporter", "endpoints"]
  shared_keys  = ["project", "location", "metrics_location", "tier", "window", "interval", "owner", "objectives", "active_hours", "duplicate_lookback", "query_projects", "columns"]
  system_keys  = concat(local.shared_keys, ["id", "topic", "subscription", "table", "view", "dead_letter_subscription", "api"])
  needed_keys  = ["id", "project", "location", "topic", "subscription", "table"]
  all_sections = concat([{ name = "defaults", given = local.defaults }], [for place, system in try(var.config.systems, []) : { name = "systems[${place}]", given = system }])

  misspelt = concat(
    [for key in try(keys(var.config), []) : key if !contains(local.top_keys, key)],
    [for key in keys(local.defaults) : "defaults.${key}" if !contains(local.shared_keys, key)],
    flatten([
      for place, system in try(var.config.systems, []) :
      [for key in try(keys(system), ["(not a mapping)"]) : "systems[${place}].${key}" if !contains(local.system_keys, key)]
    ]),
  )

  bad_ids = [
    for system in local.given : tostring(system.id)
    if !can(regex("^[a-z][a-z0-9-]{0,62}$", system.id)) || contains(["exporter", "fleet"], system.id)
  ]
  repeated_ids = [for id, same in { for system in local.normalised : system.id => system... } : id if length(same) > 1]

  incomplete = flatten([
    for place, system in try(var.config.systems, []) : [
      for key in local.needed_keys : "systems[${place}].${key}"
      if try(system[key], null) == null && (try(local.defaults[key], null) == null || !contains(local.shared_keys, key))
    ]
  ])

  bad_durations = [for text in local.duration_texts : text if !can(regex("^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+(\\.[0-9]+)?s)?$", text)) || text == ""]
  bad_tiers = [
    for each in local.all_sections : "${each.name}: ${each.given.tier}"
    if can(each.given.tier) && !contains(keys(local.tiers), try(each.given.tier, ""))
  ]
  bad_timings = [
    for system in local.normalised : "${system.id}: window ${system.window_s}s, interval ${system.interval_s}s"
    if system.window_s < 60 || system.window_s % 60 != 0 || 3600 % system.window_s != 0 || system.interval_s % system.window_s != 0 || system.interval_s > 21600
  ]
  unread_sinks = var.backend == null && !contains(local.sinks, "cloud_monitoring") && !contains(local.sinks, "otlp") ? local.sinks : []
  bad_targets = [
    for system in local.normalised : "${system.id}: ${system.latency_target}, ${system.errors_target}"
    if !try(system.latency_target > 0 && system.latency_target < 1 && system.errors_target > 0 && system.errors_target < 1, false)
  ]
}
