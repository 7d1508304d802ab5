variable "config" {
  description = "The decoded systems.yaml: yamldecode(file(\"systems.yaml\")). Its keys: docs/configuration.md."
  type        = any
}
