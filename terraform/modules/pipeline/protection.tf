# A protected pipeline goes as a whole or not at all. Terraform destroys first what depends on everything else: so this refuses before a right, a
# view or a message is gone. It does so from the state, where the system may be in no file any more. Where the whole module is gone from the
# files, this is not asked, and topics, subscriptions and the table refuse by themselves (deletion_policy, deletion_protection).

locals {
  deletion_policy = var.deletion_protection ? "PREVENT" : "DELETE"
}

resource "terraform_data" "protection" {
  input = {
    protected = var.deletion_protection
    system    = var.system.id
  }

  provisioner "local-exec" {
    when    = destroy
    quiet   = true
    command = self.input.protected ? "echo The pipeline of ${self.input.system} is protected. Keep it in pipelines with deletion_protection = false and apply before it goes. && exit 1" : "exit 0"
  }

  depends_on = [
    google_bigquery_table.main,
    google_bigquery_table.view,
    google_bigquery_table_iam_member.service_agent,
    google_pubsub_subscription.dead_letters,
    google_pubsub_subscription.main,
    google_pubsub_subscription_iam_member.service_agent,
    google_pubsub_topic.dead_letters,
    google_pubsub_topic.main,
    google_pubsub_topic_iam_member.publisher,
    google_pubsub_topic_iam_member.service_agent,
  ]
}
