locals {
  labels = merge(var.labels, { system = var.system.id })
}
