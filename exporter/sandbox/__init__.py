"""A local Google Cloud: BigQuery, Pub/Sub and Cloud Monitoring on loopback, for demos and for tests."""
