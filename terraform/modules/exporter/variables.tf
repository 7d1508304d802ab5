variable "cycle_minutes" {
  description = "How often a cycle is asked for, in minutes: what the fleet's shortest window asks for, at most five. Without meaning when always on, where the exporter knows by itself."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = contains([1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60], var.cycle_minutes)
    error_message = "cycle_minutes must be whole minutes that divide an hour: 1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30 or 60."
  }
}

variable "data_access" {
  description = "Whether the exporter may read the monitored tables. Without it rows are counted, and there is no latency."
  type        = bool
  default     = true
  nullable    = false
}

variable "enable_apis" {
  description = "Whether to turn on the APIs that are needed, in project_id, monitoring_project and the projects of the systems."
  type        = bool
  default     = true
  nullable    = false
}

variable "env" {
  description = "Environment variables of the container. No secrets: everybody who may see the service sees them."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.env) : can(regex("^[A-Za-z_][A-Za-z0-9_]*$", name)) && name != "PORT" && !startswith(name, "K_")])
    error_message = "env: a name is letters, digits and _, and does not begin with a digit; PORT and K_... are Cloud Run's own."
  }
}

variable "image" {
  description = "The image that the service is made with, by its digest: REGION-docker.pkg.dev/PROJECT/NAME/exporter@sha256:.... Later ones are deployed to it, and left alone here. Null: everything but the service, so that there is a repository to push an image to."
  type        = string
  default     = null

  validation {
    condition     = var.image == null || can(regex("^[a-z0-9][a-z0-9./_:-]*@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image must end with its digest, @sha256: and 64 hexadecimal digits: a tag can be moved to another image."
  }
}

variable "invokers" {
  description = "Who else may call the service, from within the project's networks, as IAM members."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for member in var.invokers : can(regex("^(serviceAccount|user|group|domain|principal|principalSet):.+$", member))])
    error_message = "invokers: a member is written KIND:NAME, such as user:me@example.com; everybody (allUsers, allAuthenticatedUsers) is refused: exporter.auth cloud_run trusts whoever Cloud Run lets through."
  }
}

variable "labels" {
  description = "Labels of everything that takes labels."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = length(var.labels) <= 64 && alltrue([for key, value in var.labels :
      can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))
    ])
    error_message = "labels: at most 64; a key is 1 to 63 of a-z, 0-9, _ and -, beginning with a letter, and a value up to 63 of them."
  }
}

variable "mode" {
  description = "scheduled: called by Cloud Scheduler, paid for while it works. always_on: runs all the time, which costs more and notices trouble sooner."
  type        = string
  default     = "scheduled"
  nullable    = false

  validation {
    condition     = contains(["scheduled", "always_on"], var.mode)
    error_message = "mode must be scheduled or always_on."
  }
}

variable "monitoring_project" {
  description = "Project that metrics are written to: exporter.monitoring_project of systems.yaml."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.monitoring_project))
    error_message = "monitoring_project must be a project id: 6 to 30 of a-z, 0-9 and -, beginning with a letter."
  }
}

variable "name" {
  description = "Name of the service, its account, its repository, its secret, its job and its roles."
  type        = string
  default     = "pipeline-exporter"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,21}[a-z0-9]$", var.name))
    error_message = "name must be 6 to 23 of a-z, 0-9 and -, begin with a letter, and not end with -: service accounts are named after it."
  }
}

variable "project_id" {
  description = "Project that the exporter runs in."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be a project id: 6 to 30 of a-z, 0-9 and -, beginning with a letter."
  }
}

variable "region" {
  description = "Region of the service, its repository and its secret."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]+(-[a-z]+)+[0-9]{1,2}$", var.region))
    error_message = "region must be a region such as us-central1; US and EU are none."
  }
}

variable "resources" {
  description = "CPU and memory of the container. 512Mi are enough for fifty systems, and for a day of theirs made up at once."
  type = object({
    cpu    = optional(string, "1")
    memory = optional(string, "512Mi")
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["1", "2", "4", "6", "8"], var.resources.cpu)
    error_message = "resources.cpu must be 1, 2, 4, 6 or 8: with less than one CPU Cloud Run takes one call at a time."
  }

  validation {
    condition     = can(regex("^[1-9][0-9]*(Mi|Gi)$", var.resources.memory)) && try(tonumber(regex("^[0-9]+", var.resources.memory)) * (endswith(var.resources.memory, "Gi") ? 1024 : 1) >= 512, false)
    error_message = "resources.memory must be at least 512Mi, in Mi or Gi: 512Mi, 1Gi."
  }

  # Of memory that the rule above refuses nothing more is said.
  validation {
    condition = alltrue([
      for mib in try([tonumber(regex("^([1-9][0-9]*)(?:Mi|Gi)$", var.resources.memory)[0]) * (endswith(var.resources.memory, "Gi") ? 1024 : 1)], []) :
      mib < 512 || try(mib >= local.memory_mib[var.resources.cpu].least && mib <= local.memory_mib[var.resources.cpu].most, true)
    ])
    error_message = "resources: Cloud Run takes 512Mi to 4Gi with 1 CPU, 512Mi to 8Gi with 2, 2Gi to 16Gi with 4, 4Gi to 24Gi with 6, and 4Gi to 32Gi with 8."
  }
}

