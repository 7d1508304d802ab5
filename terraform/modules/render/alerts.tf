# One policy per kind, and per owner where the template names one; in it one condition per (window, interval) class.
# The ranges are those of exporter/rendering/ranges.py, which says where they come from.

locals {
  alert_dir  = "${local.root}/alerts"
  alert_kind = { for file in fileset(local.alert_dir, "*.json") : trimsuffix(file, ".json") => "${local.alert_dir}/${file}" }
  per_owner  = { for kind, file in local.alert_kind : kind => strcontains(file(file), "$${owner}") }
  per_class  = { for kind, file in local.alert_kind : kind => strcontains(file(file), "$${interval_s}") }

  landing_ranges_s  = [for class in local.classes : max(300, ceil(2 * (class.interval_s + 75) / 60) * 60)]
  delivery_ranges_s = [for class in local.classes : max(300, ceil(2 * (class.interval_s + 360) / 60) * 60)]
  class_variables = [
    for place, class in local.classes : {
      window                = local.length_texts[class.window_s]
      interval              = local.length_texts[class.interval_s]
      window_s              = class.window_s
      interval_s            = class.interval_s
      landing_range_s       = local.landing_ranges_s[place]
      delivery_range_s      = local.delivery_ranges_s[place]
      hourly_range_s        = ceil((7200 + class.interval_s + 360) / 60) * 60
      hold_s                = ceil((class.interval_s + 180) / 60) * 60
      fleet_hold_s          = 120
      fast_long_s           = max(3600, local.landing_ranges_s[place])
      fast_short_s          = max(300, local.landing_ranges_s[place])
      medium_long_s         = max(21600, local.landing_ranges_s[place])
      medium_short_s        = max(1800, local.landing_ranges_s[place])
      slow_long_s           = max(259200, local.landing_ranges_s[place])
      slow_short_s          = max(21600, local.landing_ranges_s[place])
      errors_fast_long_s    = max(3600, local.delivery_ranges_s[place])
      errors_fast_short_s   = max(300, local.delivery_ranges_s[place])
      errors_medium_long_s  = max(21600, local.delivery_ranges_s[place])
      errors_medium_short_s = max(1800, local.delivery_ranges_s[place])
      errors_slow_long_s    = max(259200, local.delivery_ranges_s[place])
      errors_slow_short_s   = max(21600, local.delivery_ranges_s[place])
    }
  ]

  shortest_window_s = min([for system in local.systems : system.window_s]...)
  alert_common = merge(local.common, {
    fleet_incident_systems = try(local.settings.fleet_incident_systems, 5)
    absent_range_s         = max(300, 3 * max(60, local.shortest_window_s) + 120)
  })

  # Every policy with what it is filled in with: for a kind without classes once, else once a class.
  policy_parts = merge(
    { for kind, file in local.alert_kind : kind => {
      file  = file
      parts = [for place, class in local.class_variables : merge(local.alert_common, class) if local.per_class[kind] || place == 0]
    } if !local.per_owner[kind] },
    merge([
      for kind, file in local.alert_kind : {
        for owner in local.owners : "${kind}--${owner}" => {
          file = file
          parts = [
            for place, class in local.classes_of_owner[owner] :
            merge(local.alert_common, class, { owner = owner, owner_label = replace(lower(owner), "/[^a-z0-9_-]/", "_") })
            if local.per_class[kind] || place == 0
          ]
        }
      } if local.per_owner[kind]
    ]...),
  )
  classes_of_owner = {
    for owner in local.owners : owner => [
      for class in local.class_variables : class if anytrue([
        for system in local.systems : system.owner == owner && system.window_s == class.window_s && system.interval_s == class.interval_s
      ])
    ]
  }

  filled_policies = {
    for name, policy in local.policy_parts : name => [for variables in policy.parts : jsondecode(templatefile(policy.file, variables))]
  }
  policies = {
    for name, filled in local.filled_policies : name => jsonencode(merge(filled[0], {
      conditions = flatten([for each in filled : each.conditions])
    }))
  }
}
