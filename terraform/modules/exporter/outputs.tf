output "caller" {
  description = "Email of the account that Cloud Scheduler calls with; null when always on."
  value       = one([for account in google_service_account.caller : account.email])
}

output "deploy" {
  description = "Command that deploys the image, once there is a service; null without an image. In a plan it changes with the image, which nothing else does."
  value       = var.image == null ? null : "gcloud run services update ${var.name} --project ${var.project_id} --region ${var.region} --image ${var.image}"
}

output "repository" {
  description = "Where images are pushed to: REGION-docker.pkg.dev/PROJECT/NAME."
  value       = "${google_artifact_registry_repository.main.location}-docker.pkg.dev/${google_artifact_registry_repository.main.project}/${google_artifact_registry_repository.main.repository_id}"
}

output "roles" {
  description = "What the exporter may do: the permissions of its role, by project."
  value       = local.roles
}

output "schedule" {
  description = "When Cloud Scheduler calls, as cron in UTC; null when always on."
  value       = one([for mode in local.scheduled : local.schedule])
}

output "service_account" {
  description = "Email of the account that the exporter runs as."
  value       = google_service_account.exporter.email
}

output "tables" {
  description = "Tables whose metadata columns the exporter may read, as project.dataset.table."
  value       = keys(local.tables)
}

output "uri" {
  description = "Address of the service; null while there is no image."
  value       = one(google_cloud_run_v2_service.exporter[*].uri)
}
