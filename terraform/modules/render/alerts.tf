# One policy per kind, per (window, interval) class where the template is for one, and per owner where it names one.
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
      spend_range_s         = ceil((25200 + class.interval_s + 360) / 60) * 60
      hold_s                = ceil((class.interval_s + 180) / 60) * 60
      info_range_s          = max(10800, ceil((3 * class.interval_s + 75 + ceil((class.interval_s + 180) / 60) * 60 + 7200) / 60) * 60)
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

  # How often there is a cycle: whole minutes that divide the shortest window, at most five (exporter/windows.py).
  shortest_window_s = min([for system in local.systems : system.window_s]...)
  cycle_s           = local.shortest_window_s / ceil(local.shortest_window_s / 300)
  alert_common = merge(local.common, {
    fleet_incident_systems = try(local.settings.fleet_incident_systems, 5)
    absent_range_s         = max(300, 3 * local.cycle_s + 120)
    runbooks               = try(local.settings.runbook_url, "docs/runbooks.md")
    runbook_url            = try(local.settings.runbook_url, "")
  })

  classes_of_owner = {
    for owner in local.owners : owner => [
      for class in local.class_variables : class if anytrue([
        for system in local.systems : system.owner == owner && system.window_s == class.window_s && system.interval_s == class.interval_s
      ])
    ]
  }

  # Every policy with what it is filled in with: a kind once for each owner and class that it speaks of. A kind without classes takes the first.
  rendered = flatten([
    for kind, file in local.alert_kind : [
      for owner in local.per_owner[kind] ? local.owners : [""] : [
        for place, class in owner == "" ? local.class_variables : local.classes_of_owner[owner] : {
          name  = join("--", compact([kind, local.per_class[kind] ? "${class.window}-${class.interval}" : "", owner]))
          file  = file
          owner = owner
          variables = merge(local.alert_common, class, owner == "" ? {} : {
            owner       = owner
            owner_label = replace(lower(owner), "/[^a-z0-9_-]/", "_")
          })
        } if local.per_class[kind] || place == 0
      ]
    ]
  ])
  filled_policies = { for each in local.rendered : each.name => jsondecode(templatefile(each.file, each.variables)) }
  # Runbooks that are published nowhere have no address to link to.
  policies = {
    for name, policy in local.filled_policies : name => jsonencode(merge(policy, {
      documentation = merge(policy.documentation, {
        links = [for link in policy.documentation.links : link if !startswith(link.url, "#")]
      })
    }))
  }
  policy_owners = { for each in local.rendered : each.name => each.owner if each.owner != "" }
}
