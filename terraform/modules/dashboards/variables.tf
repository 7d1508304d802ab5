variable "dashboards" {
  description = "Dashboards as JSON of the API, by name: the output of the module render."
  type        = map(string)

  validation {
    condition     = alltrue([for json in var.dashboards : can(jsondecode(json).displayName)])
    error_message = "Each dashboard must be JSON with a displayName."
  }
}

variable "project" {
  description = "Project that the metrics are written to; the dashboards live beside them."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project must be a project id: 6 to 30 of a-z, 0-9 and -, beginning with a letter."
  }
}
