output "dashboards" {
  description = "Addresses of the dashboards in the Google Cloud console, by name."
  value       = module.dashboards.urls
}

output "exporter" {
  description = "The exporter on Cloud Run: its address, account, repository for images, when it is called, and the command that deploys the image which is named here: once there is a service, Terraform leaves its image alone. Null where it runs elsewhere."
  value = one([for each in module.exporter : {
    deploy          = each.deploy
    repository      = each.repository
    schedule        = each.schedule
    service_account = each.service_account
    uri             = each.uri
  }])
}

output "policies" {
  description = "Resource names of the alert policies, by name."
  value       = module.alerts.policies

  precondition {
    condition     = length(local.foreign_channels) == 0
    error_message = "channels: ${join(", ", local.foreign_channels)} of type existing lies in another project than the policies: name a channel of ${module.render.monitoring_project}."
  }
}

output "silent_policies" {
  description = "Policies that notify nobody, for want of a route."
  value       = module.alerts.silent
}

output "systems" {
  description = "The systems as they are monitored, by id: defaults filled in, names in full, durations in seconds."
  value       = module.render.systems

  precondition {
    condition     = length(local.unknown_options) == 0
    error_message = "Unknown options: ${join("; ", local.unknown_options)}."
  }

  precondition {
    condition     = length(local.made_twice) == 0
    error_message = "pipelines: several systems would make ${join(", ", local.made_twice)}. Make one of their pipelines here; the other uses what is there."
  }
}
