terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 7.46, < 9.0" # the first with deletion_policy of topics and subscriptions that this is tried with
    }
  }
}
