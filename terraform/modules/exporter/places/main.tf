# What the exporter does, and in which projects: its roles and the APIs that are turned on for it follow from here, in this module's parent and in
# the root. No provider and no resource.

terraform {
  required_version = ">= 1.9"
}

variable "mode" {
  description = "scheduled or always_on."
  type        = string
}

variable "monitoring_project" {
  description = "Project that metrics are written to."
  type        = string
}

variable "otlp" {
  description = "Whether metrics are written as OTLP, too."
  type        = bool
}

variable "project_id" {
  description = "Project that the exporter runs in."
  type        = string
}

variable "systems" {
  description = "The systems by id, as the module render gives them."
  type = map(object({
    project                  = string
    topic                    = object({ project = string })
    subscription             = object({ project = string })
    dead_letter_subscription = optional(object({ project = string }))
    table                    = object({ project = string })
    query_projects           = optional(set(string), [])
  }))
}

locals {
  projects = {
    query    = distinct(flatten([for system in var.systems : concat([system.project], tolist(system.query_projects))]))
    describe = distinct([for system in var.systems : system.table.project])
    measure  = distinct(flatten([for system in var.systems : [system.topic.project, system.subscription.project]]))
    inspect = distinct(flatten([for system in var.systems :
      [for each in [system.subscription, system.dead_letter_subscription] : each.project if each != null]
    ]))
    write = [var.monitoring_project]
  }

  # What a task calls where it is done; and where it is done there is a role to be made and given.
  called = {
    query    = ["bigquery"]
    describe = ["bigquery"]
    measure  = ["monitoring"]
    inspect  = ["pubsub"]
    write    = var.otlp ? ["monitoring", "telemetry"] : ["monitoring"]
  }
  given = ["cloudresourcemanager", "iam"]

  # A client library's calls count in the project of its account, too.
  home = concat(
    ["artifactregistry", "bigquery", "cloudresourcemanager", "iam", "monitoring", "pubsub", "run", "secretmanager"],
    var.mode == "scheduled" ? ["cloudscheduler"] : [],
  )
}

output "apis" {
  description = "APIs that have to be on, as PROJECT/NAME.googleapis.com."
  value = toset(flatten([
    [for api in local.home : "${var.project_id}/${api}.googleapis.com"],
    [for task, projects in local.projects : [for project in projects : [for api in concat(local.called[task], local.given) : "${project}/${api}.googleapis.com"]]],
  ]))
}

output "projects" {
  description = "Projects by what is done in them: query, describe, measure, inspect and write."
  value       = local.projects
}
