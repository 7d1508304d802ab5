variable "columns" {
  description = "Columns besides those that Pub/Sub writes. Without use_table_schema or use_topic_schema nobody fills them but you, so they cannot be REQUIRED."
  type = list(object({
    name        = string
    type        = string
    mode        = optional(string, "NULLABLE")
    description = optional(string)
  }))
  default  = []
  nullable = false

  validation {
    condition = alltrue([for column in var.columns :
      can(regex("^[A-Za-z_][A-Za-z0-9_]{0,299}$", column.name)) &&
      !can(regex("(?i)^(_TABLE_|_FILE_|_PARTITION|_ROW_TIMESTAMP|__ROOT__|_COLIDENTIFIER|_CHANGE_)", column.name))
    ])
    error_message = "columns: a name is 1 to 300 letters, digits and _, does not begin with a digit, nor with a prefix that BigQuery keeps for itself (_PARTITION, _TABLE_, _FILE_, ...)."
  }

  validation {
    condition = length(distinct(concat(
      [for column in var.columns : lower(column.name)],
      ["subscription_name", "message_id", "publish_time", "attributes", "partition_time"],
      var.use_table_schema || var.use_topic_schema ? [] : ["data"],
    ))) == length(var.columns) + (var.use_table_schema || var.use_topic_schema ? 5 : 6)
    error_message = "columns: each name may be used once, in whatever case; data, subscription_name, message_id, publish_time and attributes are Pub/Sub's, partition_time is the view's."
  }

  validation {
    condition = alltrue([for column in var.columns : contains([
      "BIGNUMERIC", "BOOL", "BOOLEAN", "BYTES", "DATE", "DATETIME", "FLOAT", "FLOAT64", "GEOGRAPHY", "INT64", "INTEGER", "JSON", "NUMERIC",
      "STRING", "TIME", "TIMESTAMP",
    ], column.type)])
    error_message = "columns: a type must be a scalar type of BigQuery in capitals, such as STRING, INT64, FLOAT64, NUMERIC, BOOL, TIMESTAMP, DATE or JSON."
  }

  validation {
    condition     = alltrue([for column in var.columns : contains(["NULLABLE", "REQUIRED", "REPEATED"], column.mode)])
    error_message = "columns: a mode must be NULLABLE, REQUIRED or REPEATED."
  }

  validation {
    condition     = var.use_table_schema || var.use_topic_schema || alltrue([for column in var.columns : column.mode != "REQUIRED"])
    error_message = "columns: Pub/Sub fills only its own columns, so none of yours can be REQUIRED; a subscription to such a table stops with SCHEMA_MISMATCH."
  }

  validation {
    condition     = length(var.columns) > 0 || !(var.use_table_schema || var.use_topic_schema)
    error_message = "columns: with use_table_schema or use_topic_schema they are what messages are written to: name at least one."
  }
}

variable "create_dataset" {
  description = "Whether to create the datasets of the table and of the view. Leave it false where other systems use them too."
  type        = bool
  default     = false
  nullable    = false
}

variable "data_required" {
  description = "Whether the column data is REQUIRED. It can be relaxed later in place, but not the other way round."
  type        = bool
  default     = true
  nullable    = false
}

variable "data_type" {
  description = "Type of the column data: BYTES takes every message, STRING only UTF-8, JSON only JSON; what it does not take becomes a dead letter."
  type        = string
  default     = "BYTES"
  nullable    = false

  validation {
    condition     = contains(["BYTES", "STRING", "JSON"], var.data_type)
    error_message = "data_type must be BYTES, STRING or JSON."
  }
}

variable "dead_letter_topic" {
  description = "Name of the dead-letter topic, in the project of the dead-letter subscription. Null: the name of that subscription."
  type        = string
  default     = null

  validation {
    condition     = var.dead_letter_topic == null || can(regex("^[A-Za-z][A-Za-z0-9._~+%-]{2,254}$", var.dead_letter_topic)) && !startswith(coalesce(var.dead_letter_topic, "-"), "goog")
    error_message = "dead_letter_topic must be 3 to 255 letters, digits and -._~+%, begin with a letter, and not with goog."
  }
}

variable "deletion_protection" {
  description = "Whether Terraform refuses to delete the pipeline: table, topics and subscriptions, and with them the messages."
  type        = bool
  default     = true
  nullable    = false
}

variable "drop_unknown_fields" {
  description = "With use_table_schema or use_topic_schema: whether fields without a column are left out. Otherwise such messages become dead letters."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.drop_unknown_fields || var.use_table_schema || var.use_topic_schema
    error_message = "drop_unknown_fields needs use_table_schema or use_topic_schema: without them a message is written as a whole."
  }
}

variable "labels" {
  description = "Labels of everything that takes labels; system is added."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = length(var.labels) <= 63 && alltrue([for key, value in var.labels :
      can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))
    ])
    error_message = "labels: at most 63; a key is 1 to 63 of a-z, 0-9, _ and -, beginning with a letter, and a value up to 63 of them."
  }
}

