variable "backend" {
  description = "Where dashboards and policies look for metrics: cloud_monitoring (custom metrics) or otlp (Managed Service for Prometheus). Null: what exporter.sinks writes to."
  type        = string
  default     = null

  validation {
    condition     = var.backend == null || contains(["cloud_monitoring", "otlp"], coalesce(var.backend, "otlp"))
    error_message = "backend must be cloud_monitoring, otlp or null."
  }
}

variable "config" {
  description = "The decoded systems.yaml: yamldecode(file(\"systems.yaml\")). Its keys: docs/configuration.md."
  type        = any
}

variable "templates" {
  description = "The directory that holds the templates: dashboards/ and alerts/."
  type        = string
  default     = null
}
