locals {
  # What each pipeline makes; what two of them make would be refused by the API, after half of everything was made.
  made_names = flatten([
    for id in keys(local.made) : concat(
      ["topic ${module.render.systems[id].topic.project}/${module.render.systems[id].topic.id}"],
      [for each in [module.render.systems[id].table] : "table ${each.project}.${each.dataset}.${each.table}"],
      [for each in [module.render.systems[id].view] : "view ${each.project}.${each.dataset}.${each.table}" if each != null],
      [for each in [module.render.systems[id].dead_letter_subscription] : "subscription ${each.project}/${each.id}" if each != null],
    )
  ])
  made_twice = distinct([for name in local.made_names : name if length([for other in local.made_names : other if other == name]) > 1])
}

# Pub/Sub's service agent, which writes the rows, is named after the number of the subscription's project.
data "google_project" "pipelines" {
  for_each = toset([for id in keys(local.made) : module.render.systems[id].subscription.project])

  project_id = each.key
}

module "pipeline" {
  source   = "./modules/pipeline"
  for_each = local.made

  columns                   = each.value.columns
  data_type                 = each.value.data_type
  deletion_protection       = each.value.deletion_protection
  drop_unknown_fields       = each.value.drop_unknown_fields
  labels                    = var.labels
  max_backoff               = each.value.max_backoff
  max_delivery_attempts     = each.value.max_delivery_attempts
  message_retention         = each.value.message_retention
  min_backoff               = each.value.min_backoff
  partition_by              = each.value.partition_by
  partition_expiration_days = each.value.partition_expiration_days
  publishers                = each.value.publishers
  pubsub_service_agent      = "service-${data.google_project.pipelines[module.render.systems[each.key].subscription.project].number}@gcp-sa-pubsub.iam.gserviceaccount.com"
  require_partition_filter  = each.value.require_partition_filter
  schema                    = each.value.schema
  system                    = module.render.systems[each.key]
  use_table_schema          = each.value.use_table_schema
  use_topic_schema          = each.value.use_topic_schema
  view_query                = each.value.view_query

  depends_on = [google_bigquery_dataset.pipelines, google_project_service.this]
}
