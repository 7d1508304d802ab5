# Objects are of type any: of others Terraform drops what it does not know, and a misspelt option would go unnoticed. options.tf says which
# there are; modules say what they take, and what they are without.

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
  nullable    = false
  sensitive   = true

  validation {
    condition     = alltrue([for secret in values(var.channel_secrets) : try(trimspace(secret) != "", false)])
    error_message = "channel_secrets: one is empty: give Slack's token or PagerDuty's integration key, or leave its name out."
  }
}

variable "channels" {
  description = "Notification channels by a name of your own: type email, slack, pagerduty, webhook, pubsub or existing, and its address. See modules/alerts."
  type        = any
  default     = {}
  nullable    = false

  validation {
    condition     = can(keys(var.channels)) && alltrue([for channel in try(values(var.channels), []) : can(channel.type)])
    error_message = "channels must be objects with a type, by a name of your own: { team = { type = \"email\", address = \"team@example.com\" } }."
  }
}

variable "config_file" {
  description = "The file systems.yaml, from the working directory on."
  type        = string
  nullable    = false

  validation {
    condition     = try(fileexists(var.config_file), false)
    error_message = "config_file names no file: give the path of systems.yaml from the working directory on."
  }

  validation {
    condition     = !can(file(var.config_file)) || can(yamldecode(file(var.config_file)))
    error_message = "config_file is no YAML: `exporter check --offline -c FILE` says where."
  }

  # Of two keys Terraform would take the last, and merge what is under <<; the exporter refuses both. More keys in the text, without its comments,
  # than in what is read: one is there twice.
  validation {
    condition = try(
      length(regexall("(?m)(?:^|[{,]|- )[ \t]*(?:[\"'][A-Za-z_]+[\"'][ \t]*:|[A-Za-z_]+[ \t]*:(?:[ \t\r]|$))", replace(file(var.config_file), "/(?m)(^|[ \t])#.*$/", "")))
      <= length(regexall("\"[A-Za-z_]+\":", jsonencode(yamldecode(file(var.config_file))))), true
    )
    error_message = "config_file has a key twice: remove one. `exporter check --offline -c FILE` names the line."
  }

  validation {
    condition     = !can(regex("(?m)^[^#\"']*<<[ \t]*:", file(var.config_file)))
    error_message = "config_file: merge keys (<<) are not supported: put what systems share under defaults."
  }

  # Octal, hexadecimal and binary numbers: what 010 is depends on who reads it.
  validation {
    condition = !can(regex(
      "(?m):[ \t]+[+-]?0[0-9xobXOB_][0-9A-Fa-f_]*[ \t\r]*([,}]|$)", replace(file(var.config_file), "/(?m)(^|[ \t])#.*$/", "")
    ))
    error_message = "config_file has a number that begins with 0, such as 010 or 0x10: write it in decimal, without the zero."
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
  type        = any
  default     = {}
  nullable    = false

  validation {
    condition     = can(keys(var.default_route))
    error_message = "default_route must be an object: { page = [\"on-call\"], ticket = [\"tickets\"] }."
  }
}

variable "enable_apis" {
  description = "Whether to turn on the APIs that are needed, where that is not done elsewhere."
  type        = bool
  default     = true
  nullable    = false
}

variable "exporter" {
  description = <<-EOT
    The exporter on Cloud Run: region, and data_access, env, image, invokers, mode, name, project, resources, scheduler_region, secret_env and
    timeout_s where they are not those of modules/exporter. project: null is the monitoring project. Null: it runs elsewhere, or not yet.
  EOT
  type        = any
  default     = null

  validation {
    condition     = var.exporter == null || can(keys(var.exporter))
    error_message = "exporter must be an object, { region = \"us-central1\" }, or null."
  }

  validation {
    condition     = !can(keys(var.exporter)) || try(var.exporter.region, null) != null
    error_message = "exporter.region is missing: name a region of Cloud Run, such as us-central1."
  }
}

variable "labels" {
  description = "Labels of everything that takes labels."
  type        = map(string)
  default     = {}
  nullable    = false

  # https://docs.cloud.google.com/resource-manager/docs/labels-overview#requirements; a pipeline adds the label system.
  validation {
    condition = length(var.labels) <= 63 && alltrue([for key, value in var.labels :
      can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))
    ])
    error_message = "labels: at most 63; a key is 1 to 63 of a-z, 0-9, _ and -, beginning with a letter, and a value up to 63 of them."
  }
}

variable "pipelines" {
  description = <<-EOT
    Systems, by id, whose pipeline is made here: topic, dead letters, subscription, table, view and rights; { departures = {} } is enough. Others
    exist already. Options are those of modules/pipeline, but for create_dataset: datasets says it.
  EOT
  type        = any
  default     = {}
  nullable    = false

  validation {
    condition     = can(keys(var.pipelines)) && alltrue([for options in try(values(var.pipelines), []) : can(keys(options))])
    error_message = "pipelines must be objects by the ids of systems: { departures = {} }."
  }

  validation {
    condition = !can([for system in yamldecode(file(var.config_file)).systems : tostring(system.id)]) || length(setsubtract(
      try(keys(var.pipelines), []), try([for system in yamldecode(file(var.config_file)).systems : tostring(system.id)], [])
    )) == 0
    error_message = "pipelines names systems that are not in config_file: ${join(", ", setsubtract(try(keys(var.pipelines), []), try([for system in yamldecode(file(var.config_file)).systems : tostring(system.id)], [])))}."
  }
}

variable "routes" {
  description = "Channels by owner, where they are not those of default_route."
  type        = any
  default     = {}
  nullable    = false

  validation {
    condition     = can(keys(var.routes)) && alltrue([for route in try(values(var.routes), []) : can(keys(route))])
    error_message = "routes must be objects by owner: { sales = { page = [\"on-call\"], ticket = [\"tickets\"] } }."
  }
}
