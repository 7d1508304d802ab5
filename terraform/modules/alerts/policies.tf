# The API's JSON, field by field, into the provider's blocks: it takes policies in no other form.

locals {
  decoded  = { for name, json in var.policies : name => jsondecode(json) }
  route_of = { for name in keys(var.policies) : name => try(var.routes[var.policy_owners[name]], var.default_route) }
  urgent   = { for name, policy in local.decoded : name => try(policy.severity, "CRITICAL") == "CRITICAL" }
  notified = { for name, route in local.route_of : name => local.urgent[name] ? route.page : route.ticket }

  silent = sort([for name, channels in local.notified : name if length(channels) == 0])
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
    condition     = length(local.silent) == 0
    error_message = "These policies notify nobody: ${join(", ", local.silent)}. Name channels in default_route or in routes."
  }
}
