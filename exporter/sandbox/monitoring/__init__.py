"""A local Cloud Monitoring: series and descriptors with the real write rules, behind a gRPC face."""
