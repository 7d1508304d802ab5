output "ids" {
  description = "Resource names of the dashboards, by name."
  value       = { for name, dashboard in google_monitoring_dashboard.this : name => dashboard.id }
}

output "urls" {
  description = "Addresses of the dashboards in the Google Cloud console, by name."
  value = {
    for name, dashboard in google_monitoring_dashboard.this : name =>
    "https://console.cloud.google.com/monitoring/dashboards/builder/${reverse(split("/", dashboard.id))[0]}?project=${var.project}"
  }
}