variable "max_backoff" {
  description = "Longest pause before a message that failed is delivered again, in seconds: 600s."
  type        = string
  default     = "600s"
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{1,3}(\\.[0-9]{1,9})?s$", var.max_backoff)) && try(tonumber(trimsuffix(var.max_backoff, "s")) <= 600, false)
    error_message = "max_backoff must be 0s to 600s."
  }

  validation {
    condition     = try(tonumber(trimsuffix(var.min_backoff, "s")) <= tonumber(trimsuffix(var.max_backoff, "s")), true)
    error_message = "max_backoff must not be shorter than min_backoff."
  }
}

variable "max_delivery_attempts" {
  description = "How often a message is tried before it becomes a dead letter."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.max_delivery_attempts >= 5 && var.max_delivery_attempts <= 100 && floor(var.max_delivery_attempts) == var.max_delivery_attempts
    error_message = "max_delivery_attempts must be a whole number from 5 to 100."
  }
}

variable "message_retention" {
  description = "How long messages wait that cannot be written, while the table is missing or denied, say: 600s (10 minutes) to 2678400s (31 days)."
  type        = string
  default     = "604800s"
  nullable    = false

  validation {
    condition = can(regex("^[0-9]{1,7}s$", var.message_retention)) && try(
      tonumber(trimsuffix(var.message_retention, "s")) >= 600 && tonumber(trimsuffix(var.message_retention, "s")) <= 2678400, false
    )
    error_message = "message_retention must be whole seconds from 600s (10 minutes) to 2678400s (31 days)."
  }
}

variable "min_backoff" {
  description = "Shortest pause before a message that failed is delivered again, in seconds: 10s."
  type        = string
  default     = "10s"
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{1,3}(\\.[0-9]{1,9})?s$", var.min_backoff)) && try(tonumber(trimsuffix(var.min_backoff, "s")) <= 600, false)
    error_message = "min_backoff must be 0s to 600s."
  }
}

variable "partition_by" {
  description = "What the table is partitioned by: ingestion_time (when a row arrived; never fails) or publish_time."
  type        = string
  default     = "ingestion_time"
  nullable    = false

  validation {
    condition     = contains(["ingestion_time", "publish_time"], var.partition_by)
    error_message = "partition_by must be ingestion_time or publish_time."
  }
}

variable "partition_expiration_days" {
  description = "After how many days a partition is deleted. Null: never."
  type        = number
  default     = null

  validation {
    condition     = var.partition_expiration_days == null || try(var.partition_expiration_days > 0 && var.partition_expiration_days <= 36500, false)
    error_message = "partition_expiration_days must be above 0 and at most 36500, or null to keep everything."
  }

  # A table holds 10,000 partitions at most; rows for one more are refused. Of days that is 27 years.
  validation {
    condition     = var.partition_unit != "HOUR" || try(var.partition_expiration_days <= 416, false)
    error_message = "partition_expiration_days must be at most 416 with partition_unit = \"HOUR\": a table takes 10,000 partitions, and rows beyond them are refused."
  }
}

variable "partition_unit" {
  description = "How much time a partition holds: HOUR, DAY, MONTH or YEAR."
  type        = string
  default     = "DAY"
  nullable    = false

  validation {
    condition     = contains(["HOUR", "DAY", "MONTH", "YEAR"], var.partition_unit)
    error_message = "partition_unit must be HOUR, DAY, MONTH or YEAR."
  }
}

variable "publishers" {
  description = "Who may publish to the topic, as IAM members: serviceAccount:app@project.iam.gserviceaccount.com."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for member in var.publishers : can(regex("^(serviceAccount|user|group|domain|principal|principalSet):.+$", member))])
    error_message = "publishers: a member is written KIND:NAME, such as serviceAccount:app@project.iam.gserviceaccount.com; everybody (allUsers, allAuthenticatedUsers) is refused."
  }
}

variable "pubsub_service_agent" {
  description = "Pub/Sub's service agent of the subscription's project, where it is known already. Null: it is looked up."
  type        = string
  default     = null

  validation {
    condition     = var.pubsub_service_agent == null || can(regex("^service-[0-9]+@gcp-sa-pubsub\\.iam\\.gserviceaccount\\.com$", var.pubsub_service_agent))
    error_message = "pubsub_service_agent must be service-PROJECT_NUMBER@gcp-sa-pubsub.iam.gserviceaccount.com, or null."
  }
}

variable "require_partition_filter" {
  description = "Whether BigQuery refuses queries that do not say which partitions they want."
  type        = bool
  default     = false
  nullable    = false
}

