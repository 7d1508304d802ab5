# APIs that are called. They stay on when this module goes: others may use them too.

locals {
  otlp = try(contains(local.config.exporter.sinks, "otlp"), false)

  apis = {
    for each in distinct(concat(
      [for api in [
        "artifactregistry", "bigquery", "cloudscheduler", "iam", "monitoring", "pubsub", "run", "secretmanager",
      ] : { project = var.project_id, api = "${api}.googleapis.com" }],
      [for api in local.otlp ? ["monitoring", "telemetry"] : ["monitoring"] :
        { project = var.monitoring_project, api = "${api}.googleapis.com" }
      ],
    )) : "${each.project}/${each.api}" => each if var.enable_apis
  }
}

resource "google_project_service" "main" {
  for_each = local.apis

  project            = each.value.project
  service            = each.value.api
  disable_on_destroy = false
}
