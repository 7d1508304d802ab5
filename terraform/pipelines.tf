locals {
  # Where dead letters go, as modules/pipeline names it.
  dead_letters = {
    for id, system in module.render.systems : id => system.dead_letter_subscription != null ? system.dead_letter_subscription : {
      project = system.subscription.project
      id      = "${substr(system.subscription.id, 0, 242)}-dead-letters"
    } if contains(keys(local.made), id)
  }

  # What each pipeline makes; what two of them make would be refused by the API, after half of everything was made. Topics share their names with
  # dead-letter topics, subscriptions with those of dead letters, and tables with views.
  made_names = flatten([
    for id, options in local.made : distinct(concat(
      [
        "topic ${module.render.systems[id].topic.project}/${module.render.systems[id].topic.id}",
        "topic ${local.dead_letters[id].project}/${try(coalesce(options.dead_letter_topic), local.dead_letters[id].id)}",
        "subscription ${module.render.systems[id].subscription.project}/${module.render.systems[id].subscription.id}",
        "subscription ${local.dead_letters[id].project}/${local.dead_letters[id].id}",
      ],
      [for each in [module.render.systems[id].table, module.render.systems[id].view] : "table ${each.project}.${each.dataset}.${each.table}" if each != null],
      try(["schema ${module.render.systems[id].topic.project}/${options.schema.name}"], []),
    ))
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

  columns                   = try(each.value.columns, null)
  data_required             = try(each.value.data_required, null)
  data_type                 = try(each.value.data_type, null)
  dead_letter_topic         = try(each.value.dead_letter_topic, null)
  deletion_protection       = try(each.value.deletion_protection, null)
  drop_unknown_fields       = try(each.value.drop_unknown_fields, null)
  labels                    = var.labels
  max_backoff               = try(each.value.max_backoff, null)
  max_delivery_attempts     = try(each.value.max_delivery_attempts, null)
  message_retention         = try(each.value.message_retention, null)
  min_backoff               = try(each.value.min_backoff, null)
  partition_by              = try(each.value.partition_by, null)
  partition_expiration_days = try(each.value.partition_expiration_days, null)
  partition_unit            = try(each.value.partition_unit, null)
  publishers                = try(each.value.publishers, null)
  pubsub_service_agent      = "service-${data.google_project.pipelines[module.render.systems[each.key].subscription.project].number}@gcp-sa-pubsub.iam.gserviceaccount.com"
  require_partition_filter  = try(each.value.require_partition_filter, null)
  schema                    = try(each.value.schema, null)
  system                    = module.render.systems[each.key]
  use_table_schema          = try(each.value.use_table_schema, null)
  use_topic_schema          = try(each.value.use_topic_schema, null)
  view_query                = try(each.value.view_query, null)

  depends_on = [google_bigquery_dataset.pipelines, google_project_service.this]
}