variable "schema" {
  description = "Schema of the topic, which refuses other messages when they are published. Null: every message is taken."
  type = object({
    name       = string
    type       = string
    definition = string
    encoding   = optional(string, "JSON")
  })
  default = null

  validation {
    condition     = var.schema != null || !var.use_topic_schema
    error_message = "schema is missing: with use_topic_schema its fields are the columns."
  }

  validation {
    condition     = var.schema == null || try(can(regex("^[A-Za-z][A-Za-z0-9._~+%-]{2,254}$", var.schema.name)) && !startswith(var.schema.name, "goog"), false)
    error_message = "schema.name must be 3 to 255 letters, digits and -._~+%, begin with a letter, and not with goog."
  }

  validation {
    condition     = var.schema == null || try(contains(["AVRO", "PROTOCOL_BUFFER"], var.schema.type), false)
    error_message = "schema.type must be AVRO or PROTOCOL_BUFFER."
  }

  validation {
    condition     = var.schema == null || try(contains(["JSON", "BINARY"], var.schema.encoding), false)
    error_message = "schema.encoding must be JSON or BINARY."
  }

  validation {
    condition     = var.schema == null || try(length(base64encode(var.schema.definition)) <= 409600, false)
    error_message = "schema.definition: Pub/Sub takes 300 KiB at most."
  }

  validation {
    condition     = try(var.schema.type, "") != "AVRO" || can(jsondecode(var.schema.definition).type)
    error_message = "schema.definition: an Avro schema is a JSON object with a type, such as {\"type\": \"record\", ...}."
  }

  validation {
    condition     = try(var.schema.type, "") != "PROTOCOL_BUFFER" || can(regex("(?m)^\\s*message\\s+\\w+", var.schema.definition))
    error_message = "schema.definition: a Protocol Buffer schema needs a message: syntax = \"proto3\"; message Name { ... }."
  }

  validation {
    condition     = try(var.schema.encoding, "JSON") == "JSON" || var.use_topic_schema || var.view_query != null || var.system.view == null
    error_message = "schema.encoding: the view decodes JSON, and cannot read BINARY. Set use_topic_schema, or give a view_query."
  }
}

variable "system" {
  description = "The system, as the module render gives it: systems.yaml with defaults filled in and names in full."
  type = object({
    id                       = string
    location                 = string
    topic                    = object({ project = string, id = string })
    subscription             = object({ project = string, id = string })
    dead_letter_subscription = optional(object({ project = string, id = string }))
    table                    = object({ project = string, dataset = string, table = string })
    view                     = optional(object({ project = string, dataset = string, table = string }))
  })
  nullable = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,62}$", var.system.id))
    error_message = "system.id must be 1 to 63 of a-z, 0-9 and -, beginning with a letter."
  }

  validation {
    condition     = can(regex("^([Uu][Ss]|[Ee][Uu]|[a-z]+(-[a-z]+)+[0-9]{1,2})$", var.system.location)) && !can(regex("^(aws|azure)-", var.system.location))
    error_message = "system.location must be a location of BigQuery on Google Cloud, such as us-central1, US or EU: Pub/Sub writes to no other."
  }

  validation {
    condition = alltrue([for each in [var.system.topic, var.system.subscription, var.system.dead_letter_subscription] :
      can(regex("^[A-Za-z][A-Za-z0-9._~+%-]{2,254}$", each.id)) && !startswith(each.id, "goog") if each != null
    ])
    error_message = "system.topic, system.subscription and system.dead_letter_subscription: an id is 3 to 255 letters, digits and -._~+%, begins with a letter, and not with goog."
  }

  validation {
    condition = alltrue([for each in [var.system.topic, var.system.subscription, var.system.dead_letter_subscription, var.system.table, var.system.view] :
      can(regex("^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$", each.project)) if each != null
    ])
    error_message = "system: a project id is 6 to 30 of a-z, 0-9 and -, begins with a letter, and does not end with -."
  }

  validation {
    condition = alltrue([for each in [var.system.table, var.system.view] :
      can(regex("^\\w+$", each.dataset)) && can(regex("^[\\w-]+$", each.table)) && max(length(each.dataset), length(each.table)) <= 1024 if each != null
    ])
    error_message = "system.table and system.view: a dataset is 1 to 1024 letters, digits and _; a table or view may have - too."
  }

  validation {
    condition     = var.system.dead_letter_subscription != var.system.subscription
    error_message = "system.dead_letter_subscription is the subscription itself: it holds what that one could not write, and needs a name of its own."
  }

  validation {
    condition     = var.system.view != var.system.table
    error_message = "system.view is the table itself: give the view a name of its own."
  }
}

variable "use_table_schema" {
  description = "Whether the fields of a message, which has to be JSON then, are written to columns of the same names."
  type        = bool
  default     = false
  nullable    = false
}

variable "use_topic_schema" {
  description = "Whether the fields of the topic's schema are written to columns of the same names."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !(var.use_topic_schema && var.use_table_schema)
    error_message = "use_topic_schema and use_table_schema exclude each other."
  }
}

variable "view_query" {
  description = "GoogleSQL of the view. Null: the metadata, and data decoded as JSON (NULL where it is none)."
  type        = string
  default     = null

  validation {
    condition     = var.view_query == null || try(trimspace(var.view_query) != "" && length(var.view_query) <= 262144, false)
    error_message = "view_query must be a query of at most 256 Ki characters, or null."
  }

  validation {
    condition     = var.view_query == null || var.system.view != null
    error_message = "view_query is given, but system.view is not: name the view in systems.yaml."
  }
}
