# No provider: everything here is computed, so it can be planned, tested and read without an account.
terraform {
  required_version = ">= 1.9"
}
