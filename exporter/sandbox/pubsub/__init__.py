"""A local Pub/Sub that delivers to BigQuery: one discrete-event machine behind a gRPC face."""
