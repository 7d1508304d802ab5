# Every key and value of the file against keys.json, which is made from the exporter's own table: `python -m exporter.rendering.keys`.

locals {
  rules = {
    for path, rule in jsondecode(file("${path.module}/keys.json")) :
    path => merge({ keys = [], required = [], forms = [], least = 0, most = 1000000000, open = false, whole = false }, rule)
  }

  # Every value with its place in the file, the path of its rule, and the path above. HCL does not recurse, so mappings and lists are opened
  # level by level, as deep as systems[].objectives.latency.target; what has no rule stays shut.
  level_0 = [{ at = "", path = "", above = "", value = var.config }]
  level_1 = [for key, value in try(merge(var.config, {}), {}) : { at = key, path = key, above = "", value = value }]
  level_2 = flatten([for each in local.level_1 : concat(
    [for key, value in try(merge(each.value, {}), {}) : { at = "${each.at}.${key}", path = "${each.path}.${key}", above = each.path, value = value }],
    [for place, value in try(concat(each.value, []), []) : { at = "${each.at}[${place}]", path = "${each.path}[]", above = each.path, value = value }],
  ) if can(local.rules[each.path])])
  level_3 = flatten([for each in local.level_2 : concat(
    [for key, value in try(merge(each.value, {}), {}) : { at = "${each.at}.${key}", path = "${each.path}.${key}", above = each.path, value = value }],
    [for place, value in try(concat(each.value, []), []) : { at = "${each.at}[${place}]", path = "${each.path}[]", above = each.path, value = value }],
  ) if can(local.rules[each.path])])
  level_4 = flatten([for each in local.level_3 : concat(
    [for key, value in try(merge(each.value, {}), {}) : { at = "${each.at}.${key}", path = "${each.path}.${key}", above = each.path, value = value }],
    [for place, value in try(concat(each.value, []), []) : { at = "${each.at}[${place}]", path = "${each.path}[]", above = each.path, value = value }],
  ) if can(local.rules[each.path])])
  level_5 = flatten([for each in local.level_4 : concat(
    [for key, value in try(merge(each.value, {}), {}) : { at = "${each.at}.${key}", path = "${each.path}.${key}", above = each.path, value = value }],
    [for place, value in try(concat(each.value, []), []) : { at = "${each.at}[${place}]", path = "${each.path}[]", above = each.path, value = value }],
  ) if can(local.rules[each.path])])
  found = concat(local.level_0, local.level_1, local.level_2, local.level_3, local.level_4, local.level_5)

  # A scalar that holds a mapping, or a list where a mapping should be, is a mistake of that value; nothing is said of what is in it.
  known = [for each in local.found : merge(each, { rule = local.rules[each.path] }) if can(local.rules[each.path])]
  unknown = [
    for each in local.found : each
    if !can(local.rules[each.path]) && length(try(local.rules[each.above].keys, [])) > 0 && !endswith(each.path, "[]")
  ]

  # What a value is, by its JSON: text is not taken for a number, and a number not for text.
  fitting = [for each in local.known : {
    mapping = can(keys(each.value))
    list = (
      try(length(concat(each.value, [])) >= each.rule.least && length(each.value) <= each.rule.most, false) &&
      try(length(distinct([for value in each.value : jsonencode(value)])) == length(each.value), false)
    )
    text = local.matching[each.at]
    duration = local.matching[each.at] && try(
      local.lengths_s[each.value] >= each.rule.least && local.lengths_s[each.value] <= each.rule.most &&
      (!each.rule.whole || floor(local.lengths_s[each.value]) == local.lengths_s[each.value]), false
    )
    number = can(regex("^-?[0-9]", jsonencode(each.value))) && try(
      (each.rule.open ? each.value > each.rule.least && each.value < each.rule.most : each.value >= each.rule.least && each.value <= each.rule.most) &&
      (!each.rule.whole || floor(each.value) == each.value), false
    )
  }[each.rule.kind]]

  matching = {
    for each in local.known : each.at => startswith(jsonencode(each.value), "\"") && anytrue([
      for form in each.rule.forms : can(regex(form.is, each.value)) && (form.not == "" || !can(regex(form.not, each.value)))
    ])
  }

  # Durations in seconds, by their text.
  units_s = { d = 86400, h = 3600, m = 60, s = 1 }
  lengths_s = {
    for text in distinct([for each in local.known : each.value if each.rule.kind == "duration" && local.matching[each.at]]) :
    text => sum([for part in regexall("([0-9.]+)([dhms])", text) : tonumber(part[0]) * local.units_s[part[1]]])
  }

  bad_keys = concat(
    [for each in local.unknown : "${each.at}: unknown key; known: ${join(", ", local.rules[each.above].keys)}"],
    [
      for place, each in local.known :
      "${each.at == "" ? "the file" : each.at} must be ${each.rule.says}, not ${substr(jsonencode(each.value), 0, 80)}" if !local.fitting[place]
    ],
    flatten([for each in local.known : [
      for key in each.rule.required : "${each.at == "" ? "" : "${each.at}."}${key} is missing: add it"
      if can(keys(each.value)) && !contains(try(keys(each.value), []), key)
    ]]),
  )
}
