# What ties several keys together, as in exporter/config/parser.py: looked at when every key and value is right by itself.

locals {
  sound    = length(local.bad_keys) == 0
  defaults = try({ for key, value in var.config.defaults : key => value if local.sound }, {})
  settings = try({ for key, value in var.config.exporter : key => value if local.sound }, {})

  systems = [
    for place, system in try([for each in var.config.systems : each if local.sound], []) : merge(local.defaults, system, {
      at      = "systems[${place}]"
      columns = merge({ publish_time = "publish_time", message_id = "message_id", subscription_name = "subscription_name" }, try(local.defaults.columns, {}), try(system.columns, {}))
    })
  ]

  incomplete = flatten([
    for system in local.systems : [for key in ["project", "location"] : "${system.at}.${key} is missing: add it here or under defaults" if !can(system[key])]
  ])
  reserved = [
    for system in local.systems : "${system.at}.id: ${system.id} is taken by the exporter itself: choose another" if contains(["exporter", "fleet"], system.id)
  ]

  # A short name lies in the system's project.
  subscriptions = [for system in local.systems : startswith(system.subscription, "projects/") ? system.subscription : "projects/${try(system.project, "")}/subscriptions/${system.subscription}"]
  dead_letters = [
    for system in local.systems : !can(system.dead_letter_subscription) ? "" :
    startswith(system.dead_letter_subscription, "projects/") ? system.dead_letter_subscription : "projects/${try(system.project, "")}/subscriptions/${system.dead_letter_subscription}"
  ]
  repeated = concat(
    [for id, places in { for system in local.systems : system.id => system.at... } : "${join(", ", places)}: id ${id} is used more than once: every system has its own" if length(places) > 1],
    [
      for name, places in { for place, name in local.subscriptions : name => "systems[${place}]"... } :
      "${join(", ", places)}: subscription ${name} is used more than once: every system has its own" if length(places) > 1
    ],
  )
  self_lettering = [
    for place, name in local.dead_letters : "systems[${place}].dead_letter_subscription is the BigQuery subscription itself: name the subscription of its dead-letter topic"
    if name == local.subscriptions[place]
  ]

  # BigQuery's column names know no case.
  mixed_columns = [
    for system in local.systems : "${system.at}.columns: one column is to be two things at once: name another column"
    if length(distinct([for name in values(system.columns) : lower(name)])) < length(system.columns)
  ]
  placeless = [
    for system in local.systems : "${system.at}.metrics_location is missing: series cannot lie in ${system.location}; name a region, such as us-central1"
    if !can(system.metrics_location) && can(regex("^(aws|azure)-", system.location))
  ]
  timeless = [
    for each in concat([{ at = "defaults", given = local.defaults }], [for system in local.systems : { at = system.at, given = system }]) :
    "${each.at}.active_hours: start and end are the same time: write 00:00-24:00 for the whole day"
    if try(regex("([0-9:]+)-[0-9:]+ ", each.given.active_hours)[0] == regex("[0-9:]+-([0-9:]+) ", each.given.active_hours)[0], false)
  ]

  unaddressed = compact([
    can(local.settings.monitoring_project) || can(local.defaults.project) ? "" :
    "exporter.monitoring_project is missing: name the project that the metrics are written to, or set defaults.project",
    can(local.settings.otlp) && !contains(try(local.settings.sinks, ["cloud_monitoring"]), "otlp") ?
    "exporter.otlp is set, but exporter.sinks does not list otlp: add it there, or remove this" : "",
    can(local.settings.listen) && !can(local.settings.auth) && !can(regex("^(localhost|127[.][0-9.]+|\\[::1\\]):", try(local.settings.listen, ""))) ?
    "exporter.auth is missing: an address beyond loopback needs bearer, iap or cloud_run" : "",
  ])

  # Each begins with its place in the file.
  mistakes = sort(concat(
    local.bad_keys, local.incomplete, local.reserved, local.repeated, local.self_lettering, local.mixed_columns, local.placeless, local.timeless,
    local.sound ? local.unaddressed : [],
  ))
}