variable "scheduler_region" {
  description = "Region of the Cloud Scheduler job, where region has none. Null: region."
  type        = string
  default     = null

  validation {
    condition     = var.scheduler_region == null || can(regex("^[a-z]+(-[a-z]+)+[0-9]{1,2}$", var.scheduler_region))
    error_message = "scheduler_region must be a region such as us-central1, or null."
  }
}

variable "secret_env" {
  description = <<-EOT
    Environment variables out of Secret Manager, by name: secret, by its id in project_id or as projects/P/secrets/S, and version, a number, or latest
    as it is when a container starts. The exporter is given the right to read these secrets, and no others; the secrets exist already.
    What an OTLP receiver wants: { OTEL_EXPORTER_OTLP_METRICS_HEADERS = { secret = "otlp-headers", version = "1" } }.
  EOT
  type = map(object({
    secret  = string
    version = optional(string, "latest")
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.secret_env) : can(regex("^[A-Za-z_][A-Za-z0-9_]*$", name)) && name != "PORT" && !startswith(name, "K_") && !contains(keys(var.env), name)])
    error_message = "secret_env: a name is letters, digits and _, does not begin with a digit, and is not in env, too; PORT and K_... are Cloud Run's own."
  }

  validation {
    condition     = alltrue([for each in var.secret_env : can(regex("^(projects/([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]/secrets/)?[A-Za-z0-9_-]{1,255}$", each.secret))])
    error_message = "secret_env: write a secret as its id, or as projects/P/secrets/S with the id of its project; the version is an option of its own."
  }

  validation {
    condition     = alltrue([for each in var.secret_env : can(regex("^([1-9][0-9]*|latest)$", each.version))])
    error_message = "secret_env: a version is a number such as 1, or latest."
  }
}

variable "systems" {
  description = "The systems by id, as the module render gives them: what the exporter may see and read."
  type = map(object({
    project                  = string
    topic                    = object({ project = string, id = string })
    subscription             = object({ project = string, id = string })
    dead_letter_subscription = optional(object({ project = string, id = string }))
    table                    = object({ project = string, dataset = string, table = string })
    query_projects           = optional(set(string), [])
  }))
  nullable = false

  validation {
    condition     = length(var.systems) > 0
    error_message = "systems must hold at least one system."
  }

  validation {
    condition = alltrue(flatten([for system in var.systems : [
      for project in concat([system.project, system.topic.project, system.subscription.project, system.table.project], tolist(system.query_projects)) :
      can(regex("^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$", project))
    ]]))
    error_message = "systems: a project id is 6 to 30 of a-z, 0-9 and -, begins with a letter, and does not end with -."
  }
}

variable "systems_yaml" {
  description = "The text of systems.yaml: file(\"systems.yaml\")."
  type        = string
  nullable    = false

  validation {
    condition     = can(yamldecode(var.systems_yaml).systems)
    error_message = "systems_yaml must be the text of systems.yaml, a YAML document with systems: file(\"systems.yaml\")."
  }

  validation {
    condition     = length(base64encode(var.systems_yaml)) <= 87384
    error_message = "systems_yaml: Secret Manager takes 64 KiB at most."
  }

  validation {
    condition     = try(yamldecode(var.systems_yaml).exporter.auth, "") == "cloud_run" || !can(yamldecode(var.systems_yaml).systems)
    error_message = "systems_yaml: set exporter.auth to cloud_run. On Cloud Run the exporter listens beyond its own machine, and does not start before it knows who may call."
  }

  validation {
    condition     = length(try(yamldecode(var.systems_yaml).endpoints, {})) == 0
    error_message = "systems_yaml names endpoints, which are a sandbox's: take them out."
  }

  validation {
    condition     = !can(yamldecode(var.systems_yaml).exporter.otlp.headers_file)
    error_message = "systems_yaml names exporter.otlp.headers_file, which the container does not have: take it out, and give the headers as secret_env, OTEL_EXPORTER_OTLP_METRICS_HEADERS."
  }

  validation {
    condition = try(
      yamldecode(var.systems_yaml).exporter.monitoring_project, yamldecode(var.systems_yaml).defaults.project, var.monitoring_project
    ) == var.monitoring_project
    error_message = "monitoring_project differs from exporter.monitoring_project in systems_yaml: the exporter would write to where it may not."
  }
}

variable "timeout_s" {
  description = "How long a call may take, in seconds."
  type        = number
  default     = 300
  nullable    = false

  validation {
    condition     = var.timeout_s >= 60 && var.timeout_s <= 1800 && floor(var.timeout_s) == var.timeout_s
    error_message = "timeout_s must be whole seconds from 60 to 1800, which is the longest that Cloud Scheduler waits."
  }
}
