output "backend" {
  description = "Where dashboards and policies look for metrics: cloud_monitoring or otlp."
  value       = local.backend
}

output "cycle_minutes" {
  description = "How often the exporter has a cycle, in minutes: what its shortest window asks for, at most five."
  value       = local.cycle_s / 60
}

output "dashboards" {
  description = "Dashboards as JSON of the API, by name: fleet, compare, cost, exporter, and system-ID for each system."
  value       = merge(local.fleet_dashboards, local.system_dashboards)
}

output "fleet" {
  description = "Name of the fleet."
  value       = var.config.fleet
}

output "monitoring_project" {
  description = "Project that the metrics are written to, and that dashboards and policies live in."
  value       = local.monitoring_project
}

output "owners" {
  description = "Who answers for systems: each owner has policies, and channels, of its own."
  value       = local.owners
}

output "policies" {
  description = "Alert policies as JSON of the API, by name: KIND, then --WINDOW-INTERVAL and --OWNER where there is one of each."
  value       = local.policies
}

output "policy_owners" {
  description = "The owner of each policy, by name; those of the whole fleet are left out."
  value       = local.policy_owners
}


output "systems" {
  description = "Systems by id: defaults filled in, names in full, durations in seconds."
  value       = local.systems

  precondition {
    condition     = length(local.misspelt) == 0
    error_message = "Unknown keys: ${join(", ", local.misspelt)}. See docs/configuration.md."
  }

  precondition {
    condition     = length(local.bad_ids) == 0
    error_message = "Not fit for an id (1 to 63 of a-z, 0-9 and -, beginning with a letter; not exporter or fleet): ${join(", ", local.bad_ids)}."
  }

  precondition {
    condition     = length(local.repeated_ids) == 0
    error_message = "Each id may be used once: ${join(", ", local.repeated_ids)}."
  }

  precondition {
    condition     = length(local.incomplete) == 0
    error_message = "Missing in a system and under defaults: ${join(", ", local.incomplete)}."
  }

  precondition {
    condition     = length(local.bad_durations) == 0
    error_message = "Not a duration such as 30s, 15m, 1h30m or 1d: ${join(", ", local.bad_durations)}."
  }

  precondition {
    condition     = length(local.bad_tiers) == 0
    error_message = "tier must be critical, standard or batch: ${join(", ", local.bad_tiers)}."
  }

  precondition {
    condition     = length(local.bad_timings) == 0
    error_message = "A window must divide an hour into whole minutes, and an interval be a multiple of it, up to 6h: ${join(", ", local.bad_timings)}."
  }

  precondition {
    condition     = length(local.bad_targets) == 0
    error_message = "A target must lie between 0 and 1, both excluded: ${join(", ", local.bad_targets)}."
  }

  precondition {
    condition     = length(local.classes) <= 6
    error_message = "More than six different pairs of window and interval, each of which has alert policies of its own. `exporter check --plan` chooses fewer."
  }

  precondition {
    condition     = try(var.config.exporter.monitoring_project, var.config.defaults.project, null) != null
    error_message = "exporter.monitoring_project is missing: name the project that the metrics are written to, or set defaults.project."
  }

  precondition {
    condition     = length(local.unread_sinks) == 0
    error_message = "exporter.sinks (${join(", ", local.unread_sinks)}) writes nothing that Cloud Monitoring could show: list cloud_monitoring or otlp, or set backend."
  }
}
