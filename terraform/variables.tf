variable "alerts_enabled" {
  description = "Whether alert policies notify: false mutes all of them, for a migration."
  type        = bool
  default     = true
  nullable    = false
}

variable "backend" {
  description = "Where dashboards and policies look for metrics: cloud_monitoring or otlp. Null: what exporter.sinks of systems.yaml writes to."
  type        = string
  default     = null
}

variable "channel_secrets" {
  description = "Secrets by the names of channels: Slack's token, PagerDuty's integration key."
  type        = map(string)
  default     = {}
  sensitive   = true
}

variable "channels" {
  description = "Notification channels by a name of your own: type email, slack, pagerduty, webhook, pubsub or existing, and its address. See modules/alerts."
  type = map(object({
    type    = string
    address = optional(string)
  }))
  default  = {}
  nullable = false
}

variable "config_file" {
  description = "The file systems.yaml, from the working directory on."
  type        = string

  validation {
    condition     = fileexists(var.config_file)
    error_message = "config_file names no file: give the path of systems.yaml from the working directory on."
  }

  validation {
    condition     = !fileexists(var.config_file) || can(yamldecode(file(var.config_file)))
    error_message = "config_file is no YAML: `exporter check --offline -c FILE` says where."
  }
}

variable "datasets" {
  description = "Datasets to make for the pipelines below, as PROJECT.DATASET; others exist already."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for name in var.datasets : can(regex("^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]\\.[A-Za-z0-9_]+$", name))])
    error_message = "datasets: write each as PROJECT.DATASET."
  }
}

variable "datasets_location" {
  description = "Location of datasets that no pipeline here uses any more."
  type        = string
  default     = null
}

variable "default_route" {
  description = "Channels for policies of the whole fleet, and of owners without a route: pages are CRITICAL, tickets ERROR and WARNING."
  type = object({
    page   = optional(list(string), [])
    ticket = optional(list(string), [])
  })
  default  = {}
  nullable = false
}

variable "enable_apis" {
  description = "Whether to turn on the APIs that are needed, where that is not done elsewhere."
  type        = bool
  default     = true
  nullable    = false
}

variable "exporter" {
  description = "The exporter on Cloud Run. Null: it runs elsewhere, or not yet. project: null is the monitoring project. See modules/exporter."
  type = object({
    region           = string
    data_access      = optional(bool, true)
    env              = optional(map(string), {})
    image            = optional(string)
    mode             = optional(string, "scheduled")
    name             = optional(string, "pipeline-exporter")
    project          = optional(string)
    resources        = optional(object({ cpu = optional(string, "1"), memory = optional(string, "512Mi") }), {})
    scheduler_region = optional(string)
  })
  default = null
}

variable "labels" {
  description = "Labels of everything that takes labels."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "pipelines" {
  description = "Systems, by id, whose pipeline is made here: topic, dead letters, subscription, table, view and rights. Others exist already. See modules/pipeline."
  type = map(object({
    columns                   = optional(list(object({ name = string, type = string, mode = optional(string, "NULLABLE"), description = optional(string) })), [])
    data_type                 = optional(string, "BYTES")
    deletion_protection       = optional(bool, true)
    drop_unknown_fields       = optional(bool, false)
    max_backoff               = optional(string, "600s")
    max_delivery_attempts     = optional(number, 5)
    message_retention         = optional(string, "604800s")
    min_backoff               = optional(string, "10s")
    partition_by              = optional(string, "ingestion_time")
    partition_expiration_days = optional(number)
    publishers                = optional(set(string), [])
    require_partition_filter  = optional(bool, false)
    schema                    = optional(object({ name = string, type = string, definition = string, encoding = optional(string, "JSON") }))
    use_table_schema          = optional(bool, false)
    use_topic_schema          = optional(bool, false)
    view_query                = optional(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.pipelines), [for system in try(yamldecode(file(var.config_file)).systems, []) : try(system.id, "")])) == 0
    error_message = "pipelines names systems that are not in config_file."
  }
}

variable "routes" {
  description = "Channels by owner, where they are not those of default_route."
  type = map(object({
    page   = optional(list(string), [])
    ticket = optional(list(string), [])
  }))
  default  = {}
  nullable = false
}
