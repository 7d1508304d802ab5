# What is wrong with the fleet as a whole; keys and values are looked at in modules/config. Preconditions of the output "systems" say it.

locals {
  bad_timings = [
    for system in local.normalised : "${system.id}: window ${system.window_s}s, interval ${system.interval_s}s"
    if system.window_s % 60 != 0 || 3600 % system.window_s != 0 || system.interval_s % system.window_s != 0
  ]
  unread_sinks = var.backend == null && !contains(local.sinks, "cloud_monitoring") && !contains(local.sinks, "otlp") ? local.sinks : []
}
