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

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,62}$", var.config.fleet))
    error_message = "fleet must be 1 to 63 of a-z, 0-9 and -, beginning with a letter."
  }

  validation {
    condition     = try(length(var.config.systems) > 0, false)
    error_message = "systems must be a list with at least one system."
  }
}

variable "templates" {
  description = "The directory that holds the templates: dashboards/ and alerts/."
  type        = string
  default     = null
}
