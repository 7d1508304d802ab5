# How many dashboards and policies a fleet has; what is in them is compared with `exporter render` byte for byte elsewhere.

variables {
  one = {
    id           = "departures"
    topic        = "departures"
    subscription = "departures-bq"
    table        = "raw.departures"
  }
}

run "no_system" {
  command = plan

  module {
    source = "../config"
  }

  variables {
    config = { fleet = "flights", defaults = { project = "acme-data", location = "EU" }, systems = [] }
  }

  expect_failures = [output.config]
}

run "one_system" {
  command = plan

  variables {
    config = { fleet = "flights", defaults = { project = "acme-data", location = "EU" }, systems = [var.one] }
  }

  assert {
    condition     = length(output.dashboards) == 5 && contains(keys(output.dashboards), "system-departures")
    error_message = "A system has a dashboard beside the four of the fleet."
  }

  assert {
    condition     = alltrue([for json in output.policies : length(jsondecode(json).conditions) == 1])
    error_message = "A policy that uses PromQL has one condition."
  }
}

run "fifty_systems" {
  command = plan

  variables {
    config = {
      fleet    = "flights"
      defaults = { project = "acme-data", location = "EU" }
      systems  = [for n in range(50) : merge(var.one, { id = "s${n}", subscription = "s${n}-bq", owner = "team-${n % 3}", tier = ["critical", "standard", "batch"][n % 3] })]
    }
  }

  assert {
    condition     = length(output.dashboards) == 54
    error_message = "Fifty systems have fifty dashboards beside the four of the fleet."
  }

  assert {
    condition     = alltrue([for owner in output.owners : length([for name, of in output.policy_owners : name if of == owner]) == 11])
    error_message = "Each owner of one class has the eleven kinds of policies that are routed by owner."
  }

  assert {
    condition     = length([for name in keys(output.policies) : name if startswith(name, "fleet-incident--")]) == 3
    error_message = "The fleet's incident has a policy for each of the three classes."
  }
}

run "one_more_changes_nothing_but_its_own" {
  command = plan

  variables {
    config = {
      fleet    = "flights"
      defaults = { project = "acme-data", location = "EU" }
      systems  = [for n in range(51) : merge(var.one, { id = "s${n}", subscription = "s${n}-bq", owner = "team-${n % 3}", tier = ["critical", "standard", "batch"][n % 3] })]
    }
  }

  assert {
    condition     = length(output.dashboards) == 55
    error_message = "One more system has one more dashboard."
  }

  assert {
    condition     = output.policies == run.fifty_systems.policies
    error_message = "One more system of a known owner and class changes no policy."
  }
}
