output "channels" {
  description = "Resource names of the notification channels, by their names here."
  value       = local.channel_ids
}

output "policies" {
  description = "Resource names of the alert policies, by name."
  value       = { for name, policy in google_monitoring_alert_policy.this : name => policy.id }
}

output "silent" {
  description = "Policies that notify nobody."
  value       = local.silent
}
