output "config" {
  description = "The same, once nothing is wrong with it. Whatever uses it waits for that, so that a mistake is said once, and by its place."
  value       = var.config

  # Terraform leaves lines alone that begin with blanks.
  precondition {
    condition     = length(local.mistakes) == 0
    error_message = "systems.yaml has mistakes:\n${join("\n", [for mistake in local.mistakes : "  ${mistake}"])}\nEvery key: docs/configuration.md. `exporter check --offline` names the lines."
  }
}
