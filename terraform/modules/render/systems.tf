# The systems as the exporter sees them: defaults filled in, names in full, durations in seconds.
# exporter/config/parser.py does the same; a test holds both to the same results.

module "config" {
  source = "../config"

  config = var.config
}

locals {
  config   = module.config.config
  defaults = try(local.config.defaults, {})
  given    = local.config.systems

  tiers = {
    critical = { window_s = 60, interval_s = 60 }
    standard = { window_s = 300, interval_s = 900 }
    batch    = { window_s = 3600, interval_s = 3600 }
  }

  # Every duration of the file and every default, in seconds.
  duration_texts = distinct(concat(["30s", "15m"], [
    for text in flatten([
      for each in concat([local.defaults], local.given) : [
        try(each.window, null), try(each.interval, null),
        try(each.objectives.latency.threshold, null), try(each.objectives.data_age, null),
      ]
    ]) : text if text != null
  ]))
  units_s = { d = 86400, h = 3600, m = 60, s = 1 }
  seconds = {
    for text in local.duration_texts : text => sum([for part in regexall("([0-9.]+)([dhms])", text) : tonumber(part[0]) * local.units_s[part[1]]])
  }

  # A tier of a system's own says more than a window or an interval under defaults.
  named = [
    for system in local.given : merge(
      { for key, value in local.defaults : key => value if !can(system.tier) || !contains(["window", "interval"], key) },
      system,
    )
  ]

  windows_s = [
    for system in local.named : try(local.seconds[system.window], local.tiers[try(system.tier, "standard")].window_s)
  ]
  intervals_s = [
    for place, system in local.named : try(
      local.seconds[system.interval],
      ceil(local.tiers[try(system.tier, "standard")].interval_s / local.windows_s[place]) * local.windows_s[place],
    )
  ]

  normalised = [
    for place, system in local.named : {
      id         = system.id
      project    = system.project
      location   = contains(["US", "EU"], upper(system.location)) ? upper(system.location) : system.location
      tier       = try(system.tier, "standard")
      owner      = try(system.owner, "unassigned")
      window_s   = local.windows_s[place]
      interval_s = local.intervals_s[place]
      api        = try(system.api, null)
      topic = {
        project = try(split("/", system.topic)[3], null) == null ? system.project : split("/", system.topic)[1]
        id      = reverse(split("/", system.topic))[0]
      }
      subscription = {
        project = try(split("/", system.subscription)[3], null) == null ? system.project : split("/", system.subscription)[1]
        id      = reverse(split("/", system.subscription))[0]
      }
      dead_letter_subscription = !can(system.dead_letter_subscription) ? null : {
        project = try(split("/", system.dead_letter_subscription)[3], null) == null ? system.project : split("/", system.dead_letter_subscription)[1]
        id      = reverse(split("/", system.dead_letter_subscription))[0]
      }
      table = {
        project = try(split(".", system.table)[2], null) == null ? system.project : join(".", slice(split(".", system.table), 0, length(split(".", system.table)) - 2))
        dataset = reverse(split(".", system.table))[1]
        table   = reverse(split(".", system.table))[0]
      }
      view = !can(system.view) ? null : {
        project = try(split(".", system.view)[2], null) == null ? system.project : join(".", slice(split(".", system.view), 0, length(split(".", system.view)) - 2))
        dataset = reverse(split(".", system.view))[1]
        table   = reverse(split(".", system.view))[0]
      }
      query_projects = try(system.query_projects, [])
      latency_threshold_s = local.seconds[try(
        local.given[place].objectives.latency.threshold, local.defaults.objectives.latency.threshold, "30s"
      )]
      latency_target = try(local.given[place].objectives.latency.target, local.defaults.objectives.latency.target, 0.99)
      errors_target  = try(local.given[place].objectives.errors.target, local.defaults.objectives.errors.target, 0.999)
      data_age_s = local.seconds[try(
        local.given[place].objectives.data_age, local.defaults.objectives.data_age, "15m"
      )]
    }
  ]
  systems = { for system in local.normalised : system.id => system }

  # Window and interval that systems have in common: a class has one condition in a policy. Sorted as numbers.
  classes = [
    for key in sort(distinct([for system in local.systems : format("%06d %06d", system.window_s, system.interval_s)])) :
    { window_s = tonumber(split(" ", key)[0]), interval_s = tonumber(split(" ", key)[1]) }
  ]
  owners = distinct([for system in local.systems : system.owner])
}
