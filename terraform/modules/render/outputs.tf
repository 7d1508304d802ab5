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
  value       = local.config.fleet
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
    condition     = length(local.bad_timings) == 0
    error_message = "A window must divide an hour into whole minutes, and an interval be a multiple of it: ${join(", ", local.bad_timings)}."
  }

  precondition {
    condition     = length(local.classes) <= 6
    error_message = "More than six different pairs of window and interval, each of which has alert policies of its own. `exporter check --plan` chooses fewer."
  }

  precondition {
    condition     = length(local.unread_sinks) == 0
    error_message = "exporter.sinks (${join(", ", local.unread_sinks)}) writes nothing that Cloud Monitoring could show: list cloud_monitoring or otlp, or set backend."
  }
}
