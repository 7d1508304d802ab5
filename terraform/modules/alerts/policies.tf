# The API's JSON, field by field, into the provider's blocks: it takes policies in no other form.

locals {
  decoded  = { for name, json in var.policies : name => jsondecode(json) }
  route_of = { for name in keys(var.policies) : name => try(var.routes[var.policy_owners[name]], var.default_route) }
  urgent   = { for name, policy in local.decoded : name => try(policy.severity, "CRITICAL") == "CRITICAL" }

  # What stands for many systems holds their own incidents back, so every owner with a route is told of it, whoever has a system there today:
  # a new system changes no policy. A policy takes 16 channels; those of the default route come first.
  stands_for_many = { for name, policy in local.decoded : name => startswith(try(policy.userLabels.kind, ""), "fleet-") }
  routes_of       = { for name, route in local.route_of : name => concat([route], local.stands_for_many[name] ? values(var.routes) : []) }
  told            = { for name, routes in local.routes_of : name => distinct(flatten([for route in routes : local.urgent[name] ? route.page : route.ticket])) }
  notified        = { for name, channels in local.told : name => slice(channels, 0, min(16, length(channels))) }
  unheard         = { for name, channels in local.told : name => slice(channels, 16, length(channels)) if length(channels) > 16 }

  # Those that speak for the whole fleet first: without them nobody hears that nothing is measured.
  silent = concat(
    sort([for name, channels in local.notified : name if length(channels) == 0 && !contains(keys(var.policy_owners), name)]),
    sort([for name, channels in local.notified : name if length(channels) == 0 && contains(keys(var.policy_owners), name)]),
  )
  silent_critical = [for name in local.silent : name if local.urgent[name]]
}

resource "google_monitoring_alert_policy" "this" {
  for_each = local.decoded

  project               = var.project
  display_name          = each.value.displayName
  combiner              = each.value.combiner
  enabled               = var.enabled
  severity              = each.value.severity
  user_labels           = each.value.userLabels
  notification_channels = [for channel in local.notified[each.key] : local.channel_ids[channel]]

  dynamic "conditions" {
    for_each = each.value.conditions

    content {
      display_name = conditions.value.displayName

      condition_prometheus_query_language {
        query                     = conditions.value.conditionPrometheusQueryLanguage.query
        duration                  = try(conditions.value.conditionPrometheusQueryLanguage.duration, null)
        evaluation_interval       = conditions.value.conditionPrometheusQueryLanguage.evaluationInterval
        alert_rule                = try(conditions.value.conditionPrometheusQueryLanguage.alertRule, null)
        rule_group                = try(conditions.value.conditionPrometheusQueryLanguage.ruleGroup, null)
        labels                    = try(conditions.value.conditionPrometheusQueryLanguage.labels, null)
        disable_metric_validation = try(conditions.value.conditionPrometheusQueryLanguage.disableMetricValidation, null)
      }
    }
  }

  alert_strategy {
    auto_close           = each.value.alertStrategy.autoClose
    notification_prompts = try(each.value.alertStrategy.notificationPrompts, null)
  }

  documentation {
    content   = each.value.documentation.content
    mime_type = each.value.documentation.mimeType
    subject   = try(each.value.documentation.subject, null)

    dynamic "links" {
      for_each = try(each.value.documentation.links, [])

      content {
        display_name = links.value.displayName
        url          = links.value.url
      }
    }
  }
}

check "somebody_is_told" {
  assert {
    condition = length(local.silent) == 0
    error_message = join(" ", compact([
      contains(local.silent, "exporter-absent") ? "Nobody will hear when nothing is measured any more (exporter-absent): name channels in default_route.page." : "",
      length(local.silent_critical) > 0 ? "Critical policies that notify nobody: ${join(", ", local.silent_critical)}." : "",
      "These policies notify nobody: ${join(", ", local.silent)}. Name channels in default_route, which the policies of the whole fleet need, or in routes.",
    ]))
  }
}

check "everybody_is_told_of_many" {
  assert {
    condition     = length(local.unheard) == 0
    error_message = "A policy takes 16 channels. Not told: ${join("; ", [for name, channels in local.unheard : "${name}: ${join(", ", channels)}"])}. Share a channel between owners, or name one in default_route."
  }
}
