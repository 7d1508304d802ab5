variable "channels" {
  description = <<-EOT
    Notification channels by a name of your own. type: email, slack, pagerduty, webhook, pubsub, or existing.
    address: the email address, the Slack channel (#name), the webhook's URL, the Pub/Sub topic (projects/P/topics/T), or of an existing
    channel its resource name (projects/P/notificationChannels/N). PagerDuty needs none. Secrets: channel_secrets.
  EOT
  type = map(object({
    type    = string
    address = optional(string)
  }))
  default = {}

  validation {
    condition     = alltrue([for channel in var.channels : contains(["email", "slack", "pagerduty", "webhook", "pubsub", "existing"], channel.type)])
    error_message = "channels: type must be email, slack, pagerduty, webhook, pubsub or existing."
  }

  validation {
    condition     = alltrue([for channel in var.channels : channel.type == "pagerduty" || try(length(channel.address) > 0, false)])
    error_message = "channels: every type but pagerduty needs an address."
  }

  validation {
    condition = alltrue([
      for channel in var.channels : can(regex(lookup({
        email    = "^[^@[:space:]]+@[^@[:space:]]+$"
        slack    = "^#[^[:space:]]+$"
        webhook  = "^https://[^[:space:]]+$"
        pubsub   = "^projects/[^/]+/topics/[^/]+$"
        existing = "^projects/[^/]+/notificationChannels/[^/]+$"
      }, channel.type, ".*"), channel.address)) if channel.address != null
    ])
    error_message = "channels: email wants name@host, slack #channel, webhook https://..., pubsub projects/P/topics/T, existing projects/P/notificationChannels/N."
  }
}

variable "channel_secrets" {
  description = "Secrets by the names of channels: Slack's token, PagerDuty's integration key. They end up in the state: keep that safe."
  type        = map(string)
  default     = {}
  sensitive   = true
}

variable "default_route" {
  description = "Channels for policies of the whole fleet, and of owners without a route: pages are CRITICAL, tickets ERROR and WARNING. Only they hear of exporter-absent."
  type = object({
    page   = optional(list(string), [])
    ticket = optional(list(string), [])
  })
  default = {}

  validation {
    condition     = length(setsubtract(concat(var.default_route.page, var.default_route.ticket), keys(var.channels))) == 0
    error_message = "default_route names channels that are not in channels: ${join(", ", setsubtract(concat(var.default_route.page, var.default_route.ticket), keys(var.channels)))}."
  }
}

variable "enabled" {
  description = "Whether policies notify: false mutes all of them, for a migration."
  type        = bool
  default     = true
}

variable "owners" {
  description = "The owners that have policies: the output of the module render."
  type        = list(string)
}

variable "policies" {
  description = "Alert policies as JSON of the API, by name: the output of the module render."
  type        = map(string)

  validation {
    condition     = alltrue([for json in var.policies : try(length(jsondecode(json).conditions) == 1, false)])
    error_message = "Each policy must be JSON with one condition: a policy that uses PromQL takes no more."
  }

  validation {
    condition     = length(var.policies) <= 500
    error_message = "More policies than the 500 that a project takes: use fewer owners, or fewer pairs of window and interval."
  }
}

variable "policy_owners" {
  description = "The owner of each policy, by name; those of the whole fleet are left out: the output of the module render."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "project" {
  description = "Project that the metrics are written to; the policies live beside them."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project must be a project id: 6 to 30 of a-z, 0-9 and -, beginning with a letter."
  }
}

variable "project_number" {
  description = "Number of that project, where it is known already. Null: it is looked up, where a channel of type pubsub needs it."
  type        = string
  default     = null
}

variable "routes" {
  description = "Channels by owner, where they are not those of default_route. They hear of incidents of many systems (fleet-*), too."
  type = map(object({
    page   = optional(list(string), [])
    ticket = optional(list(string), [])
  }))
  default = {}

  validation {
    condition     = length(setsubtract(flatten([for route in var.routes : concat(route.page, route.ticket)]), keys(var.channels))) == 0
    error_message = "routes name channels that are not in channels: ${join(", ", setsubtract(flatten([for route in var.routes : concat(route.page, route.ticket)]), keys(var.channels)))}."
  }

  validation {
    condition     = length(setsubtract(keys(var.routes), var.owners)) == 0
    error_message = "routes name owners that no system has: ${join(", ", setsubtract(keys(var.routes), var.owners))}."
  }
}
